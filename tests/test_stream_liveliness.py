"""Jumps per minute: what is asked for is what a long walk does."""

from __future__ import annotations

import numpy as np
import pytest

from models.segments import Segments
from stream.graph import Graph, Weighting, allowed_transitions
from stream.liveliness import Liveliness, Tempo
from stream.walk import Walk
from tests.stream_media import allowed_of, circle, circle_graph, spread, visits

TEMPO = Tempo(stride_s=0.2, bridge_s=4 / 30)
RATES = (4.0, 15.0, 40.0)


@pytest.fixture(scope="module")
def graph() -> Graph:
    return circle_graph()


@pytest.fixture(scope="module")
def found(graph: Graph) -> dict[float, Liveliness]:
    return {rate: Liveliness.at_rate(graph, TEMPO, rate) for rate in RATES}


def test_tempo_counts_strides_and_bridges() -> None:
    tempo = Tempo(stride_s=0.2, bridge_s=0.1)
    assert tempo.jumps_per_minute(0) == 0
    assert tempo.jumps_per_minute(1) == pytest.approx(200), "each step a bridge of 0.1 s and a stride of 0.2 s"
    assert tempo.jumps_per_minute(0.1) == pytest.approx(60 / (10 * 0.2 + 0.1)), "ten strides and a bridge for each jump"
    assert Tempo(0.2, 0.0).jumps_per_minute(0.5) == pytest.approx(150)


@pytest.mark.parametrize("rate", RATES)
def test_the_rate_is_met_by_the_matrix(found: dict[float, Liveliness], rate: float) -> None:
    assert found[rate].jumps_per_minute == pytest.approx(rate, rel=0.05)
    share = found[rate].transitions.jump_share
    assert found[rate].jumps_per_minute == pytest.approx(TEMPO.jumps_per_minute(share))


@pytest.mark.parametrize("rate", RATES)
def test_the_rate_is_met_by_a_walk(found: dict[float, Liveliness], rate: float) -> None:
    taken = visits(found[rate].transitions, 30_000)
    jumps = int(taken.sum() - np.diagonal(taken, 1).sum())
    minutes = (taken.sum() * TEMPO.stride_s + jumps * TEMPO.bridge_s) / 60
    assert jumps > 300
    assert jumps / minutes == pytest.approx(found[rate].jumps_per_minute, rel=3 / np.sqrt(jumps))


def test_more_is_more(graph: Graph) -> None:
    rates = [Liveliness.at_rate(graph, TEMPO, rate).jumps_per_minute for rate in (3.0, 6.0, 12.0, 25.0, 50.0)]
    assert rates == sorted(rates)
    assert rates[-1] > 10 * rates[0]


@pytest.mark.parametrize("rate", RATES)
def test_a_long_walk_sees_enough_of_the_clip(graph: Graph, found: dict[float, Liveliness], rate: float) -> None:
    assert found[rate].transitions.effective_segments >= 0.5 * graph.count
    assert (visits(found[rate].transitions, 20_000).sum(axis=0) > 0).sum() >= 0.7 * graph.count


@pytest.mark.parametrize("rate", RATES)
def test_no_jump_is_made_over_and_over(found: dict[float, Liveliness], rate: float) -> None:
    shares = found[rate].transitions.traffic()[2]
    assert shares.max() / shares.sum() < 1.001 * 0.04


@pytest.mark.parametrize("rate", RATES)
def test_jumps_are_among_the_likest(graph: Graph, found: dict[float, Liveliness], rate: float) -> None:
    cost = spread(graph, graph.unlikeness)
    edges = found[rate].transitions.edges_by_traffic()
    mean = sum(cost[i, j] * share for i, j, share in edges) / sum(share for *_, share in edges)
    assert mean < 0.15 * graph.unlikeness.mean()
    assert graph.mean_jump_cost(found[rate].transitions) == pytest.approx(mean)


def test_a_run_lasts_four_steps_at_least(found: dict[float, Liveliness]) -> None:
    walk = Walk(found[15.0].transitions, np.random.default_rng(5))
    jumps = np.flatnonzero([walk.step().is_jump for _ in range(20_000)])
    assert len(jumps) > 500
    assert np.diff(jumps).min() >= 4


def test_runs_are_not_stutters(graph: Graph, found: dict[float, Liveliness]) -> None:
    """At 15 a minute a run lasts 20 steps; no jump lands nearer than half of that."""
    for i, j, _ in found[15.0].transitions.edges_by_traffic():
        assert abs(j - i - 1) >= 10
    assert allowed_of(graph)[50, 45], "though the graph itself allows it"


def loop(count: int) -> Graph:
    """A clip that can only be played round and round: one jump each time."""
    return Graph.of_similarity(np.eye(count, k=1), np.roll(np.eye(count), 1, axis=1))


@pytest.mark.parametrize("rate", [1e-3, 1.0, 15.0, 1e5])
def test_what_cannot_be_reached_gives_the_nearest(rate: float) -> None:
    only = 60 / (30 * TEMPO.stride_s + TEMPO.bridge_s)
    assert Liveliness.at_rate(loop(30), TEMPO, rate).jumps_per_minute == pytest.approx(only, rel=1e-4)


