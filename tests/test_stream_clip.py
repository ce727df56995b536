"""Clips of every kind come out upright, even, 8-bit and at one rate; wrong files are refused in one line."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import av.logging
import cv2
import numpy as np
import pytest
from av.stream import Disposition

import stream.clip
from stream.clip import Clip
from stream.errors import ClipError
from tests.clips import disc, write_clip, write_sound_only


def pictures(path: Path) -> list[np.ndarray]:
    with Clip(path) as clip:
        return [frame.picture.to_ndarray(format="bgr24") for frame in clip.frames()]


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_a_rotated_clip_is_upright_as_opencv_sees_it(tmp_path: Path, degrees: int) -> None:
    path = write_clip(tmp_path / "clip.mp4", rotation_degrees=degrees, frames=3)
    expected = cv2.VideoCapture(str(path)).read()[1]
    found = pictures(path)[0]
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).mean() < 1


def test_ffmpegs_messages_are_not_listened_to_while_pictures_are_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A decoder's thread that says something then waits for Python's lock, and may never get it: `fit` would hang."""
    steps: list[str] = []
    set_level, clock = av.logging.set_level, stream.clip.PictureClock
    monkeypatch.setattr(av.logging, "set_level", lambda level: (steps.append("listen"), set_level(level)))
    monkeypatch.setattr(stream.clip, "PictureClock", lambda timeline: (steps.append("decode"), clock(timeline))[1])
    with Clip(write_clip(tmp_path / "clip.mkv", frames=3)) as clip:
        list(clip.frames())
    assert steps == ["listen", "listen", "decode", "decode"]


def test_cover_art_is_no_clip(tmp_path: Path) -> None:
    path = tmp_path / "song.mp3"
    with av.open(str(path), "w") as container:
        cover = container.add_stream("png", rate=25)
        cover.width, cover.height, cover.pix_fmt = 64, 64, "rgb24"
        cover.disposition = Disposition.attached_pic
        sound = container.add_stream("libmp3lame", rate=44_100, layout="mono")
        packets = cover.encode(av.VideoFrame.from_ndarray(disc(0, 64, 64), format="rgb24"))
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 44_100), np.float32), format="fltp", layout="mono")
        silence.sample_rate = 44_100
        for packet in [*packets, *sound.encode(silence), *sound.encode(None)]:
            container.mux(packet)
    with pytest.raises(ClipError, match=r"no video in it, only audio, cover art"):
        Clip(path)


def test_an_odd_size_is_cropped_to_an_even_one(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "odd.mkv", width=427, height=239, pixels="yuv444p", frames=3)
    found = pictures(path)[0]
    assert found.shape == (238, 426, 3)
    expected = disc(0, 427, 239)[:238, :426, ::-1].astype(int)
    assert np.abs(found - expected).mean() < 4


@pytest.mark.parametrize(
    ("codec", "pixels", "suffix"),
    [("libx264", "yuv420p10le", "mp4"), ("ffv1", "gray", "mkv"), ("png", "rgb24", "avi"), ("mjpeg", "yuvj420p", "avi")],
)
def test_any_pixel_format_becomes_8_bit_limited_range(tmp_path: Path, codec: str, pixels: str, suffix: str) -> None:
    path = write_clip(tmp_path / f"clip.{suffix}", codec=codec, pixels=pixels, frames=4)
    with Clip(path) as clip:
        picture = next(clip.frames()).picture
    assert picture.format.name == "yuv420p"
    luma = picture.to_ndarray()[: picture.height]
    assert luma[:12, :16].mean() == pytest.approx(235, abs=4)  # the white mark: 255 would be full range


def test_a_rate_that_the_pictures_do_not_bear_out_is_not_believed(tmp_path: Path) -> None:
    """FFmpeg's demuxer for DV says 60000 Hz."""
    path = tmp_path / "clip.dv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("dvvideo", rate=25)
        stream.width, stream.height, stream.pix_fmt = 720, 576, "yuv420p"
        for index in range(10):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(disc(index, 720, 576), format="rgb24")))
        container.mux(stream.encode(None))
    with Clip(path) as clip:
        assert clip.rate_hz == 25
        assert len(list(clip.frames())) == 10


