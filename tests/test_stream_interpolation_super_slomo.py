"""Pictures by a network: its inputs are what they must be, and its pictures come back in the video's own colours."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from export.onnxruntime_engine import OnnxRuntimeEngine
from export.spec import EngineError
from stream.interpolation.plain import CrossFade
from stream.interpolation.planes import picture_of_rgb, planes_of, rgb_of
from stream.interpolation.super_slomo import SuperSloMo
from tests.interpolators import write_interpolator
from tests.networks import write_network
from tests.stream_media import frame_of

WIDTH, HEIGHT = 96, 64


def smooth(seed: int, low: float, high: float, shape: tuple[int, int] = (HEIGHT, WIDTH)) -> np.ndarray:
    noise = cv2.GaussianBlur(np.random.default_rng(seed).normal(size=shape), (0, 0), 4)
    return low + (high - low) * (noise - noise.min()) / np.ptp(noise)


def colourful(seed: int) -> object:
    half = (HEIGHT // 2, WIDTH // 2)
    return frame_of(smooth(seed, 60, 180), blue=smooth(seed + 1, 100, 150, half), red=smooth(seed + 2, 100, 150, half))


def opened(path: Path) -> SuperSloMo:
    return SuperSloMo(OnnxRuntimeEngine(path))


@pytest.mark.parametrize("colour", [1, 6], ids=["BT.709", "BT.601"])
def test_rgb_and_back_changes_nothing(colour: int) -> None:
    picture = colourful(1)
    picture.colorspace = colour
    back = picture_of_rgb(rgb_of(picture), like=picture)
    for plane, expected in zip(planes_of(back), planes_of(picture), strict=True):
        assert np.abs(plane.astype(int) - expected).max() <= 1
    assert back.colorspace == colour


@pytest.mark.parametrize(("levels", "expected"), [((16, 128, 128), 0.0), ((235, 128, 128), 1.0)])
def test_black_is_0_and_white_is_1(levels: tuple[int, int, int], expected: float) -> None:
    rgb = rgb_of(frame_of(np.full((HEIGHT, WIDTH), levels[0]), blue=levels[1], red=levels[2]))
    np.testing.assert_allclose(rgb, expected, atol=1e-6)


def test_pure_red_is_red_in_either_matrix() -> None:
    for colour, levels in ((1, (63, 102, 240)), (6, (81, 90, 240))):  # of ITU-R BT.709 and BT.601
        picture = frame_of(np.full((HEIGHT, WIDTH), levels[0]), blue=levels[1], red=levels[2])
        picture.colorspace = colour
        np.testing.assert_allclose(rgb_of(picture).mean(axis=(1, 2)), [1, 0, 0], atol=0.02)


@pytest.mark.parametrize("count", [0, 1, 4, 6, 8])
def test_any_number_of_pictures_by_runs_of_four(tmp_path: Path, count: int) -> None:
    first, last = colourful(1), colourful(7)
    with opened(write_interpolator(tmp_path / "i.onnx", WIDTH, HEIGHT, kind="superslomo")) as network:
        assert network.name == "superslomo"
        pictures = network.between(first, last, count)
    faded = CrossFade().between(first, last, count)
    assert len(pictures) == count
    for picture, expected in zip(pictures, faded, strict=True):
        for plane, wanted in zip(planes_of(picture), planes_of(expected), strict=True):
            assert np.abs(plane.astype(int) - wanted).max() <= 1


def test_what_is_no_interpolator_or_of_another_size_is_told(tmp_path: Path) -> None:
    engine = OnnxRuntimeEngine(write_network(tmp_path / "encoder.onnx"))
    with engine, pytest.raises(EngineError, match=r"is 'encoder' from .* expected an interpolator"):
        SuperSloMo(engine)
    with (
        opened(write_interpolator(tmp_path / "i.onnx", WIDTH, HEIGHT, kind="superslomo")) as network,
        pytest.raises(EngineError, match="is for pictures of 96x64, got 64x64; fit the texture again"),
    ):
        network.between(frame_of(np.zeros((64, 64))), frame_of(np.zeros((64, 64))), 1)
