"""Recordings with a flash and a beep at the same moment, and files of them whose time breaks."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from stream.clip import Clip
from stream.sound import read_sound

RATE_HZ = 30
SOUND_RATE_HZ = 48_000
SECONDS = 2.0
FLASH_S = 1.0
FLASH_FRAMES = 3
SIDE_PX = 64
CODECS = {".ts": "aac", ".mkv": "libopus", ".mp4": "aac", ".flv": "aac"}


def record(
    path: Path,
    *,
    begins_s: float = 1.0,
    sound_ahead_s: float = 0.0,
    level: int = 60,
    has_sound: bool = True,
    codec: str = "libx264",
    breaks: tuple[float, float] | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Write a recording of two seconds; returns `path`.

    Args:
        begins_s: the stamp of its first picture.
        sound_ahead_s: by how much the sound begins before the picture.
        level: of its pictures, by which it is known.
        codec: of its pictures.
        breaks: from that moment of it on, all stamps are later by so many seconds.
        options: of the container.
    """
    with av.open(str(path), "w", options={"avoid_negative_ts": "disabled", **(options or {})}) as container:
        how = {"g": "15", **({"preset": "ultrafast"} if codec == "libx264" else {})}
        video = container.add_stream(codec, rate=RATE_HZ, options=how)
        video.width = video.height = SIDE_PX
        video.pix_fmt = "yuv420p"
        packets = []
        for index in range(round(SECONDS * RATE_HZ)):
            frame = av.VideoFrame.from_ndarray(_picture(index, level), format="gray").reformat(format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, RATE_HZ)
            packets += video.encode(frame)
        packets += video.encode(None)
        if has_sound:
            sound = container.add_stream(CODECS[path.suffix], rate=SOUND_RATE_HZ, layout="mono")
            packets += _sound(sound, sound_ahead_s)
        packets.sort(key=lambda packet: float(packet.dts * packet.time_base))
        for packet in packets:
            time_s = float(packet.dts * packet.time_base)
            later_s = begins_s + (breaks[1] if breaks is not None and time_s >= breaks[0] - 1e-6 else 0.0)
            packet.pts += round(later_s / packet.time_base)
            packet.dts += round(later_s / packet.time_base)
            container.mux(packet)
    return path


def _picture(index: int, level: int) -> npt.NDArray[np.uint8]:
    picture = np.full((SIDE_PX, SIDE_PX), level, np.uint8)
    place = round(FLASH_S * RATE_HZ)
    picture[:16, index % 48 : index % 48 + 16] = level + 30
    if place <= index < place + FLASH_FRAMES:
        picture[:] = 235
    return picture


def _sound(stream: av.audio.stream.AudioStream, ahead_s: float) -> list[av.Packet]:
    time_s = np.arange(round((SECONDS + ahead_s) * SOUND_RATE_HZ)) / SOUND_RATE_HZ - ahead_s
    wave = 0.02 * np.sin(2 * np.pi * 200 * time_s)
    beep = (time_s >= FLASH_S) & (time_s < FLASH_S + FLASH_FRAMES / RATE_HZ)
    wave[beep] = 0.8 * np.sin(2 * np.pi * 1000 * time_s[beep])
    packets, size = [], 960 if stream.codec_context.name == "libopus" else 1024
    for start in range(0, len(wave), size):
        part = np.ascontiguousarray(wave[start : start + size].astype(np.float32)[None])
        plain = "flt" if stream.codec_context.name == "libopus" else "fltp"
        frame = av.AudioFrame.from_ndarray(part, format=plain, layout="mono")
        frame.sample_rate, frame.time_base = SOUND_RATE_HZ, Fraction(1, SOUND_RATE_HZ)
        frame.pts = start - round(ahead_s * SOUND_RATE_HZ)
        packets += stream.encode(frame)
    return packets + stream.encode(None)


def joined(path: Path, *parts: Path) -> Path:
    """One file's bytes behind the other's, as `cat` puts them; returns `path`."""
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def moved_fragments(path: Path, from_s: float, by_s: float) -> Path:
    """Move the time of the fragments of an MP4 file that begin at `from_s` or later; returns `path`."""
    data, scales = bytearray(path.read_bytes()), _timescales(path)
    at = 0
    while (at := data.find(b"tfdt", at + 1)) > 0:
        assert data[at + 4] == 1, "version 1 has 64 bits"
        (time,) = struct.unpack(">Q", data[at + 8 : at + 16])
        track = struct.unpack(">I", data[data.rfind(b"tfhd", 0, at) + 8 :][:4])[0]
        if time >= from_s * scales[track] - 1:
            data[at + 8 : at + 16] = struct.pack(">Q", time + round(by_s * scales[track]))
    path.write_bytes(data)
    return path


def _timescales(path: Path) -> dict[int, int]:
    with av.open(str(path)) as container:
        return {stream.index + 1: round(1 / stream.time_base) for stream in container.streams if stream.time_base}


def moved_clusters(path: Path, from_s: float, by_s: float) -> Path:
    """Move the time of the clusters of a Matroska file that begin at `from_s` or later; returns `path`."""
    data = bytearray(path.read_bytes())
    at = 0
    while (at := data.find(b"\x1f\x43\xb6\x75", at + 1)) > 0:
        place = data.find(b"\xe7", at + 5, at + 16)
        length = data[place + 1] & 0x7F
        time_ms = int.from_bytes(data[place + 2 : place + 2 + length], "big")
        if time_ms >= 1000 * from_s - 1:
            data[place + 2 : place + 2 + length] = round(time_ms + 1000 * by_s).to_bytes(length, "big")
    path.write_bytes(data)
    return path


class Watched:
    """What a clip shows and sounds like.

    Attributes:
        levels: of each picture, its median.
        cuts: the pictures that begin a shot.
        flashes_s, beeps_s: when each flash and each beep begins.
        notes: what was said of it.
    """

    def __init__(self, path: Path) -> None:
        with Clip(path) as clip:
            frames = list(clip.frames())
            self.levels = [float(np.median(frame.picture.to_ndarray()[:SIDE_PX])) for frame in frames]
            self.cuts = [frame.index for frame in frames if frame.is_cut]
            self.rate_hz, self.notes, self.expected_frames = float(clip.rate_hz), list(clip.notes), clip.expected_frames
            self.sound = read_sound(path, timeline=clip.timeline, duration_s=len(frames) / self.rate_hz)
        bright = np.array(self.levels) > 190
        self.flashes_s = np.flatnonzero(bright & ~np.append(False, bright[:-1])) / self.rate_hz
        self.beeps_s = np.zeros(0) if self.sound is None else _beeps_s(self.sound[:, 0])


def _beeps_s(sound: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    hop = 240
    loud = np.abs(sound[: len(sound) // hop * hop]).reshape(-1, hop).max(axis=1) > 0.4
    return np.flatnonzero(loud & ~np.append(False, loud[:-1])) * hop / SOUND_RATE_HZ
