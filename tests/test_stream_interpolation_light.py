"""Light that differs between the ends of a bridge goes over evenly; what moves or changes does not count as light."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from av.video.frame import VideoFrame

from stream.interpolation.flow import Flow
from stream.interpolation.interpolator import Interpolator
from stream.interpolation.light import Light, led
from stream.interpolation.plain import CrossFade, Cut
from tests.stream_media import frame_of, planes_of, same

WIDTH, HEIGHT = 240, 160


def ground(seed: int = 1) -> np.ndarray:
    noise = cv2.GaussianBlur(np.random.default_rng(seed).normal(size=(HEIGHT, WIDTH)), (0, 0), 3)
    return 90 + 18 * noise / noise.std()


def scene(left: int, *, gain: float = 1.0, offset: float = 0.0, blue: float = 128) -> VideoFrame:
    """A bright square on the ground, under some light."""
    luma = ground()
    luma[40:100, left : left + 60] = 60 + ground(2)[:60, :60]
    return frame_of(np.clip(luma * gain + offset, 16, 235), blue=blue)


def away(picture: VideoFrame) -> np.ndarray:
    """Luma where nothing moves."""
    return planes_of(picture)[0][110:, :].astype(float)


@pytest.mark.parametrize("interpolator", [Flow(), CrossFade()], ids=lambda each: each.name)
@pytest.mark.parametrize(("gain", "offset"), [(1.25, 0), (1.0, 25), (0.8, 10)])
def test_exposure_goes_over_evenly_and_nothing_flashes(interpolator: Interpolator, gain: float, offset: float) -> None:
    first, last = scene(80), scene(100, gain=gain, offset=offset, blue=136)
    pictures = led(interpolator, first, last, 4)
    means = [away(picture).mean() for picture in (first, *pictures, last)]
    steps = np.diff(means)
    np.testing.assert_allclose(steps, (means[-1] - means[0]) / 5, atol=0.8)
    blues = [planes_of(picture)[1].mean() for picture in (first, *pictures, last)]
    np.testing.assert_allclose(blues, np.linspace(128, 136, 6), atol=0.6)


def off_by(pictures: list[VideoFrame], gain: float) -> float:
    """How far pictures are, in levels, from the square drawn on its way under light on its way; blurred a little."""
    off = []
    for index, picture in enumerate(pictures):
        time = (index + 1) / (len(pictures) + 1)
        expected = planes_of(scene(80 + round(20 * time), gain=1 + (gain - 1) * time))[0].astype(float)
        off.append(cv2.blur(planes_of(picture)[0] - expected, (9, 9))[30:110, 60:180])
    return float(np.abs(off).mean())


def test_a_piece_of_either_end_has_the_light_of_the_moment() -> None:
    """What only one end sees, flow by itself shows under that end's light: what it errs for that is mended."""
    first, last = scene(80), scene(100, gain=1.25)
    under_one_light = off_by(Flow().between(first, scene(100), 4), 1.0)
    plain, mended = off_by(Flow().between(first, last, 4), 1.25), off_by(led(Flow(), first, last, 4), 1.25)
    assert mended - under_one_light < 0.5 * (plain - under_one_light)


def test_what_moves_does_not_count_as_light() -> None:
    """A large bright square comes in: the ground keeps its light, in all pictures alike."""
    plain = frame_of(ground())
    luma = ground()
    luma[20:140, 40:140] = 220
    light = Light.between(planes_of(plain)[0], planes_of(frame_of(luma))[0])
    assert abs(light.means[1] - light.means[0]) < 0.5
    assert not light.is_noticed
    pictures = led(CrossFade(), plain, frame_of(luma), 3)
    assert np.abs(planes_of(pictures[1])[0][:, 150:].astype(int) - planes_of(plain)[0][:, 150:]).max() <= 1


def test_where_the_light_is_the_same_the_interpolators_pictures_are_untouched() -> None:
    first, last = scene(80), scene(100)
    for mine, theirs in zip(led(Flow(), first, last, 3), Flow().between(first, last, 3), strict=True):
        assert same(mine, theirs)


@pytest.mark.parametrize("low_high", [(16, 235), (235, 16), (0, 255)])
def test_flat_and_opposite_pictures_stay_within_their_levels(low_high: tuple[int, int]) -> None:
    first, last = (frame_of(np.full((HEIGHT, WIDTH), level)) for level in low_high)
    for picture in led(CrossFade(), first, last, 4):
        luma = planes_of(picture)[0]
        assert min(low_high) - 1 <= luma.min() <= luma.max() <= max(low_high) + 1


def test_a_cut_has_no_pictures() -> None:
    assert led(Cut(), scene(80), scene(100, gain=1.3), 4) == []
    assert led(CrossFade(), scene(80), scene(100), 0) == []
