"""A file that was cut off is said to be, in the length that it promised; one that was not, is not."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from stream.clip import Clip
from tests.recordings import record


def notes(path: Path) -> list[str]:
    with Clip(path) as clip:
        list(clip.frames())
        return clip.notes


def cut(path: Path) -> Path:
    """The first part of a file; returns `path`."""
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    return path


def first_length_s(note: str) -> float:
    return float(note.removeprefix("it is cut off: ").split(" s ")[0])


@pytest.mark.parametrize("begins_s", [0.0, 30.0, 5000.0])
def test_matroska_that_begins_late_is_whole_until_it_is_cut(tmp_path: Path, begins_s: float) -> None:
    """FFmpeg's muxer writes where such a file ends as its length."""
    path = record(tmp_path / "late.mkv", begins_s=begins_s)
    assert notes(path) == []
    (note,) = notes(cut(path))
    assert note.endswith("could be read of 2.0")
    assert 0.5 < first_length_s(note) < 1.8


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_sound_that_begins_long_before_the_pictures_is_no_loss(tmp_path: Path, suffix: str) -> None:
    """FFmpeg, which has not met the pictures when it looks at the file, gives them the length of all."""
    assert notes(record(tmp_path / f"early{suffix}", begins_s=8.0, sound_ahead_s=7.0)) == []


def windows_media(path: Path, *, sound_s: float, later_s: float) -> Path:
    """Two seconds of pictures and some sound; its tracks have one length in the file, and it is no track's own."""
    with av.open(str(path), "w") as container:
        video = container.add_stream("wmv2", rate=25)
        video.width = video.height = 64
        video.pix_fmt = "yuv420p"
        sound = container.add_stream("wmav2", rate=44_100, layout="mono", bit_rate=64_000)
        packets = []
        for index in range(50):
            frame = av.VideoFrame.from_ndarray(np.full((96, 64), 60 + index, np.uint8), format="yuv420p")
            packets += video.encode(frame)
        for start in range(0, round(sound_s * 44_100), 2048):
            frame = av.AudioFrame.from_ndarray(np.full((1, 2048), 0.1, np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.time_base = 44_100, Fraction(1, 44_100)
            frame.pts = start + round(later_s * 44_100)
            packets += sound.encode(frame)
        packets += [*video.encode(None), *sound.encode(None)]
        packets.sort(key=lambda packet: float(packet.dts * packet.time_base))
        for packet in packets:
            container.mux(packet)
    return path


@pytest.mark.parametrize(("sound_s", "later_s"), [(2.0, 0.0), (6.0, 0.0), (2.0, 4.0)])
def test_windows_media_with_more_sound_than_pictures_is_whole(tmp_path: Path, sound_s: float, later_s: float) -> None:
    assert notes(windows_media(tmp_path / "long.wmv", sound_s=sound_s, later_s=later_s)) == []


def test_a_short_file_is_not_held_to_a_tenth_of_a_second(tmp_path: Path) -> None:
    """GIF's last picture stands for as long as its writer likes."""
    path = tmp_path / "one.gif"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("gif", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "rgb8"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64), np.uint8), format="gray")))
        container.mux(stream.encode(None))
    assert not [note for note in notes(path) if "cut off" in note]
