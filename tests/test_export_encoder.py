import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from export.embed import embed
from export.encoder import EncoderBuilder, check_parity
from export.errors import ExportError
from export.onnxruntime_engine import OnnxRuntimeEngine
from export.spec import METADATA_KEY, EngineError
from models.fit import fit
from models.preset import CPU, PAPER, SlowFastSettings
from models.segments import Segments
from tests.drawn import going_round, segments_of

FRAMES = going_round(450)
SEGMENTS = segments_of(FRAMES)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, object]]:
    path = tmp_path_factory.mktemp("encoder") / "encoder.onnx"
    return path, EncoderBuilder(CPU, seed=0).build(FRAMES, SEGMENTS, path)


@pytest.fixture(scope="module")
def path(built: tuple[Path, dict[str, object]]) -> Path:
    return built[0]


def test_the_exported_encoder_agrees_with_pytorch(built: tuple[Path, dict[str, object]]) -> None:
    path, report = built
    assert isinstance(report["parity"], float)
    assert report["parity"] < 1e-4
    assert path.stat().st_size < 20_000_000
    assert [file.name for file in path.parent.iterdir()] == ["encoder.onnx"]
    assert json.loads(json.dumps(report)) == report


def test_any_batch_gives_the_same_embeddings(path: Path) -> None:
    with OnnxRuntimeEngine(path) as engine:
        one = embed(engine, FRAMES, SEGMENTS, batch=1)
        many = embed(engine, FRAMES, SEGMENTS, batch=37)
    for single, batched in zip(one, many, strict=True):
        assert single.shape == (SEGMENTS.count, 512)
        np.testing.assert_allclose(single, batched, atol=1e-5)
        np.testing.assert_allclose(np.linalg.norm(single, axis=1), 1.0, atol=1e-5)


def test_the_natural_successor_is_the_best(path: Path) -> None:
    with OnnxRuntimeEngine(path) as engine:
        query, target = embed(engine, FRAMES, SEGMENTS)
    best = (query @ target.T)[:-1].argmax(axis=1)
    assert (best == np.arange(1, SEGMENTS.count)).mean() > 0.95


def test_another_networks_file_does_not_pass_as_this_one(path: Path) -> None:
    other = fit(FRAMES[::-1].copy(), SEGMENTS, CPU, seed=1).encoder
    with pytest.raises(ExportError, match=r"differ from PyTorch's by .*expected less than 1e-04"):
        check_parity(other, FRAMES, SEGMENTS, path)


def test_a_clip_cut_otherwise_is_refused(path: Path) -> None:
    other = Segments(len(FRAMES), 15, 6)
    with (
        OnnxRuntimeEngine(path) as engine,
        pytest.raises(EngineError, match="window_frames = 12, the clip has 15"),
    ):
        embed(engine, FRAMES, other)
    small = FRAMES[:, :32]
    with (
        OnnxRuntimeEngine(path) as engine,
        pytest.raises(EngineError, match=r"frame_height_px = 64.* has 32"),
    ):
        embed(engine, small, SEGMENTS)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"gone\.onnx: there is no such file"):
        OnnxRuntimeEngine(tmp_path / "gone.onnx").open()


@pytest.mark.parametrize("kept", [0, 100, 100_000])
def test_a_cut_file_is_named(path: Path, tmp_path: Path, kept: int) -> None:
    damaged = tmp_path / "cut.onnx"
    damaged.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(EngineError, match=r"cut\.onnx: .*export it again|cut\.onnx: .*videotexture fit"):
        OnnxRuntimeEngine(damaged).open()


def test_a_foreign_file_is_named(path: Path, tmp_path: Path) -> None:
    model = onnx.load(path)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "foreign.onnx")
    with pytest.raises(EngineError, match=rf"foreign\.onnx: .*no '{METADATA_KEY}'"):
        OnnxRuntimeEngine(tmp_path / "foreign.onnx").open()


def test_a_slowfast_encoder_exports_too(tmp_path: Path) -> None:
    trunk = SlowFastSettings(sampled_frames=4, depth=18, slow_channels=8, grid=2, trained=False)
    preset = dataclasses.replace(PAPER, trunk=trunk, fit=dataclasses.replace(PAPER.fit, epochs=1))
    frames = going_round(60)
    report = EncoderBuilder(preset, seed=0).build(frames, segments_of(frames), tmp_path / "slowfast.onnx")
    assert isinstance(report["parity"], float)
    assert report["parity"] < 1e-4


def test_the_run_half_needs_no_torch() -> None:
    code = (
        "import sys, export.embed, export.onnxruntime_engine, export.spec;"
        "sys.exit(bool({'torch', 'onnx', 'onnxscript'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_threads_are_at_least_one(path: Path) -> None:
    with pytest.raises(ValueError, match="got 0 threads, expected at least 1"):
        OnnxRuntimeEngine(path, threads=0)
