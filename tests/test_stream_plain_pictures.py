"""Pictures that are turned, mirrored, cropped, interlaced, or of another kind from somewhere on."""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
import pytest

from stream.clip import Clip
from stream.cropping import Cropping
from stream.upright import Upright
from tests.clips import write_clip
from tests.cropping import crop_matroska

Picture = npt.NDArray[np.uint8]

ONE = 1 << 16
MATRICES: dict[str, tuple[tuple[int, int, int, int], Callable[[Picture], Picture]]] = {
    "as it is": ((1, 0, 0, 1), lambda picture: picture),
    "a quarter clockwise": ((0, 1, -1, 0), lambda picture: np.rot90(picture, -1)),
    "half": ((-1, 0, 0, -1), lambda picture: np.rot90(picture, 2)),
    "a quarter counter-clockwise": ((0, -1, 1, 0), lambda picture: np.rot90(picture)),
    "mirrored left to right": ((-1, 0, 0, 1), lambda picture: picture[:, ::-1]),
    "mirrored top to bottom": ((1, 0, 0, -1), lambda picture: picture[::-1]),
    "mirrored at the main diagonal": ((0, 1, 1, 0), lambda picture: picture.transpose(1, 0, 2)),
    "mirrored at the other diagonal": ((0, -1, -1, 0), lambda picture: np.rot90(picture, 2).transpose(1, 0, 2)),
}
SIZES = {"whole macroblocks": (96, 64), "cropped by the coder": (70, 50), "odd": (75, 51)}


def corners(index: int, width: int, height: int) -> Picture:
    """A picture whose four corners and edges differ."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[..., 0] = np.linspace(20, 220, width)[None]
    picture[..., 1] = np.linspace(20, 220, height)[:, None]
    picture[: height // 3, : width // 4, 2] = 240
    return picture


def with_matrix(path: Path, numbers: tuple[int, int, int, int]) -> Path:
    """Write (a, b, c, d) into the track header of an MP4 file."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44
    a, b, c, d = (ONE * number for number in numbers)
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


def first_shown(path: Path) -> Picture:
    with Clip(path) as clip:
        return np.asarray(next(clip.frames()).picture.to_ndarray(format="rgb24"))


