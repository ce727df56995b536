"""The contrastive loss, and which segments may be its negatives."""

from __future__ import annotations

import torch
from torch import Tensor


def negatives_mask(
    positives: Tensor, candidates: Tensor, likeness: Tensor, *, span: int, duplicate_share: float
) -> Tensor:
    """Which candidates count as negatives of which positive.

    Windows that overlap the positive may be left out: they show the same frames (FACTS, trap 4). So may the
    most alike of the others: true look-alikes are the jumps that we want (trap 3). The query itself, which is
    the segment before the positive, never is a negative of its own.

    Args:
        positives: segment indices, int64 (B,).
        candidates: segment indices, int64 (C,).
        likeness: similarity of each positive to each candidate by the trunk's own features, float (B, C).
        span: windows at most this many segments from the positive are left out; 0 for the positive alone.
        duplicate_share: share of the candidates, those most like the positive, that are left out, 0 to 1.

    Returns:
        bool (B, C), True for a negative.
    """
    apart = positives[:, None] - candidates[None, :]
    mask = (apart.abs() > span) & (apart != 1)
    if duplicate_share > 0.0:
        outside = likeness.masked_fill(~mask, torch.nan)
        mask &= likeness < torch.nanquantile(outside, 1.0 - duplicate_share, dim=1, keepdim=True)
    return mask


def nce(positive: Tensor, others: Tensor, mask: Tensor, temperature: float) -> Tensor:
    """Noise-contrastive loss: how surely the positive is told from the negatives.

    Args:
        positive: similarity of each query to its true successor, float (B,).
        others: similarity of each query to each candidate, float (B, C).
        mask: which of them are negatives, bool (B, C).
        temperature: τ, above 0.

    Returns:
        The mean over the batch, float (), in nats; 0 for a row without negatives.

    Source:
        Narasimhan et al., equation 2, with τ = 0.1. They take every other segment as a negative.
    """
    logits = torch.cat([positive[:, None], others.masked_fill(~mask, -torch.inf)], dim=1) / temperature
    return (torch.logsumexp(logits, dim=1) - logits[:, 0]).mean()
