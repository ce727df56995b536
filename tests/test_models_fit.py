import dataclasses

import numpy as np
import pytest
import torch

from models.encoder import create_encoder
from models.errors import FitError
from models.fit import FitResult, fit
from models.fitting import Fitting
from models.precision import gradient_scaler, half_type, in_steps
from models.preset import CPU, PAPER, FitSettings, SlowFastSettings
from models.start import without_weights
from models.windows import gather, gather_following
from tests.drawn import PERIOD_FRAMES, going_round, segments_of

FRAMES = going_round(450)
SEGMENTS = segments_of(FRAMES)


def _embeddings(result: FitResult) -> tuple[np.ndarray, np.ndarray]:
    every = np.arange(SEGMENTS.count)
    following = gather_following if result.encoder.trunk.looks_ahead else gather
    with torch.no_grad():
        query, _ = result.encoder(torch.from_numpy(following(FRAMES, SEGMENTS, every)))
        _, target = result.encoder(torch.from_numpy(gather(FRAMES, SEGMENTS, every)))
    return query.numpy(), target.numpy()


@pytest.fixture(scope="module")
def fitted() -> FitResult:
    return fit(FRAMES, SEGMENTS, CPU, seed=3)


def test_embeddings_have_norm_one(fitted: FitResult) -> None:
    for embeddings in _embeddings(fitted):
        assert embeddings.shape == (SEGMENTS.count, 512)
        assert embeddings.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1.0, atol=1e-5)


def test_the_natural_successor_is_the_most_similar(fitted: FitResult) -> None:
    query, target = _embeddings(fitted)
    best = (query @ target.T)[:-1].argmax(axis=1)
    assert (best == np.arange(1, SEGMENTS.count)).mean() > 0.95


def test_jumps_land_whole_periods_away(fitted: FitResult) -> None:
    query, target = _embeddings(fitted)
    similarity = query @ target.T
    for row in range(SEGMENTS.count - 1):
        similarity[row, max(0, row - 3) : row + 5] = -1.0
        off = abs(int(similarity[row].argmax()) - row - 1) * SEGMENTS.stride_frames % PERIOD_FRAMES
        assert min(off, PERIOD_FRAMES - off) <= SEGMENTS.stride_frames


def test_the_report_says_how_it_went(fitted: FitResult) -> None:
    report = fitted.report
    assert report.held_out_pairs > 0
    assert report.at_start is not None
    assert report.at_chosen is not None
    assert report.at_start.continuation_error is not None
    assert report.at_chosen.continuation_error is not None
    assert report.at_chosen.continuation_error <= report.at_start.continuation_error < 0.5
    assert set(report.seconds) == {"calibrate", "features", "epochs"}


def test_the_same_seed_gives_the_same_encoder(fitted: FitResult) -> None:
    before, threads = torch.random.get_rng_state(), torch.get_num_threads()
    again = fit(FRAMES, SEGMENTS, CPU, seed=3)
    assert torch.equal(before, torch.random.get_rng_state())
    assert threads == torch.get_num_threads()
    for one, other in zip(_embeddings(fitted), _embeddings(again), strict=True):
        np.testing.assert_array_equal(one, other)


def test_fitting_lowers_the_loss_and_leaves_the_trunk_alone() -> None:
    random = np.random.default_rng(0)
    encoder = create_encoder(CPU, SEGMENTS, (64, 64), seed=0)
    encoder.trunk.calibrate(FRAMES, SEGMENTS, random)
    trunk = {name: tensor.clone() for name, tensor in encoder.trunk.state_dict().items()}
    fitting = Fitting(encoder, FRAMES, SEGMENTS, CPU, random)
    pairs = np.arange(SEGMENTS.count - 1)

    def far_similarity() -> float:
        query, target = fitting.embeddings()
        return float((query @ target.T)[:30, 60:].mean())

    start = far_similarity()
    for _ in range(5):
        fitting.epoch(pairs)
    assert far_similarity() < start
    assert all(torch.equal(tensor, trunk[name]) for name, tensor in encoder.trunk.state_dict().items())


def test_two_segments_are_enough() -> None:
    frames = going_round(17)
    result = fit(frames, segments_of(frames), CPU, seed=0)
    assert result.report.chosen_epoch == 0
    assert result.report.held_out_pairs == 0
    assert "too few" in result.report.why


