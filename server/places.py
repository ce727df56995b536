"""Who has a place among those that can be served at once, and whose place may be given to another."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterable

from fastapi import HTTPException

from server.errors import NoPortError
from server.session import Session

RETRY_AFTER_S = 5
MOST_COUNTER_OFFERS = 20  # that wait for an answer; they take no viewer's place
GRACE_S = 5.0  # within which whoever comes connects; after that it keeps its place only while nobody else wants it


def longest_waiting(sessions: Iterable[Session], now_s: float) -> Session | None:
    """The session to end where another needs what it holds; None if all are connected, or fresh.

    Counter-offers that wait for an answer go first: most players never answer one.

    Args:
        now_s: monotonic.
    """
    waiting = [each for each in sessions if not each.is_connected and now_s - each.opened_s >= GRACE_S]
    return min(waiting, key=lambda each: (not each.awaits_answer, each.opened_s), default=None)


async def with_a_port(negotiate: Callable[[], Awaitable[Session]], make_room: Callable[[], Awaitable[bool]]) -> Session:
    """Negotiate a session; where no UDP port is left, once more after somebody has made room.

    Args:
        make_room: ends a session that waits in vain; False if there is none.

    Raises:
        HTTPException: 503, there is no port, and what `negotiate` raises.
    """
    try:
        return await negotiate()
    except NoPortError as error:
        if not await make_room():
            raise busy(str(error), RETRY_AFTER_S) from error
    try:
        return await negotiate()
    except NoPortError as error:
        raise busy(str(error), RETRY_AFTER_S) from error


def busy(reason: str, wait_s: float) -> HTTPException:
    """The refusal of one who may come again (503)."""
    return HTTPException(503, reason, {"Retry-After": str(max(1, math.ceil(wait_s)))})
