"""How long something took, counted in classes: an addition of integers each time, for whoever collects it later."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

BOUNDS_S = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)


class Histogram:
    """Durations in classes. One thread adds, any may ask.

    Args:
        bounds_s: the upper ends of the classes, ascending, each belonging to its class; above the last is one more.

    Attributes:
        counts: of each class, the one above all bounds included.
        sum_s: of all durations.
    """

    def __init__(self, bounds_s: Sequence[float] = BOUNDS_S) -> None:
        self.bounds_s = tuple(bounds_s)
        self.counts = [0] * (len(self.bounds_s) + 1)
        self.sum_s = 0.0

    def observe(self, seconds: float) -> None:
        """Count one; a negative one is none at all, and counts as 0."""
        seconds = max(0.0, seconds)
        self.counts[bisect_left(self.bounds_s, seconds)] += 1
        self.sum_s += seconds

    @property
    def count(self) -> int:
        """How many there were."""
        return sum(self.counts)
