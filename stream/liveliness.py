"""From what a person thinks in, jumps per minute, to a walk that makes them where they show least."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stream.circulation import LONG_SEGMENTS, Wanted, least_cost_circulation
from stream.graph import Graph, Weighting
from stream.transitions import Transitions
from stream.ways import Floats, Indices, Mask

TOLERANCE = 0.01  # of a rate, as the logarithm of a ratio
CLEARLY = 0.05  # nearer to a rate: for less, nothing need be shown more often
RELAXED = (1, 2, 4, 8, 16, 32)  # by how much more often, one after the other
WAYS_CONSIDERED = 16  # the best jumps out of each segment, and the best into each
PARTS = 24  # of a clip: the best jump from each to each other is considered, or a walk might stay in one that it likes
TOGETHER, OF_TOGETHER = 8, 4  # of a long clip: out of so many neighbouring segments, and into them, so many


@dataclass(frozen=True)
class Tempo:
    """Turns a share of jumps into jumps per minute and back: a jump plays its bridge before its stride.

    Attributes:
        stride_s: seconds that each step plays.
        bridge_s: seconds that a jump plays on top.
    """

    stride_s: float
    bridge_s: float

    def jumps_per_minute(self, jump_share: float) -> float:
        """How many jumps a minute a walk makes of whose steps `jump_share` are jumps."""
        return 60 * jump_share / (self.stride_s + jump_share * self.bridge_s)

    def jump_share(self, jumps_per_minute: float) -> float:
        """The share of steps that are jumps in a walk that makes so many a minute; 1 where even that is too few."""
        left_s = 60 - jumps_per_minute * self.bridge_s
        return min(1.0, jumps_per_minute * self.stride_s / left_s) if left_s > 0 else 1.0


@dataclass(frozen=True)
class Liveliness:
    """How restless a walk is.

    Attributes:
        transitions: the matrix that is walked.
        jumps_per_minute: what a long walk over it makes.
        weighting: what it was weighed with; None if it was solved for a rate.
    """

    transitions: Transitions
    jumps_per_minute: float
    weighting: Weighting | None = None

    @classmethod
    def of_transitions(cls, transitions: Transitions, tempo: Tempo) -> Liveliness:
        """As it follows from a matrix that was solved for before."""
        return cls(transitions, tempo.jumps_per_minute(transitions.jump_share))

    @classmethod
    def at_weighting(cls, graph: Graph, tempo: Tempo, weighting: Weighting) -> Liveliness:
        """As it follows from the paper's two numbers."""
        transitions = graph.transition_matrix(weighting)
        return cls(transitions, tempo.jumps_per_minute(transitions.jump_share), weighting)

    @classmethod
    def at_rate(cls, graph: Graph, tempo: Tempo, jumps_per_minute: float) -> Liveliness:
        """The likest jumps that make a rate and leave no part of the clip out (`stream.circulation`).

        Where a clip has too few ways to meet a rate without showing one jump too often, or one right after the
        other, that is allowed, little by little; a rate that it cannot meet at all gives the nearest.

        Raises:
            ValueError: jumps_per_minute is not above 0, or not finite.
            TextureError: it cannot be walked for ever.
        """
        if not 0 < jumps_per_minute < math.inf:
            raise ValueError(f"jumps per minute must be above 0 and finite, got {jumps_per_minute}")
        mean_run_steps = 60 / jumps_per_minute / tempo.stride_s
        narrowed = graph.without_short_jumps(round(min(mean_run_steps, graph.count / 2) / 2))
        considered = narrowed.kept(_best_ways(narrowed))
        best: Liveliness | None = None
        is_long = graph.count > LONG_SEGMENTS  # then a small miss is not worth the time
        for factor in RELAXED:
            found = _solved(considered, narrowed, tempo, Wanted(tempo.jump_share(jumps_per_minute)).relaxed(factor))
            if found is None:
                continue
            off = _missed(found, jumps_per_minute)
            if best is None or off < _missed(best, jumps_per_minute) - CLEARLY:
                best = found
            if off < (CLEARLY if is_long else TOLERANCE):
                break
        return best or cls.of_transitions(_any_walk(graph), tempo)


def _solved(considered: Graph, narrowed: Graph, tempo: Tempo, wanted: Wanted) -> Liveliness | None:
    flow = least_cost_circulation(considered.ways, considered.unlikeness, wanted)
    if flow is None:
        return None
    transitions = Transitions.of_weights(
        considered.ways, flow.astype(np.float32), narrowed.ways, lambda which: -narrowed.unlikeness[which]
    )
    return Liveliness.of_transitions(transitions, tempo)


def _missed(found: Liveliness, jumps_per_minute: float) -> float:
    """By how much it misses a rate, as the logarithm of a ratio."""
    return abs(math.log(max(found.jumps_per_minute, 1e-9) / jumps_per_minute))


def _best_ways(graph: Graph) -> Mask:
    """Going on, the best jumps out of each segment, and the best into each, and from part to part of the clip, (E,)."""
    apart, most = (1, WAYS_CONSIDERED) if graph.count <= LONG_SEGMENTS else (TOGETHER, OF_TOGETHER)
    cost = np.where(graph.ways.natural, np.float32(np.inf), graph.unlikeness)
    kept = graph.ways.natural.copy()
    for ends in (graph.ways.sources // apart, graph.ways.targets // apart):
        kept[_best_of_each(ends, cost, most)] = True
    part = -(-graph.count // PARTS)
    kept[_best_of_each(graph.ways.sources // part * PARTS + graph.ways.targets // part, cost, 1)] = True
    return kept


def _best_of_each(kinds: Indices, cost: Floats, most: int) -> npt.NDArray[np.int64]:
    """The cheapest ways of each kind, as indices; both (E,)."""
    order = np.lexsort((cost, kinds))
    begins = np.searchsorted(kinds[order], kinds[order])
    return np.asarray(order[np.arange(len(order)) - begins < most], np.int64)


def _any_walk(graph: Graph) -> Transitions:
    """All ways alike, where no programme has a solution."""
    ones = np.ones(len(graph.ways), np.float32)
    return Transitions.of_weights(graph.ways, ones, graph.ways, lambda which: -graph.unlikeness[which])
