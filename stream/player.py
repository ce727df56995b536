"""An endless texture as packets: `packets` offline, as fast as they are pulled; `play` in real time, for ever."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from stream.bridges import Bridges
from stream.changeover import Exit
from stream.conditioning import ConditionedWalk, Conditioning
from stream.cues import Hit, Mode
from stream.histogram import Histogram
from stream.itinerary import Itinerary
from stream.liveliness import Liveliness
from stream.pacing import Pacer
from stream.performance import Performance
from stream.reel import Entrance, Laid
from stream.splice import MediaPacket, Splicer
from stream.stage import Stage
from stream.texture import Texture
from stream.walk import Step

JUMPS_PER_MINUTE = 15.0
PATIENCE = 0.5  # of a stride: the longest that a bridge is waited for
LISTENING_PATIENCE = 0.7  # the same while it could listen: the bridge was asked for only just before
DRAW_LEAD_S = 0.08  # how long before it plays a step is drawn that goes by what is heard
DRAWN_PATIENCE_S = 0.04  # its bridge is waited for at most: mostly it was foreseen; its cross-fade takes some 10 ms
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
        walk = ConditionedWalk(liveliness.transitions, np.random.default_rng(sequence), conditioning)
        self._splicer = Splicer(texture)
        self._reel = self._splicer.reel
        self._stage = Stage(
            texture, self._splicer, self.bridges, transitions=liveliness.transitions, rng=hit_rng
        )  # fmt: skip
        self._itinerary = Itinerary(texture, walk, conditioning, self.bridges, self._stage.cues)
        self._layer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="player")
        self._playing: Step | None = None
        self._upcoming: asyncio.Future[Laid] | None = None  # what comes next, laid by a thread
        self._left: asyncio.Future[Exit] | None = None

    def __enter__(self) -> Player:
        return self

    def __exit__(self, *exc: object) -> None:
        self._layer.shutdown(wait=True, cancel_futures=True)
        self._stage.close()
        self.bridges.close()

    def set_liveliness(self, liveliness: Liveliness) -> None:
        """Walk differently from the next step on that is not planned yet."""
        self.liveliness = liveliness
        self._itinerary.walk.transitions = liveliness.transitions
        self._stage.landing.walk_on(liveliness.transitions)

    def set_performance(self, performance: Performance) -> None:
        """Play on like this. Freeze and blackout show with the next picture, alpha with the next step that is drawn."""
        self._stage.cues.performance = performance

    def hear(self, embedding: npt.ArrayLike | None, at_s: float = -math.inf) -> None:
        """Go where the clip sounds like this.

        Args:
            embedding: (A,) of norm 1; None for silence or no source: walk as if deaf.
            at_s: when what is heard ended (monotonic): hits for what sounded before go by what it sounds like.

        Raises:
            ValueError: it is of another size than the clip's own, or not finite.
        """
        known = self._conditioning
        heard = None if embedding is None or known is None else known.hear(embedding)
        self._stage.cues.heard = None if heard is None else replace(heard, at_s=at_s)

    def hit(self, due_s: float | None = None, sounded_s: float = math.inf) -> None:
        """Cut to where something happens. None while it is frozen or black; several before one picture are one.

        Args:
            due_s: with the picture nearest to this (monotonic); by default the next one.
            sounded_s: when the sound began that it answers; it lands where the clip sounds so, if that was heard.
        """
        now_s = time.monotonic()
        self._stage.cues.hit(Hit(now_s if due_s is None else due_s, now_s, sounded_s))

    def enter(self, entrance: Entrance, pacer: Pacer) -> None:
        """Go on where another texture was left, by the same clock. Only before it plays."""
        self._splicer.enter(entrance)
        self.pacer = pacer

    def first_step(self) -> Step:
        """The step with which `play` will begin."""
        return self._itinerary.settle()

    def leave(self) -> Leaving:
        """Come to an end: `play` ends after about `LEAVE_S` more, or at once where it stands still. Once only.

        Until then nothing interrupts it.
        """
        self._left = asyncio.get_running_loop().create_future()
        begun = self._playing is not None or self._upcoming is not None
        if not begun or self._stage.mode is not Mode.PLAYING:
            self._forget_upcoming()
            self._itinerary.end_now()
            self._left.set_result(Exit.of(self._reel, self._splicer.frame_s))
            return Leaving(None, self._left)
        last = self._itinerary.end_after(math.ceil(LEAVE_S / self.texture.tempo.stride_s))
        self._draw_in_time()
        return Leaving(last, self._left)

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
            step = self._itinerary.next_step()
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
                    if self._itinerary.is_over:
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
        if self._itinerary.is_ending or not self._reel.gop:
            return  # it is being left, or nothing of its own was shown yet that could be held
        laid = self._stage.interruption(time.monotonic(), self._playing, self._itinerary.settle)
        if laid is None:
            return
        self._forget_upcoming()
        self._reel.start(laid)
        if laid.step is None:
            return  # it stands still; what was drawn comes after it
        if laid.is_hit:
            self._itinerary.leap(laid.step.segment)
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
        self._playing, self._itinerary.settled, self._upcoming = step, None, None
        if self._itinerary.is_over and self._left is not None:
            self._left.set_result(Exit.of(self._reel, self._splicer.frame_s))
        self._draw_in_time()

    def _draw_in_time(self) -> None:
        """Draw what is played next and have it laid, once it is time to."""
        if self._upcoming is not None or self._stage.mode is not Mode.PLAYING or self._itinerary.is_over:
            return
        left_s = self._reel.ends * self._stage.frame_s - float(self._reel.next_time_s)
        coming = self._itinerary
        if coming.settled is not None or left_s <= DRAW_LEAD_S or not coming.goes_by_sound():
            self._order()

    def _order(self) -> None:
        """Have the next step laid. Its bridge may take what time there is."""
        by_sound = self._itinerary.settled is None and self._itinerary.goes_by_sound()
        step = self._itinerary.settle()
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
        self._itinerary.foresee(step.segment)
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
