"""Continuation error: how far what follows a jump is from what would have followed without it.

Retrieval of the next segment is an easy figure that overlap alone can satisfy, and it rises while the jumps
get worse (FACTS, trap 2). This figure judges the jumps themselves, on frames that no query view contains.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.segments import Segments
from models.split import Indices, overlap_span

FUTURE_STRIDES = 3  # the appended frames and two strides more
SAMPLES_PER_STRIDE = 2
BEST_JUMPS = 5  # one alone is a noisy figure on some sixty held-out segments


def jump_mask(segments: Segments, rows: Indices) -> npt.NDArray[np.bool_]:
    """Which segments may be jumped to from each of `rows`.

    Returns:
        bool (R, N): clean targets that share no frame with the row's window nor with its true successor's.
    """
    targets, span = np.arange(segments.count), overlap_span(segments)
    far = (np.abs(targets - rows[:, None]) > span) & (np.abs(targets - rows[:, None] - 1) > span)
    mask: npt.NDArray[np.bool_] = far & segments.clean
    return mask


class ContinuationError:
    """The figure, with everything prepared that does not depend on the embeddings.

    Attributes:
        rows: the segments that are judged, int64 (R,): those of the given ones that have a future and a jump.

    Args:
        described: a vector per frame, float32 (F, d): contrast-normalised pixels.
        segments: the clip's windows.
        rows: the segments that are judged, int64 (R,); those without a future in their own shot are left out.
    """

    def __init__(self, described: npt.NDArray[np.float32], segments: Segments, rows: Indices) -> None:
        clean = np.concatenate([segments.clean, np.zeros(FUTURE_STRIDES, dtype=np.bool_)])
        ahead = [clean[k : k + segments.count] for k in range(FUTURE_STRIDES)]
        has_future: npt.NDArray[np.bool_] = np.logical_and.reduce(ahead)
        successor_has = np.concatenate([has_future[1:], [False]])
        self.rows = rows[successor_has[rows]]
        self.mask = jump_mask(segments, self.rows) & has_future
        some_target = self.mask.any(axis=1)
        self.rows, self.mask = self.rows[some_target], self.mask[some_target]
        self.distance = self._distances(described, segments)
        self.random = float(self.distance[self.mask].mean()) if len(self.rows) else 0.0

    def _distances(self, described: npt.NDArray[np.float32], segments: Segments) -> npt.NDArray[np.float32]:
        """Root mean square difference of row i's true future and the future after landing on j, (R, N)."""
        count = FUTURE_STRIDES * SAMPLES_PER_STRIDE
        offsets = np.arange(count) * segments.stride_frames // SAMPLES_PER_STRIDE + segments.overlap_frames
        frame_index = np.minimum(segments.starts[:, None] + offsets, segments.frame_count - 1)
        total = np.zeros((len(self.rows), segments.count), dtype=np.float32)
        for column in frame_index.T:  # one sampled frame of the future at a time: little memory
            every = described[column]
            true = every[self.rows + 1]
            squares = (true**2).sum(axis=1)[:, None] + (every**2).sum(axis=1)[None, :]
            total += np.maximum(0.0, squares - 2.0 * true @ every.T)
        distance: npt.NDArray[np.float32] = np.sqrt(total / (count * described.shape[1]))
        return distance

    def of(self, similarity: npt.NDArray[np.float32]) -> float | None:
        """The mean error of each row's best five jumps, as a share of a random jump's.

        Args:
            similarity: of the queries of `rows` to every target, float32 (R, N).

        Returns:
            0 where jumps continue as the clip itself does, 1 where they are no better than chance; None
            where there is nothing to judge.
        """
        if not len(self.rows) or self.random == 0.0:
            return None
        ranked = np.where(self.mask, similarity, -np.inf)
        best = np.argsort(-ranked, axis=1, kind="stable")[:, :BEST_JUMPS]
        allowed = np.take_along_axis(self.mask, best, axis=1)
        return float(np.take_along_axis(self.distance, best, axis=1)[allowed].mean()) / self.random