def by_ffmpeg(path: Path, size: tuple[int, int]) -> Picture:
    """The first picture as FFmpeg's own command line shows it."""
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    data = subprocess.run(command, check=True, capture_output=True).stdout
    return np.frombuffer(data, np.uint8).reshape(size[1], size[0], 3)


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES.keys())
@pytest.mark.parametrize(("numbers", "shown"), MATRICES.values(), ids=MATRICES.keys())
def test_every_display_matrix_is_followed(
    tmp_path: Path, numbers: tuple[int, int, int, int], shown: Callable[[Picture], Picture], size: tuple[int, int]
) -> None:
    width, height = size
    pixels = "yuv420p" if width % 2 == 0 else "yuv444p"
    path = write_clip(tmp_path / "clip.mp4", width=width, height=height, frames=2, draw=corners, pixels=pixels)
    found = first_shown(with_matrix(path, numbers))
    expected = shown(corners(0, width, height))
    even = expected[: expected.shape[0] // 2 * 2, : expected.shape[1] // 2 * 2].astype(int)
    assert found.shape == even.shape
    assert np.abs(found - even).mean() < 6
    if shutil.which("ffmpeg"):
        theirs = by_ffmpeg(path, (expected.shape[1], expected.shape[0]))
        assert np.abs(theirs.astype(int) - expected).mean() < 6


@pytest.mark.parametrize(("numbers", "shown"), MATRICES.values(), ids=MATRICES.keys())
def test_what_the_file_crops_is_cropped_before_it_is_turned(
    numbers: tuple[int, int, int, int], shown: Callable[[Picture], Picture]
) -> None:
    """Matroska has no such matrix, and few files both; so the filters are tried by themselves."""
    cropping, upright = Cropping(16, 8, 4, 12), Upright(tuple(float(number) for number in numbers))
    stored = corners(0, 96, 64)
    graph = av.filter.Graph()
    previous = graph.add_buffer(width=96, height=64, format=av.VideoFormat("rgb24"), time_base=Fraction(1, 25))
    for name, arguments in [*cropping.filters(), *upright.filters()]:
        step = graph.add(name, arguments)
        previous.link_to(step)
        previous = step
    previous.link_to(graph.add("buffersink"))
    graph.configure()
    frame = av.VideoFrame.from_ndarray(stored, format="rgb24")
    frame.pts = 0
    graph.vpush(frame)
    np.testing.assert_array_equal(graph.vpull().to_ndarray(), shown(stored[4:52, 16:88]))


def test_a_matroska_files_cropping_is_followed(tmp_path: Path) -> None:
    path = write_clip(tmp_path / "clip.mkv", width=96, height=64, frames=3, draw=corners)
    crop_matroska(path, top=4, bottom=12, left=16, right=8)
    found = first_shown(path)
    assert found.shape == (48, 72, 3)
    assert np.abs(found - corners(0, 96, 64)[4:52, 16:88].astype(int)).mean() < 6


def test_cropping_that_leaves_nothing_is_not_followed() -> None:
    assert Cropping(left=60, right=60).within(96, 64) == Cropping()
    assert Cropping(left=60, right=30).within(96, 64) == Cropping(left=60, right=30)


@pytest.mark.parametrize(
    ("matrix", "filters"),
    [
        ((0.5, 0.0, 0.0, 0.5), []),
        ((0.0, 2.0, -2.0, 0.0), [("transpose", "clock")]),
        ((0.0, 0.0, 0.0, 0.0), []),
        ((0.866, 0.5, -0.5, 0.866), [("rotate", "0.5235987755982988")]),
    ],
    ids=["smaller", "larger and turned", "nothing", "by 30 degrees"],
)
def test_odd_matrices(matrix: tuple[float, float, float, float], filters: list[tuple[str, str]]) -> None:
    assert Upright(matrix).filters() == filters


def moving(index: int) -> Picture:
    """A bright bar that moves 6 px each field, so that mixed fields show combs; 96 x 64."""
    picture = np.full((64, 96), 60, np.uint8)
    left = 6 * index % 72
    picture[:, left : left + 16] = 220
    return picture


def write_fields(path: Path, orders: str) -> Path:
    """Write half a second for each letter: p whole pictures, t fields with the upper first, b with the lower."""
    with path.open("wb") as file:
        for part, order in enumerate(orders):
            file.write(_part(path.with_name("part.ts"), order, 15 * part))
    return path


def _part(path: Path, order: str, first: int) -> bytes:
    fields = {} if order == "p" else {"flags": "+ilme+ildct"}
    with av.open(str(path), "w", format="mpegts") as container:
        stream = container.add_stream("mpeg2video", rate=30, options={"g": "5", "b": "3000000", **fields})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for index in range(first, first + 15):
            picture = moving(2 * index)
            if order != "p":
                picture = picture.copy()
                picture[1 if order == "t" else 0 :: 2] = moving(2 * index + 1)[1 if order == "t" else 0 :: 2]
            frame = av.VideoFrame.from_ndarray(picture, format="gray")
            container.mux(stream.encode(_marked(frame, order, index)))
        container.mux(stream.encode(None))
    return path.read_bytes()


def _marked(frame: av.VideoFrame, order: str, index: int) -> av.VideoFrame:
    """The picture with its fields' order, which FFmpeg's `setfield` writes."""
    graph = av.filter.Graph()
    source = graph.add_buffer(width=96, height=64, format=av.VideoFormat("gray"), time_base=Fraction(1, 30))
    mode = {"p": "prog", "t": "tff", "b": "bff"}[order]
    graph.link_nodes(source, graph.add("setfield", mode), graph.add("format", "yuv420p"), graph.add("buffersink"))
    graph.configure()
    frame.pts, frame.time_base = index, Fraction(1, 30)
    graph.vpush(frame)
    marked = graph.vpull()
    assert isinstance(marked, av.VideoFrame)
    return marked


def combs(picture: Picture) -> float:
    """How much neighbouring lines differ, as against the lines two apart."""
    luma = picture[:64].astype(float)
    return float(np.abs(luma[1:-1] - (luma[:-2] + luma[2:]) / 2).mean())


@pytest.mark.parametrize("orders", ["pt", "tp", "tb", "ptpb"])
def test_fields_are_made_whole_wherever_they_are(tmp_path: Path, orders: str) -> None:
    path = write_fields(tmp_path / "fields.ts", orders)
    with av.open(str(path)) as container:
        stored = [frame.to_ndarray() for frame in container.decode(video=0)]
    with Clip(path) as clip:
        shown = [frame.picture.to_ndarray() for frame in clip.frames()]
    assert [note for note in clip.notes if "interlaced" in note]
    assert len(shown) == pytest.approx(15 * len(orders), abs=1)
    for part, order in enumerate(orders):
        half = slice(15 * part + 3, 15 * part + 12)
        if order == "p":
            for index in range(15 * part + 3, 15 * part + 12):  # as they were, though two parts may share a moment
                picture = stored[index][:64].astype(int)
                assert min(np.abs(picture - after[:64]).mean() for after in shown[index - 1 : index + 2]) < 2
        else:
            assert np.median([combs(picture) for picture in stored[half]]) > 10
            assert np.median([combs(picture) for picture in shown[half]]) < 3


def test_whole_pictures_are_left_alone(tmp_path: Path) -> None:
    path = write_fields(tmp_path / "whole.ts", "pp")
    with Clip(path) as clip:
        list(clip.frames())
    assert clip.notes == []


def test_a_shape_that_changes_is_fitted_in_and_begins_a_shot(tmp_path: Path) -> None:
    def standing(_: int, width: int, height: int) -> Picture:
        return corners(0, width, height)

    sizes = ((160, 120), (160, 90))
    parts = [
        write_clip(tmp_path / f"{height}.h264", width=width, height=height, frames=30, draw=standing)
        for width, height in sizes
    ]
    both = tmp_path / "both.h264"
    both.write_bytes(b"".join(part.read_bytes() for part in parts))
    with Clip(both) as clip:
        frames = list(clip.frames())
    found = [frame.picture.to_ndarray(format="rgb24") for frame in frames]
    changed = next(index for index, picture in enumerate(found) if picture[:12].max() < 40)  # bars above and below
    assert changed == pytest.approx(30, abs=1)
    assert [frame.index for frame in frames if frame.is_cut] == [changed]
    assert found[-1].shape == (120, 160, 3)
    assert found[-1][-12:].max() < 40
    expected = cv2.resize(corners(0, 160, 90), (160, 90)).astype(int)
    assert np.abs(found[-1][15:105] - expected).mean() < 8
    assert [note for note in clip.notes if "changes from 160x120 to 160x90" in note]


@pytest.mark.parametrize(("width", "height", "size"), [(1, 1, (2, 2)), (5, 1, (4, 2)), (4000, 2, (1920, 2))])
def test_pictures_of_hardly_any_height_are_pictures(
    tmp_path: Path, width: int, height: int, size: tuple[int, int]
) -> None:
    path = write_clip(tmp_path / "thin.mkv", width=width, height=height, codec="ffv1", pixels="gray", frames=3)
    with Clip(path) as clip:
        found = [(frame.picture.width, frame.picture.height) for frame in clip.frames()]
    assert found == [size] * 3