def test_a_still_clip_gives_finite_embeddings() -> None:
    frames = np.full((450, 64, 64, 3), 90, dtype=np.uint8)
    result = fit(frames, segments_of(frames), CPU, seed=0)
    with torch.no_grad():
        query, target = result.encoder(torch.from_numpy(frames[None, :12]))
    assert torch.isfinite(query).all()
    assert torch.isfinite(target).all()


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (FRAMES.astype(np.float32), r"float32, expected uint8"),
        (FRAMES[..., 0], r"expected \(frames, height, width, 3\)"),
        (FRAMES[:100], r"got 100 frames, expected the 450"),
    ],
)
def test_other_frames_are_refused(frames: np.ndarray, message: str) -> None:
    with pytest.raises(FitError, match=message):
        fit(frames, SEGMENTS, CPU, seed=0)


def test_one_segment_is_refused() -> None:
    frames = going_round(14)
    with pytest.raises(FitError, match=r"hold 1 segments, expected at least 2: use a clip of 17 frames"):
        fit(frames, segments_of(frames), CPU, seed=0)


def test_the_papers_network_takes_a_step() -> None:
    frames = going_round(40)  # 6 segments: some do not overlap
    segments = segments_of(frames)
    preset = without_weights(PAPER)
    preset = dataclasses.replace(preset, fit=dataclasses.replace(PAPER.fit, epochs=1, negatives=2, batch=2))
    result = fit(frames, segments, preset, seed=0)
    assert isinstance(preset.trunk, SlowFastSettings)
    assert result.report.chosen_epoch == 1
    with torch.no_grad():
        query, target = result.encoder(torch.from_numpy(frames[None, :12]))
    assert query.shape == target.shape == (1, 512)
    assert not torch.equal(query, target)
    assert result.report.weights is None
    assert result.report.processes == 1


def test_the_trunk_learns_at_its_own_rate() -> None:
    trunk = SlowFastSettings(sampled_frames=4, depth=18, slow_channels=8)
    preset = dataclasses.replace(PAPER, trunk=trunk)
    frames = going_round(30)
    encoder = create_encoder(preset, segments_of(frames), (64, 64), seed=0)
    fitting = Fitting(encoder, frames, segments_of(frames), preset, np.random.default_rng(0))
    rates = {id(weight): group["lr"] for group in fitting.optimiser.param_groups for weight in group["params"]}
    assert {rates[id(weight)] for weight in encoder.trunk.parameters()} == {1e-4}
    for head in (encoder.query_head, encoder.target_head):
        assert {rates[id(weight)] for weight in head.parameters()} == {1e-3}
    assert len(rates) == len(list(encoder.parameters()))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="half precision is for GPUs")
def test_a_step_on_a_gpu_is_in_half_precision_and_evaluation_is_not() -> None:
    trunk = SlowFastSettings(sampled_frames=4, depth=18, slow_channels=8)
    preset = dataclasses.replace(PAPER, trunk=trunk)
    encoder = create_encoder(preset, SEGMENTS, (64, 64), seed=0).eval()
    encoder.trunk.calibrate(FRAMES, SEGMENTS, np.random.default_rng(0))
    fitting = Fitting(encoder.to("cuda"), FRAMES, SEGMENTS, preset, np.random.default_rng(0))
    batch, candidates = np.array([1, 20]), np.array([2, 21, 50, 70])
    full = float(fitting.loss(batch, candidates))
    encoder.train()
    half = fitting.loss(batch, candidates)
    assert half.dtype == torch.float32
    assert float(half) != full
    assert float(half) == pytest.approx(full, rel=0.05)


def test_a_cpu_computes_in_full_precision() -> None:
    assert half_type(torch.device("cpu")) is None
    assert not gradient_scaler(torch.device("cpu")).is_enabled()
    with in_steps(torch.device("cpu"), training=True):
        assert not torch.is_autocast_enabled("cpu")


def test_a_trained_trunk_is_judged_and_restored() -> None:
    trunk = SlowFastSettings(sampled_frames=4, depth=18, slow_channels=8, view="overlap")
    preset = dataclasses.replace(PAPER, trunk=trunk, fit=FitSettings(epochs=1, batch=16, negatives=4, optimiser="sgd"))
    result = fit(FRAMES[:330, ::2, ::2], segments_of(FRAMES[:330]), preset, seed=0)
    assert result.report.epochs_run == 1
    assert result.report.chosen_epoch in (0, 1)
