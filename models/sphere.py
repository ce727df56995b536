"""Features for the unit sphere: principal components, the lift, and padding to the embedding's size."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def principal_components(samples: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The directions in which samples vary most.

    Args:
        samples: float32 (M, d), M at least 1.
        count: how many are wanted.

    Returns:
        (mean (d,), basis (d, k)), float32; k is at most `count` and what the samples support, at least 1.
    """
    mean = samples.mean(dim=0)
    centred = samples - mean
    if samples.shape[0] >= samples.shape[1]:
        variances, directions = torch.linalg.eigh(centred.T @ centred)
        basis = directions.flip(1)[:, :count]
        variances = variances.flip(0)[:count]
    else:  # fewer samples than dimensions: the small Gram matrix holds the same answer
        variances, weights = torch.linalg.eigh(centred @ centred.T)
        variances, weights = variances.flip(0)[:count], weights.flip(1)[:, :count]
        basis = F.normalize(centred.T @ weights, dim=0)
    kept = max(1, int((variances > 1e-6 * variances[0].clamp(min=1e-12)).sum()))
    return mean, basis[:, :kept].contiguous()


def lifted(features: Tensor, lift: Tensor, size: int) -> Tensor:
    """Features on the unit sphere, where cosine similarity ranks as Euclidean distance did.

    A constant channel is appended before normalising, so that length still counts: near the diagonal
    cos ≈ 1 - ‖x - y‖² / (2 · (lift² + ‖x‖²)).

    Args:
        features: float32 (B, k), k < size.
        lift: the constant, float32 (), about the features' root mean square norm.
        size: the embedding's size.

    Returns:
        float32 (B, size), norm 1, zeros after the first k + 1.
    """
    constant = lift.expand(features.shape[0], 1)
    return F.pad(F.normalize(torch.cat([features, constant], dim=1), dim=1), (0, size - features.shape[1] - 1))
