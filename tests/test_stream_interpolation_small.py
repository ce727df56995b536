"""Bridges by the small network, exported: as plain flow before it has learnt, and what is wrong is told."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from export.errors import ExportError
from export.interpolator import check_parity, export_interpolator
from export.onnxruntime_engine import OnnxRuntimeEngine
from export.spec import EngineError
from models.interpolation.small import SmallInterpolator
from stream.interpolation.flow import Flow
from stream.interpolation.planes import planes_of, rgb_of, small_rgb_of
from stream.interpolation.small import Small
from tests.interpolators import write_interpolator
from tests.stream_media import frame_of

SIZES = {"at the flow's size": (160, 96), "larger than it": (416, 240)}


def moved(size: tuple[int, int], by_px: int) -> object:
    width, height = size
    noise = cv2.GaussianBlur(np.random.default_rng(3).normal(size=(height, width + 32)), (0, 0), 5)
    levels = 60 + 120 * (noise - noise.min()) / np.ptp(noise)
    return frame_of(levels[:, 16 + by_px : 16 + by_px + width])


def exported(path: Path, size: tuple[int, int], network: SmallInterpolator | None = None) -> Small:
    network = network or SmallInterpolator()
    export_interpolator(network, path, width_px=size[0], height_px=size[1], times=2)
    return Small(OnnxRuntimeEngine(path))


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_untrained_it_makes_the_pictures_of_flow(tmp_path: Path, size: tuple[int, int]) -> None:
    first, last = moved(size, 0), moved(size, 8)
    with exported(tmp_path / "small.onnx", size) as small:
        made = small.between(first, last, 3)
    plain = Flow().between(first, last, 3)
    assert len(made) == 3
    for picture, expected in zip(made, plain, strict=True):
        apart = [np.abs(a.astype(int) - b) for a, b in zip(planes_of(picture), planes_of(expected), strict=True)]
        assert max(part.max() for part in apart) <= 6
        assert max(part.mean() for part in apart) < 0.2
    middle = planes_of(made[1])[0].astype(int)
    truth = planes_of(moved(size, 4))[0]
    assert (
        np.abs(middle - truth)[:, 16:-16].mean() < 2 < np.abs(planes_of(first)[0].astype(int) - truth)[:, 16:-16].mean()
    )


def test_no_pictures_are_none(tmp_path: Path) -> None:
    with exported(tmp_path / "small.onnx", (96, 64)) as small:
        assert small.name == "small"
        assert small.between(moved((96, 64), 0), moved((96, 64), 3), 0) == []


def test_what_it_sees_is_the_picture_smaller() -> None:
    picture = moved((416, 240), 0)
    whole = cv2.resize(rgb_of(picture).transpose(1, 2, 0), (208, 120), interpolation=cv2.INTER_AREA)
    np.testing.assert_allclose(small_rgb_of(picture, (208, 120)).transpose(1, 2, 0), whole, atol=0.02)


def test_what_is_another_network_or_of_another_size_is_told(tmp_path: Path) -> None:
    other = OnnxRuntimeEngine(write_interpolator(tmp_path / "other.onnx", 96, 64, kind="superslomo"))
    with other, pytest.raises(EngineError, match="expected an interpolator from"):
        Small(other)
    with (
        exported(tmp_path / "small.onnx", (96, 64)) as small,
        pytest.raises(EngineError, match="is for pictures of 96x64, got 160x96; fit the texture again"),
    ):
        small.between(moved((160, 96), 0), moved((160, 96), 1), 1)


def test_a_file_of_other_weights_fails_the_check(tmp_path: Path) -> None:
    path = tmp_path / "small.onnx"
    spec = export_interpolator(SmallInterpolator(), path, height_px=64, width_px=96, times=1)
    assert spec.facts["kind"] == "small"
    torch.manual_seed(0)
    other = SmallInterpolator().eval()
    torch.nn.init.normal_(other.say.weight, 0, 0.05)
    random = np.random.default_rng(0)
    inputs = {name: random.random(spec.inputs[name].shape, np.float32) for name in spec.inputs}
    with pytest.raises(ExportError, match="differs from PyTorch's by"):
        check_parity(other, path, inputs)
