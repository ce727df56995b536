"""Which segments are drawn to be told from the positives."""

from __future__ import annotations

import numpy as np

from models.preset import FitSettings
from models.split import Indices

# Of the query; +1 is the positive. The authors make these neighbours the hard negatives of each pair.
NEAR = np.array([-4, -3, -2, -1, 2, 3, 4, 5], dtype=np.int64)


def draw(batch: Indices, allowed: Indices, settings: FitSettings, random: np.random.Generator) -> Indices:
    """Candidates of one step: the batch's own positives, then the negatives drawn for it.

    Args:
        batch: positive pairs (i, i + 1), named by i, int64 (B,).
        allowed: segments that may be drawn, int64, ascending.
        settings: how many, and how many of them near the batch.
        random: draws them.

    Returns:
        int64 (C,): first the B positives, in the batch's order, then at most `negatives` others.

    Source:
        Narasimhan et al. and their code: 20 random negatives for each pair, its eight neighbours among them.
        Ours are shared by the batch, so that a step embeds at most 2 B + `negatives` windows.
    """
    positives = batch + 1
    near = np.intersect1d(batch[:, None] + NEAR, allowed)
    near = random.choice(near, min(settings.near_negatives, settings.negatives, len(near)), replace=False)
    rest = settings.negatives - len(near)
    drawn = np.union1d(near, random.choice(allowed, min(rest, len(allowed)), replace=False))
    return np.concatenate([positives, np.setdiff1d(drawn, positives)]).astype(np.int64)
