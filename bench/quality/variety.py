"""Variety: how much of the film a viewer sees in ten minutes, and how much of it twice in the same order."""

from __future__ import annotations

import numpy as np

from bench.quality.film import Film
from bench.quality.played import Frames


def share_visited(shown: Frames, film: Film) -> float:
    """Share of the frames that can be played at all which are shown, 0 to 1."""
    segments = film.segments
    playable = int(segments.clean.sum()) * segments.stride_frames
    return len(np.unique(shown)) / playable


def longest_repeat_frames(shown: Frames) -> int:
    """The longest run of frames that is shown twice, jumps in it included; the two may overlap, as loops do.

    By prefix doubling: runs of each power of two get a number by their content, and longer ones are pairs of those.
    """
    runs = [np.unique(shown, return_inverse=True)[1].astype(np.int64)]  # the numbers of runs of 1, 2, 4, ... frames
    while _repeats(runs[-1]) and (half := 2 ** (len(runs) - 1)) < len(runs[-1]):
        runs.append(_paired(runs[-1][:-half], runs[-1][half:]))
    longest, current = 0, np.zeros(len(shown), np.int64)
    for power in reversed(range(len(runs))):
        length = longest + 2**power
        starts = len(shown) - length + 1
        if starts < 2:
            continue
        longer = _paired(current[:starts], runs[power][longest : longest + starts])
        if _repeats(longer):
            longest, current = length, longer
    return longest


def _paired(first: Frames, second: Frames) -> Frames:
    return np.unique(first * (second.max() + 1) + second, return_inverse=True)[1].astype(np.int64)


def _repeats(names: Frames) -> bool:
    return len(np.unique(names)) < len(names)
