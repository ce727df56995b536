"""Where a long walk spends its time: the stationary distribution of a large sparse chain."""

from __future__ import annotations

import logging

import numpy as np
import numpy.typing as npt
from scipy.linalg import lu_factor, lu_solve
from scipy.sparse import csr_array, diags_array, eye_array, tril
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import LinearOperator, gcrotmk, splu

from stream.ways import Ways

log = logging.getLogger(__name__)

Shares = npt.NDArray[np.float64]

STRETCHES = 100  # of the timeline
MOST_BLOCKS = 800  # that the coarse solve tells apart
ROUNDS = 4  # of disaggregation, before the Krylov method begins
TOLERANCE = 1e-9
WORST = 1e-5  # residual, summed: shares that hold within 1 % for 1000 steps; the liveliness is told to a tenth
KEPT, INNER = 20, 30  # directions that the Krylov method keeps, each N numbers
MOST_CYCLES = 20
NEVER = 1e-18  # each segment of an irreducible chain is visited some day, whatever rounding says


def stationary_shares(chain: csr_array) -> Shares:
    """The shares π with π P = π, shape (N,), above 0, summing to 1.

    Two levels. A sweep of Gauss-Seidel along the timeline solves the triangle of the balance equations that holds the
    clip's own going on and all jumps ahead; what is left is how the jumps back mix. A coarse solve over some hundred
    blocks of the clip moves what must drift far, or out of a loop that is rarely left. They give a start, and then
    precondition GCROT. A direct solve is exact, but fills in: for an hour's clip it may take minutes and gigabytes.

    Args:
        chain: P, row-stochastic and irreducible, (N, N).

    Source: Koury, McAllister, Stewart 1984 (iterative aggregation and disaggregation) for the start.
    """
    if chain.shape[0] == 1:
        return np.ones(1)
    levels = _Levels(chain.astype(np.float64))
    shares = np.full(levels.count, 1 / levels.count)
    for _ in range(ROUNDS):
        shares = levels.disaggregated(shares)
    change, _ = gcrotmk(
        levels.balance, -(levels.balance @ shares), M=LinearOperator(chain.shape, levels.corrected),
        rtol=0, atol=TOLERANCE, m=INNER, k=KEPT, maxiter=MOST_CYCLES,
    )  # fmt: skip
    shares = _normalised(shares + change)
    residual = float(np.abs(np.asarray(levels.balance @ shares)).sum())
    if not residual <= WORST:
        log.warning("where a walk over %d segments stays is known only to %.1e a step", levels.count, residual)
    return shares


class _Levels:
    """The balance equations (I - Pᵀ) π = 0, fine and coarse.

    Attributes:
        count: N.
        balance: I - Pᵀ, (N, N).
    """

    def __init__(self, chain: csr_array) -> None:
        self.count = chain.shape[0]
        flow = csr_array((diags_array(1 / chain.sum(axis=1)) @ chain).T)  # float32 rows sum to 1 only nearly
        self.balance = csr_array(eye_array(self.count) - flow)
        triangle = tril(self.balance, format="csc")
        self._sweep = splu(triangle, permc_spec="NATURAL", diag_pivot_thresh=0)
        self._rest = csr_array(triangle - self.balance)
        self._block = _blocks(chain)
        self._blocks = int(self._block.max()) + 1
        entries = self.balance.tocoo()
        self._from, self._value = entries.col, entries.data
        self._cell = self._block[entries.row] * self._blocks + self._block[entries.col]

    def disaggregated(self, shares: Shares) -> Shares:
        """Solve for the blocks with the shares within each as they are, then sweep once."""
        self._within = shares / np.bincount(self._block, shares, self._blocks)[self._block]
        values = self._value * self._within[self._from]
        coarse = np.bincount(self._cell, values, self._blocks**2).reshape(self._blocks, self._blocks)
        coarse[-1] = 1  # the equations are dependent: one gives way to "all shares sum to 1"
        self._coarse = lu_factor(coarse)
        of_blocks = _normalised(lu_solve(self._coarse, np.eye(self._blocks)[-1]))
        return _normalised(self._sweep.solve(np.asarray(self._rest @ (self._within * of_blocks[self._block]))))

    def corrected(self, residual: Shares) -> Shares:
        """About the change of the shares that takes a residual away."""
        change: Shares = np.asarray(self._sweep.solve(residual))
        left = np.bincount(self._block, residual - np.asarray(self.balance @ change), self._blocks)
        left[-1] = 0  # a change moves shares, and leaves their sum
        return np.asarray(change + self._within * lu_solve(self._coarse, left)[self._block], np.float64)


def _blocks(chain: csr_array) -> npt.NDArray[np.int64]:
    """A number for the block of each segment, (N,).

    A block is what one stretch of the timeline has of one basin: a basin is all from where the likeliest ways lead
    into one loop, in which a walk at a low temperature stays long.
    """
    count = chain.shape[0]
    stretch = np.arange(count) * max(1, min(STRETCHES, count // 4)) // count
    likeliest = chain.indices[Ways(chain.indptr, chain.indices).row_best(chain.data)]
    pattern = csr_array((np.ones(count), likeliest, np.arange(count + 1)), shape=chain.shape)
    basins, basin = connected_components(pattern, connection="weak")
    labels, block = np.unique(stretch * basins + basin, return_inverse=True)
    return block if len(labels) <= MOST_BLOCKS else stretch


def _normalised(shares: Shares) -> Shares:
    shares = np.maximum(shares, NEVER)
    return np.asarray(shares / shares.sum(), np.float64)
