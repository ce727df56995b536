"""From what a person thinks in, jumps per minute, to what a walk is weighed with."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from stream.graph import Graph, Weighting
from stream.transitions import Transitions

JUMP_THRESHOLD = 0.9  # jumps ten times less likely than the best from the same place are not taken
TEMPERATURE_STEPS = 15  # that are tried, from a tenth of what the best jumps cost to thirty times it
WANTED_VARIETY = 0.3  # of the clip's segments, counted as if visited evenly
BISECTIONS = 12
PRICE_RANGE = (-30.0, 60.0)  # of a jump, in temperatures


@dataclass(frozen=True)
class Tempo:
    """Turns a share of jumps into jumps per minute: a jump plays its bridge before its stride.

    Attributes:
        stride_s: seconds that each step plays.
        bridge_s: seconds that a jump plays on top.
    """

    stride_s: float
    bridge_s: float

    def jumps_per_minute(self, jump_share: float) -> float:
        """How many jumps a minute a walk makes of whose steps `jump_share` are jumps."""
        return 60 * jump_share / (self.stride_s + jump_share * self.bridge_s)


@dataclass(frozen=True)
class Liveliness:
    """How restless a walk is.

    Attributes:
        weighting: what it is weighed with.
        transitions: the matrix that follows from it.
        jumps_per_minute: what a long walk over it makes.
    """

    weighting: Weighting
    transitions: Transitions
    jumps_per_minute: float

    @classmethod
    def at_weighting(cls, graph: Graph, tempo: Tempo, weighting: Weighting) -> Liveliness:
        """As it follows from a weighting: the paper's two numbers, or one that was solved for before."""
        transitions = graph.transition_matrix(weighting)
        return cls(weighting, transitions, tempo.jumps_per_minute(transitions.jump_share))

    @classmethod
    def at_rate(cls, graph: Graph, tempo: Tempo, jumps_per_minute: float) -> Liveliness:
        """As near as the clip's own matrix comes to a rate, with the likest jumps that still give variety.

        At each temperature some price of a jump gives the wanted rate. The lowest temperature takes the likest
        jumps, and takes them over and over: a single loop. So the temperature goes up until a long walk
        visits enough of the clip; where none does, the one that visits most is taken.

        Raises:
            ValueError: jumps_per_minute is not above 0, or not finite.
        """
        if not 0 < jumps_per_minute < math.inf:
            raise ValueError(f"jumps per minute must be above 0 and finite, got {jumps_per_minute}")
        mean_run_steps = 60 / jumps_per_minute / tempo.stride_s
        shortest = round(min(mean_run_steps, graph.count / 2) / 2)
        narrowed = graph.without_short_jumps(shortest)
        wanted = WANTED_VARIETY * narrowed.allowed.any(axis=0).sum()
        best: Liveliness | None = None
        for temperature in _temperatures(narrowed):
            found = _at_price(narrowed, tempo, jumps_per_minute, temperature)
            if best is None or found.transitions.effective_segments > best.transitions.effective_segments:
                best = found
            if found.transitions.effective_segments >= wanted:
                break
        assert best is not None
        return replace(best, weighting=replace(best.weighting, shortest_jump_steps=shortest))


def _temperatures(graph: Graph) -> list[float]:
    costs = graph.best_jump_cost
    scale = max(1e-3, float(np.median(costs)) if len(costs) else 1.0)
    return [scale * float(factor) for factor in np.geomspace(0.1, 30, TEMPERATURE_STEPS)]


def _at_price(graph: Graph, tempo: Tempo, wanted: float, temperature: float) -> Liveliness:
    """The nearest to the wanted rate that a price of jumps gives at this temperature, by bisection."""
    low, high = (factor * temperature for factor in PRICE_RANGE)
    best: Liveliness | None = None
    for _ in range(BISECTIONS):
        price = (low + high) / 2
        found = Liveliness.at_weighting(
            graph, tempo, Weighting(temperature, JUMP_THRESHOLD, foresight=True, jump_price=price)
        )
        if best is None or abs(found.jumps_per_minute - wanted) < abs(best.jumps_per_minute - wanted):
            best = found
        if abs(found.jumps_per_minute - wanted) < 0.01 * wanted:
            break
        low, high = (price, high) if found.jumps_per_minute > wanted else (low, price)
    assert best is not None
    return best
