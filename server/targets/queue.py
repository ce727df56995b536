"""What waits to be sent to a target: bounded, and what is dropped is dropped up to the next IDR.

The policy is `drop_gops`: when the queue is full, all that waits goes, and nothing is taken before the next IDR. What
arrives at the other end then misses whole GOPs, and the tail of the one that was on its way: it decodes without damage.
"""

from __future__ import annotations

import asyncio
from collections import deque
from fractions import Fraction

from server.targets.wire import Piece

QUEUED_PACKETS = 240  # about three seconds of pictures and sound


class GopQueue:
    """Packets on their way to one target.

    Attributes:
        dropped_gops: IDRs that were thrown away, or not taken.
        dropped_packets: pictures and sounds that were.
    """

    def __init__(self, limit: int = QUEUED_PACKETS) -> None:
        self._limit = limit
        self._items: deque[Piece] = deque()
        self._wake = asyncio.Event()
        self._from_s: Fraction | None = None  # the time of the IDR from which on sound is taken; None before it
        self._overflowed = False
        self.dropped_gops = 0
        self.dropped_packets = 0

    def __len__(self) -> int:
        return len(self._items)

    def put(self, packet: Piece) -> None:
        """Take a packet, if it can be decoded at the other end; never waits."""
        if len(self._items) >= self._limit:
            for dropped in self._items:
                self._count(dropped)
            self._items.clear()
            self._from_s, self._overflowed = None, True
        if packet.is_video and packet.is_keyframe and self._from_s is None:
            self._from_s = packet.time_s
        if self._from_s is None or packet.time_s < self._from_s:
            if self._overflowed:  # before it began, nothing was lost
                self._count(packet)
            return
        self._items.append(packet)
        self._wake.set()

    async def get(self) -> Piece:
        """The oldest packet, waited for."""
        while not self._items:
            self._wake.clear()
            await self._wake.wait()
        return self._items.popleft()

    def _count(self, packet: Piece) -> None:
        self.dropped_packets += 1
        self.dropped_gops += packet.is_video and packet.is_keyframe