@pytest.mark.parametrize("rate", [1e-6, 1e-2, 150.0, 1e4])
def test_beyond_both_ends_the_walk_is_still_a_walk(graph: Graph, found: dict[float, Liveliness], rate: float) -> None:
    liveliness = Liveliness.at_rate(graph, TEMPO, rate)
    assert 0 < liveliness.jumps_per_minute <= TEMPO.jumps_per_minute(1)
    assert (liveliness.jumps_per_minute > found[40.0].jumps_per_minute) == (rate > 40)
    assert (liveliness.jumps_per_minute < found[4.0].jumps_per_minute) == (rate < 4)
    taken = visits(liveliness.transitions, 500)
    assert taken[~allowed_of(graph)].sum() == 0


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf")])
def test_bad_rates_are_refused(graph: Graph, rate: float) -> None:
    with pytest.raises(ValueError, match=f"jumps per minute must be above 0 and finite, got {rate}"):
        Liveliness.at_rate(graph, TEMPO, rate)


def test_by_temperature_it_is_the_papers_weighting(graph: Graph) -> None:
    weighting = Weighting(0.1, threshold=0.5)
    liveliness = Liveliness.at_weighting(graph, TEMPO, weighting)
    expected = graph.transition_matrix(weighting)
    assert (liveliness.transitions.probabilities != expected.probabilities).nnz == 0
    assert liveliness.jumps_per_minute == pytest.approx(TEMPO.jumps_per_minute(expected.jump_share))
    warmer = Liveliness.at_weighting(graph, TEMPO, Weighting(0.3, threshold=0.5))
    assert warmer.jumps_per_minute > liveliness.jumps_per_minute


@pytest.fixture(scope="module")
def long_graph() -> Graph:
    """Of so long a clip that each segment keeps only its best ways."""
    graph = circle_graph(1200, turns=45)
    assert len(graph.ways) < 0.06 * graph.count**2
    return graph


@pytest.mark.parametrize("rate", [1.0, 15.0])
def test_a_long_clip_walks_as_well_on_its_best_ways_as_on_all(long_graph: Graph, rate: float) -> None:
    query, target = circle(1200, turns=45)
    segments = Segments(15 + 6 * 1199, 15, 6)
    all_ways = Graph.of_similarity(query @ target.T, allowed_transitions(segments))
    few, many = Liveliness.at_rate(long_graph, TEMPO, rate), Liveliness.at_rate(all_ways, TEMPO, rate)
    assert few.jumps_per_minute == pytest.approx(rate, rel=0.02)
    assert few.transitions.effective_segments >= 0.5 * long_graph.count
    assert long_graph.mean_jump_cost(few.transitions) < 1.05 * all_ways.mean_jump_cost(many.transitions)


@pytest.mark.parametrize("rate", [0.2, 0.5])
def test_a_calm_walk_over_a_long_clip_does_not_stutter(long_graph: Graph, rate: float) -> None:
    """At these rates every moment that is near in time is out of bounds; the ways into other parts are left."""
    found = Liveliness.at_rate(long_graph, TEMPO, rate)
    leaves, lands, _ = found.transitions.traffic()
    assert np.abs(lands - leaves - 1).min() > 100


def test_a_matrix_that_was_solved_before_is_as_lively(found: dict[float, Liveliness]) -> None:
    for liveliness in found.values():
        assert liveliness.weighting is None
        assert Liveliness.of_transitions(liveliness.transitions, TEMPO) == liveliness


@pytest.mark.parametrize("bridge_s", [0.0, 4 / 30])
def test_tempo_and_its_inverse(bridge_s: float) -> None:
    tempo = Tempo(0.2, bridge_s)
    for share in (0.001, 0.05, 0.5, 1.0):
        assert tempo.jump_share(tempo.jumps_per_minute(share)) == pytest.approx(share)
    assert tempo.jump_share(1e6) == 1


def test_places_that_like_themselves_best_are_all_visited() -> None:
    """Each half of a clip has more good jumps within it than are considered; the ways between them are dear."""
    half, random = 150, np.random.default_rng(3)
    places = np.concatenate([np.arange(half) % 25, np.arange(half) % 25]) * (2 * np.pi / 25)
    side = np.repeat([0.0, 1.5], half)
    state = np.stack([np.cos(places), np.sin(places), side], axis=1) + random.normal(0, 0.01, (2 * half, 3))
    similarity = -np.linalg.norm(np.roll(state, -1, axis=0)[:, None] - state[None], axis=2).astype(np.float32)
    segments = Segments(frame_count=2 * half * 5 + 10, window_frames=15, stride_frames=5, cuts=(half * 5 + 3,))
    graph = Graph.of_similarity(similarity[: segments.count, : segments.count], allowed_transitions(segments))
    shares = Liveliness.at_rate(graph, TEMPO, 15.0).transitions.stationary
    assert 0.2 < shares[:half].sum() < 0.8
