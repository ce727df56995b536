"""A texture that is played to targets in the test's own loop, with a log of what was sent and of every state."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import av
import av.error
import numpy as np

from server.targets.address import Destination, Kind, destination
from server.targets.status import Limits, State, TargetEvent, TargetStatus
from server.targets.targets import RecordSettings, Targets
from stream.graph import Weighting
from stream.liveliness import Liveliness
from stream.player import Player
from stream.reel import MediaPacket
from stream.sound import SAMPLE_RATE_HZ, Samples
from stream.texture import Texture
from tests.stream_media import number_of

Frame = TypeVar("Frame")
IMPATIENT = Limits(
    connect_s=3.0, stalled_s=1.0, give_up_s=3.0, first_retry_s=0.4, longest_retry_s=2.0, settled_s=2.0, stop_s=3.0
)
PATIENCE_S = 25.0
CALM = Weighting(0.02, threshold=0.5)
AROUND = 8  # pictures to each side: cross-fades are over by then
PITCH_SAMPLES = 4096


@dataclass
class Sending:
    """Targets that are being sent to.

    Attributes:
        sent: every picture's clip frame, None on bridges, in order; its index is its number in the stream.
        log: (monotonic time, event) of every change of state.
    """

    targets: Targets
    player: Player
    sent: list[int | None] = field(default_factory=list)
    log: list[tuple[float, TargetEvent]] = field(default_factory=list)

    def status(self, identifier: str) -> TargetStatus:
        return next(status for status in self.targets.statuses() if status.id == identifier)

    def states(self, identifier: str) -> list[State]:
        return [event.state for _, event in self.log if event.id == identifier]

    async def until(self, identifier: str, holds: Callable[[TargetStatus], bool]) -> TargetStatus:
        """Wait for a status."""
        async with asyncio.timeout(PATIENCE_S):
            while not holds(status := self.status(identifier)):  # noqa: ASYNC110 (a property, not an event)
                await asyncio.sleep(0.02)
            return status

    async def until_state(self, identifier: str, state: State) -> TargetStatus:
        return await self.until(identifier, lambda status: status.state is state)

    async def for_s(self, seconds: float) -> None:
        """Let it play."""
        await asyncio.sleep(seconds)


def to(kind: str, address: str | Path) -> Destination:
    return destination(Kind(kind), str(address))


@asynccontextmanager
async def sending(
    texture: Path, *destinations: Destination, limits: Limits = IMPATIENT, recording: RecordSettings | None = None
) -> AsyncIterator[Sending]:
    """Play a texture to targets while the context lasts."""
    log: list[tuple[float, TargetEvent]] = []
    with Texture.open(texture) as opened:
        liveliness = Liveliness.at_weighting(opened.graph, opened.tempo, CALM)
        with Player(opened, liveliness, seed=4) as player:
            targets = Targets(
                opened, destinations,
                announce=lambda event: log.append((time.monotonic(), event)),
                limits=limits, recording=recording, seed=1,
            )  # fmt: skip
            running = Sending(targets, player, log=log)

            def tap(packet: MediaPacket) -> None:
                targets.offer(packet)
                if packet.kind == "video":
                    running.sent.append(packet.clip_frame)

            async def play() -> None:
                async with aclosing(player.play()) as packets:
                    async for packet in packets:
                        tap(packet)

            playing = asyncio.create_task(play(), name="player")
            try:
                async with targets:
                    yield running
            finally:
                playing.cancel()
                await asyncio.gather(playing, return_exceptions=True)


@dataclass(frozen=True)
class Received:
    """A decoded file.

    Attributes:
        numbers: what its pictures say, by `number_of`.
        times_s: when they are shown.
        sound: (samples, 2), float32.
        sound_begins_s: when its first sample is heard.
        packet_times_s: of each stream's packets as they lie in the file, by kind.
    """

    numbers: list[int]
    times_s: list[float]
    sound: Samples
    sound_begins_s: float
    packet_times_s: dict[str, list[float]]


def received(path: Path | str, *, is_cut: bool = False) -> Received:
    """Decode a file.

    Args:
        is_cut: whether its last picture or sound may be a half one.
    """
    with av.open(str(path)) as container:
        times: dict[str, list[float]] = {"video": [], "audio": []}
        for packet in container.demux():
            if packet.pts is not None and packet.size:
                times[packet.stream.type].append(float(packet.pts * packet.time_base))
    with av.open(str(path)) as container:
        pictures = list(_whole(container.decode(video=0)) if is_cut else container.decode(video=0))
    with av.open(str(path)) as container:
        frames = list(_whole(container.decode(audio=0)) if is_cut else container.decode(audio=0))
    assert all(frame.sample_rate == SAMPLE_RATE_HZ for frame in frames)
    sound = np.concatenate([frame.to_ndarray().T for frame in frames]).astype(np.float32)
    return Received(
        [number_of(picture.reformat(format="yuv420p")) for picture in pictures],
        [float(picture.time) for picture in pictures], sound, float(frames[0].time), times,
    )  # fmt: skip


def _whole(frames: Iterator[Frame]) -> Iterator[Frame]:
    """Frames up to the first that cannot be decoded."""
    with contextlib.suppress(av.error.InvalidDataError):
        yield from frames


def place_in(sent: list[int | None], numbers: list[int]) -> int:
    """Where in what was sent the received pictures lie, each one of them; bridges are taken as they come."""
    for place in range(len(sent) - len(numbers) + 1):
        if all(told is None or told == number for told, number in zip(sent[place:], numbers, strict=False)):
            return place
    raise AssertionError(f"{len(numbers)} pictures were received that were never sent so: {numbers[:30]}")


def sound_offsets_s(got: Received, sent: list[int | None], rate_hz: float = 30.0) -> list[float]:
    """How much later than its picture sound is heard, wherever the clip has been going on for a while."""
    place, offsets = place_in(sent, got.numbers), []
    for index, time_s in enumerate(got.times_s[AROUND:-AROUND], AROUND):
        around = sent[place + index - AROUND : place + index + AROUND + 1]
        first = around[0]
        if first is None or around != list(range(first, first + len(around))):
            continue
        middle = round((time_s - got.sound_begins_s) * SAMPLE_RATE_HZ)
        window = got.sound[max(0, middle - PITCH_SAMPLES // 2) :][:PITCH_SAMPLES, 0]
        if middle < PITCH_SAMPLES or len(window) < PITCH_SAMPLES:
            continue
        offsets.append(got.numbers[index] / rate_hz - _tone_time_s(window))
    return offsets


def _tone_time_s(window: Samples) -> float:
    """The clip's time at which `stream_media.tone` over 8 s has this pitch."""
    spectrum = np.log(np.abs(np.fft.rfft(window * np.hanning(len(window)))) + 1e-9)
    peak = int(np.clip(spectrum.argmax(), 1, len(spectrum) - 2))
    left, middle, right = spectrum[peak - 1 : peak + 2]
    peak_at = peak + 0.5 * (left - right) / (left - 2 * middle + right)
    return float((peak_at * SAMPLE_RATE_HZ / len(window) - 300.0) * 8.0 / 900.0)
