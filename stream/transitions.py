"""A transition matrix that can be walked for ever, and what a long walk over it does."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, eye_array
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import spsolve

from stream.errors import TextureError

Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Transitions:
    """A row-stochastic matrix over the segments, every row of which leads to where one can walk for ever.

    Attributes:
        probabilities: (N, N) sparse.
    """

    probabilities: csr_array

    @classmethod
    def of_weights(cls, weights: Matrix, masked: Matrix) -> Transitions:
        """Prune to what can be walked for ever, and normalise.

        Args:
            weights: how much each way is wanted, (N, N), 0 for not at all; rows need not sum to 1.
            masked: the score of each way that is allowed, else -inf; where no wanted way leads on, the best of these.

        Raises:
            TextureError: there is no way round.
        """
        return cls(_walkable(weights, masked))

    @property
    def count(self) -> int:
        """N."""
        return int(self.probabilities.shape[0])

    def successors(self, segment: int) -> tuple[npt.NDArray[np.int32], Matrix]:
        """The segments that may follow, and their probabilities."""
        begin, end = self.probabilities.indptr[segment : segment + 2]
        return self.probabilities.indices[begin:end], self.probabilities.data[begin:end]

    @cached_property
    def stationary(self) -> npt.NDArray[np.float64]:
        """Share of steps that a long walk spends at each segment, shape (N,); 0 outside the walkable part."""
        walkable = np.flatnonzero(_largest_component(self.probabilities))
        inside = self.probabilities[walkable][:, walkable].astype(np.float64)
        system = (inside.T - eye_array(len(walkable))).tolil()
        system[-1, :] = 1  # the balance equations are dependent: one gives way to "all shares sum to 1"
        right = np.zeros(len(walkable))
        right[-1] = 1
        shares = np.zeros(self.count)
        shares[walkable] = np.clip(np.atleast_1d(spsolve(system.tocsc(), right)), 0, None)
        return np.asarray(shares / shares.sum(), np.float64)

    @cached_property
    def jump_share(self) -> float:
        """Share of steps that are jumps, in a long walk."""
        natural = np.zeros(self.count)
        natural[:-1] = self.probabilities.diagonal(1)
        return float((self.stationary * (1 - natural)).sum().clip(0, 1))

    @cached_property
    def effective_segments(self) -> float:
        """How many segments a long walk visits evenly: the perplexity of `stationary`."""
        shares = self.stationary[self.stationary > 0]
        return float(np.exp(-(shares * np.log(shares)).sum()))

    def edges_by_traffic(self) -> list[tuple[int, int, float]]:
        """The jumps (from, to, share of all steps), the most travelled first."""
        coo = self.probabilities.tocoo()
        traffic = self.stationary[coo.row] * coo.data
        jumps = (coo.col != coo.row + 1) & (traffic > 0)
        order = np.argsort(-traffic[jumps], kind="stable")
        rows, columns, shares = coo.row[jumps][order], coo.col[jumps][order], traffic[jumps][order]
        return list(zip(rows.tolist(), columns.tolist(), shares.tolist(), strict=True))


def _largest_component(weights: csr_array) -> npt.NDArray[np.bool_]:
    """The largest strongly connected set with a way round in it, shape (N,) bool: no dead ends."""
    _, labels = connected_components(weights, directed=True, connection="strong")
    sizes = np.bincount(labels)
    loops = np.zeros(len(sizes), np.bool_)
    loops[labels[weights.diagonal() > 0]] = True
    sizes[(sizes == 1) & ~loops] = 0
    if not sizes.any():
        return np.zeros(weights.shape[0], np.bool_)
    return np.asarray(labels == sizes.argmax())


def _walkable(relative: Matrix, masked: Matrix) -> csr_array:
    """Keep the ways within the largest strongly connected part; lead every other row into it by its best entry."""
    inside = _largest_component(csr_array(relative))
    if not inside.any():
        # Nothing leads back: let every allowed way be taken, however unlike, so that there is a way round.
        relative = np.where(masked > -np.inf, np.float32(1), np.float32(0))
        inside = _largest_component(csr_array(relative))
        if not inside.any():
            raise TextureError("the clip cannot be walked for ever: it is too short between its hard cuts")
    kept = np.where(inside[None, :], relative, 0)
    for row in np.flatnonzero(kept.sum(axis=1) == 0):
        ways = np.where(inside, masked[row], -np.inf)
        # A segment with no allowed way at all (a cut runs through it) is never entered; any way out will do.
        kept[row, ways.argmax() if np.isfinite(ways).any() else inside.argmax()] = 1
    return csr_array(kept / kept.sum(axis=1, keepdims=True, dtype=np.float32))
