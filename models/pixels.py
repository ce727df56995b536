"""Contrast-normalised pixels: frames as the change from the clip's temporal mean, at equal contrast."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional as F

from models.windows import UInt8Frames

LEAST_CONTRAST = 0.01  # of full scale: below it a frame differs from the mean by noise alone


def channels_first(frames: Tensor) -> Tensor:
    """uint8 (..., h, w, 3) → float32 (..., 3, h, w) from 0 to 1."""
    return frames.to(torch.float32).movedim(-1, -3) / 255.0


def temporal_mean(frames: UInt8Frames) -> Tensor:
    """The clip's mean frame, float32 (3, h, w) from 0 to 1; at most 500 frames of it are looked at."""
    some = frames[:: max(1, len(frames) // 500)]
    mean = some.mean(axis=0, dtype=np.float64).astype(np.float32) / 255.0
    return torch.from_numpy(np.ascontiguousarray(mean.transpose(2, 0, 1)))


def contrast_normalised(frames: Tensor, mean: Tensor) -> Tensor:
    """What moves in each frame, whatever the light.

    The mean frame is subtracted as bright as it fits each frame best: plain subtraction leaves the whole
    background behind where the light flickers (docs/log.md, 2026-11-22).

    Args:
        frames: float32 (M, 3, h, w), 0 to 1.
        mean: the clip's temporal mean, float32 (3, h, w).

    Returns:
        float32 (M, 3, h, w): the difference from gain · mean + offset, each frame divided by its root mean
        square.
    """
    background = mean - mean.mean()
    centred = frames - frames.mean(dim=(1, 2, 3), keepdim=True)
    gain = (centred * background).sum(dim=(1, 2, 3), keepdim=True) / (background.square().sum() + 1e-6)
    change = centred - gain * background
    rms = change.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
    return change / (rms + LEAST_CONTRAST)


def describe(frames: UInt8Frames, height_px: int) -> npt.NDArray[np.float32]:
    """Each frame as a small contrast-normalised vector: the yardstick of the fit's evaluation.

    Args:
        frames: uint8 (F, h, w, 3).
        height_px: the shorter side to which frames are averaged down, at most their own.

    Returns:
        float32 (F, d).
    """
    mean = temporal_mean(frames)
    factor = max(1, min(frames.shape[1], frames.shape[2]) // height_px)
    side = tuple(length // factor for length in frames.shape[1:3])
    described = np.empty((len(frames), 3 * side[0] * side[1]), np.float32)  # not part by part: docs/notes.md
    for which in np.array_split(np.arange(len(frames)), max(1, len(frames) // 64)):
        changes = contrast_normalised(channels_first(torch.from_numpy(frames[which])), mean)
        described[which] = F.avg_pool2d(changes, factor).flatten(1).numpy()
    return described
