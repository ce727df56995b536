"""Which steps are worth a thought: all allowed ones of a short clip; of a long one, for each segment some sixty.

The search is exact: similarities are computed for some rows at a time, by a matrix product, and most are let go.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.segments import Segments
from stream.ways import Floats, Mask, Ways

ALL_KEPT_SEGMENTS = 1000  # up to here, 200 s, every allowed step is kept: as many as an hour's clip keeps in all
BEST_WAYS = 48  # more make a walk no better, and hot ones worse
PARTS = 16  # of the clip, the best step into each of which is kept, however unlike: the ways between its chapters
ROWS_AT_ONCE = 256

Places = npt.NDArray[np.int64]


def allowed_transitions(segments: Segments) -> Mask:
    """Which steps make sense at all, shape (N, N).

    Segments that a hard cut runs through are neither left nor entered. Of the segments that overlap the true
    successor only the successor itself may follow: the others would stutter, and look alike only because they
    show the same frames (trap 4 of the facts). Only in a clip so short that all overlap, all may follow.
    """
    return _allowed_rows(segments, segments.clean, np.arange(segments.count))


def _allowed_rows(segments: Segments, clean: Mask, rows: Places) -> Mask:
    allowed = clean[rows, None] & clean[None, :]
    span = (segments.window_frames - 1) // segments.stride_frames
    for offset in set(range(-span, span + 1)) - {0}:
        lands = rows + 1 + offset
        inside = (lands >= 0) & (lands < segments.count)
        allowed[inside, lands[inside]] = False
    stuck = clean[rows] & ~allowed.any(axis=1)
    allowed[stuck] = clean
    allowed[stuck, rows[stuck]] = False
    return np.asarray(allowed)


def candidates(query: npt.ArrayLike, target: npt.ArrayLike, segments: Segments) -> tuple[Ways, Floats]:
    """The ways that a walk may be weighed over, and the similarity of each.

    Up to `ALL_KEPT_SEGMENTS` these are all allowed steps. Of a longer clip each segment keeps its true successor, its
    48 best steps, and the best into each sixteenth of the clip: or the neighbours in time of one good target would
    fill the list, chapters would be out of each other's reach, and a calm walk would have no jump that is far enough.

    Args:
        query: normalised embeddings of what was just shown, (N, D).
        target: of what could follow, (N, D).
        segments: the clip's.
    """
    query, target = np.asarray(query, np.float32), np.asarray(target, np.float32)
    count, clean = segments.count, segments.clean
    choose = _all if count <= ALL_KEPT_SEGMENTS else _best
    similarity = np.empty((ROWS_AT_ONCE, count), np.float32)
    lengths, columns, values = [], [], []
    for first in range(0, count, ROWS_AT_ONCE):
        rows = np.arange(first, min(first + ROWS_AT_ONCE, count))
        block = np.matmul(query[rows], target.T, out=similarity[: len(rows)])
        block[~_allowed_rows(segments, clean, rows)] = -np.inf
        kept_rows, kept_columns = choose(block, rows)
        lengths.append(np.bincount(kept_rows, minlength=len(rows)))
        columns.append(kept_columns.astype(np.int32))
        values.append(block[kept_rows, kept_columns])
    return Ways.of_rows(np.concatenate(lengths), np.concatenate(columns)), np.concatenate(values)


def _all(block: Floats, rows: Places) -> tuple[Places, Places]:
    """Where a block of rows is allowed: its rows, counted from its first, and columns, in order."""
    kept_rows, columns = np.nonzero(block > -np.inf)
    return kept_rows, columns


def _best(block: Floats, rows: Places) -> tuple[Places, Places]:
    """As `_all`, but only what a long clip keeps."""
    count = block.shape[1]
    length = -(-count // PARTS)
    in_parts = [first + block[:, first : first + length].argmax(axis=1) for first in range(0, count, length)]
    most = np.argpartition(block, count - BEST_WAYS, axis=1)[:, count - BEST_WAYS :]
    successor = np.minimum(rows + 1, count - 1)
    columns = np.sort(np.concatenate([most, np.stack([*in_parts, successor], axis=1)], axis=1), axis=1)
    fresh = np.diff(columns, axis=1, prepend=-1) > 0
    fresh &= np.take_along_axis(block, columns, axis=1) > -np.inf
    kept_rows, which = np.nonzero(fresh)
    return kept_rows, columns[kept_rows, which]
