"""The steps that a clip's segments allow, and only those: the pattern of a sparse (N, N) matrix.

Numbers about the steps (similarity, cost, weight) are arrays with one entry for each way, in the order of the ways:
row by row, and in each row by target. Nothing here is ever of N x N numbers, unless all of them are ways.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Ways:
    """Which steps i -> j there are.

    Attributes:
        starts: where each row's ways begin, int32 (N + 1,); the last is how many ways there are (E).
        targets: where each way leads, int32 (E,), ascending within a row.
    """

    starts: Indices
    targets: Indices

    @classmethod
    def of_mask(cls, mask: npt.ArrayLike) -> Ways:
        """Where an (N, N) mask is true: for small N."""
        rows, columns = np.nonzero(np.asarray(mask, np.bool_))
        return cls.of_rows(np.bincount(rows, minlength=len(np.asarray(mask))), columns)

    @classmethod
    def of_rows(cls, lengths: npt.ArrayLike, targets: npt.ArrayLike) -> Ways:
        """Of how many ways each row has, (N,), and where they lead, (E,)."""
        return cls(np.append(0, np.cumsum(lengths)).astype(np.int32), np.asarray(targets, np.int32))

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def count(self) -> int:
        """N."""
        return len(self.starts) - 1

    @cached_property
    def lengths(self) -> Indices:
        """How many ways each row has, int32 (N,)."""
        return np.diff(self.starts)

    @cached_property
    def sources(self) -> Indices:
        """Where each way begins, int32 (E,)."""
        return np.repeat(np.arange(self.count, dtype=np.int32), self.lengths)

    @cached_property
    def offsets(self) -> Indices:
        """By how many segments each way misses the true successor, int32 (E,): 0 where the clip simply goes on."""
        return self.targets - self.sources - 1

    @cached_property
    def natural(self) -> Mask:
        """Where the clip simply goes on, (E,)."""
        return np.asarray(self.offsets == 0)

    def kept(self, which: Mask) -> Ways:
        """Only some of them, by a mask (E,)."""
        return Ways.of_rows(np.bincount(self.sources[which], minlength=self.count), self.targets[which])

    def of_row(self, row: int) -> slice:
        """The ways of one row."""
        return slice(int(self.starts[row]), int(self.starts[row + 1]))

    def in_rows(self, rows: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """The indices of all ways of some rows, in order."""
        rows = np.asarray(rows, np.int64)
        lengths = self.lengths[rows].astype(np.int64)
        begins = np.cumsum(lengths) - lengths
        return np.asarray(np.arange(lengths.sum()) + np.repeat(self.starts[rows] - begins, lengths), np.int64)

    def find(self, rows: npt.ArrayLike, columns: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """The indices of the ways from `rows` to `columns`.

        Raises:
            ValueError: one of them is no way.
        """
        found = self.look_up(rows, columns)
        if (found < 0).any():
            raise ValueError("some of these steps are no ways: they are not allowed, or not among the likest")
        return found

    def look_up(self, rows: npt.ArrayLike, columns: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """The indices of the ways from `rows` to `columns`, -1 where there is none."""
        wanted = np.asarray(rows, np.int64) * self.count + np.asarray(columns, np.int64)
        keys = self.sources.astype(np.int64) * self.count + self.targets
        found = np.searchsorted(keys, wanted)
        if not len(keys):
            return np.full(wanted.shape, -1)
        return np.where(keys[np.minimum(found, len(keys) - 1)] == wanted, found, -1)

    def row_max(self, values: Floats) -> Floats:
        """The largest value of each row, (N,); -inf in rows without ways."""
        filled = np.flatnonzero(self.lengths)
        largest = np.full(self.count, -np.inf, values.dtype)
        if len(filled):
            largest[filled] = np.maximum.reduceat(values, self.starts[filled])
        return largest

    def row_best(self, values: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.int64]:
        """The index of the first way with the largest value of each row, (N,); -1 in rows without ways."""
        largest = np.flatnonzero(values == self.row_max(values)[self.sources])[::-1]
        best = np.full(self.count, -1, np.int64)
        best[self.sources[largest]] = largest  # of several, the one that is written last
        return best

    def row_sum(self, values: Floats) -> npt.NDArray[np.float64]:
        """The sum of each row, (N,)."""
        return np.asarray(np.bincount(self.sources, values, self.count), np.float64)

    def coarse(self, values: Floats, longest: int) -> Floats:
        """The largest value of each block, on a grid of at most `longest` a side; NaN in blocks without ways."""
        factor = -(-self.count // longest)
        side = -(-self.count // factor)
        cells = np.full(side * side, -np.inf, np.float32)
        np.maximum.at(cells, self.sources.astype(np.int64) // factor * side + self.targets // factor, values)
        cells[np.isneginf(cells)] = np.nan
        return cells.reshape(side, side)

    def matrix(self, values: Floats) -> csr_array:
        """The values as a sparse (N, N) matrix; zeros are entries like all others."""
        return csr_array((values, self.targets, self.starts), shape=(self.count, self.count))
