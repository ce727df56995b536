"""The soft contrastive loss of pre-training."""

from __future__ import annotations

import torch
from torch import Tensor

TARGET_TEMPERATURE = 0.08  # in shares of a random pair's distance: nearer than that counts as the same moment


def standardised(features: Tensor) -> Tensor:
    """Features of one scene around their mean, at mean square norm 1, (B, D)."""
    centred = features - features.mean(dim=0)
    return centred / (centred.square().sum(dim=1).mean().sqrt() + 1e-6)


def soft_contrastive(features: Tensor, distance: Tensor, log_scale: Tensor) -> Tensor:
    """How far the neighbours by features are from the neighbours by true state.

    Args:
        features: of one scene's windows, float32 (B, D).
        distance: of their true continuations, as shares of a random pair's, (B, B); infinite where a pair is
            not to be looked at.
        log_scale: logarithm of what squared feature distances are multiplied by, ().

    Returns:
        Mean Kullback-Leibler divergence per window, float32 (), in nats.
    """
    unit = standardised(features)
    squares = torch.cdist(unit, unit, compute_mode="donot_use_mm_for_euclid_dist").square()
    looked_at = torch.isfinite(distance)
    logits = (-squares * log_scale.exp()).masked_fill(~looked_at, -torch.inf)
    target = torch.softmax((-distance / TARGET_TEMPERATURE).masked_fill(~looked_at, -torch.inf), dim=1)
    log_ratio = torch.where(looked_at, torch.log(target + 1e-9) - torch.log_softmax(logits, dim=1), 0.0)
    return (target * log_ratio).sum(dim=1).mean()
