"""A transition matrix that can be walked for ever, and what a long walk over it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from stream.errors import TextureError
from stream.stationary import stationary_shares
from stream.ways import Floats, Indices, Mask, Ways

Scores = Callable[[npt.NDArray[np.int64]], Floats]


@dataclass(frozen=True)
class Transitions:
    """A row-stochastic matrix over the segments, every row of which leads to where one can walk for ever.

    Attributes:
        probabilities: (N, N) sparse, float32.
    """

    probabilities: csr_array

    @classmethod
    def of_weights(cls, wanted: Ways, weights: Floats, allowed: Ways, score: Scores) -> Transitions:
        """Prune to what can be walked for ever, and normalise.

        Args:
            wanted: the ways that may be taken.
            weights: how much each of them is wanted, 0 for not at all; rows need not sum to 1.
            allowed: all ways; where no wanted one leads on, the best of these is taken.
            score: how good some of the allowed ways are, by their indices.

        Raises:
            TextureError: there is no way round.
        """
        some = weights > 0
        wanted, weights = wanted.kept(some), weights[some]
        inside = _largest_component(wanted.matrix(weights))
        if not inside.any():
            # Nothing leads back: let every allowed way be taken, however unlike, so that there is a way round.
            wanted, weights = allowed, np.ones(len(allowed), np.float32)
            inside = _largest_component(wanted.matrix(weights))
            if not inside.any():
                raise TextureError("the clip cannot be walked for ever: it is too short between its hard cuts")
        kept = inside[wanted.targets]
        rows, columns, weights = wanted.sources[kept], wanted.targets[kept], weights[kept]
        total = np.bincount(rows, weights, wanted.count)
        stranded = np.flatnonzero(total == 0)
        total[stranded] = 1
        rows, columns = np.append(rows, stranded), np.append(columns, _ways_in(stranded, inside, allowed, score))
        shares = np.append(weights, np.ones(len(stranded))).astype(np.float64) / total[rows]
        return cls(csr_array((shares.astype(np.float32), (rows, columns)), shape=(wanted.count, wanted.count)))

    @property
    def count(self) -> int:
        """N."""
        return int(self.probabilities.shape[0])

    def successors(self, segment: int) -> tuple[Indices, Floats]:
        """The segments that may follow, and their probabilities."""
        begin, end = self.probabilities.indptr[segment : segment + 2]
        return self.probabilities.indices[begin:end], self.probabilities.data[begin:end]

    @cached_property
    def stationary(self) -> npt.NDArray[np.float64]:
        """Share of steps that a long walk spends at each segment, shape (N,); 0 outside the walkable part."""
        walkable = np.flatnonzero(_largest_component(self.probabilities))
        shares = np.zeros(self.count)
        shares[walkable] = stationary_shares(self.probabilities[walkable][:, walkable])
        return shares

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

    def traffic(self) -> tuple[Indices, Indices, npt.NDArray[np.float64]]:
        """The jumps (from, to, share of all steps), the most travelled first, as three arrays."""
        coo = self.probabilities.tocoo()
        traffic = self.stationary[coo.row] * coo.data
        jumps = (coo.col != coo.row + 1) & (traffic > 0)
        order = np.argsort(-traffic[jumps], kind="stable")
        return coo.row[jumps][order], coo.col[jumps][order], traffic[jumps][order]

    def edges_by_traffic(self, most: int | None = None) -> list[tuple[int, int, float]]:
        """The jumps (from, to, share of all steps), the most travelled first; all, or so many of them."""
        rows, columns, shares = (column[:most].tolist() for column in self.traffic())
        return list(zip(rows, columns, shares, strict=True))


def _largest_component(weights: csr_array) -> Mask:
    """The largest strongly connected set with a way round in it, shape (N,) bool: no dead ends."""
    _, labels = connected_components(weights, directed=True, connection="strong")
    sizes = np.bincount(labels)
    loops = np.zeros(len(sizes), np.bool_)
    loops[labels[weights.diagonal() > 0]] = True
    sizes[(sizes == 1) & ~loops] = 0
    if not sizes.any():
        return np.zeros(weights.shape[0], np.bool_)
    return np.asarray(labels == sizes.argmax())


def _ways_in(stranded: npt.NDArray[np.int64], inside: Mask, allowed: Ways, score: Scores) -> npt.NDArray[np.int64]:
    """The best way into the walkable part from each of some segments.

    A segment with no such way (a cut runs through it) is never entered; any way out will do.
    """
    ways = allowed.in_rows(stranded)
    ways = ways[inside[allowed.targets[ways]]]
    ways = ways[np.argsort(-score(ways), kind="stable")][::-1]
    into = np.full(allowed.count, inside.argmax())
    into[allowed.sources[ways]] = allowed.targets[ways]  # of several the best, written last
    return into[stranded]
