"""Motions of a whole picture: turn, shift and zoom, as matrices of two rows. Pure."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Motions: TypeAlias = npt.NDArray[np.float64]  # (..., 2, 3): places (x, y, 1) in pixels to places in another picture
Places: TypeAlias = npt.NDArray[np.float32]  # (K, 2)

SHARES = np.array([0.1, 0.5, 0.9])  # of the picture's sides, where it is asked how far it moved


def moved(places: Places, motion: Motions) -> Places:
    """Where a motion takes places."""
    return np.asarray(places @ motion[:, :2].T + motion[:, 2], np.float32)


def joined(then: Motions, first: Motions) -> Motions:
    """One motion after the other."""
    return np.asarray((_whole(then) @ _whole(first))[..., :2, :])


def inverse(motion: Motions) -> Motions:
    """The way back."""
    return np.asarray(np.linalg.inv(_whole(motion))[:2])


def scaled(motions: Motions, size: tuple[int, int], wanted: tuple[int, int]) -> Motions:
    """The same in pixels of another size; a pixel's place is its middle."""
    scale = np.array(wanted) / np.array(size)
    there = np.array([[scale[0], 0, scale[0] / 2 - 0.5], [0, scale[1], scale[1] / 2 - 0.5]])
    return joined(joined(there, motions), inverse(there))


def carried(motions: Motions, size: tuple[int, int]) -> Motions:
    """Where nine places all over the picture are moved, (..., 9, 2)."""
    places = np.stack(np.meshgrid(SHARES * size[0], SHARES * size[1]), axis=-1).reshape(-1, 2)
    return np.asarray(np.einsum("...ij,gj->...gi", motions[..., :2], places) + motions[..., None, :, 2], np.float64)


def rms_share(motions: Motions, size: tuple[int, int]) -> float:
    """How far places are moved, root mean square, as a share of the picture's height."""
    moved = carried(motions, size) - carried(np.eye(2, 3), size)
    return float(np.sqrt(np.square(moved).sum(axis=2).mean())) / size[1]


def _whole(motions: Motions) -> Motions:
    """With their last row, (..., 3, 3)."""
    last = np.broadcast_to(np.array([0.0, 0.0, 1.0]), (*motions.shape[:-2], 1, 3))
    return np.concatenate([motions, last], axis=-2)
