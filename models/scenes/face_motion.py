"""How a cartoon head moves: poses of the head, syllables, blinks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.scenes.drawn import Shot
from models.scenes.motion import gestures, wander

_Course = NDArray[np.float64]
_LEAST = np.array([-0.7, -0.3, -0.25, -0.6, -0.6])
_MOST = np.array([0.7, 0.3, 0.25, 1.0, 1.0])
_BLINK_S = 0.22


@dataclass(frozen=True)
class Mimic:
    """What a head does per frame, each (F,).

    Attributes:
        turn: to the side, radians.
        nod: downwards, radians.
        tilt: in the picture, radians.
        brow: lifted, about -0.6 to 1.
        smile: about -0.6 to 1.
        mouth: open, 0 to 1.
        round: lips drawn together, 0 to 1.
        shut: eyes shut, 0 to 1.
        gaze: to the side, -1 to 1.
    """

    turn: _Course
    nod: _Course
    tilt: _Course
    brow: _Course
    smile: _Course
    mouth: _Course
    round: _Course
    shut: _Course
    gaze: _Course


def random_mimic(random: np.random.Generator, shot: Shot, period_s: float) -> Mimic:
    """A head that goes from one to another of a few poses, and talks and blinks meanwhile.

    Args:
        random: draws it.
        shot: how many frames it is for.
        period_s: of a pose there and back, about.
    """
    count, rate_hz = shot.frame_count, float(shot.rate_hz)
    poses = random.uniform(_LEAST, _MOST, (int(random.integers(3, 5)), len(_LEAST)))
    poses[:, 0] = random.uniform(0.6, 1) * np.linspace(-0.7, 0.7, len(poses))[random.permutation(len(poses))]
    course = gestures(random, count, rate_hz, poses, period_s / 2)
    course[:, :3] += wander(random, count, rate_hz, 2 * period_s, 3) * random.uniform(0.005, 0.03)
    syllable_s = float(random.uniform(0.13, 0.3))
    visemes = np.array([[0.0, 0.2], [1.0, 0.0], [0.6, 1.0], [0.4, 0.0]])[: random.integers(2, 5)]
    mouth = gestures(random, count, rate_hz, visemes, syllable_s)
    mouth *= _talking(random, count, rate_hz)[:, None] * random.uniform(0.3, 1)
    # Eyes lead: they look where the head will be in a moment.
    ahead = np.minimum(np.arange(count) + round(0.15 * period_s * rate_hz), count - 1)
    gaze = np.clip(2.5 * (course[ahead, 0] - course[:, 0]), -1, 1)
    turn, nod, tilt, brow, smile = course.T
    opened, rounded = mouth.T
    return Mimic(turn, nod, tilt, brow, smile, opened, rounded, shut=_blinks(random, count, rate_hz), gaze=gaze)


def _talking(random: np.random.Generator, count: int, rate_hz: float) -> _Course:
    """Whether it talks, (F,), 0 to 1 with soft ends: in bouts; some heads always do, some never."""
    style = random.random()
    if style < 0.35:
        return np.full(count, float(style < 0.2))
    talks = np.zeros(count)
    at, on = 0, True
    while at < count:
        upto = at + round(rate_hz * random.uniform(0.8, 3))
        talks[at:upto] = on
        at, on = upto, not on
    width = max(1, round(0.2 * rate_hz))
    return np.convolve(np.pad(talks, width, mode="edge"), np.full(2 * width + 1, 1 / (2 * width + 1)), mode="valid")


def _blinks(random: np.random.Generator, count: int, rate_hz: float) -> _Course:
    """How far the eyes are shut, (F,): now and then, quickly."""
    time_s, shut = np.arange(count) / rate_hz, np.zeros(count)
    every_s = random.uniform(1.2, 4)
    at_s = random.uniform(0, every_s)
    while at_s < time_s[-1]:
        shut = np.maximum(shut, 1 - np.abs(time_s - at_s) / (_BLINK_S / 2))
        at_s += every_s * random.uniform(0.6, 1.4)
    return shut
