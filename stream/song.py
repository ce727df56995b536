"""A song from any file that FFmpeg reads: as sound networks hear it, and encoded once into a video that follows it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av.error
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer

from models.media import open_media
from models.sound_windows import SAMPLE_RATE_HZ as HEARD_RATE_HZ
from models.sound_windows import Sound
from models.tracks import sound_track
from stream.errors import TextureError
from stream.finite import FiniteSound
from stream.hearing.offset import centred

RATE_HZ = 48_000  # in the video
BIT_RATE_HZ = 192_000
CODECS = {".mp4": "aac", ".mkv": "libopus"}  # what each container's players expect
PART_SAMPLES = 4800
MOST_DAMAGED_PACKETS = 10_000

Samples = npt.NDArray[np.float32]  # (samples, channels), -1 to 1


@dataclass(frozen=True)
class Song:
    """A song that was read once, to know its length and what it sounds like.

    Attributes:
        path: the file.
        sound: mono, 16 kHz, float32 (S,), S above 0: 230 MB an hour.
        notes: what was passed over or mended in it, one line each, to be shown to the user.
    """

    path: Path
    sound: Sound
    notes: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: Path) -> Song:
        """The sound of a file; `models.tracks` says which of its tracks.

        Raises:
            TextureError: there is no such file, no sound in it, or nothing of it can be decoded.
        """
        finite = FiniteSound()
        stream, note = _opened(path)
        with stream.container:
            parts = list(_decoded(stream, finite, "mono", HEARD_RATE_HZ))
        if not parts:
            raise TextureError(f"{path}: nothing of its sound can be decoded; the file is damaged, give another one")
        return cls(path, centred(np.concatenate(parts)[:, 0]), tuple(filter(None, (note, finite.note))))

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.sound) / HEARD_RATE_HZ


class SongTrack:
    """A song as a stream of a file that is written: decoded again, as far as the pictures are, and encoded."""

    def __init__(self, container: OutputContainer, song: Song, codec: str, seconds: float) -> None:
        """Add the stream to `container`.

        Args:
            codec: of `CODECS`.
            seconds: how much of the song.
        """
        self._container = container
        stream = container.add_stream(codec, rate=RATE_HZ, layout="stereo", bit_rate=BIT_RATE_HZ)
        assert isinstance(stream, AudioStream)
        self._stream = stream
        self._input, _ = _opened(song.path)
        self._parts = _decoded(self._input, FiniteSound(), "stereo", RATE_HZ)
        self._last = round(seconds * RATE_HZ)
        self._written = 0

    def write_until(self, time_s: Fraction | float) -> None:
        """Write what is heard before a moment, and some more."""
        while self._written < min(self._last, time_s * RATE_HZ):
            part = next(self._parts, None)
            if part is None:
                self._last = self._written
                return
            self._encode(part[: self._last - self._written])

    def finish(self) -> None:
        """Write the rest."""
        self.write_until(self._last / RATE_HZ)
        self._container.mux(self._stream.encode(None))

    def close(self) -> None:
        """Let go of the song's file."""
        self._parts.close()
        self._input.container.close()

    def _encode(self, samples: Samples) -> None:
        for first in range(0, len(samples), PART_SAMPLES):
            part = np.ascontiguousarray(samples[first : first + PART_SAMPLES])
            frame = AudioFrame.from_ndarray(part.reshape(1, -1), format="flt", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = RATE_HZ, self._written, Fraction(1, RATE_HZ)
            self._written += len(part)
            self._container.mux(self._stream.encode(frame))


def _opened(path: Path) -> tuple[AudioStream, str]:
    """Its sound track, whose container is the caller's to close, and what is to be said of the choice."""
    try:
        container = open_media(path)
    except FileNotFoundError as error:
        raise TextureError(f"{path}: no such file; --audio wants a song") from error
    except PermissionError as error:
        raise TextureError(f"{path}: not readable; check its permissions") from error
    except (av.error.FFmpegError, OSError, ValueError) as error:
        what = "this is a folder" if path.is_dir() else "not a file that FFmpeg can read, or cut short"
        raise TextureError(f"{path}: {what}; a song is needed") from error
    chosen = sound_track(container, path)
    if chosen is None:
        container.close()
        raise TextureError(f"{path}: there is no sound in it; a song is needed")
    return chosen.stream, chosen.note


def _decoded(stream: AudioStream, finite: FiniteSound, layout: str, rate_hz: int) -> Generator[Samples]:
    """The sound from its first sample on, in parts, each (samples, channels). What is damaged is passed over."""
    resampler = AudioResampler(format="flt", layout=layout, rate=rate_hz)
    for frame in map(finite.frame, _frames(stream)):
        frame.pts = None  # gaps of a few ms are how coarsely containers count
        try:
            parts = resampler.resample(frame)
        except ValueError:  # another layout or rate from here on
            resampler = AudioResampler(format="flt", layout=layout, rate=rate_hz)
            parts = resampler.resample(frame)
        yield from map(_interleaved, parts)
    yield from map(_interleaved, resampler.resample(None))


def _frames(stream: AudioStream) -> Iterator[AudioFrame]:
    container = stream.container
    assert isinstance(container, InputContainer)
    packets = container.demux(stream)
    for _ in range(MOST_DAMAGED_PACKETS):
        try:
            for packet in packets:
                yield from packet.decode()
            return
        except av.error.EOFError:
            return
        except av.error.FFmpegError:
            packets = container.demux(stream)  # behind the damage


def _interleaved(part: AudioFrame) -> Samples:
    return np.asarray(part.to_ndarray(), np.float32).reshape(-1, part.layout.nb_channels)
