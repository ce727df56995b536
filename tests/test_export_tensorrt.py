"""Engines built by TensorRT-RTX, without a GPU. Skipped where it is not installed, but in CI it must be."""

import dataclasses
import importlib.util
import os
import platform
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from export.backend import Network
from export.backends import BACKENDS, MODULES
from export.building import BuildProcess, BuildRequest
from export.cache import EngineCache
from export.chain import Choice, build_process
from export.commands import export_networks
from export.encoder import FloatFirst, encoder_spec
from export.engine_file import EngineFile, Precision
from export.gpu import Gpu, Machine, this_machine
from export.interpolator import export_interpolator, export_small
from export.onnx_file import export_onnx
from export.sound import sound_spec
from export.spec import EngineError
from export.tensorrt_builder import build_engine
from export.tensorrt_engine import TensorRtEngine
from models.encoder import create_encoder
from models.interpolation.super_slomo import SuperSloMo
from models.preset import CPU, PAPER, Preset, SceneSettings, SlowFastSettings
from models.progress import silent
from models.vggish import Vggish, VggishSound
from stream.networks import networks_of
from tests.drawn import going_round, segments_of
from tests.networks import SPEC, write_network

IS_PROMISED = bool(os.environ.get("CI")) and sys.platform == "linux" and platform.machine() == "x86_64"
IS_HERE = importlib.util.find_spec("tensorrt_rtx") is not None
needs_rtx = pytest.mark.skipif(not IS_HERE and not IS_PROMISED, reason="tensorrt_rtx is not installed")

NOTHING = Machine(None, "no NVIDIA driver here")
TARGETS = ("sm86", "sm89", "sm120")
PRECISIONS: tuple[Precision, ...] = ("float32", "float16")


def with_share(share: float) -> Preset:
    """The cpu preset with that share of the learned half."""
    return dataclasses.replace(CPU, trunk=SceneSettings(shares=(share,)))


def tiny_paper() -> Preset:
    """The paper's kind of network, small."""
    trunk = SlowFastSettings(sampled_frames=4, depth=18, slow_channels=8, grid=2, trained=False)
    return dataclasses.replace(
        PAPER, frame_height_px=64, trunk=trunk, fit=dataclasses.replace(PAPER.fit, epochs=1)
    )  # fmt: skip


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_network(tmp_path_factory.mktemp("network") / "encoder.onnx")


@pytest.fixture(scope="module", params=["mixed", "pixels", "paper"])
def encoder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    preset = {
        "mixed": lambda: with_share(0.5),
        "pixels": lambda: with_share(0.0),
        "paper": tiny_paper,
    }[request.param]()
    path = tmp_path_factory.mktemp(request.param) / "encoder.onnx"
    frames = going_round(60)
    segments = segments_of(frames)
    encoder = FloatFirst(create_encoder(preset, segments, (64, 64), seed=0))
    encoder.encoder.trunk.calibrate(frames, segments, np.random.default_rng(0))  # uncalibrated, half overflows
    looks_ahead = encoder.encoder.trunk.looks_ahead
    example = torch.zeros((2, segments.window_frames, 64, 64, 3), dtype=torch.uint8)
    export_onnx(encoder, [example], encoder_spec(preset, segments, (64, 64), looks_ahead=looks_ahead), path)
    return path


