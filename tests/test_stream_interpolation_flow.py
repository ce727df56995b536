"""Pictures between two pictures: what moves is half-way in the middle."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from av.video.frame import VideoFrame

from stream.interpolation.flow import Flow
from tests.stream_media import frame_of, planes_of

ROOT = Path(__file__).parent.parent
WIDTH_PX, HEIGHT_PX, SIDE_PX = 240, 160, 60


def texture(width: int, height: int, seed: int, mean: float) -> npt.NDArray[np.float64]:
    """Smooth noise of about 12 levels that nowhere repeats itself."""
    noise = cv2.GaussianBlur(np.random.default_rng(seed).normal(size=(height, width)), (0, 0), 3)
    return np.clip(mean + 12 * noise / noise.std(), mean - 30, mean + 30)


GROUND = texture(WIDTH_PX, HEIGHT_PX, 1, 80)
SQUARE = texture(SIDE_PX, SIDE_PX, 2, 190)
MARGIN_PX = 12  # along the square's edges, where the ground is hidden in one end


def with_square(left: int, top: int, *, colour: float = 128) -> VideoFrame:
    """A bright square on the ground, 240x160; `colour` is its U level."""
    luma, blue = GROUND.copy(), np.full((HEIGHT_PX // 2, WIDTH_PX // 2), 128.0)
    luma[top : top + SIDE_PX, left : left + SIDE_PX] = SQUARE
    blue[top // 2 : (top + SIDE_PX) // 2, left // 2 : (left + SIDE_PX) // 2] = colour
    return frame_of(luma, blue=blue)


def place_of_square(picture: VideoFrame) -> tuple[int, int]:
    """(left, top) of the square, where its inner part is found best."""
    inner = SQUARE[MARGIN_PX:-MARGIN_PX, MARGIN_PX:-MARGIN_PX].astype(np.float32)
    luma = planes_of(picture)[0].astype(np.float32)
    *_, (x, y) = cv2.minMaxLoc(cv2.matchTemplate(luma, inner, cv2.TM_CCOEFF_NORMED))
    return x - MARGIN_PX, y - MARGIN_PX


@pytest.mark.parametrize("move", [(16, 0), (-16, 0), (0, 12), (10, -8), (4, 4), (24, 0)])
def test_the_middle_picture_shows_the_middle_of_the_way(move: tuple[int, int]) -> None:
    (middle,) = Flow().between(with_square(90, 60), with_square(90 + move[0], 60 + move[1]), 1)
    x, y = place_of_square(middle)
    assert x == pytest.approx(90 + move[0] / 2, abs=1)
    assert y == pytest.approx(60 + move[1] / 2, abs=1)


def test_a_moved_square_is_no_dissolve() -> None:
    """Where the square is in the middle of its way it looks as if drawn there, and not like two faint ones."""
    first, last = with_square(80, 50), with_square(100, 62)
    (middle,) = Flow().between(first, last, 1)
    inside = slice(56 + MARGIN_PX, 116 - MARGIN_PX), slice(90 + MARGIN_PX, 150 - MARGIN_PX)
    drawn, got, *ends = (
        planes_of(picture)[0][inside].astype(float) for picture in (with_square(90, 56), middle, first, last)
    )
    dissolve = (ends[0] + ends[1]) / 2
    assert np.abs(got - drawn).mean() < 0.35 * np.abs(dissolve - drawn).mean()


def test_four_pictures_go_evenly_from_one_end_to_the_other() -> None:
    places = [place_of_square(picture) for picture in Flow().between(with_square(80, 60), with_square(100, 60), 4)]
    np.testing.assert_allclose(places, [(84, 60), (88, 60), (92, 60), (96, 60)], atol=1)


@pytest.mark.parametrize("count", [1, 4])
def test_equal_ends_give_that_picture(count: int) -> None:
    still = with_square(90, 60, colour=170)
    pictures = Flow().between(still, with_square(90, 60, colour=170), count)
    assert len(pictures) == count
    for picture in pictures:
        for plane, expected in zip(planes_of(picture), planes_of(still), strict=True):
            assert np.abs(plane.astype(int) - expected).max() <= 1


def test_chroma_moves_with_luma() -> None:
    (middle,) = Flow().between(with_square(80, 60, colour=200), with_square(96, 60, colour=200), 1)
    _, blue, red = planes_of(middle)
    expected = planes_of(with_square(88, 60, colour=200))[1]
    rows, columns = slice(30 + 5, 60 - 5), slice(44 + 5, 74 - 5)  # chroma's own pixels, away from the edges
    assert np.abs(blue[rows, columns].astype(int) - expected[rows, columns]).max() <= 4
    far = slice(0, 30), slice(0, 120)
    assert np.abs(blue[far].astype(int) - 128).max() <= 2
    colourful = np.flatnonzero(blue[45] > 164)
    assert colourful.mean() == pytest.approx(44 + 14.5, abs=1)
    assert np.abs(red.astype(int) - 128).max() <= 1


@pytest.mark.parametrize("size", [(64, 64), (98, 50), (130, 66), (38, 122), (642, 66)])
def test_all_even_sizes_with_odd_chroma_too(size: tuple[int, int]) -> None:
    width, height = size
    first, last = (
        frame_of(texture(width, height, 1, 80)),
        frame_of(texture(width, height, 2, 80), blue=90, red=200),
    )
    for picture in Flow().between(first, last, 2):
        assert (picture.width, picture.height, picture.format.name) == (width, height, "yuv420p")
        luma, blue, red = planes_of(picture)
        assert luma.min() >= 49
        assert luma.max() <= 111
        assert 89 <= blue.min() <= blue.max() <= 129
        assert 127 <= red.min() <= red.max() <= 201


FLAT = """
import sys
import numpy as np
from stream.interpolation.flow import Flow
from tests.stream_media import frame_of, planes_of
rng = np.random.default_rng(0)
for width, height in ((2, 2), (8, 8), (100, 30), (320, 16), (320, 24), (642, 34), (1920, 100), (20, 400)):
    ends = [frame_of(rng.uniform(90, 160, (height, width))) for _ in range(2)]
    luma = planes_of(Flow().between(*ends, 1)[0])[0]
    sys.exit(f"{width}x{height}: {luma.min()} to {luma.max()}") if luma.min() < 88 or luma.max() > 162 else None
