"""The circulation of least cost, against brute force and by its own conditions."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from scipy.sparse.csgraph import connected_components

from stream.circulation import Wanted, least_cost_circulation
from stream.ways import Floats, Mask, Ways

FREE = Wanted(0.1, most_of_jumps=1.0, most_visits=1e6, shortest_run=1)


def line(count: int, jumps: dict[tuple[int, int], float]) -> tuple[Ways, Floats]:
    """A clip of `count` segments, and what its jumps cost."""
    cost = np.full((count, count), np.nan, np.float32)
    cost[np.arange(count - 1), np.arange(1, count)] = 0
    for (leaves, lands), value in jumps.items():
        cost[leaves, lands] = value
    return Ways.of_mask(~np.isnan(cost)), cost[~np.isnan(cost)]


def all_jumps(count: int, seed: int) -> tuple[Ways, Floats]:
    random = np.random.default_rng(seed)
    return line(count, {(i, j): float(random.random()) for i in range(count) for j in range(count) if j != i + 1})


def solved(ways: Ways, cost: Floats, wanted: Wanted) -> npt.NDArray[np.float64]:
    flow = least_cost_circulation(ways, cost, wanted)
    assert flow is not None
    assert flow.sum() == pytest.approx(1)
    assert (flow >= 0).all()
    leaving = np.bincount(ways.sources, flow, ways.count)
    np.testing.assert_allclose(leaving, np.bincount(ways.targets, flow, ways.count), atol=1e-6)
    return flow


def jump_share(ways: Ways, flow: npt.NDArray[np.float64]) -> float:
    return float(flow[~ways.natural].sum())


def test_of_two_loops_of_one_length_the_cheaper_is_taken() -> None:
    ways, cost = line(30, {(9, 0): 0.5, (19, 10): 0.2, (29, 20): 0.9, (29, 0): 0.1})
    flow = solved(ways, cost, FREE)
    taken = {(int(i), int(j)) for i, j, f in zip(ways.sources, ways.targets, flow, strict=True) if f > 0 and j != i + 1}
    assert taken == {(19, 10)}
    assert jump_share(ways, flow) == pytest.approx(0.1)


def test_it_is_the_cheapest_of_all_single_loops_at_least() -> None:
    """A loop of ten segments with one jump is a circulation with a tenth of jumps: none of these may be cheaper."""
    for seed in range(5):
        ways, cost = all_jumps(30, seed)
        flow = solved(ways, cost, FREE)
        loops = [cost[ways.find([first + 9], [first])[0]] for first in range(21)]
        assert flow @ cost <= 0.1 * min(loops) + 1e-6


@pytest.mark.parametrize("share", [0.06, 0.1, 0.2])
@pytest.mark.parametrize("seed", range(3))
def test_all_that_is_asked_for_is_kept(share: float, seed: int) -> None:
    ways, cost = all_jumps(60, seed)
    wanted = Wanted(share)
    flow = solved(ways, cost, wanted)
    assert jump_share(ways, flow) == pytest.approx(share, rel=1e-4)
    assert flow[~ways.natural].max() <= wanted.most_of_jumps * share * 1.001
    visits = np.bincount(ways.sources, flow, ways.count)
    assert visits.max() <= wanted.most_visits / ways.count * 1.001
    jumps: Mask = ~ways.natural & (flow > 0)
    for landed in np.unique(ways.targets[jumps]):
        left = ways.sources[jumps] - landed
        assert not ((left >= 0) & (left < wanted.shortest_run - 1)).any()


def test_loops_that_do_not_meet_are_joined() -> None:
    """Two loops are cheap, and the way from one to the other is dear: it is taken nevertheless, if rarely."""
    ways, cost = line(20, {(9, 0): 0.1, (19, 10): 0.1, (19, 0): 5.0})
    flow = solved(ways, cost, Wanted(0.1, most_of_jumps=0.6, most_visits=1.2, shortest_run=1))
    joining = ways.find([9, 19], [10, 0])
    assert (flow[joining] > 1e-4).all()
    assert flow[joining[1]] < 0.02


def test_a_long_clip_of_many_places_is_one_walk() -> None:
    """Sixty shots that are dear to leave: more than the rounds of a long clip can join one by one."""
    jumps = {(20 * shot + 19, 20 * shot): 0.01 * (shot % 7) for shot in range(60)}
    jumps |= {(20 * shot + 9, 20 * (shot + 1)): 3.0 + shot / 60 for shot in range(59)}
    jumps |= {(20 * (shot + 1) + 9, 20 * shot): 3.0 for shot in range(59)}
    ways, cost = line(1200, jumps)
    in_shots = ~ways.natural | (ways.targets % 20 > 0)
    ways, cost = ways.kept(in_shots), cost[in_shots]
    flow = least_cost_circulation(ways, cost, Wanted(0.05, most_of_jumps=1, most_visits=1.3, shortest_run=1))
    assert flow is not None
    taken = flow > 0
    pattern = ways.kept(taken).matrix(flow[taken].astype(np.float32))
    loops, labels = connected_components(pattern, directed=True, connection="strong")
    walked = np.bincount(labels, np.bincount(ways.sources, flow, ways.count), loops)
    assert walked.max() == pytest.approx(1)
    assert 0.045 < jump_share(ways, flow) < 0.08  # a twentieth, and what leads from shot to shot


@pytest.mark.parametrize("share", [0.001, 0.9])
def test_what_cannot_be_met_gives_the_nearest(share: float) -> None:
    ways, cost = line(10, {(9, 0): 0.3, (4, 0): 0.1})
    flow = solved(ways, cost, Wanted(share, most_of_jumps=1.0, most_visits=10, shortest_run=1))
    assert jump_share(ways, flow) == pytest.approx(0.1 if share < 0.1 else 0.2)


def test_no_way_round_is_none() -> None:
    ways, cost = line(10, {(2, 7): 0.1})
    assert least_cost_circulation(ways, cost, FREE) is None


def test_no_way_round_within_the_bounds_is_none() -> None:
    ways, cost = line(10, {(4, 0): 0.1})
    assert least_cost_circulation(ways, cost, Wanted(0.2, most_of_jumps=1.0, most_visits=1.5, shortest_run=1)) is None


def test_relaxing_ends_at_no_bounds() -> None:
    relaxed = Wanted(0.1).relaxed(64)
    assert relaxed.most_of_jumps == 1
    assert relaxed.shortest_run == 1
    assert relaxed.most_visits == 128
