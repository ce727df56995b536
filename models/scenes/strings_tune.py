"""The tune that the plucked strings play, and how the hand moves to play it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TOUCH_S = 0.10  # the finger lies on the string, and pulls, this long before it lets go
FOLLOW_S = 0.08  # the hand stays this long after
RELEASE_CURL = 0.45  # how far the finger is bent when the string slips off
_LEAD_IN_S = 0.7
_LEAD_OUT_S = 0.9
_STEPS = np.array([-3, -2, -1, 0, 1, 2, 3])
_STEP_WEIGHTS = np.array([0.04, 0.12, 0.27, 0.05, 0.32, 0.15, 0.05])  # upwards, as phrases end low
_BEATS_S = np.array([0.33, 0.44, 0.55, 0.66, 0.84])
_BEAT_WEIGHTS = np.array([0.22, 0.34, 0.22, 0.14, 0.08])


@dataclass(frozen=True)
class Pluck:
    """One string let go: at `time_s`, string `string` (0 the lowest), `strength` 0 to 1."""

    time_s: float
    string: int
    strength: float


def compose(seconds: float, *, strings: int, rng: np.random.Generator) -> tuple[Pluck, ...]:
    """A tune that wanders over the strings and never repeats exactly.

    Args:
        seconds: length of the scene; nothing is plucked in its first and last moments.
        strings: how many strings there are, at least 2.
        rng: where the tune comes from.

    Returns:
        Plucks in order of time, 0.3 to 0.95 s apart, with rests of up to 2 s between phrases.
    """
    plucks: list[Pluck] = []
    time_s, string, left = _LEAD_IN_S, strings // 2, 0
    while time_s < seconds - _LEAD_OUT_S:
        if left == 0:
            left = int(rng.integers(6, 12))
            time_s += float(rng.uniform(0.5, 1.0)) if plucks else 0.0
            continue
        accent = 0.12 if left % 4 == 0 else 0.0
        plucks.append(Pluck(time_s, string, float(rng.uniform(0.62, 0.88)) + accent))
        left -= 1
        following = _next_string(string, strings=strings, homing=left == 1, rng=rng)
        time_s += _gap_s(abs(following - string), rng)
        string = following
    return tuple(plucks)


def _next_string(string: int, *, strings: int, homing: bool, rng: np.random.Generator) -> int:
    """Mostly a neighbour; a phrase likes to end on a low string."""
    if homing and rng.random() < 0.5:
        return int(rng.integers(0, 2))
    reachable = string + _STEPS
    weights = np.where((reachable >= 0) & (reachable < strings), _STEP_WEIGHTS, 0.0)
    return int(rng.choice(reachable, p=weights / weights.sum()))


def _gap_s(leap: int, rng: np.random.Generator) -> float:
    """Time to the next pluck: a beat, never quite in time, longer where the hand has far to go."""
    beat = float(rng.choice(_BEATS_S, p=_BEAT_WEIGHTS)) * float(rng.uniform(0.93, 1.07))
    return min(max(beat, 0.30 + 0.05 * max(0, leap - 1)), 0.92)


def amplitudes(
    plucks: tuple[Pluck, ...], times_s: NDArray[np.float64], decays_s: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far each string swings.

    Args:
        plucks: the tune.
        times_s: shape (frames,).
        decays_s: shape (strings,), time in which a string's swing falls by 1/e.

    Returns:
        Swing, 1 being the widest there is, and age in seconds since the string's last pluck
        (infinite before the first); both of shape (frames, strings).
    """
    swing = np.zeros((times_s.size, decays_s.size))
    age_s = np.full_like(swing, np.inf)
    for string, decay_s in enumerate(decays_s):
        own = [pluck for pluck in plucks if pluck.string == string]
        for index, pluck in enumerate(own):
            touched_s = own[index + 1].time_s - TOUCH_S if index + 1 < len(own) else np.inf
            since = times_s >= pluck.time_s
            age = times_s[since] - pluck.time_s
            damped = np.exp(-np.maximum(0.0, times_s[since] - touched_s) / 0.012)
            age_s[since, string] = age
            swing[since, string] = pluck.strength * np.exp(-age / decay_s) * damped
    return swing, age_s


