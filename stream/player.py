"""An endless texture as packets: `packets` offline, as fast as they are pulled; `play` in real time, for ever."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stream.bridges import Bridges
from stream.changeover import Exit
from stream.conditioning import ConditionedWalk, Conditioning
from stream.cues import Mode
from stream.histogram import Histogram
from stream.liveliness import Liveliness
from stream.pacing import Pacer
from stream.performance import Performance
from stream.reel import Entrance, Laid
from stream.splice import MediaPacket, Splicer
from stream.stage import Stage
from stream.texture import Texture
from stream.walk import Step

JUMPS_PER_MINUTE = 15.0
LOOK_AHEAD_S = 1.0  # how long before it plays a step is drawn, so that its bridge can be made
PATIENCE = 0.5  # of a stride: the longest that a bridge is waited for
LISTENING_PATIENCE = 0.7  # the same while it could listen: the bridge was asked for only just before
DRAW_LEAD_S = 0.08  # how long before it plays a step is drawn that goes by what is heard
DRAWN_PATIENCE_S = 0.04  # its bridge is waited for at most: mostly it was foreseen; its cross-fade takes some 10 ms
LIKELY_JUMP = 0.1  # while it listens, bridges of jumps at least this likely are made ahead, if there is time
LEAVE_S = 1.0  # from when it is told to be left until it is: a dissolve takes that long to make on a small machine
KEPT_LATENCIES = 500
LISTENING_BEHIND_STEPS = 1  # a step goes by what was heard until just before it begins


@dataclass(frozen=True)
class Leaving:
    """How a texture is being left.

    Attributes:
        last: the segment that is shown last; None where it stands still, or nothing was shown yet.
        left: done when that segment begins.
    """

    last: int | None
    left: asyncio.Future[Exit]


class Player:
    """One endless walk over one texture; owns its threads; a context manager.

    `hit`, `hear` and `set_performance` may be called from any thread and return at once. They have an effect on
    `play`, not on `packets`.

    Attributes:
        jumps: how many jumps were walked so far.
        hits: how many hits were shown so far.
        hit_latencies_s: of the latest 500, from when each was due, or told if that was later, to its first picture.
        hit_latency: the same of all.
        laying: how long laying a step takes, a bridge that is waited for included.
        pacer: how punctual `play` was.
    """

    def __init__(
        self,
        texture: Texture,
        liveliness: Liveliness,
        *,
        seed: int | None = None,
        conditioning: Conditioning | None = None,
        bridges: Bridges | None = None,
    ) -> None:
        """Prepare to walk.

        Args:
            conditioning: what lets the walk go where the clip sounds as what `hear` is told. Each step is then drawn
                one stride before it begins, instead of a second, and one that goes by what is heard only
                `DRAW_LEAD_S` before: so it should be made with `behind_steps=LISTENING_BEHIND_STEPS`.
            bridges: over which it jumps, this object's to close; by default the texture's, and flow's.
        """
        self.texture = texture
        self.liveliness = liveliness
        self.bridges = Bridges(texture) if bridges is None else bridges
        self.pacer = Pacer()
        self.jumps = self.hits = 0
        self.hit_latencies_s: deque[float] = deque(maxlen=KEPT_LATENCIES)
        self.hit_latency, self.laying = Histogram(), Histogram()
        sequence = np.random.SeedSequence(seed)
        hit_rng = np.random.default_rng(sequence.spawn(1)[0])
        self._conditioning = conditioning
        self._walk = ConditionedWalk(liveliness.transitions, np.random.default_rng(sequence), conditioning)
        self._splicer = Splicer(texture)
        self._reel = self._splicer.reel
        self._stage = Stage(
            texture, self._splicer, self.bridges,
            transitions=liveliness.transitions, conditioning=conditioning, rng=hit_rng,
        )  # fmt: skip
        self._layer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="player")
        self._planned: deque[Step] = deque()
        self._playing: Step | None = None
        self._drawn: Step | None = None  # what is played next, once that is settled
        self._upcoming: asyncio.Future[Laid] | None = None  # the same, laid by a thread
        self._last_steps: deque[Step] | None = None  # once it is to be left: what is still played
        self._left: asyncio.Future[Exit] | None = None
        self._look_ahead_steps = max(1, round(LOOK_AHEAD_S / texture.tempo.stride_s))

    def __enter__(self) -> Player:
        return self

    def __exit__(self, *exc: object) -> None:
        self._layer.shutdown(wait=True, cancel_futures=True)
        self._stage.close()
        self.bridges.close()

    def set_liveliness(self, liveliness: Liveliness) -> None:
        """Walk differently from the next step on that is not planned yet."""
        self.liveliness = liveliness
        self._walk.transitions = liveliness.transitions
        self._stage.landing.walk_on(liveliness.transitions)

    def set_performance(self, performance: Performance) -> None:
        """Play on like this. Freeze and blackout show with the next picture, alpha with the next step that is drawn."""
        self._stage.cues.performance = performance

    def hear(self, embedding: npt.ArrayLike | None) -> None:
        """Go where the clip sounds like this, (A,) of norm 1; None for silence or no source: walk as if deaf.

        Raises:
            ValueError: it is of another size than the clip's own, or not finite.
        """
        known = self._conditioning
        self._stage.cues.heard = None if embedding is None or known is None else known.hear(embedding)

    def hit(self, due_s: float | None = None) -> None:
        """Cut to where something happens, with the picture nearest to `due_s` (monotonic), by default the next one.

        None while it is frozen or black; several before one picture are one.
        """
        now_s = time.monotonic()
        self._stage.cues.hit(now_s if due_s is None else due_s, now_s)

    def enter(self, entrance: Entrance, pacer: Pacer) -> None:
        """Go on where another texture was left, by the same clock. Only before it plays."""
        self._splicer.enter(entrance)
        self.pacer = pacer

    def first_step(self) -> Step:
        """The step with which `play` will begin."""
        return self._settled()

    def leave(self) -> Leaving:
        """Come to an end: `play` ends after about `LEAVE_S` more, or at once where it stands still. Once only.

        Until then nothing interrupts it.
        """
        self._left = asyncio.get_running_loop().create_future()
        begun = self._playing is not None or self._upcoming is not None
        if not begun or self._stage.mode is not Mode.PLAYING:
            self._forget_upcoming()
            self._drawn, self._last_steps = None, deque()
            self._left.set_result(Exit.of(self._reel, self._splicer.frame_s))
            return Leaving(None, self._left)
        settled = self._settled()
        count = math.ceil(LEAVE_S / self.texture.tempo.stride_s)
        self._last_steps = deque(self._next_step() for _ in range(count))
        self._draw_in_time()
        return Leaving((self._last_steps[-1] if self._last_steps else settled).segment, self._left)

    @property
    def hits_dropped(self) -> int:
        """Hits for which there was no room: too many waited for their beat."""
        return self._stage.cues.dropped

    @property
    def hard_turns(self) -> int:
        """How often the clip's sound changed without its cross-fade, because that was late."""
        return self._reel.hard_turns

    def packets(self) -> Iterator[MediaPacket]:
        """Every packet for ever, each bridge waited for."""
        while True:
            step = self._next_step()
            bridge = self.bridges.wait((step.previous, step.segment)) if step.is_jump else []
            self.jumps += step.is_jump
            yield from self._splicer.splice(step, bridge)

    async def play(self) -> AsyncGenerator[MediaPacket]:
        """Every packet for ever or until `leave`, each when it is due.

        Consume it with `contextlib.aclosing`, once per player.

        While a step plays, a thread lays the next one: a cross-fade's Opus would hold up the event loop.
        """
        self._stage.set_up()
        try:
            while True:
                if self._reel.is_empty:
                    if self._is_over:
                        return
                    await self._go_on()
                media_s = float(self._reel.next_time_s)
                delay_s = self.pacer.delay_s(media_s, time.monotonic())
                if delay_s > 0:
                    await asyncio.sleep(delay_s)
                self._draw_in_time()
                if self._reel.is_picture_next:
                    self._react()
                self.pacer.left(media_s, time.monotonic())
                yield self._counted(self._reel.pop())
        finally:
            self._forget_upcoming()

    def _react(self) -> None:
        """Let what was told from outside change the next picture."""
        assert self._playing is not None
        if self._last_steps is not None or not self._reel.gop:
            return  # it is being left, or nothing of its own was shown yet that could be held
        laid = self._stage.interruption(time.monotonic(), self._playing, self._settled)
        if laid is None:
            return
        self._forget_upcoming()
        self._reel.start(laid)
        if laid.step is None:
            return  # it stands still; what was drawn comes after it
        if laid.is_hit:
            self._walk.segment = laid.step.segment
            self._planned.clear()
        self._begin(laid.step)

    async def _go_on(self) -> None:
        """Show what comes after all that was laid."""
        laid = self._stage.standing()
        if laid is not None:
            self._reel.start(laid)
            return
        if self._upcoming is None:
            self._order()
        assert self._upcoming is not None
        laid = await self._upcoming
        assert laid.step is not None
        self._reel.start(laid)
        self._begin(laid.step)

    def _begin(self, step: Step) -> None:
        """It was just laid: what comes after it is drawn now, or later if it is to go by what is heard."""
        self._playing, self._drawn, self._upcoming = step, None, None
        if self._is_over and self._left is not None:
            self._left.set_result(Exit.of(self._reel, self._splicer.frame_s))
        self._draw_in_time()

    @property
    def _is_over(self) -> bool:
        """Whether nothing comes after what is laid."""
        return self._last_steps is not None and not self._last_steps and self._drawn is None

    def _draw_in_time(self) -> None:
        """Draw what is played next and have it laid, once it is time to."""
        if self._upcoming is not None or self._stage.mode is not Mode.PLAYING or self._is_over:
            return
        left_s = self._reel.ends * self._stage.frame_s - float(self._reel.next_time_s)
        if self._drawn is not None or left_s <= DRAW_LEAD_S or not self._goes_by_sound():
            self._order()

    def _goes_by_sound(self) -> bool:
        """Whether what is heard decides the next step that is drawn."""
        self._listen()
        return self._walk.listens

    def _settled(self) -> Step:
        """What is played next, drawn now if it is not yet."""
        if self._drawn is None:
            self._drawn = self._last_steps.popleft() if self._last_steps else self._next_step()
        return self._drawn

    def _order(self) -> None:
        """Have the next step laid. Its bridge may take what time there is."""
        by_sound = self._drawn is None and self._goes_by_sound()
        step = self._settled()
        self._stage.prepare(step.segment)
        # A step is laid a stride before it plays, but for one by sound: so much of that may go into waiting.
        share = PATIENCE if self._conditioning is None else LISTENING_PATIENCE
        patience_s = DRAWN_PATIENCE_S if by_sound else self.texture.tempo.stride_s * share
        self._upcoming = asyncio.get_running_loop().run_in_executor(
            self._layer, self._lay, step, self._reel.ends, self._reel.offset, patience_s
        )

    def _lay(self, step: Step, begins: int, outgoing: int | None, patience_s: float) -> Laid:
        began_s = time.monotonic()
        bridge = self.bridges.wait((step.previous, step.segment), patience_s) if step.is_jump else []
        laid = self._splicer.lay(step, bridge, begins=begins, outgoing=outgoing)
        self.laying.observe(time.monotonic() - began_s)
        if self._conditioning is not None:
            self._foresee(step.segment)
        return laid

    def _forget_upcoming(self) -> None:
        if self._upcoming is not None:
            self._upcoming.cancel()
            self._upcoming = None

    def _counted(self, packet: MediaPacket) -> MediaPacket:
        if packet.is_hit:
            self.hits += 1
            latency_s = time.monotonic() - self._stage.hit_since_s
            self.hit_latencies_s.append(latency_s)
            self.hit_latency.observe(latency_s)
        elif packet.step is not None:
            self.jumps += packet.step.is_jump
        return packet

    def _next_step(self) -> Step:
        if self._conditioning is not None:
            return self._listening_step()
        while len(self._planned) <= self._look_ahead_steps:
            step = self._walk.step()
            if step.is_jump:
                self.bridges.request((step.previous, step.segment))
            self._planned.append(step)
        return self._planned.popleft()

    def _listening_step(self) -> Step:
        """Drawn by what is heard now."""
        self._listen()
        step = self._walk.step()
        if step.is_jump:
            self.bridges.request((step.previous, step.segment))
        return step

    def _listen(self) -> None:
        """Tell the walk what is heard now."""
        cues = self._stage.cues
        self._walk.alpha = cues.performance.alpha
        self._walk.hear(cues.heard)

    def _foresee(self, segment: int) -> None:
        """If there is time, ask for the next bridge that is likely to be needed within a second of a segment."""
        heard, places = self._stage.cues.heard, range(segment, segment + 1 + self._look_ahead_steps)
        for place in places[: self.texture.segments.count - segment]:
            if self.bridges.waiting:
                return
            if heard is None or self._conditioning is None:
                targets, chances = self._walk.transitions.successors(place)
            else:
                targets, chances = self._conditioning.row(place, heard)
            jumps = np.where(targets == place + 1, np.float32(0), chances)
            if len(jumps) and jumps.max() >= LIKELY_JUMP:
                self.bridges.request((place, int(targets[jumps.argmax()])))