"""


def test_flat_and_tiny_pictures() -> None:
    """OpenCV's flow gives NaN or crashes the process on less than 32 rows: hence in one of its own."""
    done = subprocess.run([sys.executable, "-c", FLAT], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("count", [1, 3])
def test_what_is_hidden_in_one_end_stays_within_both_ends(count: int) -> None:
    """A square that moves over the ground, or is not there at all at one end: no darker, no brighter than they are."""
    for first, last in (
        (with_square(60, 40), with_square(140, 90)),
        (with_square(60, 40), frame_of(GROUND)),
        (frame_of(np.full((160, 240), 16)), frame_of(np.full((160, 240), 235))),
    ):
        ends = [planes_of(end)[0].astype(int) for end in (first, last)]
        low, high = min(end.min() for end in ends), max(end.max() for end in ends)
        for picture in Flow().between(first, last, count):
            luma = planes_of(picture)[0]
            assert low - 1 <= luma.min()
            assert luma.max() <= high + 1


def test_what_cannot_be_followed_dissolves_from_one_end_to_the_other() -> None:
    rng = np.random.default_rng(0)
    ends = [frame_of(rng.uniform(30, 220, (96, 128))) for _ in range(2)]
    first, last = (planes_of(end)[0].astype(float) for end in ends)
    nearer = []
    for picture in Flow().between(*ends, 5):
        luma = planes_of(picture)[0].astype(float)
        nearer.append(np.abs(luma - last).mean() - np.abs(luma - first).mean())
    assert nearer == sorted(nearer, reverse=True)
    assert nearer[0] > 0 > nearer[-1]


def test_ends_are_left_alone_and_colours_stay_tagged() -> None:
    first, last = with_square(80, 60), with_square(100, 60)
    first.colorspace, first.color_range = 6, 1
    before = first.to_ndarray().copy(), last.to_ndarray().copy()
    (picture,) = Flow().between(first, last, 1)
    assert (picture.colorspace, picture.color_range) == (6, 1)
    assert np.array_equal(first.to_ndarray(), before[0])
    assert np.array_equal(last.to_ndarray(), before[1])
    assert Flow().between(first, last, 0) == []
