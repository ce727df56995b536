"""How one method walks one film: its jumps, how often each is made, and what a viewer sees in ten minutes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from bench.quality.film import Film
from bench.quality.grid import JUMPS_PER_MINUTE, Grid
from stream.graph import Graph
from stream.liveliness import Liveliness, Tempo
from stream.seen_seams import Look, walk_and_look
from stream.transitions import Transitions
from stream.walk import Walk

WATCHED_S = 600.0

Ends = npt.NDArray[np.int64]  # (M, 2): the last frame before a jump, and the first one after it
Frames = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Played:
    """A walk that can be watched.

    Attributes:
        grid: its nodes.
        transitions: its chances.
    """

    grid: Grid
    transitions: Transitions

    @property
    def jumps_per_minute(self) -> float:
        """What a long walk makes."""
        return self.grid.jumps_per_minute(self.transitions.jump_share)

    @cached_property
    def traffic(self) -> tuple[Ends, npt.NDArray[np.float64]]:
        """Every jump of a long walk, and its share of all jumps."""
        rows, columns, shares = self.transitions.traffic()
        ends = np.stack([self.grid.last_shown[rows], self.grid.first_shown[columns]], axis=1)
        return ends, shares / shares.sum()

    @property
    def bits_per_minute(self) -> float:
        """Entropy rate of the walk: how much chance decides."""
        probabilities = self.transitions.probabilities.tocoo()
        some = probabilities.data > 0
        rows, chances = probabilities.row[some], probabilities.data[some].astype(np.float64)
        bits_per_step = -(self.transitions.stationary[rows] * chances * np.log2(chances)).sum()
        return float(bits_per_step * 60 * self.grid.rate_hz / self.grid.step_frames)

    def watched(self, random: np.random.Generator, seconds: float = WATCHED_S) -> Frames:
        """The frames that are shown one after the other, int64 (T,)."""
        walk = Walk(self.transitions, random)
        steps = round(seconds * self.grid.rate_hz / self.grid.step_frames)
        nodes = np.array([walk.step().segment for _ in range(steps)], np.int64)
        shown = self.grid.first_shown[nodes][:, None] + np.arange(self.grid.step_frames)
        return np.asarray(shown.ravel(), np.int64)


def jumps_of(shown: Frames) -> Ends:
    """Where what is shown jumps, (M, 2)."""
    places = np.flatnonzero(np.diff(shown) != 1)
    return np.stack([shown[places], shown[places + 1]], axis=1)


def product_walk(film: Film, similarity: npt.NDArray[np.float32], look: Look | None = None) -> Played:
    """As the product walks: a circulation of least cost.

    Args:
        film: what is walked.
        similarity: of stepping from segment i to j, float32 (N, N).
        look: at the jumps that the walk makes, and solve it again with what was seen; None to go by likeness alone.

    Raises:
        TextureError: it cannot be walked for ever.
    """
    grid = Grid.of_segments(film.segments, float(film.rate_hz))
    graph = Graph.of_similarity(similarity, grid.allowed())
    tempo = Tempo(film.stride_s, 0.0)
    if look is None:
        return Played(grid, Liveliness.at_rate(graph, tempo, JUMPS_PER_MINUTE).transitions)
    return Played(grid, walk_and_look(graph, tempo, JUMPS_PER_MINUTE, look)[1].transitions)
