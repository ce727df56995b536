"""How often somebody may come: bounds that hold for any pattern."""

from __future__ import annotations

import numpy as np
import pytest
from fastapi import HTTPException

from server.joins import Bucket, Joins


def admitted(joins: Joins, address: str, now_s: float) -> bool:
    try:
        joins.admit(address, now_s)
    except HTTPException as refused:
        return refused.status_code not in (429, 503) or not int((refused.headers or {})["Retry-After"]) >= 1
    return True


def test_no_stretch_of_time_lets_through_more_than_burst_and_rate() -> None:
    joins, rng = Joins(0.0, rate_hz=2.0, burst=5), np.random.default_rng(1)
    times = np.cumsum(rng.exponential(0.1, 500))
    passed = np.array([now_s for now_s in times if admitted(joins, "a", now_s)])
    for begin in range(0, len(passed), 7):
        lasted_s = passed[begin:] - passed[begin]
        assert (np.arange(1, len(lasted_s) + 1) <= 5 + 2.0 * lasted_s + 1e-6).all()
    assert len(passed) > 2.0 * times[-1]  # and what is allowed gets through


def test_one_address_does_not_take_anothers_turn() -> None:
    joins = Joins(0.0, rate_hz=1.0, burst=2)
    assert [admitted(joins, "a", 0.0) for _ in range(3)] == [True, True, False]
    assert admitted(joins, "b", 0.0)


def test_who_comes_in_vain_does_not_take_the_turns_of_who_can_watch() -> None:
    joins = Joins(0.0, rate_hz=1.0, burst=2)
    for _ in range(2):
        joins.admit("a", 0.0, in_vain=True)
    with pytest.raises(HTTPException, match="too many sessions"):
        joins.admit("a", 0.0, in_vain=True)
    assert [admitted(joins, "a", 0.0) for _ in range(3)] == [True, True, False]


def test_all_together_are_bounded_too() -> None:
    joins = Joins(0.0, rate_hz=1.0, burst=2)
    assert sum(admitted(joins, str(number), 0.0) for number in range(1000)) == 200


def test_the_wait_that_is_told_is_long_enough() -> None:
    bucket = Bucket.full(0.25, 1, 0.0)
    assert bucket.draw(0.0) == 0
    wait_s = bucket.draw(0.0)
    assert wait_s == pytest.approx(4.0)
    assert bucket.draw(wait_s + 1e-6) == 0
