"""Clips drawn for tests: a disc that goes round, noise, and their segments."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.segments import Segments

PERIOD_FRAMES = 50
HEIGHT_PX, WIDTH_PX = 64, 64


def going_round(frame_count: int, *, seed: int = 0, noise: float = 3.0) -> npt.NDArray[np.uint8]:
    """A bright disc on a striped ground, once around in 50 frames, with camera noise; (F, 64, 64, 3)."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:HEIGHT_PX, :WIDTH_PX]
    ground = 60.0 + 25.0 * np.sin(rows / 5.0 + columns / 11.0)
    turn = 2.0 * np.pi * np.arange(frame_count) / PERIOD_FRAMES
    down = rows - (32.0 + 20.0 * np.sin(turn))[:, None, None]
    right = columns - (32.0 + 20.0 * np.cos(turn))[:, None, None]
    disc = 150.0 / (1.0 + np.exp(np.hypot(down, right) - 6.0))
    frames = (ground + disc)[..., None] * np.array([1.0, 0.9, 0.7])
    noisy = frames + random.normal(0.0, noise, frames.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def segments_of(frames: npt.NDArray[np.uint8], *cuts: int) -> Segments:
    """Windows of 12 frames every 5: 25 frames per second."""
    return Segments(len(frames), window_frames=12, stride_frames=5, cuts=cuts)
