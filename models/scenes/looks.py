"""From where everything visible is to a state in which what looks alike lies near."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.scenes.motion import with_velocity

PLAINLY = 0.05  # of the picture's short side: moved by that, on average, it is plainly another moment


def velocity_time_s(period_s: float) -> float:
    """Seconds of motion that count as much as where things are: of a swing at this period, one radian."""
    return float(np.clip(period_s / (2 * np.pi), 0.1, 0.3))


def look_state(
    points: NDArray[np.complex128], weights: NDArray[np.float64], *, dims: int, rate_hz: float, time_s: float
) -> NDArray[np.float32]:
    """Where visible points are and how they move, turned to their main axes so that few columns hold nearly all.

    Args:
        points: (F, P), x + iy in shares of the picture's short side.
        weights: (P,), how much each point is seen, in any unit; those not seen at all cost nothing.
        dims: main axes to keep.
        rate_hz: frames per second.
        time_s: seconds by which a velocity is multiplied.

    Returns:
        float32 (F, 2 dims): positions along the main axes, then velocities along the same.
    """
    seen = points[:, weights > 0] * np.sqrt(weights[weights > 0] / weights.sum()) / PLAINLY
    columns = np.hstack([seen.real, seen.imag])
    columns -= columns.mean(axis=0)
    sample = columns[:: max(1, len(columns) // 400)]
    axes = np.linalg.eigh(sample.T @ sample)[1][:, ::-1][:, :dims]
    along = columns @ axes
    if along.shape[1] < dims:
        along = np.pad(along, ((0, 0), (0, dims - along.shape[1])))
    return with_velocity(along, rate_hz, time_s).astype(np.float32)
