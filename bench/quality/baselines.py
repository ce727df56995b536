"""The classic video textures of the paper's section 4.1: Classic, Classic+, Classic++ and Classic Deep.

All weigh steps by a difference of frames, filtered along the diagonal so that what moves is compared with what moves,
and walk as Schödl et al. do (`stream.classic`): future cost, local maxima, a threshold, and σ for the rate of jumps.
They differ in what a step is and in how far the filter reaches.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from bench.quality.film import Distances, Film
from bench.quality.grid import JUMPS_PER_MINUTE, Grid
from bench.quality.played import Played
from stream.classic import Classic
from stream.liveliness import Tempo
from stream.transitions import Transitions

RATE_WITHIN = 0.01
RATE_STEPS = 24
LARGEST_FACTOR = 12.0  # its logarithm

FrameDistance = Callable[[Film], Distances]


@dataclass(frozen=True)
class ClassicSettings:
    """What of a classic walk was tuned (bench/quality/tuning.py), by state error on scenes of the families that
    pre-training sees, seeds that nothing else uses. σ is not among it: it gives the rate.

    Attributes:
        taps: of the binomial filter.
        power: p of the future cost: above 1 many small errors are better than one large.
        threshold: of the second pruning, on probabilities.
        radius: in steps, of the neighbourhood of the first pruning, the local maxima.
    """

    taps: int = 4
    power: float = 1.0
    threshold: float = 0.01
    radius: int = 1


@dataclass(frozen=True)
class ClassicMethod:
    """One of the four.

    Attributes:
        distance: of every two frames of a film, (F, F).
        settings: tuned.
        frame_by_frame: a step plays one frame, as in Classic; else a segment's stride, as in Classic+.
        whole_window: the filter spans a segment's window and is laid on it, as in Classic++: one tap for each
            frame, whatever the settings say; else it is centred on the seam.
    """

    distance: FrameDistance
    settings: ClassicSettings
    frame_by_frame: bool = False
    whole_window: bool = False

    def similarity(self, film: Film) -> npt.NDArray[np.float32]:
        """Of stepping from segment i to j, (N, N), for the product's walk."""
        return -self.cost(film, Grid.of_segments(film.segments, float(film.rate_hz)))

    def cost(self, film: Film, grid: Grid) -> Distances:
        """Of stepping from node i to j, (n, n): 0 where the film simply goes on."""
        window, overlap = film.segments.window_frames, film.segments.overlap_frames
        taps = window if self.whole_window else self.settings.taps
        filtered = diagonally_filtered(self.distance(film), taps, -overlap if self.whole_window else -(taps // 2))
        return filtered[np.ix_(grid.last_shown + 1, grid.first_shown)]

    def own_walk(self, film: Film) -> Played:
        """Schödl's walk at the common rate of jumps.

        Raises:
            TextureError: it cannot be walked for ever.
        """
        grid = (Grid.of_frames if self.frame_by_frame else Grid.of_segments)(film.segments, float(film.rate_hz))
        return schoedl_walk(self.cost(film, grid), grid, self.settings)


def schoedl_walk(cost: Distances, grid: Grid, settings: ClassicSettings) -> Played:
    """Schödl's walk over any costs at the common rate of jumps.

    Args:
        cost: of stepping from node i to j, (n, n): 0 where the film simply goes on.
        grid: the nodes.
        settings: all but the taps.

    Raises:
        TextureError: it cannot be walked for ever.

    Source:
        Schödl et al. 2000, sections 3.2 and 3.3. Jumps of less than 2 s are forbidden, as to every method here.
    """
    allowed = np.where(grid.allowed(), cost, np.float32(np.inf))
    ahead = Classic(allowed, _mean_of_some(allowed)).with_future(settings.power)
    spots = ahead.sweet_spots(settings.radius) if settings.radius else np.isfinite(ahead.cost)
    pruned = Classic(np.where(spots, ahead.cost, np.float32(np.inf)), _mean_of_some(ahead.cost))
    tempo = Tempo(grid.step_frames / grid.rate_hz, 0.0)
    sigma = pruned.sigma_at_rate(tempo, JUMPS_PER_MINUTE, radius=0, threshold=settings.threshold)
    return Played(grid, at_rate(pruned.transitions(sigma, radius=0, threshold=settings.threshold), grid))


def at_rate(transitions: Transitions, grid: Grid) -> Transitions:
    """The same, brought to the common rate of jumps where σ alone did not: all jumps weigh more, or less, alike.

    Where a film repeats exactly, the smallest σ still jumps too often; a high threshold makes the rate a staircase.
    """
    low, high = -LARGEST_FACTOR, LARGEST_FACTOR  # logarithms
    tried, middle = transitions, 0.0
    for _ in range(RATE_STEPS):
        error = grid.jumps_per_minute(tried.jump_share) / JUMPS_PER_MINUTE - 1
        if abs(error) < RATE_WITHIN:
            break
        low, high = (low, middle) if error > 0 else (middle, high)
        middle = (low + high) / 2
        tried = _jumps_times(transitions, math.exp(middle))
    return tried


def _jumps_times(transitions: Transitions, factor: float) -> Transitions:
    chances = transitions.probabilities.tocoo()
    weights = np.where(chances.col == chances.row + 1, 1, factor) * chances.data
    total = np.bincount(chances.row, weights, transitions.count)
    scaled = (weights / total[chances.row]).astype(np.float32)
    return Transitions(csr_array((scaled, (chances.row, chances.col)), shape=chances.shape))


def diagonally_filtered(distance: Distances, taps: int, first_tap: int) -> Distances:
    """Binomially weighted differences of runs of frames, float32 (F + 1, F).

    Args:
        distance: of every two frames, (F, F).
        taps: of the filter.
        first_tap: where it begins, in frames from the two that are compared.

    Returns:
        [x, y] is the mean of distance[x + k, y + k]; where the filter runs off the film, over those taps that do not.
        The row F compares what would follow the last frame.

    Source:
        Schödl et al. 2000, section 3.1.
    """
    count = len(distance)
    total = np.zeros((count + 1, count), np.float32)
    weights = np.zeros_like(total)
    for tap in range(taps):
        weight = np.float32(math.comb(taps - 1, tap) / 2 ** (taps - 1))
        shift = first_tap + tap
        rows = slice(max(0, -shift), max(0, min(count + 1, count - shift)))
        columns = slice(max(0, -shift), max(0, min(count, count - shift)))
        part = distance[_moved(rows, shift), _moved(columns, shift)]
        total[rows, columns] += weight * part
        weights[rows, columns] += weight
    return np.where(weights > 0, total / np.maximum(weights, np.float32(1e-9)), np.float32(np.inf))


def _moved(some: slice, by: int) -> slice:
    return slice(some.start + by, some.stop + by)


def _mean_of_some(cost: Distances) -> float:
    """The mean of what is not 0, as the paper's σ is given by; of finite steps."""
    some = cost[np.isfinite(cost) & (cost > 0)]
    return float(some.mean()) if len(some) else 1.0
