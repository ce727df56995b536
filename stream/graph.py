"""The transition graph: which segment may follow which, and how likely (paper, section 3.1).

A sparse matrix over the segments of a clip, `[i, j]` meaning i -> j; a transition matrix is row-stochastic. Nothing
here knows of time or chance: the walk draws, this only weighs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from models.segments import Segments
from stream.candidates import allowed_transitions, candidates
from stream.errors import TextureError
from stream.foresight import DISCOUNT, future_cost
from stream.transitions import Transitions
from stream.ways import Floats, Ways

__all__ = ["Graph", "Policy", "Weighting", "allowed_transitions"]

Policy = Literal["weighted", "uniform"]

COST_POWER = 3  # of how unlike a jump is (Schödl's p): docs/log.md, 2026-11-22
LEAST_JUMP_SHARE = 0.002  # with foresight, segments less likely to be left by a jump than this are not left


@dataclass(frozen=True)
class Weighting:
    """How similarities become probabilities.

    Attributes:
        temperature: τ of the softmax over a row.
        threshold: t; entries below (1 - t) * the row's maximum become zero. 0.01 is the paper's.
        policy: `weighted` draws by probability, `uniform` among what the threshold left (the reference code).
        foresight: weigh each way by where it leads as well (`Graph.future_cost`), so that the walk leaves
            before it comes to an end with no good way on; the threshold then compares jumps with jumps only.
            The paper's walk has none.
        jump_price: with foresight, what any jump costs on top of being unlike: the higher, the fewer.
        shortest_jump_steps: jumps that land nearer than this to where the clip would have gone on are not taken.
    """

    temperature: float = 0.3
    threshold: float = 0.01
    policy: Policy = "weighted"
    foresight: bool = False
    jump_price: float = 0.0
    shortest_jump_steps: int = 0

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise ValueError(f"a temperature must be above 0, got {self.temperature}")
        if not 0 <= self.threshold <= 1:
            raise ValueError(f"a threshold must be between 0 and 1, got {self.threshold}")


@dataclass(frozen=True)
class Graph:
    """A clip's segments with the similarities between them, before any weighting.

    Attributes:
        ways: the steps that may be taken.
        similarity: of each of them, float32 (E,).
    """

    ways: Ways
    similarity: Floats

    def __post_init__(self) -> None:
        if not len(self.ways):
            raise TextureError(
                "no segment may follow any other: the clip is too short between its hard cuts; use a longer clip"
            )

    @classmethod
    def of_embeddings(cls, query: npt.ArrayLike, target: npt.ArrayLike, segments: Segments) -> Graph:
        """Of a clip's normalised embeddings, each (N, D), by sim(φ(Vi), ψ(Vj)), their cosine, -1 to 1.

        All allowed steps of a short clip, the best of a long one: see `candidates`.
        """
        return cls(*candidates(query, target, segments))

    @classmethod
    def of_similarity(cls, similarity: npt.ArrayLike, allowed: npt.ArrayLike) -> Graph:
        """Of all similarities at once, (N, N) float32, and which steps are allowed, (N, N) bool: for small N."""
        mask = np.asarray(allowed, np.bool_)
        return cls(Ways.of_mask(mask), np.asarray(similarity, np.float32)[mask])

    @property
    def count(self) -> int:
        """N."""
        return self.ways.count

    def transition_matrix(self, weighting: Weighting) -> Transitions:
        """Weigh, cut off below the threshold, and prune to what can be walked for ever."""
        if weighting.shortest_jump_steps:
            graph = self.without_short_jumps(weighting.shortest_jump_steps)
            return graph.transition_matrix(replace(weighting, shortest_jump_steps=0))
        if weighting.foresight:
            foresighted = Foresighted(self, weighting.temperature, weighting.threshold)
            return foresighted.transition_matrix(weighting.jump_price, weighting.policy)
        best = self.ways.row_max(self.similarity)
        relative = np.exp((self.similarity - best[self.ways.sources]) / np.float32(weighting.temperature))
        wanted = relative >= 1 - weighting.threshold
        weights = _by_policy(relative[wanted], weighting.policy)
        return Transitions.of_weights(self.ways.kept(wanted), weights, self.ways, lambda which: self.similarity[which])

    @cached_property
    def best_jump_cost(self) -> Floats:
        """How unlike the best jump from each segment is that has one, shape (at most N,)."""
        best = -self.ways.row_max(np.where(self.ways.natural, np.float32(-np.inf), -self.cost))
        return best[np.isfinite(best)]

    @cached_property
    def usual_jump_cost(self) -> float:
        """How unlike the best jump from a segment is in the median; 0 if there is no jump at all."""
        return float(np.median(self.best_jump_cost)) if len(self.best_jump_cost) else 0.0

    def without_short_jumps(self, steps: int) -> Graph:
        """The same graph without jumps that land within `steps` of where the clip would have gone on.

        Moments that are near in time look alike most of all, and a walk that may jump there circles in a
        stutter. Segments that had no other way keep theirs.
        """
        kept = self.ways.natural | (np.abs(self.ways.offsets) >= steps)
        ways_left = np.bincount(self.ways.sources[kept], minlength=self.count) > 0
        kept |= ~ways_left[self.ways.sources]
        return Graph(self.ways.kept(kept), self.similarity[kept])

    @cached_property
    def natural_similarity(self) -> Floats:
        """Of each segment to its own continuation, (N,); the median where there is none: at the end of a shot."""
        on = self.ways.natural
        usual = np.median(self.similarity[on]) if on.any() else 1
        natural = np.full(self.count, usual, np.float32)
        natural[self.ways.sources[on]] = self.similarity[on]
        return natural

    @cached_property
    def cost(self) -> Floats:
        """What each way costs, (E,): `unlikeness` raised, so that one bad jump costs more than many fair ones."""
        return self.unlikeness**COST_POWER

    @cached_property
    def unlikeness(self) -> Floats:
        """How much less alike than the clip's own continuation each way is, 0 at least, (E,)."""
        return np.asarray(np.maximum(self.natural_similarity[self.ways.sources] - self.similarity, 0), np.float32)

    @cached_property
    def future_cost(self) -> Floats:
        """What the best endless walk from each segment on will cost, discounted, shape (N,).

        Each jump is charged what a usual one costs, or a stutter of near-identical moments would be free.
        """
        usual = np.where(self.ways.natural, np.float32(0), np.float32(self.usual_jump_cost))
        return future_cost(self.ways, self.cost + usual)

    def mean_jump_cost(self, transitions: Transitions) -> float:
        """How unlike the jumps of a long walk are on average; 0 if it makes none."""
        rows, columns, shares = transitions.traffic()
        return float(self.unlikeness[self.ways.find(rows, columns)] @ shares / shares.sum()) if len(shares) else 0.0


