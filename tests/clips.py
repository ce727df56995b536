"""Small clips of every kind, made by FFmpeg for the tests that read clips."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]


def disc(index: int, width: int, height: int) -> Picture:
    """A disc that goes round on a gradient, with a white mark in the upper left corner; RGB."""
    y, x = np.mgrid[:height, :width]
    centre_x, centre_y = width * (0.5 + 0.3 * np.sin(index / 9)), height * (0.5 + 0.3 * np.cos(index / 9))
    picture = np.zeros((height, width, 3), np.uint8)
    picture[..., 0] = ((x - centre_x) ** 2 + (y - centre_y) ** 2 < (height / 6) ** 2) * 220
    picture[..., 1] = x * 255 // width
    picture[: height // 8, : width // 8] = 255
    return picture


def write_clip(
    path: Path,
    *,
    frames: int = 90,
    width: int = 160,
    height: int = 120,
    rate: int | Fraction = 30,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    draw: Callable[[int, int, int], Picture] = disc,
    time_ms: Callable[[int], int] | None = None,
    rotation_degrees: int = 0,
    with_sound: bool = False,
) -> Path:
    """Write a clip; returns `path`."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        if rotation_degrees:
            stream.set_display_rotation(rotation_degrees)
        sound = container.add_stream("aac", rate=44100) if with_sound else None
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(draw(index, width, height), format="rgb24")
            if time_ms is not None:
                frame.pts, frame.time_base = time_ms(index), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if sound is not None:
            for index in range(int(frames / rate * 44100 / 1024)):
                wave = 0.2 * np.sin(np.arange(index * 1024, (index + 1) * 1024) * 0.05)
                part = av.AudioFrame.from_ndarray(np.tile(wave.astype(np.float32), (2, 1)), "fltp", "stereo")
                part.sample_rate, part.pts = 44100, index * 1024
                container.mux(sound.encode(part))
            container.mux(sound.encode(None))
    return path


def write_sound_only(path: Path) -> Path:
    """Write a file with a sound track and no pictures; returns `path`."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        for index in range(50):
            part = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), "fltp", "stereo")
            part.sample_rate, part.pts = 44100, index * 1024
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return path
