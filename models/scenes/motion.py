"""Courses through time that drawn scenes follow: they come back, but never exactly.

All arrays have one row per frame. Nothing here draws.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Course = NDArray[np.float64]


def wander(random: np.random.Generator, count: int, rate_hz: float, period_s: float, dims: int = 1) -> Course:
    """Smooth aimless change: a few sines around one period, (count, dims), about -1 to 1."""
    time_s = np.arange(count)[:, None] / rate_hz
    total = np.zeros((count, dims))
    for _ in range(4):
        frequency_hz = random.uniform(0.4, 1.6, dims) / period_s
        total += np.sin(2 * np.pi * (frequency_hz * time_s + random.uniform(0, 1, dims)))
    return np.asarray(total / 2.5)


def cycle(random: np.random.Generator, count: int, rate_hz: float, period_s: float, wobble: float = 0.15) -> Course:
    """The phase of something that goes round, in radians, (count,): its speed wobbles by about that share."""
    speed = 2 * np.pi / (period_s * rate_hz) * (1 + wobble * wander(random, count, rate_hz, 4 * period_s)[:, 0])
    return np.asarray(random.uniform(0, 2 * np.pi) + np.cumsum(speed))


def gestures(random: np.random.Generator, count: int, rate_hz: float, poses: Course, move_s: float) -> Course:
    """A walk from pose to pose, (count, K): the same few moves come back in another order and tempo.

    Args:
        random: draws the order and the durations.
        count: frames.
        rate_hz: frames per second.
        poses: (P, K), P at least 2. From each pose two or three others may follow.
        move_s: what a move takes, in seconds, give or take a third.
    """
    followers = [random.permutation([j for j in range(len(poses)) if j != i])[:3] for i in range(len(poses))]
    path = np.empty((count, poses.shape[1]))
    at, done = int(random.integers(len(poses))), 0
    while done < count:
        to = int(random.choice(followers[at]))
        frames = max(2, round(move_s * rate_hz * random.uniform(0.67, 1.33)))
        share = np.arange(frames)[:, None] / frames
        eased = share**3 * (10 - 15 * share + 6 * share**2)  # least jerk: starts and ends at rest
        part = poses[at] + eased * (poses[to] - poses[at])
        path[done : done + frames] = part[: count - done]
        at, done = to, done + frames
    return path


def with_velocity(course: Course, rate_hz: float, time_s: float) -> Course:
    """Position and velocity side by side, (count, 2K).

    Args:
        course: (count, K).
        rate_hz: frames per second.
        time_s: seconds by which a velocity is multiplied, so that it weighs like the way made in that time.
    """
    return np.hstack([course, np.gradient(course, axis=0) * rate_hz * time_s])
