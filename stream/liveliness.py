"""From what a person thinks in, jumps per minute, to what a walk is weighed with."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from stream.graph import Foresighted, Graph, Weighting
from stream.transitions import Transitions

JUMP_THRESHOLD = 0.9  # jumps ten times less likely than the best from the same place are not taken
TEMPERATURE_STEPS = 15  # that are tried, from a tenth of what the best jumps cost to thirty times it
WANTED_VARIETY = 0.5  # of the clip's segments, counted as if visited evenly
MOST_TRIES = 12  # of a price, at each temperature
SPARE_TEMPERATURES = 2  # that are tried after the first that visits enough, if that one misses the rate
CLEARLY = 0.05  # nearer to a rate, as the logarithm of a ratio: for less, jumps need not become less alike
TOLERANCE = 0.01  # of a rate, as the logarithm of a ratio
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
        visits enough of the clip; where none does, the one that visits most is taken. Where parts of the clip drop
        out at some price, no price may give the rate, and the next temperatures are tried as well.

        Raises:
            ValueError: jumps_per_minute is not above 0, or not finite.
        """
        if not 0 < jumps_per_minute < math.inf:
            raise ValueError(f"jumps per minute must be above 0 and finite, got {jumps_per_minute}")
        mean_run_steps = 60 / jumps_per_minute / tempo.stride_s
        shortest = round(min(mean_run_steps, graph.count / 2) / 2)
        narrowed = graph.without_short_jumps(shortest)
        wanted = WANTED_VARIETY * len(np.unique(narrowed.ways.targets))
        best: Liveliness | None = None
        price, spare = 0.0, SPARE_TEMPERATURES
        for temperature in _temperatures(narrowed):
            found = _at_temperature(narrowed, tempo, jumps_per_minute, temperature, price)
            price = found.weighting.jump_price / temperature
            if best is None or found._is_better(best, wanted, jumps_per_minute):
                best = found
            if best.transitions.effective_segments >= wanted:
                if best._misses(jumps_per_minute) < TOLERANCE or not spare:
                    break
                spare -= 1
        assert best is not None
        return replace(best, weighting=replace(best.weighting, shortest_jump_steps=shortest))

    def _misses(self, jumps_per_minute: float) -> float:
        """By how much it misses a rate, as the logarithm of a ratio."""
        return abs(math.log(max(self.jumps_per_minute, 1e-9) / jumps_per_minute))

    def _is_better(self, other: Liveliness, wanted: float, jumps_per_minute: float) -> bool:
        """Whether it visits more, of what is wanted; if both visit enough, whether it is clearly nearer to the rate."""
        visits, other_visits = (one.transitions.effective_segments for one in (self, other))
        if min(visits, other_visits) >= wanted:
            return self._misses(jumps_per_minute) < other._misses(jumps_per_minute) - CLEARLY
        return visits > other_visits


def _temperatures(graph: Graph) -> list[float]:
    scale = max(1e-5, graph.usual_jump_cost)
    return [scale * float(factor) for factor in np.geomspace(0.1, 30, TEMPERATURE_STEPS)]


def _at_temperature(graph: Graph, tempo: Tempo, wanted: float, temperature: float, price: float) -> Liveliness:
    """The nearest to the wanted rate that a price of jumps gives at this temperature.

    Args:
        price: where to begin, in temperatures: one more makes jumps about e times rarer.
    """
    foresighted = Foresighted(graph, temperature, JUMP_THRESHOLD)
    search = _PriceSearch()
    best: Liveliness | None = None
    least_off = math.inf
    for _ in range(MOST_TRIES):
        weighting = Weighting(temperature, JUMP_THRESHOLD, foresight=True, jump_price=price * temperature)
        transitions = foresighted.transition_matrix(weighting.jump_price)
        found = Liveliness(weighting, transitions, tempo.jumps_per_minute(transitions.jump_share))
        excess = math.log(max(found.jumps_per_minute, 1e-9) / wanted)
        met = abs(excess) < TOLERANCE
        # Where a rate is out of reach, hardly nearer is not worth dearer jumps.
        if best is None or met or abs(excess) < least_off - TOLERANCE:
            best, least_off = found, abs(excess)
        tried, price = price, search.after(price, excess)
        if met or price == tried:
            break
    assert best is not None
    return best


class _PriceSearch:
    """Looks for the price at which an excess, the logarithm of the rate over the wanted one, is zero.

    The excess falls with the price, by about one for each temperature, but not smoothly: bounds are kept. Between
    them it is the false position method, of which the Illinois variant does not get stuck at one bound.
    """

    def __init__(self) -> None:
        self._bounds = list(PRICE_RANGE)
        self._excess: list[float | None] = [None, None]  # at the bounds
        self._reach = 1.0
        self._side: int | None = None

    def after(self, price: float, excess: float) -> float:
        """Where to look next; `price` again if there is nowhere left."""
        side = 0 if excess > 0 else 1
        self._bounds[side], self._excess[side] = price, excess
        other = self._excess[1 - side]
        if other is None:
            self._reach *= 2 if side == self._side else 1
            step = price + self._reach * excess
        else:
            if side == self._side:
                other = self._excess[1 - side] = other / 2
            step = (self._bounds[1 - side] * excess - price * other) / (excess - other)
        self._side = side
        low, high = self._bounds
        return min(max(step, low), high)
