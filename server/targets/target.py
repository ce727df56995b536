"""One target: tries for ever, with back-off, and says how it is."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable

from server.errors import TargetError
from server.targets.address import Destination
from server.targets.backoff import Backoff
from server.targets.connection import Connection, Worn
from server.targets.queue import GopQueue
from server.targets.status import Limits, State, TargetEvent, TargetStatus
from server.targets.wire import Order, Piece

log = logging.getLogger(__name__)


class Target:
    """Sends to one destination. `run` it in a task; cancelling that ends it properly.

    Attributes:
        id: by which it is known.
        destination: where it sends.
    """

    def __init__(
        self,
        identifier: str,
        destination: Destination,
        order: Order,
        picture: bytes,
        *,
        limits: Limits,
        backoff: Backoff,
        announce: Callable[[TargetEvent], None],
    ) -> None:
        """Prepare.

        Args:
            order: what its children are told.
            picture: an IDR with its parameter sets, Annex B.
            announce: told each change of the state.
        """
        self.id = identifier
        self.destination = destination
        self._order, self._picture = order, picture
        self._limits, self._backoff, self._announce = limits, backoff, announce
        self._state, self._reason = State.CONNECTING, ""
        self._told: tuple[State, str] | None = None
        self._retry_at_s: float | None = None
        self._connection: Connection | None = None
        self._queue: GopQueue | None = None
        self._attempts = 0
        self._confirmed_bytes = self._dropped_gops = self._dropped_packets = 0

    @property
    def is_open(self) -> bool:
        """Whether packets are wanted."""
        return self._queue is not None

    def offer(self, piece: Piece) -> None:
        """Queue a packet, if one is wanted; never waits."""
        if self._queue is not None:
            self._queue.put(piece)

    def status(self) -> TargetStatus:
        """How it is now."""
        self._look()
        queue, connection = self._queue, self._connection
        retry_in_s = None if self._retry_at_s is None else round(max(0.0, self._retry_at_s - time.monotonic()), 3)
        return TargetStatus(
            self.id,
            self.destination.kind,
            self.destination.shown,
            self._state,
            self._reason,
            retry_in_s,
            self._attempts,
            self._confirmed_bytes + (0 if connection is None else connection.confirmation.confirmed_bytes),
            self._dropped_gops + (0 if queue is None else queue.dropped_gops),
            self._dropped_packets + (0 if queue is None else queue.dropped_packets),
        )

    async def run(self) -> None:
        """Send until cancelled."""
        try:
            while True:
                try:
                    failure = self.destination.redacted(await self._attempt())
                except Worn:
                    log.info("%s %s: its times begin anew, by a new connection", self.id, self.destination.shown)
                    continue
                delay_s = self._backoff.next_s()
                self._retry_at_s = time.monotonic() + delay_s
                self._become(State.RETRYING, failure)
                log.warning("%s %s: %s; trying again in %.1f s", self.id, self.destination.shown, failure, delay_s)
                await asyncio.sleep(delay_s)
                self._retry_at_s = None
                self._become(State.CONNECTING, failure)
        finally:
            self._retry_at_s = None
            self._become(State.STOPPED, "")

    async def _attempt(self) -> str:
        """Connect and send; returns why that ended.

        Raises:
            Worn: it lasted as long as one may.
        """
        self._attempts += 1
        self._look()
        connection = self._connection = Connection(self._order, self._picture, self._limits)
        try:
            await connection.run(self._open, self._look)
        except Worn:
            raise
        except TargetError as error:
            return str(error)
        finally:
            self._settle(connection)
        raise AssertionError("a connection ends by an error only")

    def _open(self) -> GopQueue:
        self._queue = GopQueue()
        return self._queue

    def _look(self) -> None:
        """Take the state from what was confirmed."""
        if self._connection is not None:
            state, reason = self._connection.confirmation.state(time.monotonic())
            self._become(state, self._reason if state is State.CONNECTING else reason)
        elif self._told is None:
            self._become(self._state, self._reason)

    def _settle(self, connection: Connection) -> None:
        """Keep the figures of a connection that is over."""
        live_since_s = connection.confirmation.live_since_s
        if live_since_s is not None and time.monotonic() - live_since_s >= self._limits.settled_s:
            self._backoff.succeed()
        self._confirmed_bytes += connection.confirmation.confirmed_bytes
        if self._queue is not None:
            self._dropped_gops += self._queue.dropped_gops
            self._dropped_packets += self._queue.dropped_packets
        self._connection = self._queue = None

    def _become(self, state: State, reason: str) -> None:
        self._state, self._reason = state, reason
        if (state, reason) != self._told:
            self._told = state, reason
            self._announce(TargetEvent(self.id, self.destination.kind, self.destination.shown, state, reason))
