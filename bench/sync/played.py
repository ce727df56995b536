"""What the product's own player shows for a song that sounds live: listening, hits, late steps and real bridges.

In real time, by the parts that `serve --mic` is made of. A picture counts from when it leaves: what the way to a screen
adds is measured by `bench latency`.
"""

from __future__ import annotations

import asyncio
import math
import tempfile
import time
import wave
from contextlib import ExitStack, aclosing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bench.server_process import BenchError
from bench.sync.shown import Frames, Mask, Shown
from bench.sync.song import Song
from bench.sync.stage import Stage
from models.sound_windows import SAMPLE_RATE_HZ, Sound
from server.controls import Controls
from server.ears import Ears
from server.playing import Playback, opened_player, opened_sound_engine
from stream.hearing.file import FileSource
from stream.hearing.source import Block, Sink, SoundSource, SourceState
from stream.player import Player
from stream.reel import MediaPacket
from stream.texture_folder import SOUND_NETWORK

WARM_UP_S = 1.0  # of playing before the song begins


@dataclass
class Watched:
    """Pictures as they leave.

    Attributes:
        frames: of the clip, each picture's; None on a bridge.
        jumps: whether a step that jumps begins with it, which may be with its bridge.
        left_s: when it left, monotonic.
    """

    frames: list[int | None] = field(default_factory=list)
    jumps: list[bool] = field(default_factory=list)
    left_s: list[float] = field(default_factory=list)

    def see(self, packet: MediaPacket, at_s: float) -> None:
        """One more picture, that left at a monotonic time."""
        self.frames.append(packet.clip_frame)
        self.jumps.append(packet.step is not None and packet.step.is_jump)
        self.left_s.append(at_s)

    def shown(self, begins_s: float, length: int, rate_hz: float) -> Shown:
        """What was on while a song played.

        Args:
            begins_s: when the song began, monotonic.
            length: pictures (T) that it lasts.
            rate_hz: pictures per second.

        Raises:
            BenchError: there are fewer.
        """
        paced_s = np.array(self.left_s) - np.arange(len(self.left_s)) / rate_hz
        first = max(0, round((begins_s - float(np.median(paced_s))) * rate_hz))
        if len(self.frames) < first + length:
            raise BenchError(
                f"{len(self.frames) - first} of {length} pictures left while the song played: this machine is too "
                "busy to play in real time; stop what else runs, and run this again"
            )
        kept = slice(first, first + length)
        frames, bridged = nearest_ends(self.frames)
        return Shown(frames[kept], where_they_land(self.jumps, bridged)[kept], bridged[kept], rate_hz)


def nearest_ends(frames: list[int | None]) -> tuple[Frames, Mask]:
    """What each picture shows, (T,), of bridges the end that it is nearer to; and which are of bridges, (T,)."""
    bridged = np.array([frame is None for frame in frames], np.bool_)
    own = np.flatnonzero(~bridged)
    places = np.arange(len(frames))
    before = own[np.maximum(np.searchsorted(own, places, side="right") - 1, 0)]
    after = own[np.minimum(np.searchsorted(own, places), len(own) - 1)]
    nearer = np.where((places - before < after - places) | (after < places), before, after)
    return np.array([frames[place] for place in nearer], np.int64), bridged


def where_they_land(jumps: list[bool], bridged: Mask) -> Mask:
    """Jumps by the first picture behind each one's bridge, (T,), from the pictures with which their steps begin."""
    own = np.flatnonzero(~bridged)
    lands = np.searchsorted(own, np.flatnonzero(jumps))
    landed = np.zeros(len(jumps), np.bool_)
    landed[own[lands[lands < len(own)]]] = True
    return landed


class _TimedSource(SoundSource):
    """Another source that knows when its sound began."""

    def __init__(self, source: SoundSource) -> None:
        self.name, self._source = source.name, source
        self.began_s = math.nan

    @property
    def state(self) -> SourceState:
        return self._source.state

    @property
    def overruns(self) -> int:
        return self._source.overruns

    @property
    def trouble(self) -> str:
        return self._source.trouble

    def start(self, sink: Sink) -> None:
        def timed(block: Block) -> None:
            if math.isnan(self.began_s):
                self.began_s = block.heard_at_s - len(block.samples) / SAMPLE_RATE_HZ
            sink(block)

        self._source.start(timed)

    def close(self) -> None:
        self._source.close()


def played(stage: Stage, song: Song, alpha: float, length: int, seed: int) -> Shown:
    """Play a song to the product's player, in real time, with everything else as it is by default.

    Raises:
        BenchError: this machine was too busy.
    """
    network = stage.texture / SOUND_NETWORK
    with tempfile.TemporaryDirectory() as folder, ExitStack() as opened:
        source = _TimedSource(FileSource(str(_write_wav(Path(folder) / "song.wav", song.sound))))
        playback = Playback(seed=seed, mic="song")
        player = opened.enter_context(opened_player(stage.texture, playback=playback, hears=network.read_bytes()))
        controls = Controls(player)
        controls.change({"alpha": alpha})
        ears = Ears(source, controls, opened_sound_engine(network))
        watched = asyncio.run(_watch(player, ears, length / stage.rate_hz))
        if player.pacer.re_anchored:
            raise BenchError("this machine stood still while the song played: stop what else runs, and run this again")
        return watched.shown(source.began_s, length, stage.rate_hz)


async def _watch(player: Player, ears: Ears, seconds: float) -> Watched:
    watched = Watched()
    watching = asyncio.ensure_future(_see(player, watched))
    try:
        await asyncio.sleep(WARM_UP_S)
        await asyncio.to_thread(ears.__enter__)
        try:
            await asyncio.wait([watching], timeout=seconds + WARM_UP_S)  # it ends only if it fails
        finally:
            await asyncio.to_thread(ears.__exit__, None, None, None)
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
    return watched


async def _see(player: Player, watched: Watched) -> None:
    async with aclosing(player.play()) as packets:
        async for packet in packets:
            if packet.kind == "video":
                watched.see(packet, time.monotonic())


def _write_wav(path: Path, sound: Sound) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE_HZ)
        file.writeframes((32767 * np.clip(sound, -1, 1)).astype("<i2").tobytes())
    return path
