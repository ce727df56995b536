"""State error: how unlike what a jump shows is to what would have been shown without it, by the true state."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bench.quality.film import Distances, Film, State
from bench.quality.grid import Grid
from bench.quality.played import Ends, Played
from models.continuation import BEST_JUMPS


class StateError:
    """The measure for one drawn film.

    Args:
        state: of each frame, float32 (F, K), Euclidean.
        film: its segments and rate.
    """

    def __init__(self, state: State, film: Film) -> None:
        self.state = state
        self.grid = Grid.of_segments(film.segments, float(film.rate_hz))
        self.stride_frames = film.segments.stride_frames
        self.distance = self._distances()
        self._allowed = self.grid.allowed()
        self._allowed[np.arange(self.grid.count - 1), np.arange(1, self.grid.count)] = False
        self._allowed[-1] = False  # nothing truly follows the last
        self.random = float(self.distance[self._allowed].mean())

    def of_walk(self, played: Played) -> float:
        """The mean over a long walk's jumps, as a share of a random jump's; 0 for a walk without jumps."""
        ends, shares = played.traffic
        return float(self._after(ends) @ shares) / self.random if len(ends) else 0.0

    def of_best_jumps(self, similarity: npt.NDArray[np.float32]) -> float:
        """The mean over segments and their likest five jumps, whether or not a walk would take them."""
        rows = np.flatnonzero(self._allowed.sum(axis=1) >= BEST_JUMPS)
        ranked = np.where(self._allowed[rows], similarity[rows], -np.inf)
        best = np.argsort(-ranked, axis=1, kind="stable")[:, :BEST_JUMPS]
        return float(np.take_along_axis(self.distance[rows], best, axis=1).mean()) / self.random

    def oracle(self) -> npt.NDArray[np.float32]:
        """What a metric that knew the state would say, (N, N): higher is liker."""
        return -self.distance

    def _after(self, ends: Ends) -> npt.NDArray[np.float64]:
        """Mean distance of what is shown in the stride after each jump from what would have been, (M,)."""
        ahead = np.arange(self.stride_frames)
        last_frame = len(self.state) - 1
        shown = self.state[np.minimum(ends[:, 1:] + ahead, last_frame)]
        wanted = self.state[np.minimum(ends[:, :1] + 1 + ahead, last_frame)]
        return np.asarray(np.linalg.norm(shown - wanted, axis=2).mean(axis=1), np.float64)

    def _distances(self) -> Distances:
        """Of every step from segment i to j, (N, N)."""
        last_frame = len(self.state) - 1
        total = np.zeros((self.grid.count, self.grid.count), np.float32)
        for ahead in range(self.stride_frames):
            shown = self.state[np.minimum(self.grid.first_shown + ahead, last_frame)]
            wanted = self.state[np.minimum(self.grid.last_shown + 1 + ahead, last_frame)]
            total += np.linalg.norm(wanted[:, None] - shown[None], axis=2).astype(np.float32)
        return total / np.float32(self.stride_frames)