@pytest.fixture(scope="module")
def vggish(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """VGGish with random weights, whose published ones are not the project's to carry."""
    torch.manual_seed(0)
    embedding = VggishSound(Vggish("convolution").state_dict(), "convolution").eval()
    levels = np.linspace(0.01, 1, 16)[:, None]
    windows = np.random.default_rng(0).normal(0, 0.1, (16, embedding.window_samples)) * levels
    embedding.calibrate(windows.astype(np.float32))
    path = tmp_path_factory.mktemp("vggish") / "sound.onnx"
    export_onnx(embedding, [torch.zeros(2, embedding.window_samples)], sound_spec(embedding), path)
    return path


def build(path: Path, precision: Precision, targets: tuple[str, ...]) -> bytes:
    network, backend = Network.read(path, precision), BACKENDS["tensorrt-rtx"]
    return build_process(backend, network, backend.key(network, NOTHING, targets), silent).run()


def test_it_is_here_where_it_is_promised() -> None:
    if not IS_PROMISED:
        pytest.skip("promised in CI, on Linux x86-64")
    assert IS_HERE, "pip install 'videotexture[rtx]'"


@needs_rtx
@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_network_of_a_texture_is_built_for_every_card(
    small_texture: Path, tmp_path: Path, precision: Precision
) -> None:
    networks = networks_of(small_texture)
    assert {path.name for path in networks} >= {"encoder.onnx"}
    for target in TARGETS:
        choice = Choice("tensorrt-rtx", precision, cache=EngineCache(tmp_path), machine=NOTHING)
        for made in export_networks(networks, choice, (target,)):
            file = EngineFile.read(made.path)
            assert file.key.targets == (target,)
            assert file.key.precision == precision
            assert 0 < made.megabytes < 200
            assert made.seconds > 0


@needs_rtx
@pytest.mark.parametrize("precision", PRECISIONS)
def test_every_kind_of_encoder_is_built(encoder: Path, precision: Precision) -> None:
    assert len(build(encoder, precision, TARGETS)) > 1000


@needs_rtx
@pytest.mark.parametrize("precision", PRECISIONS)
def test_vggish_is_built(vggish: Path, precision: Precision) -> None:
    assert len(build(vggish, precision, TARGETS)) > 1000


@pytest.fixture(scope="module")
def interpolator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Super SloMo with few channels and random weights, made to move things by some pixels as a trained one does."""
    torch.manual_seed(0)
    network = SuperSloMo(8).eval()
    with torch.no_grad():
        network.flow.conv3.weight.mul_(150)
    path = tmp_path_factory.mktemp("interpolator") / "interpolator.onnx"
    export_interpolator(network, path, height_px=90, width_px=160)
    return path


@needs_rtx
@pytest.mark.parametrize("precision", PRECISIONS)
def test_super_slomo_is_built(interpolator: Path, precision: Precision) -> None:
    assert len(build(interpolator, precision, TARGETS)) > 1000


@pytest.fixture(scope="module")
def small_interpolator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As every texture has it, for video of 640x352."""
    path = tmp_path_factory.mktemp("small") / "interpolator.onnx"
    export_small(path, 640, 352)
    return path


@needs_rtx
@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_small_interpolator_is_built(small_interpolator: Path, precision: Precision) -> None:
    assert len(build(small_interpolator, precision, TARGETS)) > 1000


@needs_rtx
def test_half_precision_halves_super_slomo(interpolator: Path) -> None:
    single, half = (len(build(interpolator, precision, ("sm89",))) for precision in PRECISIONS)
    assert half < 0.7 * single


@needs_rtx
def test_half_precision_makes_a_smaller_engine(small_texture: Path) -> None:
    single, half = (len(build(small_texture / "encoder.onnx", precision, ("sm89",))) for precision in PRECISIONS)
    assert half < 0.7 * single


@needs_rtx
def test_a_node_that_nobody_knows_is_named(tmp_path: Path) -> None:
    import tensorrt_rtx

    path = write_network(tmp_path / "strange.onnx", extra="Nonsense")
    with pytest.raises(EngineError, match=r"tensorrt_rtx refuses the network: Nonsense stranger: "):
        build_engine(tensorrt_rtx, path.read_bytes(), {"frames": (1, 3, 8, 8)}, ("sm89",))


@needs_rtx
@pytest.mark.parametrize(
    ("shapes", "targets", "message"),
    [
        ({"frames": (1, 3, 9, 8)}, ("sm89",), r"input 'frames' has shape \(-1, 3, 8, 8\) .* built for \(1, 3, 9, 8\)"),
        ({"frames": (1, 3, 8)}, ("sm89",), r"cannot be built for \(1, 3, 8\)"),
        ({"pictures": (1, 3, 8, 8)}, ("sm89",), r"input 'frames' of the network has no shape among \['pictures'\]"),
        ({"frames": (1, 3, 8, 8)}, ("sm90",), "does not build for sm90, only for sm75, sm80, sm86, sm89, sm120, sm121"),
        ({"frames": (1, 3, 8, 8)}, ("sm75",), "Turing .*give --precision float16, or leave it out"),
    ],
)
def test_what_cannot_be_built_is_told(
    network: Path, shapes: dict[str, tuple[int, ...]], targets: tuple[str, ...], message: str
) -> None:
    import tensorrt_rtx

    with pytest.raises(EngineError, match=message):
        build_engine(tensorrt_rtx, network.read_bytes(), shapes, targets)


@needs_rtx
def test_a_build_tells_how_far_it_is(network: Path) -> None:
    import tensorrt_rtx

    told: list[float] = []
    build_engine(
        tensorrt_rtx, network.read_bytes(), {"frames": (1, 3, 8, 8)}, ("sm89",), lambda stage, done: told.append(done)
    )
    assert told == sorted(told)
    assert 0.5 < told[-1] <= 1.0
    assert len(told) > 2


def test_a_missing_module_is_told_by_the_child(network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "")
    if importlib.util.find_spec(MODULES["tensorrt"]) is not None:
        pytest.skip("TensorRT is installed")
    request = BuildRequest(network, "tensorrt", "float32", {"frames": (1, 3, 8, 8)})
    with pytest.raises(EngineError, match="cannot be built for tensorrt: tensorrt cannot be imported"):
        BuildProcess(request).run()


def test_a_request_survives_the_way_to_the_child() -> None:
    request = BuildRequest(Path("/a/b.onnx"), "tensorrt-rtx", "float16", {"x": (1, 2)}, ("sm89",))
    assert BuildRequest.from_json(request.to_json()) == request


@needs_rtx
@pytest.mark.skipif(this_machine().gpu is not None, reason="this machine has a GPU")
def test_an_engine_does_not_open_without_a_gpu(network: Path) -> None:
    backend = BACKENDS["tensorrt-rtx"]
    machine = Machine(Gpu("NVIDIA GeForce RTX 4090", "sm89", 24_000_000_000, "580.65"))
    key = backend.key(Network.read(network), machine)
    engine = TensorRtEngine(EngineFile(key, SPEC, build(network, "float32", ("sm89",))), "tensorrt_rtx", batch=1)
    with pytest.raises(EngineError, match=r"the engine does not fit this machine: |CUDA: "):
        engine.open()
    engine.close()
