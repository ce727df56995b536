"""The anticipated future cost, against value iteration."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from stream.foresight import DISCOUNT, future_cost
from stream.ways import Ways


def random_ways(count: int, seed: int) -> tuple[Ways, npt.NDArray[np.float32]]:
    """Some ways from each segment, on average 4, and what they cost."""
    random = np.random.default_rng(seed)
    mask = random.random((count, count)) < 4 / count
    mask[np.arange(count), (np.arange(count) + 1) % count] = True
    ways = Ways.of_mask(mask)
    return ways, random.exponential(1.0, len(ways)).astype(np.float32)


@pytest.mark.parametrize(("seed", "scale"), [(0, 1.0), (1, 1e-4), (2, 1e3)])
def test_it_is_what_value_iteration_comes_to(seed: int, scale: float) -> None:
    ways, cost = random_ways(60, seed)
    cost = (scale * cost).astype(np.float32)
    matrix = np.full((60, 60), np.inf)
    matrix[ways.sources, ways.targets] = cost
    future = np.zeros(60)
    for _ in range(10_000):  # shrinks an error by 2e-9
        future = (matrix + DISCOUNT * future).min(axis=1)
    np.testing.assert_allclose(future_cost(ways, cost), future, rtol=1e-5)


def test_a_free_loop_costs_what_it_takes_to_get_there() -> None:
    mask = np.zeros((4, 4), np.bool_)
    mask[[0, 1, 2, 3], [1, 2, 3, 2]] = True
    cost = np.array([1.0, 2.0, 0.0, 0.0], np.float32)
    np.testing.assert_allclose(future_cost(Ways.of_mask(mask), cost), [1 + DISCOUNT * 2, 2, 0, 0], rtol=1e-6)


def test_paying_for_ever_is_a_geometric_sum() -> None:
    loop = Ways.of_mask(np.roll(np.eye(5), 1, axis=1))
    np.testing.assert_allclose(future_cost(loop, np.ones(5, np.float32)), 1 / (1 - DISCOUNT), rtol=1e-5)


def test_where_no_way_leads_on_it_is_nothing() -> None:
    mask = np.zeros((3, 3), np.bool_)
    mask[0, 1] = True
    np.testing.assert_array_equal(future_cost(Ways.of_mask(mask), np.array([2.0], np.float32)), [2, 0, 0])


def test_a_long_clip_takes_few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream.foresight.MOST_ROUNDS", 40)
    ways, cost = random_ways(3000, 3)
    future = future_cost(ways, cost).astype(np.float64)
    onward = ways.row_max(-(cost + DISCOUNT * future[ways.targets]))
    np.testing.assert_allclose(future, -onward, rtol=1e-5)