def test_a_varying_rate_becomes_constant_and_keeps_its_length(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "vfr.mkv", time_ms=lambda index: index * 33 + index // 10 * 170)
    with Clip(path) as clip:
        frames = list(clip.frames())
        length_s = len(frames) / clip.rate_hz
    assert float(length_s) == pytest.approx(89 * 0.033 + 8 * 0.17, abs=0.1)
    assert [frame.index for frame in frames] == list(range(len(frames)))


@pytest.mark.parametrize(("rate", "expected"), [(5, 10), (120, 60), (Fraction(30000, 1001), Fraction(30000, 1001))])
def test_rates_are_bounded_and_standard_ones_kept(tmp_path: Path, rate: int | Fraction, expected: Fraction) -> None:
    path = write_clip(tmp_path / "clip.mp4", rate=rate, frames=60)
    with Clip(path) as clip:
        assert clip.rate_hz == expected
        assert float(len(list(clip.frames())) / clip.rate_hz) == pytest.approx(float(60 / rate), abs=float(2 / rate))
        assert bool(clip.notes) == (rate != expected)


def test_hard_cuts_are_marked_and_nothing_else(tmp_path: Path) -> None:
    def three_shots(index: int, width: int, height: int) -> np.ndarray:
        shot = disc(index, width, height)
        return [shot, 255 - shot, shot[:, ::-1] // 2][index // 30]

    path = write_clip(tmp_path / "cuts.mp4", draw=three_shots)
    with Clip(path) as clip:
        assert [frame.index for frame in clip.frames() if frame.is_cut] == [30, 60]


@pytest.mark.parametrize(("height", "red_luma"), [(720, 63), (240, 81)], ids=["BT.709", "BT.601"])
def test_rgb_gets_the_matrix_that_its_size_implies(tmp_path: Path, height: int, red_luma: int) -> None:
    def red(_: int, width: int, height: int) -> np.ndarray:
        return np.full((height, width, 3), (255, 0, 0), np.uint8)

    options = {"width": height * 16 // 9 // 2 * 2, "height": height, "codec": "png", "pixels": "rgb24", "frames": 2}
    with Clip(write_clip(tmp_path / "red.avi", draw=red, **options)) as clip:
        picture = next(clip.frames()).picture
    assert picture.to_ndarray()[:height].mean() == pytest.approx(red_luma, abs=1.5)


def test_a_size_that_changes_midway_is_scaled_to_the_first(tmp_path: Path) -> None:
    sizes = ((320, 240), (160, 120))
    parts = [write_clip(tmp_path / f"{w}.h264", width=w, height=h, frames=30) for w, h in sizes]
    both = tmp_path / "both.h264"
    both.write_bytes(b"".join(part.read_bytes() for part in parts))
    found = pictures(both)
    assert {picture.shape for picture in found} == {(240, 320, 3)}
    expected = cv2.resize(disc(20, 160, 120), (320, 240))[..., ::-1].astype(int)
    assert min(np.abs(picture - expected).mean() for picture in found[30:]) < 6


def test_a_damaged_clip_gives_what_can_be_read(tmp_path: Path) -> None:
    whole = write_clip(tmp_path / "whole.mkv", frames=120)
    damaged = tmp_path / "damaged.mkv"
    damaged.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    with Clip(damaged) as clip:
        found = len(list(clip.frames()))
    assert 20 < found < 120
    assert f"it is cut off: {found / 30:.1f} s could be read of 4.0" in clip.notes
    with Clip(whole) as clip:
        assert len(list(clip.frames())) == 120
    assert clip.notes == []


def test_parts_that_cannot_be_decoded_are_said(tmp_path: Path) -> None:
    whole = write_clip(tmp_path / "whole.avi", codec="png", pixels="rgb24", frames=30)
    data = bytearray(whole.read_bytes())
    marks = [place for place in range(len(data)) if data.startswith(b"\x89PNG", place)]
    for place in marks[10:13]:
        data[place : place + 200] = bytes(200)
    whole.write_bytes(data)
    with Clip(whole) as clip:
        assert len(list(clip.frames())) >= 27
    assert clip.notes == ["damaged parts of it are passed over"]


PATCHES = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1], [0.2, 0.2, 0.2], [0, 0, 0]])  # linear light, BT.709
BT709_TO_BT2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])  # BT.2087


