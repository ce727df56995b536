"""Where hits land."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from stream.attack import Attack
from stream.graph import Graph, Weighting
from stream.landing import NEAR_STEPS, REMEMBERED, Landing
from tests.stream_media import circle_graph, spread


@pytest.fixture(scope="module")
def graph() -> Graph:
    return circle_graph()


def landing(graph: Graph, seed: int = 0) -> Landing:
    transitions = graph.transition_matrix(Weighting(0.05, threshold=0.9))
    return Landing(graph, transitions, np.random.default_rng(seed))


def attack(graph: Graph, strong: list[int]) -> Attack:
    """Each segment looks like its number; some of them strike."""
    strength = np.full(graph.count, 0.05, np.float32)
    strength[strong] = 1
    looks = np.tile(np.arange(graph.count, dtype=np.uint8)[:, None, None], (1, 18, 32))
    return Attack(strength, looks)


def targets(choice: Landing, shown: int, count: int = 400, **heard: object) -> list[int]:
    chosen = [choice.choose(shown, **heard) for _ in range(count)]  # type: ignore[arg-type]
    assert None not in chosen
    return [target for target in chosen if target is not None]


def test_it_is_always_a_likely_way_and_never_the_way_on(graph: Graph) -> None:
    similarity = spread(graph, graph.similarity)
    choice = landing(graph)
    for shown in range(0, graph.count - 1, 7):
        chosen = targets(choice, shown, 40)
        row = similarity[shown]
        assert not np.isnan(row[chosen]).any(), "all are ways of the graph"
        assert row[chosen].mean() > np.nanquantile(row, 0.6)
        assert min(abs(target - shown - 1) for target in chosen) > NEAR_STEPS


def test_what_strikes_is_preferred(graph: Graph) -> None:
    choice = landing(graph)
    row = spread(graph, graph.similarity, absent=-1.0)[20]
    likely = [target for target in np.argsort(-row)[:24].tolist() if abs(target - 21) > NEAR_STEPS]
    strong = likely[: 2 * REMEMBERED]
    choice.attack = attack(graph, strong)
    shares = Counter(target in strong for target in targets(choice, 20))
    assert shares[True] > 0.9 * 400


def test_what_looks_the_same_is_not_hit_if_something_else_strikes_too(graph: Graph) -> None:
    choice = landing(graph)
    row = spread(graph, graph.similarity, absent=-1.0)[20]
    likely = [target for target in np.argsort(-row)[:24].tolist() if abs(target - 21) > NEAR_STEPS]
    striking = attack(graph, likely)
    same = likely[:4]
    striking.looks[same] = striking.looks[20]
    choice.attack = striking
    assert not set(same) & set(targets(choice, 20))


def test_hits_in_a_row_go_to_different_places(graph: Graph) -> None:
    choice = landing(graph)
    choice.attack = attack(graph, [50])
    chosen = targets(choice, 20, 100)
    for index in range(REMEMBERED, len(chosen)):
        assert chosen[index] not in chosen[index - REMEMBERED : index]


def sounding(graph: Graph, alike: list[int]) -> np.ndarray:
    """Most segments sound like nothing that is heard, some just like it."""
    scores = np.random.default_rng(5).normal(0, 0.05, graph.count).astype(np.float32)
    scores[alike] = 1
    return scores


def test_what_is_heard_leads(graph: Graph) -> None:
    alike = [2, *range(90, 102)]
    scores = sounding(graph, alike)
    chosen = Counter(targets(landing(graph), 20, 300, scores=scores, alpha=0.0))
    assert sum(chosen[target] for target in alike) > 0.95 * 300
    mixed = Counter(targets(landing(graph), 20, 300, scores=scores, alpha=0.5))
    deaf = Counter(targets(landing(graph), 20, 300, scores=scores, alpha=1.0))
    share = [sum(each[target] for target in alike) / 300 for each in (deaf, mixed, chosen)]
    assert share == sorted(share)
    assert share[0] < 0.3 < share[1]


@pytest.mark.parametrize("alpha", [0.0, 0.5])
def test_it_lands_where_the_clip_strikes_what_is_heard(graph: Graph, alpha: float) -> None:
    """Not where it merely sounds so, nor where it strikes something else."""
    alike, strong = list(range(60, 90)), [*range(70, 80), *range(110, 140)]
    choice = landing(graph)
    choice.attack = attack(graph, strong)
    chosen = Counter(targets(choice, 20, 300, scores=sounding(graph, alike), alpha=alpha))
    right = sum(chosen[target] for target in range(70, 80))
    assert right > (0.95 if alpha == 0 else 0.6) * 300


def test_among_sounds_that_are_all_wrong_it_still_strikes(graph: Graph) -> None:
    choice = landing(graph)
    choice.attack = attack(graph, list(range(60, 140, 4)))
    scores = sounding(graph, list(range(1, 50, 3)))  # where what sounds right does not strike
    assert sum(target % 4 == 0 and target >= 60 for target in targets(choice, 20, 200, scores=scores, alpha=0.0)) > 190


def test_where_nothing_that_sounds_may_be_played_it_goes_by_looks(graph: Graph) -> None:
    scores = np.full(graph.count, -np.inf, np.float32)
    scores[21] = 1  # which is only the way on
    assert targets(landing(graph), 20, 10, scores=scores, alpha=0.0) == targets(landing(graph), 20, 10)


def test_the_seed_is_the_targets(graph: Graph) -> None:
    assert targets(landing(graph, 4), 30, 50) == targets(landing(graph, 4), 30, 50)
    assert targets(landing(graph, 4), 30, 50) != targets(landing(graph, 5), 30, 50)


def test_where_nothing_leads_elsewhere_there_is_no_hit() -> None:
    ring = np.roll(np.eye(4, dtype=bool), 1, axis=1)
    graph = Graph.of_similarity(np.ones((4, 4), np.float32), ring)
    transitions = graph.transition_matrix(Weighting(1.0, threshold=1.0))
    assert Landing(graph, transitions, np.random.default_rng(0)).choose(0) is None
