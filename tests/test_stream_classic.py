"""The classic video texture: differences of pixels, the filter along the diagonal, the future, and pruning."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest

from models.segments import Segments
from stream.classic import Classic
from stream.foresight import DISCOUNT
from stream.liveliness import Tempo
from tests.drawn import going_round
from tests.stream_media import visits

Frames = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def frames() -> Frames:
    """Something that comes round every 50 frames, four times."""
    return going_round(200)


@pytest.fixture(scope="module")
def classic(frames: Frames) -> Classic:
    return Classic.of_frames(frames)


def pendulum(count: int, period: int = 40) -> Frames:
    """A bar that swings: each place is passed in both directions, and only the direction tells them apart."""
    columns = np.arange(64)[None, None, :, None]
    centre = 32 + 20 * np.sin(2 * np.pi * np.arange(count) / period)[:, None, None, None]
    return np.broadcast_to(255 * np.exp(-(((columns - centre) / 4) ** 2)), (count, 8, 64, 3)).astype(np.uint8)


def difference(frames: Frames, i: int, j: int) -> float:
    return float(np.sqrt(np.mean((frames[i].astype(float) - frames[j]) ** 2)))


@pytest.mark.parametrize(("taps", "weights"), [(1, {0: 1}), (2, {-1: 1 / 2, 0: 1 / 2}),
                                               (4, {-2: 1 / 8, -1: 3 / 8, 0: 3 / 8, 1: 1 / 8})])  # fmt: skip
def test_a_step_costs_what_lies_between_the_next_frame_and_the_one_it_leads_to(
    frames: Frames, taps: int, weights: dict[int, float]
) -> None:
    cost = Classic.of_frames(frames, taps=taps).cost
    for i, j in ((10, 90), (60, 7), (150, 30)):
        expected = sum(weight * difference(frames, i + 1 + k, j + k) for k, weight in weights.items())
        assert cost[i, j] == pytest.approx(expected, abs=2e-2)
    following = np.arange(5, 190)
    assert not cost[following, following + 1].any()


def test_nothing_is_played_that_the_filter_cannot_judge(frames: Frames) -> None:
    cost = Classic.of_frames(frames).cost
    impossible = ~np.isfinite(cost)
    assert impossible[:, :2].all()
    assert impossible[:, -2:].all()  # the last but one is a dead end: what follows it has no frame after it
    assert not impossible[1:-2, 2:-2].any()


def test_the_mean_cost_is_that_of_two_different_moments(frames: Frames) -> None:
    some = [difference(frames, i, j) for i in range(0, 200, 7) for j in range(0, 200, 9) if i != j]
    assert Classic.of_frames(frames, taps=1).mean_cost == pytest.approx(np.mean(some), rel=0.05)


def test_the_filter_tells_a_swing_from_the_swing_back() -> None:
    frames = pendulum(200)
    same_way, other_way = (30, 71), (30, 69)  # what follows 30 is 31; 71 is a period later, 69 its mirror image
    plain, filtered = Classic.of_frames(frames, taps=1).cost, Classic.of_frames(frames, taps=4).cost
    assert plain[other_way] < plain[same_way] + 1
    assert filtered[other_way] > filtered[same_way] + 10


def test_places_are_compared_like_the_frames_that_they_are(frames: Frames) -> None:
    segments = Segments(200, 15, 6)
    places = [segments.first_appended_frame(segment) for segment in range(segments.count)]
    on_grid, by_frame = Classic.of_frames(frames, places).cost, Classic.of_frames(frames).cost
    expected = by_frame[np.ix_(np.array(places) + 5, places)]  # the next place's predecessor leads to it
    known = np.isfinite(on_grid)
    np.testing.assert_allclose(on_grid[known], expected[known], atol=1e-3)
    assert known[:-1, :-1].mean() > 0.95


def test_what_a_cut_runs_through_is_neither_left_nor_entered(frames: Frames) -> None:
    segments = Segments(200, 15, 6, cuts=(90,))
    places = [segments.first_appended_frame(segment) for segment in range(segments.count)]
    found = Classic.of_frames(frames, places, playable=segments.clean)
    assert not np.isfinite(found.cost[~segments.clean]).any()
    assert not np.isfinite(found.cost[:, ~segments.clean]).any()
    taken = visits(found.transitions(0.2), 3000)
    assert not taken[:, ~segments.clean].any()


@pytest.mark.parametrize("sigma", [0.02, 0.3])
def test_probabilities_fall_exponentially_with_the_cost(classic: Classic, sigma: float) -> None:
    probabilities = classic.probabilities(sigma)
    np.testing.assert_allclose(probabilities[1:-2].sum(axis=1), 1, atol=1e-5)
    ratio = float(probabilities[20, 72] / probabilities[20, 21])
    assert ratio == pytest.approx(math.exp(-classic.cost[20, 72] / (sigma * classic.mean_cost)), rel=1e-3)


def test_sigma_must_be_above_nothing(classic: Classic) -> None:
    with pytest.raises(ValueError, match="σ must be above 0, got 0"):
        classic.probabilities(0)


def test_the_filter_has_taps_of_a_binomial(frames: Frames) -> None:
    with pytest.raises(ValueError, match="1, 2 or 4 taps, got 3"):
        Classic.of_frames(frames, taps=3)


@pytest.mark.parametrize("power", [1.0, 2.0])
def test_the_future_is_the_fixed_point_of_the_papers_recurrence(classic: Classic, power: float) -> None:
    future = classic.with_future(power).cost.astype(np.float64)
    onward = future.min(axis=1)
    expected = classic.cost.astype(np.float64) ** power + DISCOUNT * onward[None, :]
    known = np.isfinite(classic.cost)
    np.testing.assert_allclose(future[known], expected[known], rtol=1e-4, atol=1e-3)


def test_with_the_future_the_walk_is_not_caught_where_there_is_no_good_way_back() -> None:
    """The clip comes round four times and ends on what it never shows before."""
    frames = going_round(230)
    frames[200:] = 255 - frames[200:]
    plain = Classic.of_frames(frames)
    assert plain.transitions(0.05).stationary[200:].sum() > 0.9
    assert plain.with_future().transitions(0.05).stationary[200:].sum() < 0.01


def test_of_similar_steps_only_the_best_is_kept(classic: Classic) -> None:
    spots = classic.sweet_spots()
    following = np.arange(2, 196)
    assert spots[following, following + 1].all()
    stutters = [spots[following, following + offset].any() for offset in (0, 2)]
    assert stutters == [False, False]
    rows, columns = np.nonzero(spots)
    jumps = np.abs(columns - rows - 1) > 2
    assert 0 < jumps.sum() < 0.05 * np.isfinite(classic.cost).sum()
    for row, column in zip(rows[jumps][:50], columns[jumps][:50], strict=True):
        around = classic.cost[row - 1 : row + 2, max(0, column - 1) : column + 2]
        assert classic.cost[row, column] == around.min()


def test_the_threshold_comes_after_the_sweet_spots(classic: Classic) -> None:
    some, fewer = (classic.transitions(0.05, threshold=threshold).probabilities.nnz for threshold in (0, 0.02))
    allowed = classic.transitions(0.05, radius=0).probabilities.nnz
    assert allowed > 5 * some > 5 * fewer > 5 * 190


def test_a_walk_never_comes_to_an_end(classic: Classic) -> None:
    for transitions in (classic.transitions(0.003), classic.transitions(0.1), classic.with_future().transitions(0.1)):
        np.testing.assert_allclose(transitions.probabilities.sum(axis=1), 1, atol=1e-5)
        assert visits(transitions, 2000).sum() == 2000


@pytest.mark.parametrize("wanted", [30.0, 120.0])
def test_a_rate_of_jumps_is_met(classic: Classic, wanted: float) -> None:
    tempo = Tempo(1 / 30, 0)
    for texture in (classic, classic.with_future()):
        sigma = texture.sigma_at_rate(tempo, wanted)
        reached = tempo.jumps_per_minute(texture.transitions(sigma).jump_share)
        assert reached == pytest.approx(wanted, rel=0.1)
