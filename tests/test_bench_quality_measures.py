"""What `bench quality` measures a walk by: each measure must be able to say no."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest

from bench.quality import fooling, metrics, seams, variety
from bench.quality.baselines import ClassicMethod, ClassicSettings, diagonally_filtered
from bench.quality.conditions import Condition
from bench.quality.film import Film, distances
from bench.quality.grid import JUMPS_PER_MINUTE, Grid
from bench.quality.methods import (
    CLASSIC,
    CLASSIC_PLUS,
    CLASSIC_PLUS_PLUS,
    over_similarity,
    random_walk,
    rgb,
)
from bench.quality.played import jumps_of, product_walk
from bench.quality.state_error import StateError
from models.continuation import BEST_JUMPS
from models.preset import CPU
from models.scene_trunk import WEIGHTS
from models.seam import SeamMeasure
from models.segments import Segments
from tests.drawn import PERIOD_FRAMES, going_round

RATE_HZ = Fraction(25)
FRAMES = 750
CLASSICS = {
    "Classic": ClassicMethod(rgb, CLASSIC, frame_by_frame=True),
    "Classic+": ClassicMethod(rgb, CLASSIC_PLUS),
    "Classic++": ClassicMethod(rgb, CLASSIC_PLUS_PLUS, whole_window=True),
}


def _film(frames: npt.NDArray[np.uint8], *cuts: int, state: npt.NDArray[np.float32] | None = None) -> Film:
    return Film(frames, Segments.of_clip(len(frames), RATE_HZ, cuts), RATE_HZ, state)


def _circle(frame_count: int) -> npt.NDArray[np.float32]:
    turn = 2 * np.pi * np.arange(frame_count) / PERIOD_FRAMES
    return np.stack([np.cos(turn), np.sin(turn)], axis=1).astype(np.float32)


@pytest.fixture(scope="module")
def disc() -> Film:
    """A disc that goes round, once in two seconds, with camera noise."""
    return _film(going_round(FRAMES), state=_circle(FRAMES))


@pytest.fixture(scope="module")
def scene() -> Film:
    """A drawn dancer of 24 s."""
    return Film.of(Condition("dancer", "none", 0, 24.0))


@pytest.fixture(scope="module")
def measure(disc: Film) -> SeamMeasure:
    return SeamMeasure(disc.small, disc.segments)


@pytest.fixture(scope="module")
def viewer(disc: Film, measure: SeamMeasure) -> fooling.Viewer:
    grid = Grid.of_segments(disc.segments, 25.0)
    cost = np.where(
        grid.allowed() & ~np.eye(grid.count, k=1, dtype=bool), CLASSICS["Classic+"].cost(disc, grid), np.inf
    )
    return fooling.Viewer(disc, measure, cost.astype(np.float32), np.random.default_rng(0))


def _random_ends(count: int) -> npt.NDArray[np.int64]:
    """Jumps to another phase of the disc, a quarter to three quarters of a turn away."""
    random = np.random.default_rng(1)
    leaves = random.integers(60, FRAMES - 200, count)
    return np.stack([leaves, leaves + 1 + 2 * PERIOD_FRAMES + random.integers(13, 38, count)], axis=1)


def _perfect_ends(count: int) -> npt.NDArray[np.int64]:
    """Jumps by whole periods."""
    leaves = np.random.default_rng(2).integers(60, FRAMES - 200, count)
    return np.stack([leaves, leaves + 1 + 2 * PERIOD_FRAMES], axis=1)


class TestStateError:
    def test_the_oracle_is_best_and_chance_is_one(self, scene: Film) -> None:
        assert scene.state is not None
        error = StateError(scene.state, scene)
        noise = np.random.default_rng(0).random((scene.segments.count,) * 2).astype(np.float32)
        pixels = CLASSICS["Classic+"].similarity(scene)
        best, classic, chance = (error.of_best_jumps(each) for each in (error.oracle(), pixels, noise))
        assert best < 0.9 * classic
        assert classic < 0.7
        assert chance == pytest.approx(1, abs=0.1)
        walked = [error.of_walk(product_walk(scene, each)) for each in (error.oracle(), pixels)]
        assert walked[0] < walked[1] < 0.6

    def test_jumps_by_a_period_have_none_and_by_half_a_period_the_most(self, disc: Film) -> None:
        assert disc.state is not None
        error = StateError(disc.state, disc)
        perfect = error._after(_perfect_ends(20)) / error.random
        opposite = error._after(_perfect_ends(20) + np.array([0, PERIOD_FRAMES // 2])) / error.random
        np.testing.assert_allclose(perfect, 0, atol=1e-3)
        np.testing.assert_allclose(opposite, 2 / error.random, rtol=1e-3)
        assert opposite[0] > 1.4

    def test_by_frames_and_by_segments_agree(self, scene: Film) -> None:
        assert scene.state is not None
        error = StateError(scene.state, scene)
        jumps = np.random.default_rng(0).integers(0, scene.segments.count - 2, (50, 2))
        ends = np.stack([error.grid.last_shown[jumps[:, 0]], error.grid.first_shown[jumps[:, 1]]], axis=1)
        np.testing.assert_allclose(error._after(ends), error.distance[jumps[:, 0], jumps[:, 1]], rtol=1e-4, atol=1e-5)

    def test_the_best_jumps_are_judged_where_there_are_enough(self, scene: Film) -> None:
        assert scene.state is not None
        error = StateError(scene.state, scene)
        assert (error._allowed[:-1].sum(axis=1) >= BEST_JUMPS).all()


class TestWalks:
    @pytest.mark.parametrize("name", CLASSICS)
    def test_all_walk_at_the_same_rate(self, scene: Film, name: str) -> None:
        for played in (CLASSICS[name].own_walk(scene), product_walk(scene, CLASSICS[name].similarity(scene))):
            assert played.jumps_per_minute == pytest.approx(JUMPS_PER_MINUTE, rel=0.05)
            shown = played.watched(np.random.default_rng(0), 1200)
            assert len(jumps_of(shown)) / 20 == pytest.approx(JUMPS_PER_MINUTE, rel=0.2)

    def test_random_jumps_are_random_jumps(self, scene: Film) -> None:
        assert scene.state is not None
        played = random_walk(scene)
        assert played.jumps_per_minute == pytest.approx(JUMPS_PER_MINUTE, rel=0.02)
        assert StateError(scene.state, scene).of_walk(played) == pytest.approx(1, abs=0.03)

    def test_the_oracle_walks_best_by_schoedls_walk_too(self, scene: Film) -> None:
        assert scene.state is not None
        error = StateError(scene.state, scene)
        oracle, pixels = (
            error.of_walk(over_similarity(scene, each))
            for each in (error.oracle(), CLASSICS["Classic+"].similarity(scene))
        )
        assert oracle < pixels < 0.6

    @pytest.mark.parametrize("name", CLASSICS)
    def test_classic_walks_find_what_repeats(self, name: str) -> None:
        film = _film(going_round(500, noise=1.0), state=_circle(500))
        assert film.state is not None
        played = CLASSICS[name].own_walk(film)
        ends, shares = played.traffic
        misses = (ends[:, 1] - ends[:, 0] - 1) % PERIOD_FRAMES
        assert shares[misses == 0].sum() > 0.95
        assert StateError(film.state, film).of_walk(played) < 0.05

    @pytest.mark.parametrize("name", CLASSICS)
    def test_the_rate_holds_where_a_film_repeats_exactly_and_every_jump_is_free(self, name: str) -> None:
        played = CLASSICS[name].own_walk(_film(going_round(400, noise=0.0)))
        assert played.jumps_per_minute == pytest.approx(JUMPS_PER_MINUTE, rel=0.02)

    def test_no_jump_is_shorter_than_two_seconds_and_nothing_goes_on_over_a_cut(self) -> None:
        film = _film(going_round(500), 200)
        for method in CLASSICS.values():
            played = method.own_walk(film)
            ends, _ = played.traffic
            assert np.abs(ends[:, 1] - ends[:, 0] - 1).min() >= 50
            shown = played.watched(np.random.default_rng(0))
            assert not ((shown[:-1] == 199) & (shown[1:] == 200)).any()
            assert shown.min() < 150 < 250 < shown.max()

    def test_the_filter_is_the_sum_along_the_diagonal(self) -> None:
        distance = distances(np.random.default_rng(0).normal(size=(30, 5)).astype(np.float32))
        filtered = diagonally_filtered(distance, 4, -2)
        weights = np.array([1, 3, 3, 1]) / 8
        wanted = sum(weight * distance[10 + k, 20 + k] for weight, k in zip(weights, range(-2, 2), strict=True))
        assert filtered.shape == (31, 30)
        assert filtered[10, 20] == pytest.approx(wanted, rel=1e-5)
        kept = weights[:2] @ [distance[28, 3], distance[29, 4]] / weights[:2].sum()
        assert filtered[30, 5] == pytest.approx(
            kept, rel=1e-5
        )  # of what would follow the last frame, two taps are left

    def test_going_on_costs_nothing(self, scene: Film) -> None:
        grid = Grid.of_segments(scene.segments, 25.0)
        for method in CLASSICS.values():
            assert np.abs(method.cost(scene, grid).diagonal(1)).max() < 0.1


class TestVariety:
    def test_the_longest_repeat_is_what_trying_all_finds(self) -> None:
        random = np.random.default_rng(0)
        for _ in range(100):
            shown = random.integers(0, 3, random.integers(1, 40))
            assert variety.longest_repeat_frames(shown) == _longest_repeat(shown)

    def test_a_loop_repeats_nearly_all_of_it(self) -> None:
        assert variety.longest_repeat_frames(np.tile(np.arange(50), 20)) == 950

    def test_all_and_half_of_a_film(self, disc: Film) -> None:
        played = disc.segments.overlap_frames + np.arange(disc.segments.count * disc.segments.stride_frames)
        assert variety.share_visited(played, disc) == 1
        assert variety.share_visited(played[::2], disc) == pytest.approx(0.5, abs=0.01)

    def test_a_walk_of_one_loop_has_no_entropy(self, disc: Film) -> None:
        assert disc.state is not None
        wide = product_walk(disc, StateError(disc.state, disc).oracle())
        assert wide.bits_per_minute > 10


def _longest_repeat(shown: npt.NDArray[np.int64]) -> int:
    best = 0
    for first in range(len(shown)):
        for second in range(first + 1, len(shown)):
            length = 0
            while second + length < len(shown) and shown[first + length] == shown[second + length]:
                length += 1
            best = max(best, length)
    return best


@pytest.mark.parametrize(
    "similarity",
    [
        lambda film: metrics.of_preset(film, metrics.PIXELS, 0),
        lambda film: metrics.of_scene_network(film, WEIGHTS, 0),
        lambda film: metrics.of_fit(film, CPU, 0),
    ],
    ids=["pixels", "learned", "fit"],
)
def test_metrics_know_a_disc_that_goes_round(similarity: Callable[[Film], npt.NDArray[np.float32]]) -> None:
    film = _film(going_round(300), state=_circle(300))
    assert film.state is not None
    error = StateError(film.state, film)
    found = similarity(film)
    assert found.shape == (film.segments.count,) * 2
    assert error.of_best_jumps(found) < 0.1
    assert error.of_best_jumps(found.T[::-1].T.copy()) > 0.2


class TestFooling:
    def test_perfect_jumps_fool_the_viewer_and_random_ones_do_not(self, viewer: fooling.Viewer) -> None:
        perfect = viewer.fooled(_perfect_ends(150), np.random.default_rng(0))
        chance = viewer.fooled(_random_ends(150), np.random.default_rng(0))
        assert perfect is not None
        assert chance is not None
        assert perfect == pytest.approx(0.5, abs=0.1)
        assert chance < 0.1

    def test_it_is_at_chance_where_the_labels_lie(self, viewer: fooling.Viewer) -> None:
        """Windows without a seam, half of them called fake."""
        leaves = np.random.default_rng(3).integers(60, FRAMES - 60, 150)
        shown = viewer.fooled(np.stack([leaves, leaves + 1], axis=1), np.random.default_rng(0))
        assert shown == pytest.approx(0.5, abs=0.07)

    def test_both_kinds_of_windows_are_at_the_same_places(self, disc: Film) -> None:
        ends = _random_ends(40)
        found = fooling.sample(disc, ends, np.random.default_rng(0))
        fake, real = found.frames[found.is_fake], found.frames[~found.is_fake]
        assert len(fake) == len(real) == 40
        assert ((np.diff(fake) != 1).sum(axis=1) == 1).all()
        assert (np.diff(real) == 1).all()
        ends_of_parts = found.parts[found.is_fake]
        np.testing.assert_array_equal(ends_of_parts[:, 1:3], ends)
        assert all(np.isin(real[index], np.r_[fake[index], ends[index]]).any() for index in range(40))

    def test_no_window_crosses_a_cut(self) -> None:
        film = _film(going_round(FRAMES), 300)
        found = fooling.sample(film, _random_ends(200), np.random.default_rng(0))
        runs = found.parts.reshape(-1, 2)
        assert not ((runs[:, 0] < 300) & (runs[:, 1] >= 300)).any()
        assert 0 < len(found.frames) < 400

    def test_training_and_testing_share_no_block(self, viewer: fooling.Viewer) -> None:
        assert len(viewer.trained) > 5
        for is_testing, _ in viewer.trained:
            assert 0 < is_testing.sum() < len(is_testing)


class TestSeams:
    def test_random_jumps_show_and_bridges_help(self, disc: Film, measure: SeamMeasure) -> None:
        perfect, chance = seams.plain(measure, _perfect_ends(40)), seams.plain(measure, _random_ends(40))
        bridge = seams.bridged(disc, measure, _random_ends(40))
        assert perfect is not None
        assert chance is not None
        assert bridge is not None
        assert perfect.combined == pytest.approx(1, abs=0.3)
        assert chance.combined > 3
        assert bridge.combined < 0.8 * chance.combined

    def test_jumps_at_the_very_ends_of_a_film_are_left_out(self, disc: Film) -> None:
        ends = np.array([[0, 50], [50, FRAMES - 1], [50, 100]])
        np.testing.assert_array_equal(seams.visible(disc, ends), [[50, 100]])


def test_classic_settings_were_tuned() -> None:
    assert {CLASSIC, CLASSIC_PLUS, CLASSIC_PLUS_PLUS} != {ClassicSettings()}