class Foresighted:
    """A graph weighed with foresight at one temperature, but for the price of a jump.

    All jumps from one segment cost the same price, so it changes only the odds of jumping against going on: which
    jumps pass the threshold, and how likely each is among them, is found once.
    """

    def __init__(self, graph: Graph, temperature: float, threshold: float) -> None:
        self._ways, self._temperature = graph.ways, np.float32(temperature)
        natural = graph.ways.natural
        self._score = -(graph.cost + np.float32(DISCOUNT) * graph.future_cost[graph.ways.targets])
        self._going_on = np.full(graph.count, -np.inf, np.float32)
        self._going_on[graph.ways.sources[natural]] = self._score[natural]
        jumps = np.where(natural, np.float32(-np.inf), self._score)
        self._best_jump = graph.ways.row_max(jumps)
        some = np.where(np.isfinite(self._best_jump), self._best_jump, np.float32(0))
        relative = np.exp((jumps - some[graph.ways.sources]) / self._temperature)
        wanted = natural | (relative >= 1 - threshold)
        self._wanted, self._relative = graph.ways.kept(wanted), relative[wanted]
        self._jumps = self._wanted.row_sum(self._relative)

    def transition_matrix(self, jump_price: float, policy: Policy = "weighted") -> Transitions:
        """Weigh jumps against going on at a price, and prune to what can be walked for ever."""
        price = np.float32(jump_price)
        best = np.maximum(self._going_on, self._best_jump - price)
        best[~np.isfinite(best)] = 0
        going_on = np.exp((self._going_on - best) / self._temperature)
        jumping = np.exp((self._best_jump - price - best) / self._temperature)
        jumping[(going_on > 0) & (jumping * self._jumps < LEAST_JUMP_SHARE)] = 0
        sources = self._wanted.sources
        weights = np.where(self._wanted.natural, going_on[sources], self._relative * jumping[sources])
        return Transitions.of_weights(
            self._wanted, _by_policy(weights, policy), self._ways,
            lambda which: self._score[which] - np.where(self._ways.natural[which], np.float32(0), price),
        )  # fmt: skip


def _by_policy(weights: Floats, policy: Policy) -> Floats:
    return weights if policy == "weighted" else (weights > 0).astype(np.float32)