def hlg(light: np.ndarray) -> np.ndarray:
    """BT.2100's curve, of light from 0 to 1."""
    bright = 0.17883277 * np.log(np.maximum(12 * light - 0.28466892, 1e-6)) + 0.55991073
    return np.where(light <= 1 / 12, np.sqrt(3 * light), bright)


def pq(light: np.ndarray) -> np.ndarray:
    """BT.2100's curve, of light in 10000 cd/m²."""
    power = light**0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def bt2020(light: np.ndarray) -> np.ndarray:
    """BT.2020's own curve, of light from 0 to 1."""
    return np.where(light < 0.018, 4.5 * light, 1.099 * light**0.45 - 0.099)


def write_wide(path: Path, transfer: int, code: Callable[[np.ndarray], np.ndarray], light: float) -> Path:
    """A film of the patches side by side, 16 px each, in the colours of BT.2020, 10 bits."""
    red, green, blue = code(light * PATCHES @ BT709_TO_BT2020.T).T
    luma = 0.2627 * red + 0.6780 * green + 0.0593 * blue
    planes = 64 + 876 * luma, 512 + 896 * (blue - luma) / 1.8814, 512 + 896 * (red - luma) / 1.4746
    frame = av.VideoFrame(16 * len(PATCHES), 32, "yuv444p10le")
    for plane, patches in zip(frame.planes, planes, strict=True):
        row = np.zeros(plane.line_size // 2, np.uint16)
        row[: frame.width] = np.repeat(patches.round(), 16)
        plane.update(np.tile(row, (32, 1)).tobytes())
    frame.color_primaries, frame.color_trc, frame.colorspace, frame.color_range = 9, transfer, 9, 1
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=30)
        stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, frame.format.name
        context = stream.codec_context
        context.color_primaries, context.color_trc, context.colorspace, context.color_range = 9, transfer, 9, 1
        for number in range(3):
            frame.pts, frame.time_base = number, Fraction(1, 30)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def paleness(colours: np.ndarray) -> float:
    """How much of the other two primaries there is in each of three, at most 1."""
    own = np.diag(colours)
    return float(((colours.sum(axis=1) - own) / 2 / own).mean())


@pytest.mark.parametrize(
    ("transfer", "code", "light", "note"),
    [(18, hlg, 0.1, "it is HDR"), (16, pq, 0.008, "it is HDR"), (14, bt2020, 0.3, "its colours are wider")],
    ids=["HLG", "PQ", "BT.2020"],
)
def test_wide_colours_become_those_of_every_screen(
    tmp_path: Path, transfer: int, code: Callable[[np.ndarray], np.ndarray], light: float, note: str
) -> None:
    """By BT.709's own primaries, which are pale if they are taken as they are coded."""
    with Clip(write_wide(tmp_path / "wide.mkv", transfer, code, light)) as clip:
        picture = next(clip.frames()).picture
    assert (picture.format.name, picture.colorspace, picture.color_trc, picture.color_primaries) == ("yuv420p", 1, 1, 1)
    assert [told for told in clip.notes if told.startswith(note)]
    found = picture.to_ndarray(format="rgb24")[16, 8::16].astype(float)
    assert np.diag(found[:3]).min() > 90
    assert paleness(found[:3]) < 0.8 * paleness(code(light * PATCHES[:3] @ BT709_TO_BT2020.T))
    greys = found[3:]
    assert np.ptp(greys, axis=1).max() <= 3
    assert 160 > greys[0, 0] > 110 > 70 > greys[1, 0] > 45 > 5 > greys[2, 0]


def test_wrong_files_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video\n" * 100)
    (tmp_path / "empty.mp4").touch()
    write_sound_only(tmp_path / "song.mp4")
    for name, reason in {
        "missing.mp4": "no such file",
        "text.mp4": "not a video file",
        "empty.mp4": "not a video file",
        "song.mp4": "no video in it, only audio",
        ".": "this is a folder",
    }.items():
        with pytest.raises(ClipError, match=reason) as caught:
            Clip(tmp_path / name)
        assert "\n" not in str(caught.value)
