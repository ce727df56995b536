"""How well what is seen follows what is heard. Pure: arrays in, figures out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.quality.seams import SeamFigures
from bench.sync.shown import Frames, Shown
from bench.sync.song import Plucks, Times
from models.seam import SeamMeasure

RINGS_S = 1.5  # a string is seen and heard for so long: its swing falls by 1/e in 0.5 to 0.8 s
AT_ONCE_S = 0.1  # entering a clip so soon after a pluck shows that pluck
ANSWERED_S = (
    0.1  # sound and picture further apart are two events (ITU-R BT.1359-1: 45 ms early, 125 ms late is noticed)
)
NEAR_S = 0.3  # of the right moment of a clip is right

Strings = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.float32]


def ringing(plucks: Plucks, times_s: Times) -> Strings:
    """The string that was plucked last at each time, (T,); -1 before the first pluck, and when it has died away.

    Args:
        plucks: when which string is let go.
        times_s: (T,).
    """
    last = np.searchsorted(plucks.times_s, times_s, side="right") - 1
    fresh = (last >= 0) & (times_s - plucks.times_s[np.maximum(last, 0)] < RINGS_S)
    return np.where(fresh, plucks.strings[np.maximum(last, 0)], -1)


def string_sync(heard: Strings, shown: Strings) -> float:
    """Share of the time in which a string is heard and that very one is shown; 0 to 1, chance is about 1 / strings.

    Args:
        heard: at each moment, (T,), -1 for none; such moments do not count.
        shown: likewise; showing none while one is heard is wrong.
    """
    some = heard >= 0
    return float((heard == shown)[some].mean()) if some.any() else 0.0


def shown_events(shown: Shown, events: Frames) -> tuple[Times, Frames]:
    """When the events of a clip come to the screen.

    An event is shown where the film runs into it, or jumps in no later than `AT_ONCE_S` after it.

    Args:
        shown: the film.
        events: the first frame of the clip that shows each, ascending, (E,).

    Returns:
        Times in seconds of the song, (K,), and which events they are, (K,).
    """
    last = np.searchsorted(events, shown.frames, side="right") - 1
    age = shown.frames - events[np.maximum(last, 0)] if len(events) else np.zeros_like(shown.frames)
    steps = np.diff(shown.frames, prepend=shown.frames[:1])
    at_once = AT_ONCE_S * shown.rate_hz
    landed = (np.abs(steps) > at_once) & (shown.jumps | shown.bridged)
    landed[:1] = True  # as the song starts
    ran_into = ~landed & (steps > 0) & (np.diff(last, prepend=last[:1]) != 0) & (age < np.maximum(steps, at_once))
    at = np.flatnonzero((last >= 0) & (ran_into | (landed & (age < at_once))))
    return at / shown.rate_hz, last[at]


@dataclass(frozen=True)
class OnsetFigures:
    """How far what is heard is from what is seen, over all onsets that are heard.

    Attributes:
        any_ms: median time to the nearest pluck that is shown, of any string.
        same_ms: of the same string.
        answered: share that is answered within 0.1 s by the same string.
    """

    any_ms: float
    same_ms: float
    answered: float


def onset_figures(heard: Plucks, shown: Plucks) -> OnsetFigures | None:
    """None if nothing is heard, or nothing shown. A string that is never shown is as far as the song is long."""
    if not len(heard.times_s) or not len(shown.times_s):
        return None
    apart = np.abs(heard.times_s[:, None] - shown.times_s[None])
    same = np.where(heard.strings[:, None] == shown.strings[None], apart, np.inf).min(axis=1)
    same = np.minimum(same, heard.times_s[-1])
    return OnsetFigures(
        round(1000 * float(np.median(apart.min(axis=1))), 1),
        round(1000 * float(np.median(same)), 1),
        round(float((same <= ANSWERED_S).mean()), 4),
    )


def seam_figures(shown: Shown, measure: SeamMeasure) -> SeamFigures | None:
    """How much the jumps show when they are played as they are, bridges left out; None without jumps."""
    around = shown.seams
    around = around[((around >= 0) & (around < len(measure.frames))).all(axis=1)]
    return SeamFigures.of(measure.runs(around)) if len(around) else None


def near_share(shown_s: Times, right_s: Times, alike: npt.NDArray[np.bool_] | None = None) -> float:
    """Share of the time in which a clip is within `NEAR_S` of where it should be, or sounds alike there.

    Args:
        shown_s: the time of the clip that is shown, (T,).
        right_s: the one that should be, (T,).
        alike: whether the two sound the same, (T,).
    """
    near = np.abs(shown_s - right_s) <= NEAR_S
    return float((near if alike is None else near | alike).mean())


def agreement(heard: Vectors, sounds: Vectors, shows: Vectors) -> float:
    """How alike what is shown sounds to what is heard: 1 for the likest segment always, 0 for any segment.

    It may be above 1: between two segments' ends there may be a likelier moment than either.

    Args:
        heard: of each moment, unit vectors (T, A).
        sounds: of the clip's segments, unit vectors (N, A).
        shows: what the clip sounded like up to the picture that is shown at each moment, unit vectors (T, A).
    """
    alike = heard @ sounds.T
    usual, best = alike.mean(axis=1), alike.max(axis=1)
    mine = np.einsum("ta,ta->t", heard, shows)
    return float((mine - usual).sum() / max(float((best - usual).sum()), 1e-9))


def matched(heard_s: Times, shown_s: Times, within_s: float = ANSWERED_S) -> float:
    """F-measure of two rows of events, each of which answers at most one of the other: 0 to 1.

    Args:
        heard_s: ascending.
        shown_s: ascending.
        within_s: of each other.
    """
    pairs, heard, shown = 0, 0, 0
    while heard < len(heard_s) and shown < len(shown_s):
        apart_s = shown_s[shown] - heard_s[heard]
        if abs(apart_s) <= within_s:
            pairs += 1
        heard += apart_s >= -within_s
        shown += apart_s <= within_s
    return 2 * pairs / max(1, len(heard_s) + len(shown_s))