@dataclass(frozen=True)
class HandPath:
    """The hand at each frame, lengths in picture heights, each of shape (frames,).

    Args:
        x, y: the tip of the stretched index finger; y grows downwards.
        lift: 0 on the strings, 1 well above them.
        curl: 0 finger stretched, `RELEASE_CURL` when it lets go, 1 fully bent.
        pull: 0 to 1, how far the string under the finger is pulled; 0 once it is let go.
    """

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    lift: NDArray[np.float64]
    curl: NDArray[np.float64]
    pull: NDArray[np.float64]


def hand_path(
    plucks: tuple[Pluck, ...],
    targets: NDArray[np.float64],
    times_s: NDArray[np.float64],
    *,
    rest: tuple[float, float],
    rng: np.random.Generator,
) -> HandPath:
    """Move the hand smoothly from string to string, and aside in the rests.

    Args:
        plucks: the tune.
        targets: shape (strings, 2), where each string is plucked, in picture heights.
        times_s: shape (frames,).
        rest: where the hand waits, in picture heights.
        rng: no two plucks are at quite the same place.

    Returns:
        The path at `times_s`.
    """
    keys: list[tuple[float, float, float, float]] = [(0.0, *rest, 0.5)]  # time_s, x, y, lift
    for pluck in plucks:
        x, y = targets[pluck.string]
        x += float(rng.normal(0.0, 0.006))
        touch_s = pluck.time_s - TOUCH_S
        free_s = touch_s - keys[-1][0]
        if free_s > 0.9 and len(keys) > 1:
            keys.append((keys[-1][0] + 0.45 * free_s, *rest, 0.6))
        keys += [(touch_s, x, y, 0.0), (pluck.time_s + FOLLOW_S, x, y, 0.0)]
    keys.append((keys[-1][0] + 0.6, *rest, 0.5))
    key_s, *tracks = np.array(keys).T
    part, share = _part(key_s, times_s)
    x, y, lift = (track[part] + (track[part + 1] - track[part]) * share for track in tracks)
    way = np.hypot(np.diff(tracks[0]), np.diff(tracks[1]))[part]
    lift = np.clip(lift + 3.0 * way * np.sin(np.pi * share), 0.0, 1.0)
    sway = 0.004 * np.sin(2 * np.pi * times_s / 5.3)  # a living hand is never quite still
    curl, pull = _finger(plucks, times_s)
    return HandPath(x + sway, y + 0.5 * sway, lift, curl, pull)


def _part(key_s: NDArray[np.float64], times_s: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Between which keys each time lies, and how far along with no jerk at either end."""
    part = np.clip(np.searchsorted(key_s, times_s, side="right") - 1, 0, key_s.size - 2)
    share = np.clip((times_s - key_s[part]) / np.maximum(np.diff(key_s)[part], 1e-9), 0.0, 1.0)
    return part, share**3 * (10 - 15 * share + 6 * share**2)


def _finger(plucks: tuple[Pluck, ...], times_s: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far the index finger is bent, and the string with it."""
    curl = np.zeros(times_s.size)
    pull = np.zeros(times_s.size)
    for pluck in plucks:
        since = times_s - pluck.time_s
        pulling = (since >= -TOUCH_S) & (since < 0)
        bend = np.sin(np.pi / 2 * np.clip(1 + since / TOUCH_S, 0, 1)) ** 2
        curl[pulling] = RELEASE_CURL * bend[pulling]
        pull[pulling] = bend[pulling] * pluck.strength
        after = (since >= 0) & (since < 0.3)
        snap = RELEASE_CURL + (1 - RELEASE_CURL) * np.sin(np.pi / 2 * np.clip(since / 0.05, 0, 1))
        back = 0.5 + 0.5 * np.cos(np.pi * np.clip((since - 0.06) / 0.15, 0, 1))
        curl[after] = np.maximum(curl, snap * back)[after]
    return curl, pull
