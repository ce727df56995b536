"""The pacer, at times that the tests make up."""

from __future__ import annotations

import numpy as np
import pytest

from stream.pacing import LATE_S, TOLERATED_LATENESS_S, Pacer


def test_the_first_packet_goes_at_once_whenever_it_is() -> None:
    for media_s, now_s in ((0.0, 0.0), (5.0, 0.0), (0.0, 1e6), (7.0, 1234.5)):
        assert Pacer().delay_s(media_s, now_s) == 0


def test_on_time_each_waits_for_its_own_moment() -> None:
    pacer = Pacer()
    now_s = start_s = 1000.0
    for index in range(300):
        media_s = index / 30
        now_s += pacer.delay_s(media_s, now_s)
        assert now_s == pytest.approx(start_s + media_s, abs=1e-9)
        now_s += 0.003  # what sending takes
    assert (pacer.late, pacer.re_anchored) == (0, 0)


def test_waiting_does_not_add_up() -> None:
    """A sleep that always takes 10 ms too long makes each packet 10 ms late, not ever later."""
    pacer = Pacer()
    now_s = 50.0
    for index in range(1000):
        delay_s = pacer.delay_s(index / 30, now_s)
        now_s += delay_s + (0.01 if delay_s else 0)
    assert now_s == pytest.approx(50 + 999 / 30 + 0.01)


def test_a_little_late_is_made_up_for_and_counted() -> None:
    pacer = Pacer()
    pacer.delay_s(0.0, 10.0)
    assert pacer.delay_s(1.0, 11.0 + LATE_S / 2) == 0
    assert pacer.late == 0
    assert pacer.delay_s(1.1, 11.1 + 2 * LATE_S) == 0
    assert pacer.late == 1
    assert pacer.delay_s(1.2, 11.1) == pytest.approx(0.1), "the schedule itself did not move"
    assert (pacer.late, pacer.re_anchored) == (1, 0)


def test_a_stall_is_forgotten() -> None:
    pacer = Pacer()
    pacer.delay_s(0.0, 10.0)
    assert pacer.delay_s(1.0, 71.0) == 0
    assert (pacer.late, pacer.re_anchored) == (0, 1)
    assert pacer.delay_s(1.5, 71.0) == pytest.approx(0.5), "no burst to catch up"
    assert pacer.delay_s(2.0, 72.0) == pytest.approx(0)
    assert pacer.re_anchored == 1


@pytest.mark.parametrize(
    ("late_s", "re_anchored"), [(TOLERATED_LATENESS_S - 0.01, 0), (TOLERATED_LATENESS_S + 0.01, 1)]
)
def test_where_catching_up_ends(late_s: float, re_anchored: int) -> None:
    pacer = Pacer()
    pacer.delay_s(0.0, 10.0)
    assert pacer.delay_s(1.0, 11.0 + late_s) == 0
    assert (pacer.late, pacer.re_anchored) == (1 - re_anchored, re_anchored)


def test_never_negative_and_never_longer_than_the_schedule() -> None:
    rng = np.random.default_rng(0)
    pacer = Pacer()
    now_s = 100.0
    for index in range(2000):
        now_s += float(rng.exponential(0.04))
        delay_s = pacer.delay_s(index / 30, now_s)
        assert 0 <= delay_s <= 2000 / 30
        now_s += delay_s
    assert pacer.re_anchored > 0
    assert pacer.late > 0
