"""A channel: one player, pulled in real time, fanned out to all viewers, and steered while it runs."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import TypeVar

from server.audience import Audience
from server.broadcast import Broadcast
from server.controls import MOST_JUMPS_PER_MINUTE, Controls
from server.ears import HearingEvent
from server.microphone import MicrophoneEvent
from server.picture import matrix_png
from server.targets.status import TargetEvent
from server.viewer import Viewer
from server.vitals import Vitals
from stream.changeover import dissolve, entrance
from stream.errors import TextureError
from stream.liveliness import Liveliness
from stream.performance import Performance
from stream.player import Player
from stream.reel import MediaPacket, Unit
from stream.transitions import Transitions

log = logging.getLogger(__name__)

T = TypeVar("T")

QUEUED_EVENTS = 64
LOWEST_WANTED_RATE = 0.5  # asks the matrix for its calmest walk


@dataclass(frozen=True)
class StepEvent:
    """A segment begins to be sent."""

    segment: int
    previous: int
    jump: bool
    hit: bool
    position_s: float
    bridge_frames: int


@dataclass(frozen=True)
class TextureEvent:
    """Another texture is played from here on."""

    name: str


@dataclass(frozen=True)
class Settings:
    """What can be turned while it plays: jumps per minute as they are, and between what they can be set."""

    jumps_per_minute: float
    minimum: float
    maximum: float


Event = StepEvent | TextureEvent | Settings | Performance | MicrophoneEvent | HearingEvent | TargetEvent
Tap = Callable[[MediaPacket], None]


class Channel:
    """Plays a texture to everyone.

    Attributes:
        player: what is played.
        audience: who is watching.
        controls: what a performer turns.
        events: a `StepEvent` for each step, `Settings` or a `Performance` for each change, a `MicrophoneEvent` when
            another viewer's microphone is heard, a `HearingEvent` when the hearing changes, a `TargetEvent` when a
            target's state does.
        followers: told each other player that takes over, on the loop's thread.
        taps: told each packet as it leaves, on the loop's thread; they never wait.
        vitals: whether pictures leave in time.
    """

    def __init__(self, player: Player, controls: Controls | None = None, *, adapts: bool = True) -> None:
        """Prepare.

        Args:
            adapts: whether viewers behind narrow links get lighter pictures, where the texture has some.
        """
        self.player = player
        self.audience = Audience(adapts=adapts)
        self.audience.play(player.texture)
        self.controls = controls or Controls(player)
        self.taps: list[Tap] = []
        self.events: Broadcast[Event] = Broadcast(QUEUED_EVENTS)
        self.vitals = Vitals()
        self.steps = 0
        self._began_s = time.monotonic()
        self.followers: list[Callable[[Player], None]] = []
        self._successor: asyncio.Future[Player] | None = None  # while one is being changed to
        self._taken_over = asyncio.Event()
        self._steering = asyncio.Lock()  # one solve at a time: each takes a core
        self._wanted_jumps: float | None = None  # the latest; what came before it and is not solved yet is skipped
        self._solving: asyncio.Task[None] | None = None
        self._calmest: float | None = None
        self._picture: tuple[Transitions, bytes] | None = None

    @property
    def viewers(self) -> set[Viewer]:
        """Who is watching."""
        return self.audience.viewers

    @property
    def uptime_s(self) -> float:
        """How long it has been playing."""
        return time.monotonic() - self._began_s

    async def run(self) -> None:
        """Pull the player, and whoever takes its place, and fan out, until cancelled."""
        loop = asyncio.get_running_loop()
        unlisten = self.controls.listen(lambda turned: _on(loop, self.events.send, turned))
        self.controls.jumps_target = lambda rate: _on(loop, self._want_jumps, rate)
        try:
            while True:
                async with aclosing(self.player.play()) as packets:
                    async for packet in packets:
                        self._send(packet)
                assert self._successor is not None, "a player ends only when it is left for another"
                self._take_over(await self._successor)
        finally:
            unlisten()
            self.controls.jumps_target = None
            if self._solving is not None:
                self._solving.cancel()

    async def change_to(self, player: Player) -> None:
        """Go over to another texture's player, of which nothing was pulled; returns when it plays.

        What is shown dissolves into it; where the dissolve is not made in time, it is a cut. One at a time.
        """
        self._successor = asyncio.get_running_loop().create_future()
        old, first = self.player, player.first_step().segment
        leaving = old.leave()
        making = None
        if leaving.last is not None:
            making = asyncio.ensure_future(
                asyncio.to_thread(dissolve, old.texture, leaving.last, player.texture, first)
            )
        left = await leaving.left
        units = await _in_time(making, old.texture.tempo.stride_s / 2)
        entered = await asyncio.to_thread(entrance, left, old.texture, player.texture, first, units)
        player.enter(entered, old.pacer)
        self._successor.set_result(player)
        await self._taken_over.wait()

    def _take_over(self, player: Player) -> None:
        """Another player plays from here on."""
        self.player, self._successor = player, None
        self._calmest = self._picture = None
        self.controls.play(player)
        self.audience.play(player.texture)
        for follower in self.followers:
            follower(player)
        self.events.send(TextureEvent(player.texture.name))
        self._taken_over.set()
        self._taken_over.clear()

    async def settings(self) -> Settings:
        """As they are now."""
        async with self._steering:
            return await self._settings()

    async def set_jumps_per_minute(self, jumps_per_minute: float) -> Settings:
        """Walk on with this liveliness, and tell everyone. The matrix is solved beside the event loop."""
        async with self._steering:
            self.player.set_liveliness(await self._solve(jumps_per_minute))
            settings = await self._settings()
        self.events.send(settings)
        return settings

    async def matrix_png(self) -> bytes:
        """The transition matrix as a picture; drawn once for each liveliness."""
        async with self._steering:
            transitions = self.player.liveliness.transitions
            if self._picture is None or self._picture[0] is not transitions:
                graph = self.player.texture.graph
                self._picture = (transitions, await asyncio.to_thread(matrix_png, graph, transitions))
            return self._picture[1]

    def _want_jumps(self, jumps_per_minute: float) -> None:
        self._wanted_jumps = jumps_per_minute
        if self._solving is None or self._solving.done():
            self._solving = asyncio.create_task(self._solve_wanted(), name="jumps per minute")

    async def _solve_wanted(self) -> None:
        while self._wanted_jumps is not None:
            wanted, self._wanted_jumps = self._wanted_jumps, None
            await self.set_jumps_per_minute(wanted)

    async def _settings(self) -> Settings:
        if self._calmest is None:
            self._calmest = (await self._solve(LOWEST_WANTED_RATE)).jumps_per_minute
        now = self.player.liveliness.jumps_per_minute
        return Settings(round(now, 2), round(min(now, self._calmest), 2), MOST_JUMPS_PER_MINUTE)

    async def _solve(self, jumps_per_minute: float) -> Liveliness:
        texture = self.player.texture
        return await asyncio.to_thread(texture.liveliness, jumps_per_minute)

    def close(self) -> None:
        """End everyone's queues."""
        self.events.close()
        self.audience.close()

    def _send(self, packet: MediaPacket) -> None:
        if packet.step is not None:
            self.steps += 1
            self.events.send(self._step_event(packet))
        self.vitals.take(packet, time.monotonic())
        for tap in self.taps:
            tap(packet)
        self.audience.send(packet)

    def _step_event(self, packet: MediaPacket) -> StepEvent:
        step = packet.step
        assert step is not None
        rate_hz = float(self.player.texture.manifest.clip.rate_hz)
        frame = self.player.texture.segments.first_appended_frame(step.segment)
        position_s = round(frame / rate_hz, 3)
        return StepEvent(step.segment, step.previous, step.is_jump, packet.is_hit, position_s, packet.bridge_frames)


async def _in_time(making: asyncio.Future[list[Unit]] | None, patience_s: float) -> list[Unit]:
    """The pictures of a dissolve; none if they are not there in time, or nobody makes any."""
    if making is None:
        return []
    try:
        return await asyncio.wait_for(asyncio.shield(making), patience_s)
    except TimeoutError:
        log.warning("the dissolve from one texture to the other was not made in time: it is a cut")
        making.add_done_callback(lambda done: done.cancelled() or done.exception())
    except TextureError as error:
        log.warning("one texture cannot be dissolved into the other, it is a cut: %s", error)
    return []


def _on(loop: asyncio.AbstractEventLoop, tell: Callable[[T], None], turned: T) -> None:
    """Tell on the loop's own thread what another thread turned."""
    with suppress(RuntimeError):  # the loop has just been closed: nobody is left to be told
        loop.call_soon_threadsafe(tell, turned)
