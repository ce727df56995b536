"""What the best endless walk from each segment on will cost: Schödl's anticipated future cost."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stream.ways import Floats, Ways

DISCOUNT = 0.998  # of the future cost per step: it looks about 500 steps, 100 s, ahead
FORGOTTEN = 1e-15  # what comes after the discount has shrunk to this is not counted
BETTER = 1e-9  # of the dearest way: a smaller gain is rounding
MOST_ROUNDS = 1000

Costs = npt.NDArray[np.float64]


def future_cost(ways: Ways, cost: Floats) -> Floats:
    """The discounted cost of the cheapest endless walk from each segment on, (N,); 0 where no way leads on.

    Args:
        ways: the steps there are.
        cost: what each of them costs, 0 at least and finite, (E,).

    Source: Schödl et al. 2000, section 3.2 (the anticipated future cost, p = 1). They sweep it by Q-learning; we
    iterate policies (Howard 1960), which ends at the exact minimum after some ten rounds.
    """
    going_on = np.flatnonzero(ways.lengths)
    at_once = cost.astype(np.float64)
    chosen = ways.row_best(-at_once)[going_on]
    least_gain = BETTER * at_once.max(initial=0)
    for _ in range(MOST_ROUNDS):
        future = _of_policy(ways, at_once, going_on, chosen)
        onward = -(at_once + DISCOUNT * future[ways.targets])
        better = ways.row_best(onward)[going_on]
        improves = onward[better] > onward[chosen] + least_gain
        if not improves.any():
            break
        chosen = np.where(improves, better, chosen)
    return future.astype(np.float32)


def _of_policy(ways: Ways, cost: Costs, rows: npt.NDArray[np.int64], chosen: npt.NDArray[np.int64]) -> Costs:
    """What the walk costs that always takes the chosen way of each row, (N,).

    The cost of 2 k steps is that of k steps, and that of the k steps from there on, discounted.
    """
    total = np.zeros(ways.count)
    total[rows] = cost[chosen]
    successor = np.arange(ways.count)
    successor[rows] = ways.targets[chosen]
    discount = DISCOUNT
    while discount > FORGOTTEN:
        total += discount * total[successor]
        successor = successor[successor]
        discount *= discount
    return total
