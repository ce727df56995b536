"""How often viewers may come: a token bucket for each address, and one for all together."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass

from fastapi import HTTPException

RATE_HZ = 5.0  # of one address; a page that reconnects comes once in half a second at most
BURST = 100  # a house full of screens, all behind one address, after a power cut
RATE_OF_ALL_HZ = 50.0
BURST_OF_ALL = 200
MOST_ADDRESSES = 10_000  # remembered, drop_oldest


@dataclass
class Bucket:
    """Lets `burst` through at once, and then `rate_hz` a second.

    Attributes:
        level: how many it would let through at `filled_s`.
    """

    rate_hz: float
    burst: float
    level: float
    filled_s: float

    @staticmethod
    def full(rate_hz: float, burst: float, now_s: float) -> Bucket:
        """One that nobody has drawn from."""
        return Bucket(rate_hz, burst, burst, now_s)

    def draw(self, now_s: float) -> float:
        """Draw one; returns 0, or, where there is none, the seconds until there is."""
        self.level = min(self.burst, self.level + self.rate_hz * (now_s - self.filled_s))
        self.filled_s = now_s
        if self.level < 1:
            return (1 - self.level) / self.rate_hz
        self.level -= 1
        return 0.0


class Joins:
    """Refuses those who come too often."""

    def __init__(self, now_s: float, *, rate_hz: float = RATE_HZ, burst: float = BURST) -> None:
        self._viewers = _Turns(rate_hz, burst, now_s)
        self._in_vain = _Turns(rate_hz, burst, now_s)

    def admit(self, address: str, now_s: float, *, in_vain: bool = False) -> None:
        """Somebody comes.

        Args:
            address: from where.
            now_s: monotonic.
            in_vain: whether nothing of what they offer can be answered; that uses up none of the turns of those behind
                the same address who can watch.

        Raises:
            HTTPException: 429 where this address comes too often, 503 where all do; both say when to try again.
        """
        (self._in_vain if in_vain else self._viewers).admit(address, now_s)


class _Turns:
    """The buckets of all addresses, and the one for all together."""

    def __init__(self, rate_hz: float, burst: float, now_s: float) -> None:
        self._rate_hz, self._burst = rate_hz, burst
        self._all = Bucket.full(max(rate_hz, RATE_OF_ALL_HZ), max(burst, BURST_OF_ALL), now_s)
        self._addresses: OrderedDict[str, Bucket] = OrderedDict()

    def admit(self, address: str, now_s: float) -> None:
        """As `Joins.admit`."""
        bucket = self._addresses.pop(address, None) or Bucket.full(self._rate_hz, self._burst, now_s)
        self._addresses[address] = bucket
        if len(self._addresses) > MOST_ADDRESSES:
            self._addresses.popitem(last=False)
        if wait_s := bucket.draw(now_s):
            raise HTTPException(429, "too many sessions are opened from this address", _retry(wait_s))
        if wait_s := self._all.draw(now_s):
            raise HTTPException(503, "too many viewers come at once", _retry(wait_s))


def _retry(wait_s: float) -> dict[str, str]:
    return {"Retry-After": str(math.ceil(wait_s))}
