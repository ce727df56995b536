"""The exported interpolator: what PyTorch gives, at any size, and as a texture's bridges."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from av.video.frame import VideoFrame

from export.errors import ExportError
from export.interpolator import check_parity, export_interpolator
from export.onnxruntime_engine import OnnxRuntimeEngine
from models.interpolation.super_slomo import SuperSloMo
from stream.interpolation import super_slomo

HEIGHT, WIDTH = 48, 80  # neither a multiple of 32


@pytest.fixture(scope="module")
def network() -> SuperSloMo:
    torch.manual_seed(1)
    return SuperSloMo(width=4, provenance="drawn by chance").eval()


@pytest.fixture(scope="module")
def exported(network: SuperSloMo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("interpolator") / "interpolator.onnx"
    spec = export_interpolator(network, path, height_px=HEIGHT, width_px=WIDTH, times=3)
    assert spec.facts == {
        "kind": "superslomo", "times": 3, "height_px": HEIGHT, "width_px": WIDTH,
        "weights": "drawn by chance",
    }  # fmt: skip
    return path


@torch.inference_mode()
def test_it_gives_what_pytorch_gives_for_times_of_any_kind(network: SuperSloMo, exported: Path) -> None:
    random = np.random.default_rng(0)
    ends = [random.random((1, 3, HEIGHT, WIDTH), np.float32) for _ in range(2)]
    times = np.array([0.02, 0.5, 0.97], np.float32)
    expected = network(*(torch.from_numpy(end) for end in ends), torch.from_numpy(times)).numpy()
    with OnnxRuntimeEngine(exported) as engine:
        between = engine.run({"first": ends[0], "last": ends[1], "times": times})["between"]
    np.testing.assert_allclose(between, expected, atol=2e-3)
    assert between.std() > 0.05


def test_a_file_of_other_weights_fails_the_check(exported: Path) -> None:
    torch.manual_seed(2)
    other = SuperSloMo(width=4).eval()
    random = np.random.default_rng(0)
    inputs = {name: random.random((1, 3, HEIGHT, WIDTH), np.float32) for name in ("first", "last")}
    inputs["times"] = np.array([0.25, 0.5, 0.75], np.float32)
    with pytest.raises(ExportError, match="its between differs from PyTorch's by"):
        check_parity(other, exported, inputs)


def test_it_makes_the_pictures_of_a_bridge(exported: Path) -> None:
    random = np.random.default_rng(3)
    grey = random.integers(60, 200, (HEIGHT // 8, WIDTH // 8, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    first, last = (
        VideoFrame.from_ndarray(picture).reformat(format="yuv420p") for picture in (grey, grey[:, ::-1].copy())
    )
    with super_slomo.SuperSloMo(OnnxRuntimeEngine(exported)) as interpolator:
        assert interpolator.name == "superslomo"
        made = interpolator.between(first, last, 5)
    assert [(picture.width, picture.height, picture.format.name) for picture in made] == [
        (WIDTH, HEIGHT, "yuv420p")
    ] * 5
