"""The state of a connection as its confirmations say: a pure function of times."""

from __future__ import annotations

import pytest

from server.targets.status import Confirmation, Limits, State

LIMITS = Limits(connect_s=10, stalled_s=2, give_up_s=8)


def test_nothing_is_live_that_was_not_confirmed() -> None:
    confirmation = Confirmation(LIMITS, 100.0)
    for now_s in (100.0, 105.0, 109.9):
        assert confirmation.state(now_s) == (State.CONNECTING, "")
        assert confirmation.failure(now_s) == ""
    assert confirmation.failure(110.1) == "no answer for 10 s"


def test_live_while_confirmations_grow() -> None:
    confirmation = Confirmation(LIMITS, 100.0)
    confirmation.confirm(0, 101.0)
    assert confirmation.state(101.0)[0] is State.CONNECTING
    for step in range(100):
        confirmation.confirm(step + 1, 102.0 + step)
        assert confirmation.state(102.9 + step)[0] is State.LIVE
    assert confirmation.live_since_s == 102.0
    assert confirmation.confirmed_bytes == 100


@pytest.mark.parametrize("repeats", [False, True])
def test_stalled_when_they_do_not_grow(repeats: bool) -> None:
    confirmation = Confirmation(LIMITS, 100.0)
    confirmation.confirm(5000, 101.0)
    if repeats:
        confirmation.confirm(5000, 104.0)
    assert confirmation.state(102.9)[0] is State.LIVE
    state, reason = confirmation.state(103.1)
    assert state is State.STALLED
    assert "2 s" in reason
    assert confirmation.failure(108.9) == ""
    assert confirmation.failure(109.1) == "nothing was confirmed for 8 s"
    confirmation.confirm(5001, 108.9)
    assert confirmation.state(109.0)[0] is State.LIVE
