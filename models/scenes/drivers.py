"""What drives the moving parts of drawn scenes: something that turns, swings, pulses or makes gestures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.scenes.drawn import Shot
from models.scenes.motion import cycle, gestures, wander

SLOWEST_S, FASTEST_S = 4.0, 0.6  # per cycle
_KINDS = ("round", "reversing", "pulsing", "gestures", "shuttle")


@dataclass(frozen=True)
class Driver:
    """A course in the plane that keeps coming back, and an angle that goes with it.

    Attributes:
        kind: one of round, reversing, pulsing, gestures, shuttle.
        place: per frame, complex (F,), about 1 in size.
        turn: radians per frame, (F,). What is fixed to it goes round, or to and fro.
        period_s: of a cycle, about; of a gesture there and back.
    """

    kind: str
    place: NDArray[np.complex128]
    turn: NDArray[np.float64]
    period_s: float

    @property
    def round(self) -> bool:
        """Whether what is fixed to `turn` may go round and round."""
        return self.kind in ("round", "reversing")

    def swing(self, shift: float) -> NDArray[np.float64]:
        """Something that goes to and fro, (F,), -1 to 1; `shift`, in radians, says which part of it leads."""
        return np.asarray((self.place * np.exp(1j * shift)).imag)


def random_period_s(random: np.random.Generator) -> float:
    """Seconds per cycle, all tempi alike."""
    return float(FASTEST_S * (SLOWEST_S / FASTEST_S) ** random.random())


def random_driver(random: np.random.Generator, shot: Shot, period_s: float, kind: str | None = None) -> Driver:
    """Any driver.

    Args:
        random: draws it.
        shot: how many frames it is for.
        period_s: of a cycle, about.
        kind: one of the kinds, None for any.
    """
    count, rate_hz = shot.frame_count, float(shot.rate_hz)
    kind = kind or str(random.choice(_KINDS))
    if kind in ("gestures", "shuttle"):
        poses = _poses(random, kind)
        course = gestures(random, count, rate_hz, poses, period_s / 2)
        place = course[:, 0] + 1j * course[:, 1]
        return Driver(kind, place, np.asarray(random.uniform(0.6, 1.4) * course[:, 0]), period_s)
    turn = cycle(random, count, rate_hz, period_s, wobble=float(random.uniform(0.05, 0.3)))
    if kind == "reversing":
        turn = _reversing(random, turn, rate_hz, period_s)
    size = 1 + random.uniform(0, 0.08) * wander(random, count, rate_hz, 3 * period_s)[:, 0]
    if kind == "pulsing":
        size = 0.65 + 0.35 * np.clip(wander(random, count, rate_hz, 4 * period_s)[:, 0], -1, 1)
    return Driver(kind, np.asarray(size * np.exp(1j * turn)), turn, period_s)


def random_drivers(random: np.random.Generator, shot: Shot) -> list[Driver]:
    """One to three drivers; the tempi of further ones are near the first's, for a whole to be seen."""
    count = int(random.choice([1, 2, 3], p=[0.45, 0.4, 0.15]))
    first_s = random_period_s(random)
    periods = [first_s, *np.clip(first_s * 2 ** random.uniform(-1, 1, count - 1), FASTEST_S, SLOWEST_S)]
    return [random_driver(random, shot, float(period_s)) for period_s in periods]


def _poses(random: np.random.Generator, kind: str) -> NDArray[np.float64]:
    """Where gestures rest: on a bent line for a shuttle, anywhere for others; (P, 2), -1 to 1."""
    count = int(random.integers(3, 5))
    if kind == "shuttle":
        stops = np.linspace(-1, 1, count) + random.uniform(-0.15, 0.15, count)
        return np.stack([stops, random.uniform(-0.6, 0.6) * (stops**2 - 0.5)], axis=1).clip(-1, 1)
    turns = random.permutation(count) * 2 * np.pi / count + random.uniform(0, 2 * np.pi) + random.normal(0, 0.2, count)
    size = random.uniform(0.6, 1, count)
    return np.stack([size * np.cos(turns), size * np.sin(turns)], axis=1)


def _reversing(
    random: np.random.Generator, turn: NDArray[np.float64], rate_hz: float, period_s: float
) -> NDArray[np.float64]:
    """The same turning, now forwards, now backwards, with a short slowing at each change."""
    sign = np.empty(len(turn))
    at, way = 0, 1.0
    while at < len(turn):
        upto = at + max(2, round(period_s * rate_hz * random.uniform(0.8, 3)))
        sign[at:upto], way = way, -way
        at = upto
    width = max(1, round(0.15 * period_s * rate_hz))
    padded = np.pad(sign, (width, width), mode="edge")
    eased = np.convolve(padded, np.ones(2 * width + 1) / (2 * width + 1), mode="valid")
    return np.asarray(turn[0] + np.cumsum(np.gradient(turn) * eased))
