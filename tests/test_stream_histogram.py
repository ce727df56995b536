"""Durations in classes, against NumPy's."""

from __future__ import annotations

import numpy as np
import pytest

from stream.histogram import BOUNDS_S, Histogram


def test_each_duration_is_in_the_class_that_numpy_puts_it() -> None:
    durations = np.random.default_rng(3).exponential(0.05, 500)
    histogram = Histogram()
    for duration in durations:
        histogram.observe(float(duration))
    expected, _ = np.histogram(durations, [0.0, *BOUNDS_S, np.inf])
    assert histogram.counts == expected.tolist()
    assert histogram.count == 500
    assert histogram.sum_s == pytest.approx(durations.sum())


def test_a_bound_belongs_to_its_class_and_too_early_counts_as_in_time() -> None:
    histogram = Histogram((0.1, 0.2))
    for seconds in (-1.0, 0.1, 0.2, 0.3):
        histogram.observe(seconds)
    assert histogram.counts == [2, 1, 1]
    assert histogram.sum_s == pytest.approx(0.6)
