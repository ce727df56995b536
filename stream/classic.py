"""The classic video texture: steps weighed by the difference of pixels (Schödl, Szeliski, Salesin, Essa 2000).

What the contrastive matrix is compared with, in `inspect`'s figures and in bench. Dense, for some thousand places.
Works frame by frame as published, and alike on any grid of places in the clip, such as a texture's segments.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.ndimage import minimum_filter

from stream.foresight import DISCOUNT, future_cost
from stream.liveliness import Tempo
from stream.transitions import Transitions
from stream.ways import Floats, Mask, Ways

TAPS = 4  # of the diagonal filter that preserves dynamics
ROWS_AT_ONCE = 256
SIGMA_RANGE = (1e-3, 1e2)  # in mean costs, between which a rate of jumps is looked for
BISECTIONS = 24


@dataclass(frozen=True)
class Classic:
    """What each step between the places of a clip costs.

    Attributes:
        cost: of the step i -> j, float32 (N, N); inf where it is impossible.
        mean_cost: the mean difference of two places, in levels (0 to 255): σ is given as a multiple of it.
    """

    cost: Floats
    mean_cost: float

    @classmethod
    def of_frames(
        cls,
        frames: npt.NDArray[np.uint8],
        places: npt.ArrayLike | None = None,
        *,
        taps: int = TAPS,
        playable: npt.ArrayLike | None = None,
    ) -> Classic:
        """Compare a clip's frames.

        What follows i in the clip begins at place i + 1: the step i -> j costs how much the frames around place
        j differ from those around place i + 1, and going on costs nothing. The last place, and places nearer to
        either end than the filter reaches, have nothing to be compared by: they are never played.

        Args:
            frames: of the clip, small, (F, h, w, 3).
            places: the frames at which steps begin, evenly spaced and ascending, (N,); each frame by default.
            taps: of the binomial filter along the diagonal: 4 or 2; 1 for none.
            playable: which places may be left and entered at all, (N,) bool: not those that a cut runs through.

        Source: sections 3 and 3.1, D and D'. D is the L2 norm over the frame, here divided by the root of its
            number of values, so that it is in levels and does not depend on the size of the picture.
        """
        begins = np.arange(len(frames)) if places is None else np.asarray(places, np.int64)
        difference = _filtered_difference(_flat(frames), begins, taps)  # D'
        cost = np.full_like(difference, np.inf)
        cost[:-1] = difference[1:]
        if playable is not None:
            mask = np.asarray(playable, np.bool_)
            cost[~mask], cost[:, ~mask] = np.inf, np.inf
        seen = difference[np.isfinite(difference) & (difference > 0)]
        return cls(_without_dead_ends(cost), float(seen.mean()) if len(seen) else 1.0)

    def with_future(self, power: float = 1.0) -> Classic:
        """The same with D'': each step also costs what the best endless walk from where it leads will.

        Source: section 3.2, D''_ij = (D'_ij)^p + α min_k D''_jk, solved exactly instead of by sweeps; α is
            `foresight.DISCOUNT`. In the paper's formula the cost of j -> k is D''_jk as well as D''_(j+1)k; we
            mean the latter throughout, since by the former going on for ever is free.
        """
        cost = self.cost**power
        future = future_cost(self._ways, cost[self._possible])
        return replace(self, cost=np.where(self._possible, cost + np.float32(DISCOUNT) * future, np.float32(np.inf)))

    def probabilities(self, sigma: float) -> Floats:
        """P''_ij ∝ exp(-D''_(i+1)j / σ), (N, N): rows sum to 1, or to 0 where nothing leads on.

        Args:
            sigma: σ, as a multiple of the mean cost.
        """
        if not sigma > 0:
            raise ValueError(f"σ must be above 0, got {sigma}")
        least = self.cost.min(axis=1, keepdims=True)
        relative = np.exp((np.where(np.isfinite(least), least, 0) - self.cost) / np.float32(sigma * self.mean_cost))
        total = relative.sum(axis=1, keepdims=True)
        probabilities: Floats = relative / np.where(total > 0, total, np.float32(1))
        return probabilities

    def sweet_spots(self, radius: int = 1) -> Mask:
        """The steps that no similar one is better than, (N, N) bool: where the cost is least in its neighbourhood.

        Going on is always one. Source: section 3.3, the first pruning.
        """
        around = minimum_filter(self.cost, 2 * radius + 1, mode="constant", cval=np.inf)
        spots = np.isfinite(self.cost) & (self.cost <= around)
        following = np.arange(len(spots) - 1)
        spots[following, following + 1] = np.isfinite(self.cost[following, following + 1])
        return np.asarray(spots)

    def transitions(self, sigma: float, *, radius: int = 1, threshold: float = 0.0) -> Transitions:
        """Weigh and prune, and leave what can be walked for ever.

        Args:
            sigma: σ, as a multiple of the mean cost.
            radius: of the neighbourhood in which only the best step is kept; 0 keeps all.
            threshold: probabilities below it are made zero afterwards.

        Raises:
            TextureError: there is no way round.

        Source: section 3.3: local maxima first, then the threshold.
        """
        kept = self.sweet_spots(radius) if radius else self._possible
        probabilities = np.where(kept, self.probabilities(sigma), np.float32(0))
        probabilities[probabilities < threshold] = 0
        cost = self.cost[self._possible]
        return Transitions.of_weights(self._ways, probabilities[self._possible], self._ways, lambda which: -cost[which])

    @cached_property
    def _possible(self) -> Mask:
        return np.isfinite(self.cost)

    @cached_property
    def _ways(self) -> Ways:
        return Ways.of_mask(self._possible)

    def sigma_at_rate(self, tempo: Tempo, jumps_per_minute: float, *, radius: int = 1, threshold: float = 0.0) -> float:
        """The σ, as a multiple of the mean cost, that comes nearest to a rate of jumps; by bisection."""
        low, high = (math.log(bound) for bound in SIGMA_RANGE)
        nearest, least_error = low, math.inf
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            share = self.transitions(math.exp(middle), radius=radius, threshold=threshold).jump_share
            error = tempo.jumps_per_minute(share) - jumps_per_minute
            if abs(error) < least_error:
                nearest, least_error = middle, abs(error)
            if abs(error) < 0.01 * jumps_per_minute:
                break
            low, high = (low, middle) if error > 0 else (middle, high)
        return math.exp(nearest)


def _flat(frames: npt.NDArray[np.uint8]) -> Floats:
    """(F, h * w * 3), less the mean frame: what all have in common would only cost digits."""
    flat = frames.reshape(len(frames), -1).astype(np.float32)
    flat -= flat.mean(axis=0)
    return flat


def _filtered_difference(flat: Floats, places: npt.NDArray[np.int64], taps: int) -> Floats:
    """D' between all places, (N, N); inf where the filter runs off the clip."""
    if taps not in (1, 2, 4):
        raise ValueError(f"the diagonal filter has 1, 2 or 4 taps, got {taps}")
    total = np.zeros((len(places), len(places)), np.float32)
    for tap in range(taps):
        at = places + tap - taps // 2
        outside = (at < 0) | (at >= len(flat))
        weight = np.float32(math.comb(taps - 1, tap) / 2 ** (taps - 1))
        total += weight * _difference(flat[np.clip(at, 0, len(flat) - 1)])
        total[outside], total[:, outside] = np.inf, np.inf
    return total


def _difference(flat: Floats) -> Floats:
    """The root mean square difference of each row from each other one, (N, N)."""
    squares = (flat**2).sum(axis=1)
    found = np.empty((len(flat), len(flat)), np.float32)
    for first in range(0, len(flat), ROWS_AT_ONCE):
        rows = slice(first, first + ROWS_AT_ONCE)
        found[rows] = squares[rows, None] + squares - 2 * flat[rows] @ flat.T
    np.fill_diagonal(found, 0)
    difference: Floats = np.sqrt(np.maximum(found, 0) / flat.shape[1])
    return difference


def _without_dead_ends(cost: Floats) -> Floats:
    """Steps to where nothing leads on are no steps; and so on backwards."""
    while True:
        stuck = ~np.isfinite(cost).any(axis=1)
        if not np.isfinite(cost[:, stuck]).any():
            return cost
        cost = np.where(stuck, np.float32(np.inf), cost)
