"""How long something takes that is done again and again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from stream.histogram import Histogram


class Timings:
    """The last durations. One thread adds, any may ask.

    Args:
        kept: how many.

    Attributes:
        count: how many there ever were.
        all: all of them, in classes.
    """

    def __init__(self, kept: int) -> None:
        self._ms = np.zeros(kept)
        self.count = 0
        self.all = Histogram()

    @contextmanager
    def timed(self, parts: int = 1) -> Iterator[None]:
        """Time what is inside; it did so many parts, each of which counts. What raises is not counted."""
        began_ns = time.perf_counter_ns()
        yield
        each_ms = (time.perf_counter_ns() - began_ns) / 1e6 / max(parts, 1)
        for _ in range(parts):
            self._ms[self.count % self._ms.size] = each_ms
            self.count += 1
            self.all.observe(each_ms / 1e3)

    def percentiles_ms(self) -> tuple[float, float]:
        """The median and the 95th percentile, in ms; 0 where there are none."""
        known = self._ms[: min(self.count, self._ms.size)]
        if not known.size:
            return 0.0, 0.0
        middle, high = np.percentile(known, (50, 95))
        return float(middle), float(high)
