"""One sender, many receivers, none of whom can slow the others down: bounded queues that drop their oldest."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")


class Closed(Exception):
    """Nothing more will come."""


class Subscription(Generic[T]):
    """One receiver's queue: `drop_oldest` beyond `limit`, with a count.

    Attributes:
        dropped: items that were thrown away because the receiver was too slow.
    """

    def __init__(self, limit: int) -> None:
        self._items: deque[T] = deque(maxlen=limit)
        self._wake = asyncio.Event()
        self._closed = False
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: T) -> None:
        """Add an item; never waits."""
        self.dropped += len(self._items) == self._items.maxlen
        self._items.append(item)
        self._wake.set()

    def clear(self) -> None:
        """Throw away all that waits, counted."""
        self.dropped += len(self._items)
        self._items.clear()

    def close(self) -> None:
        """Let the receiver take what is there, then raise `Closed`."""
        self._closed = True
        self._wake.set()

    async def get(self) -> T:
        """The oldest item, waited for.

        Raises:
            Closed: there is none left and none will come.
        """
        while not self._items:
            if self._closed:
                raise Closed
            self._wake.clear()
            await self._wake.wait()
        return self._items.popleft()

    async def __aiter__(self) -> AsyncIterator[T]:
        """Every item until the end."""
        while True:
            try:
                item = await self.get()
            except Closed:
                return
            yield item


class Broadcast(Generic[T]):
    """Sends each item to everyone who listens at that moment."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._listeners: set[Subscription[T]] = set()
        self._closed = False

    def send(self, item: T) -> None:
        """Put the item into every queue."""
        for listener in self._listeners:
            listener.put(item)

    @contextmanager
    def listen(self) -> Iterator[Subscription[T]]:
        """A queue that is filled as long as the context lasts."""
        listener: Subscription[T] = Subscription(self._limit)
        if self._closed:
            listener.close()
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)

    def close(self) -> None:
        """End all queues, those to come too."""
        self._closed = True
        for listener in self._listeners:
            listener.close()
