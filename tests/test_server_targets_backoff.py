"""The back-off: bounds for every delay, and chance."""

from __future__ import annotations

import numpy as np

from server.targets.backoff import Backoff


def test_delays_double_until_the_longest() -> None:
    backoff = Backoff(np.random.default_rng(0), first_s=1.0, longest_s=30.0)
    for full_s in (1, 2, 4, 8, 16, 30, 30, 30):
        assert backoff.full_s() == full_s
        assert 0.5 * full_s <= backoff.next_s() <= full_s


def test_for_ever() -> None:
    backoff = Backoff(np.random.default_rng(0), failures=10**6)
    assert 15 <= backoff.next_s() <= 30


def test_success_begins_anew() -> None:
    backoff = Backoff(np.random.default_rng(0))
    for _ in range(9):
        backoff.next_s()
    backoff.succeed()
    assert backoff.next_s() <= 1.0


def test_many_senders_do_not_come_back_at_once() -> None:
    delays = [Backoff(np.random.default_rng(seed)).next_s() for seed in range(200)]
    counts, _ = np.histogram(delays, 10, (0.5, 1.0))
    assert counts.min() > 5
