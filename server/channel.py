"""A channel: one player, pulled in real time, fanned out to all viewers, and steered while it runs."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from dataclasses import dataclass

from server.broadcast import Broadcast
from server.picture import matrix_png
from server.viewer import Viewer, encoded_packet
from stream.liveliness import Liveliness
from stream.player import Player
from stream.splice import MediaPacket
from stream.transitions import Transitions

QUEUED_EVENTS = 64
LOWEST_WANTED_RATE = 0.5  # asks the matrix for its calmest walk
MOST_JUMPS_PER_MINUTE = 60.0


@dataclass(frozen=True)
class StepEvent:
    """A segment begins to be sent."""

    segment: int
    previous: int
    jump: bool
    position_s: float
    bridge_frames: int


@dataclass(frozen=True)
class Settings:
    """What can be turned while it plays: jumps per minute as they are, and between what they can be set."""

    jumps_per_minute: float
    minimum: float
    maximum: float


class Channel:
    """Plays a texture to everyone.

    Attributes:
        player: what is played.
        viewers: who is watching.
        events: a `StepEvent` for each step, a `Settings` for each change.
    """

    def __init__(self, player: Player) -> None:
        self.player = player
        self.viewers: set[Viewer] = set()
        self.events: Broadcast[StepEvent | Settings] = Broadcast(QUEUED_EVENTS)
        self.bytes_sent = 0
        self.steps = 0
        self._began_s = time.monotonic()
        self._steering = asyncio.Lock()  # one solve at a time: each takes a core
        self._calmest: float | None = None
        self._picture: tuple[Transitions, bytes] | None = None

    @property
    def uptime_s(self) -> float:
        """How long it has been playing."""
        return time.monotonic() - self._began_s

    async def run(self) -> None:
        """Pull the player and fan out, until cancelled."""
        async with aclosing(self.player.play()) as packets:
            async for packet in packets:
                self._fan_out(packet)

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

    async def _settings(self) -> Settings:
        if self._calmest is None:
            self._calmest = (await self._solve(LOWEST_WANTED_RATE)).jumps_per_minute
        now = self.player.liveliness.jumps_per_minute
        return Settings(round(now, 2), round(min(now, self._calmest), 2), MOST_JUMPS_PER_MINUTE)

    async def _solve(self, jumps_per_minute: float) -> Liveliness:
        texture = self.player.texture
        return await asyncio.to_thread(Liveliness.at_rate, texture.graph, texture.tempo, jumps_per_minute)

    def close(self) -> None:
        """End everyone's queues."""
        self.events.close()
        for viewer in self.viewers:
            viewer.close()

    def _fan_out(self, packet: MediaPacket) -> None:
        if packet.step is not None:
            self.steps += 1
            self.events.send(self._step_event(packet))
        if self.viewers:
            encoded = encoded_packet(packet)
            for viewer in self.viewers:
                self.bytes_sent += len(packet.data) * viewer.offer(packet, encoded)

    def _step_event(self, packet: MediaPacket) -> StepEvent:
        step = packet.step
        assert step is not None
        manifest = self.player.texture.manifest
        frame = self.player.texture.segments.first_appended_frame(step.segment)
        bridged = packet.clip_frame is None
        return StepEvent(
            step.segment, step.previous, step.is_jump, round(frame / float(manifest.clip.rate_hz), 3),
            manifest.video.bridge_frames if bridged else 0,
        )  # fmt: skip
