"""Looking at a walk's jumps: what shows more than it promised is passed over."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from stream.graph import Graph
from stream.liveliness import Liveliness, Tempo
from stream.seen_seams import SeenSeams, walk_and_look
from tests.stream_media import circle_graph

TEMPO = Tempo(0.2, 0.1)
COUNT = 120
Jumps = npt.NDArray[np.int64]


@pytest.fixture(scope="module")
def graph() -> Graph:
    return circle_graph(COUNT, turns=6)


def rough(jumps: Jumps) -> npt.NDArray[np.float32]:
    """A clip in which jumps that land in the first half show three times as much as others, with some grain."""
    grain = 1 + 0.1 * np.sin(jumps @ np.array([12.9898, 78.233]))
    return np.asarray(np.where(jumps[:, 1] < COUNT // 2, 3.0, 1.0) * grain, np.float32)


def mean_seam(liveliness: Liveliness) -> float:
    leaves, lands, shares = liveliness.transitions.traffic()
    shown = np.log(rough(np.stack([leaves, lands], axis=1).astype(np.int64)))
    return float(np.exp(shown @ shares / shares.sum()))


def test_the_walk_that_looked_shows_less_at_the_same_rate(graph: Graph) -> None:
    blind = Liveliness.at_rate(graph, TEMPO, 15.0)
    _, looking = walk_and_look(graph, TEMPO, 15.0, rough)
    assert mean_seam(looking) < 0.85 * mean_seam(blind)
    assert looking.jumps_per_minute == pytest.approx(blind.jumps_per_minute, rel=0.02)


def test_every_jump_is_looked_at_once(graph: Graph) -> None:
    asked: list[tuple[int, int]] = []

    def look(jumps: Jumps) -> npt.NDArray[np.float32]:
        asked.extend(map(tuple, jumps.tolist()))
        return rough(jumps)

    seen, _ = walk_and_look(graph, TEMPO, 15.0, look)
    assert len(asked) == len(set(asked)) == len(seen)
    assert asked == list(zip(seen.leaves.tolist(), seen.lands.tolist(), strict=True))


def test_the_last_walk_is_the_one_that_what_was_seen_gives(graph: Graph) -> None:
    """So that a server, which has only what was seen, walks as was solved when the texture was made."""
    seen, looking = walk_and_look(graph, TEMPO, 15.0, rough)
    again = Liveliness.at_rate(seen.seen_in(graph), TEMPO, 15.0)
    assert (again.transitions.probabilities != looking.transitions.probabilities).nnz == 0


def test_seams_that_follow_unlikeness_change_nothing(graph: Graph) -> None:
    every = np.flatnonzero(~graph.ways.natural)[::37]
    seams = np.exp(0.3 + 2 * graph.unlikeness[every])
    seen = SeenSeams(graph.ways.sources[every], graph.ways.targets[every], seams.astype(np.float32))
    np.testing.assert_allclose(seen.seen_in(graph).similarity, graph.similarity, atol=1e-5)


def test_what_was_not_looked_at_is_doubted_if_it_is_a_jump(graph: Graph) -> None:
    seen, _ = walk_and_look(graph, TEMPO, 15.0, rough)
    looked_at = np.isin(np.arange(len(graph.ways)), graph.ways.find(seen.leaves, seen.lands))
    jumps_unseen = ~looked_at & ~graph.ways.natural
    undoubted, doubted = (graph.similarity - seen.seen_in(graph, doubt).similarity for doubt in (0.0, 2.0))
    assert not undoubted[~looked_at].any()
    assert undoubted[looked_at].any()
    np.testing.assert_allclose(doubted[jumps_unseen], 2 * undoubted[looked_at].std(), rtol=1e-3)
    np.testing.assert_array_equal(doubted[~jumps_unseen], undoubted[~jumps_unseen])


def test_the_last_walk_makes_jumps_that_were_looked_at(graph: Graph) -> None:
    """Where nothing was seen of them, chance would have them show as much as any."""
    seen, looking = walk_and_look(graph, TEMPO, 15.0, rough)
    leaves, lands, shares = looking.transitions.traffic()
    known = graph.ways.find(seen.leaves, seen.lands)
    unseen = shares[~np.isin(graph.ways.find(leaves, lands), known)].sum() / shares.sum()
    bold = Liveliness.at_rate(seen.seen_in(graph, doubt=0.0), TEMPO, 15.0)
    leaves, lands, shares = bold.transitions.traffic()
    boldly = shares[~np.isin(graph.ways.find(leaves, lands), known)].sum() / shares.sum()
    assert unseen <= boldly
    assert unseen < 0.2


def test_jumps_that_the_graph_has_no_more_do_not_count(graph: Graph) -> None:
    """A long clip's ways are searched for again on the machine that plays it, and may differ in the last one."""
    strange = SeenSeams(np.array([0, 0], np.int32), np.array([1, 1], np.int32), np.array([1, 5], np.float32))
    without = graph.kept((graph.ways.sources != 0) | (graph.ways.targets != 1))
    assert strange.seen_in(without) is without
    assert SeenSeams.none().seen_in(graph) is graph
