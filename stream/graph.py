"""The transition graph: which segment may follow which, and how likely (paper, section 3.1).

All matrices are (N, N) over the segments of a clip, `[i, j]` meaning i -> j; a transition matrix is
row-stochastic. Nothing here knows of time or chance: the walk draws, this only weighs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from models.segments import Segments
from stream.errors import TextureError
from stream.transitions import Matrix, Transitions

Policy = Literal["weighted", "uniform"]

DISCOUNT = 0.998  # of the future cost per step: it looks about 500 steps, 100 s, ahead
MOST_SWEEPS = 200
LEAST_JUMP_SHARE = 0.002  # with foresight, segments less likely to be left by a jump than this are not left


def similarity_matrix(query: npt.ArrayLike, target: npt.ArrayLike) -> Matrix:
    """sim(φ(Vi), ψ(Vj)) of normalised embeddings (N, D): the (N, N) cosines, -1 to 1."""
    return np.asarray(query, np.float32) @ np.asarray(target, np.float32).T


def allowed_transitions(segments: Segments) -> npt.NDArray[np.bool_]:
    """Which steps make sense at all, shape (N, N).

    Segments that a hard cut runs through are neither left nor entered. Of the segments that overlap the true
    successor only the successor itself may follow: the others would stutter, and look alike only because they
    show the same frames (trap 4 of the facts). Only in a clip so short that all overlap, all may follow.
    """
    count = segments.count
    offset = _offsets(count)
    overlaps = np.abs(offset) * segments.stride_frames < segments.window_frames
    clean = segments.clean
    allowed = np.asarray(((offset == 0) | ~overlaps) & clean[:, None] & clean[None, :])
    stuck = clean & ~allowed.any(axis=1)
    allowed[stuck] = clean & (offset != -1)[stuck]
    return allowed


def _offsets(count: int) -> npt.NDArray[np.int32]:
    """By how many segments each step misses the true successor, (N, N)."""
    places = np.arange(count, dtype=np.int32)
    return places[None, :] - (places[:, None] + 1)


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
        similarity: (N, N) float32.
        allowed: (N, N) bool.
    """

    similarity: Matrix
    allowed: npt.NDArray[np.bool_]

    def __post_init__(self) -> None:
        if not self.allowed.any():
            raise TextureError(
                "no segment may follow any other: the clip is too short between its hard cuts; use a longer clip"
            )

    def transition_matrix(self, weighting: Weighting) -> Transitions:
        """Weigh, cut off below the threshold, and prune to what can be walked for ever."""
        if weighting.shortest_jump_steps:
            graph = self.without_short_jumps(weighting.shortest_jump_steps)
            return graph.transition_matrix(replace(weighting, shortest_jump_steps=0))
        score = self._foresighted(weighting.jump_price) if weighting.foresight else self.similarity
        masked = np.where(self.allowed, score, np.float32(-np.inf))
        best = masked.max(axis=1, keepdims=True)
        best[~np.isfinite(best)] = 0
        relative = np.exp((masked - best) / np.float32(weighting.temperature))
        if weighting.foresight:
            relative = self._thin_jumps(relative, weighting.threshold)
        else:
            relative[relative < 1 - weighting.threshold] = 0
        if weighting.policy == "uniform":
            relative = (relative > 0).astype(np.float32)
        return Transitions.of_weights(relative, masked)

    @cached_property
    def natural(self) -> npt.NDArray[np.bool_]:
        """Where the clip simply goes on, (N, N)."""
        return np.asarray(np.eye(self.count, k=1, dtype=np.bool_) & self.allowed)

    @cached_property
    def best_jump_cost(self) -> npt.NDArray[np.float32]:
        """How unlike the best jump from each segment is that has one, shape (at most N,)."""
        best = np.where(self.natural, np.inf, self.cost).min(axis=1)
        return np.asarray(best[np.isfinite(best)], np.float32)

    def _foresighted(self, jump_price: float) -> Matrix:
        now = self.cost + np.where(self.natural, np.float32(0), np.float32(jump_price))
        return -(now + np.float32(DISCOUNT) * self.future_cost[None, :])

    def _thin_jumps(self, relative: Matrix, threshold: float) -> Matrix:
        jumps = np.where(self.natural, 0, relative)
        jumps[jumps < (1 - threshold) * jumps.max(axis=1, keepdims=True)] = 0
        stays = self.natural.any(axis=1) & (jumps.sum(axis=1) < LEAST_JUMP_SHARE * relative.max(axis=1))
        jumps[stays] = 0
        return np.where(self.natural, relative, jumps)

    @property
    def count(self) -> int:
        """N."""
        return len(self.similarity)

    def without_short_jumps(self, steps: int) -> Graph:
        """The same graph without jumps that land within `steps` of where the clip would have gone on.

        Moments that are near in time look alike most of all, and a walk that may jump there circles in a
        stutter. Segments that had no other way keep theirs.
        """
        offset = np.abs(_offsets(self.count))
        allowed = self.allowed & ((offset == 0) | (offset >= steps))
        ways_left = allowed.any(axis=1, keepdims=True)
        return Graph(self.similarity, np.where(ways_left, allowed, self.allowed))

    @cached_property
    def cost(self) -> Matrix:
        """How much less alike than the clip's own continuation each allowed step is, 0 at least; else infinite."""
        natural = np.full(len(self.similarity), np.nan, np.float32)
        natural[:-1] = np.where(self.allowed.diagonal(1), self.similarity.diagonal(1), np.nan)
        if np.isnan(natural).all():
            natural[:] = 1
        natural[np.isnan(natural)] = np.nanmedian(natural)  # the last of a shot: no continuation to compare with
        cost = np.maximum(natural[:, None] - self.similarity, 0)
        return np.where(self.allowed, cost, np.float32(np.inf))

    @cached_property
    def future_cost(self) -> npt.NDArray[np.float32]:
        """What the best endless walk from each segment on will cost, discounted, shape (N,).

        Source: Schödl et al. 2000, section 3.2 (Q-learning of the anticipated future cost, p = 1), swept from
        the last row to the first, since that is how the cost of a dead end spreads.
        """
        future = np.zeros(self.count, np.float32)
        # Each jump is charged what a usual one costs, or a stutter of near-identical moments would be free.
        usual = np.median(self.best_jump_cost) if len(self.best_jump_cost) else np.float32(0)
        cost = self.cost + np.where(self.natural, np.float32(0), usual)
        for _ in range(MOST_SWEEPS):
            before = future.copy()
            for row in range(self.count - 1, -1, -1):
                future[row] = (cost[row] + DISCOUNT * future).min()
            future[~np.isfinite(future)] = 0  # segments that are never entered
            if np.abs(future - before).max() <= 1e-4 * max(1e-6, future.max()):
                break
        return future
