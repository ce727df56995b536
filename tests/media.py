"""Files of several tracks, odd metadata and odd sound, made by FFmpeg for the tests that open media."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.audio.stream import AudioStream
from av.stream import Disposition
from av.video.stream import VideoStream

SOUND_RATE_HZ = 48_000
PLAIN = Disposition(0)
TITLE = "a title to be garbled"
GARBLED = b"Ren\xe9 \x83\x65\x83\x58\x83\x67 \xff\xfe \xc3("  # Latin-1, Shift-JIS, and what is nothing


@dataclass(frozen=True)
class Film:
    """A picture track: a square that moves, or the same picture again and again."""

    width: int = 96
    height: int = 64
    frames: int = 45
    moves: bool = True
    codec: str = "libx264"
    every: int = 1  # a picture so many thirtieths of a second
    flags: Disposition = PLAIN

    def picture(self, index: int) -> av.VideoFrame:
        """Picture `index`, with its time in thirtieths of a second."""
        picture = np.full((self.height, self.width, 3), 60, np.uint8)
        left = 2 * index % (self.width - 16) if self.moves else 8
        picture[8:24, left : left + 16] = 220
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = index * self.every, Fraction(1, 30)
        return frame


@dataclass(frozen=True)
class Tone:
    """A sound track: a sine of its own pitch, by which it is known again."""

    pitch_hz: float = 440.0
    channels: int = 1
    flags: Disposition = PLAIN
    seconds: float = 1.5
    bad_samples: int = 0  # that are not numbers, from 0.1 s on

    def samples(self) -> npt.NDArray[np.float32]:
        """Float32, (channels, samples)."""
        time_s = np.arange(round(self.seconds * SOUND_RATE_HZ)) / SOUND_RATE_HZ
        samples = (0.3 * np.sin(2 * np.pi * self.pitch_hz * time_s)).astype(np.float32)
        samples[4800 : 4800 + self.bad_samples] = np.nan
        return np.tile(samples, (self.channels, 1))


def write_tracks(path: Path, tracks: Sequence[Film | Tone], *, title: str = "", sound_codec: str = "aac") -> Path:
    """Write a file with these tracks, in this order; returns `path`."""
    with av.open(f"file:{path}", "w") as container:
        if title:
            container.metadata["title"] = title
        streams = [_add(container, track, title, sound_codec) for track in tracks]
        packets = []
        for track, stream in zip(tracks, streams, strict=True):
            packets += _encoded(track, stream)
        # Interleaved here: a muxer would hold back one track's packets until the other's come, or give up.
        container.mux(sorted(packets, key=lambda packet: float((packet.dts or 0) * packet.time_base)))
    return path


def garble(path: Path) -> Path:
    """Put bytes that are no UTF-8 in the place of `TITLE`, wherever it stands; returns `path`."""
    data = path.read_bytes()
    assert TITLE.encode() in data
    path.write_bytes(data.replace(TITLE.encode(), GARBLED.ljust(len(TITLE), b"\xe9")))
    return path


def write_float_wav(path: Path, samples: npt.NDArray[np.floating], rate_hz: int = SOUND_RATE_HZ) -> Path:
    """Write samples (n,) of single or double precision as they are; returns `path`."""
    data, width = samples.tobytes(), samples.itemsize
    form = struct.pack("<HHIIHH", 3, 1, rate_hz, rate_hz * width, width, 8 * width)
    chunks = b"WAVEfmt " + struct.pack("<I", len(form)) + form + b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", len(chunks)) + chunks)
    return path


def pitch_hz(samples: npt.NDArray[np.floating], rate_hz: int) -> float:
    """The strongest frequency of mono samples (n,)."""
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(power) * rate_hz / len(samples))


def _add(
    container: av.container.OutputContainer, track: Film | Tone, title: str, sound_codec: str
) -> VideoStream | AudioStream:
    stream: VideoStream | AudioStream
    if isinstance(track, Film):
        stream = container.add_stream(track.codec, rate=30, options={"preset": "ultrafast"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = track.width, track.height
        stream.pix_fmt = "yuvj420p" if track.codec == "mjpeg" else "yuv420p"
    else:
        layout = {1: "mono", 2: "stereo"}[track.channels]
        stream = container.add_stream(sound_codec, rate=SOUND_RATE_HZ, layout=layout)
    stream.disposition = track.flags
    if title:
        stream.metadata["title"] = title
    return stream


def _encoded(track: Film | Tone, stream: VideoStream | AudioStream) -> list[av.Packet]:
    if isinstance(track, Film):
        assert isinstance(stream, VideoStream)
        frames = [track.picture(index) for index in range(track.frames)]
        return [packet for frame in (*frames, None) for packet in stream.encode(frame)]
    assert isinstance(stream, AudioStream)
    packets, samples = [], track.samples()
    for start in range(0, samples.shape[1], 1024):
        part = np.ascontiguousarray(samples[:, start : start + 1024])
        layout = {1: "mono", 2: "stereo"}[track.channels]
        sound = av.AudioFrame.from_ndarray(part, format="fltp", layout=layout)
        sound.sample_rate, sound.pts, sound.time_base = SOUND_RATE_HZ, start, Fraction(1, SOUND_RATE_HZ)
        packets += stream.encode(sound)
    return packets + stream.encode(None)
