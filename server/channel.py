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
from server.controls import Controls
from server.ears import HearingEvent
from server.microphone import MicrophoneEvent
from server.steering import Settings, Steering
from server.targets.status import TargetEvent
from server.viewer import Viewer
from server.vitals import Vitals
from stream.changeover import dissolve, entrance
from stream.errors import TextureError
from stream.performance import Performance
from stream.player import Player
from stream.reel import MediaPacket, Unit

log = logging.getLogger(__name__)

T = TypeVar("T")

QUEUED_EVENTS = 64


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


Event = StepEvent | TextureEvent | Settings | Performance | MicrophoneEvent | HearingEvent | TargetEvent
Tap = Callable[[MediaPacket], None]


class Channel:
    """Plays a texture to everyone.

    Attributes:
        player: what is played.
        audience: who is watching.
        controls: what a performer turns.
        steering: how lively it is.
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
        self.steering = Steering(lambda: self.player, self.events.send)

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
        self.controls.jumps_target = lambda rate: _on(loop, self.steering.want, rate)
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
            self.steering.close()

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
        self.steering.forget()
        self.controls.play(player)
        self.audience.play(player.texture)
        for follower in self.followers:
            follower(player)
        self.events.send(TextureEvent(player.texture.name))
        self._taken_over.set()
        self._taken_over.clear()

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
