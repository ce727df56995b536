"""The walk whose jumps are likest, at a given rate of jumps: a circulation of least cost, by linear programming.

How often a long walk takes each way is a flow f: what comes into a segment goes out of it. Sought is the flow with

    least   Σ f_ij c_ij                 the mean cost of what is played
    where   Σ_j f_ij = Σ_j f_ji         it is a circulation
            Σ f = 1                     of all steps
            Σ over jumps f = share      so many are jumps
            f_ij <= most_of_jumps * share for each jump, and Σ_j f_ij <= most_visits / N for each segment:
                                        nothing is shown over and over

Two things are linear in no flow, and are mended between rounds: a flow may fall apart into loops that do not meet (then
some of it must lead from one to the other), and a jump may land where another leaves (a stutter: then the fainter of
the two is forbidden). The chances of the walk are the flow, row by row.

Schödl et al. 2000 weigh each way by its own future and prune what is unlikely; the rate of jumps, what is visited and
how often it repeats come out as they may. Here these are what is asked for, and the cost is what comes out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import highspy
import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, hstack, vstack
from scipy.sparse.csgraph import connected_components

from stream.ways import Floats, Mask, Ways

MOST_ROUNDS = 16
MILD_ROUNDS = 6  # the later ones forbid more at once
LONG_SEGMENTS = 1000  # of longer clips there are fewer rounds
MOST_LONG_ROUNDS = 10  # none of them mild; long clips have ways enough
LEAST_EXCHANGE = 0.02  # of all jumps lead out of each loop that would else stand alone
LEAST_JOINED = 0.1  # of a loop's own jumps lead out of it, where the rounds left it alone
JOININGS = 8  # rounds of that, each of ways that were not yet taken
FAINTEST = 1e-7  # a flow, in steps of a walk over as many steps as there are segments; less is rounding
OFF_RATE = 100.0  # what a jump too few or too many costs, in dearest ways

Flow = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Wanted:
    """What is asked of a walk.

    Attributes:
        jump_share: share of its steps that are jumps.
        most_of_jumps: that one jump may make, as a share of all jumps.
        most_visits: that one segment may have, in multiples of an even share.
        shortest_run: steps that are played at least between two jumps.
    """

    jump_share: float
    most_of_jumps: float = 0.04
    most_visits: float = 2.0
    shortest_run: int = 4

    def relaxed(self, factor: float) -> Wanted:
        """More of the same may be shown: where a clip has too few ways."""
        return replace(
            self,
            most_of_jumps=min(1.0, self.most_of_jumps * factor),
            most_visits=self.most_visits * factor,
            shortest_run=max(1, int(self.shortest_run / factor)),
        )


def least_cost_circulation(ways: Ways, cost: Floats, wanted: Wanted) -> Flow | None:
    """How often the cheapest walk takes each way.

    Args:
        ways: that may be taken.
        cost: of each, 0 at least and finite, (E,); that of going on does not count.
        wanted: of the walk. If no walk makes so many jumps, it is the one that comes nearest.

    Returns:
        Shares of all steps, float64 (E,), that sum to 1; None where no circulation keeps within the bounds.
    """
    return _Programme(ways, np.where(ways.natural, 0.0, cost.astype(np.float64)), wanted).solved()


class _Programme:
    """The linear programme, and what was added to it so far. Flows are in steps of a walk of N steps.

    The solver keeps its basis between the rounds: each changes little, and is solved in a fraction of the first.
    """

    def __init__(self, ways: Ways, cost: Flow, wanted: Wanted) -> None:
        self.ways, self.cost, self.wanted = ways, cost, wanted
        self._dear = OFF_RATE * max(float(cost.max(initial=0)), 1e-6)
        self._solver: Any = highspy.Highs()  # type: ignore[no-untyped-call]
        self._solver.setOptionValue("output_flag", False)
        self._solver.passModel(self._model())

    def solved(self) -> Flow | None:
        best = None
        is_long = self.ways.count > LONG_SEGMENTS
        for round_ in range(MOST_LONG_ROUNDS if is_long else MOST_ROUNDS):
            flow = self._round()
            if flow is None:
                break
            best = flow
            stutters, exits = self._stutters(flow, for_good=is_long or round_ >= MILD_ROUNDS), self._missing_exits(flow)
            if not exits and not flow[stutters].any():
                break
            self._forbid(stutters)
            self._ask_for(exits)
        if best is None:
            return None
        best = self._joined(best)
        return np.asarray(best / best.sum(), np.float64)

    def _model(self) -> highspy.HighsLp:
        """Columns: a flow for each way, then jumps too few, and too many. Rows: as the bounds below."""
        count, ways = self.ways.count, len(self.ways)
        jumps, every, one = ~self.ways.natural, np.arange(ways), np.ones(ways)
        leaving = csr_array((one, (self.ways.sources, every)), shape=(count, ways))
        arriving = csr_array((one, (self.ways.targets, every)), shape=(count, ways))
        every_way, every_jump = csr_array(one[None]), csr_array(jumps[None].astype(np.float64))
        flows = csr_array(vstack([leaving - arriving, every_way, every_jump, leaving]))
        off_rate = csr_array(([1.0, -1.0], ([count + 1, count + 1], [0, 1])), shape=(2 * count + 2, 2))
        table = csr_array(hstack([flows, off_rate]))
        most_visits = self.wanted.most_visits * count / len(np.unique(self.ways.sources))
        balanced, free = np.zeros(count), np.full(count, -highspy.kHighsInf)
        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = ways + 2, 2 * count + 2
        model.col_cost_ = np.append(self.cost, [self._dear] * 2)
        model.col_lower_ = np.zeros(ways + 2)
        model.col_upper_ = np.append(np.where(jumps, self._most_of_a_jump, highspy.kHighsInf), [highspy.kHighsInf] * 2)
        model.row_lower_ = np.concatenate([balanced, [count, self._jumps_in_all], free])
        model.row_upper_ = np.concatenate([balanced, [count, self._jumps_in_all], np.full(count, most_visits)])
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_, model.a_matrix_.index_, model.a_matrix_.value_ = table.indptr, table.indices, table.data
        return model

    def _round(self) -> Flow | None:
        self._solver.run()
        if self._solver.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return None
        flow = np.array(self._solver.getSolution().col_value[: len(self.ways)])
        return np.where(flow > FAINTEST, flow, 0)

    def _forbid(self, ways: Mask) -> None:
        which = np.flatnonzero(ways).astype(np.int32)
        nothing = np.zeros(len(which))
        self._solver.changeColsBounds(len(which), which, nothing, nothing)

    def _ask_for(self, exits: list[Mask]) -> None:
        """Some flow is to lead out of each of these, as far as it can."""
        least = LEAST_EXCHANGE * self._jumps_in_all
        for exit_ in exits:
            which = np.flatnonzero(exit_).astype(np.int32)
            self._solver.addRow(least, highspy.kHighsInf, len(which), which, np.ones(len(which)))
            row = np.array([self._solver.getNumRow() - 1], np.int32)
            self._solver.addCol(self._dear, 0, least, 1, row, np.ones(1))  # what is missing

    @property
    def _jumps_in_all(self) -> float:
        return self.wanted.jump_share * self.ways.count

    @property
    def _most_of_a_jump(self) -> float:
        """At least one jump is made each time round the clip, whatever is wanted."""
        most = self.wanted.most_of_jumps
        return highspy.kHighsInf if most >= 1 else most * max(1.0, self._jumps_in_all)

    def _missing_exits(self, flow: Flow) -> list[Mask]:
        """For each loop of the flow, if there are several: the ways out of it."""
        loops, begins, ends = self._loops(flow)
        return [(begins == loop) & (ends != loop) for loop in loops] if len(loops) > 1 else []

    def _loops(self, flow: Flow) -> tuple[Labels, Labels, Labels]:
        """The loops that a flow falls apart into, and of each way in which it begins and ends."""
        taken = flow > 0
        pattern = self.ways.kept(taken).matrix(flow[taken].astype(np.float32))
        _, labels = connected_components(pattern, directed=True, connection="strong")
        return np.unique(labels[self.ways.sources[taken]]), labels[self.ways.sources], labels[self.ways.targets]

    def _joined(self, flow: Flow) -> Flow:
        """With a little flow along the cheapest way out of each loop that still stands alone, and the cheapest in.

        That is no circulation to the letter, but its chances can be walked, and keep near to it.
        """
        flow = flow.copy()
        for _ in range(JOININGS):
            loops, begins, ends = self._loops(flow)
            if len(loops) < 2:
                break
            size = np.bincount(begins, np.where(begins == ends, flow, 0), loops.max() + 1)
            jumps = np.bincount(begins, np.where(self.ways.natural | (begins != ends), 0, flow), loops.max() + 1)
            jumps[size.argmax()] = 0  # as much leads into a loop as out of it; into the largest lead the others
            between = np.flatnonzero(np.isin(begins, loops) & np.isin(ends, loops) & (begins != ends) & (flow == 0))
            between = between[np.argsort(self.cost[between], kind="stable")]
            for side in (begins, ends):
                chosen = between[np.unique(side[between], return_index=True)[1]]
                flow[chosen] = np.maximum(flow[chosen], LEAST_JOINED * jumps[side[chosen]])
        return flow

    def _stutters(self, flow: Flow, *, for_good: bool) -> Mask:
        """The ways that leave too soon behind a landing, or land too late before a leaving, that is stronger.

        Args:
            flow: of the round.
            for_good: not only those that are taken now: what is stronger now keeps its place, and an end is near.
        """
        jumps = ~self.ways.natural
        count, run = self.ways.count, self.wanted.shortest_run
        landing = np.bincount(self.ways.targets[jumps], flow[jumps], count)
        leaving = np.bincount(self.ways.sources[jumps], flow[jumps], count)
        not_landed, not_left = np.zeros(count, np.bool_), np.zeros(count, np.bool_)
        roles = [(strength, True, place) for place, strength in enumerate(landing) if strength]
        roles += [(strength, False, place) for place, strength in enumerate(leaving) if strength]
        for _, lands, place in sorted(roles, reverse=True):
            if lands and not not_landed[place]:
                not_left[place : place + run - 1] = True
            elif not lands and not not_left[place]:
                not_landed[max(0, place - run + 2) : place + 1] = True
        if not for_good:
            not_landed &= landing > 0
            not_left &= leaving > 0
        return jumps & (not_landed[self.ways.targets] | not_left[self.ways.sources])
