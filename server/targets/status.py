"""How a target is doing, and what may be said of it: nothing that was not confirmed by the other end.

Pure: reads no clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from server.targets.address import Kind


class State(StrEnum):
    """Of a target.

    `CONNECTING` until the other end has confirmed the first media; `LIVE` while it goes on confirming; `STALLED` when
    it has not for a while; `RETRYING` between a failure and the next try; `STOPPED` when nobody wants it any more.
    """

    CONNECTING = "connecting"
    LIVE = "live"
    STALLED = "stalled"
    RETRYING = "retrying"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Limits:
    """When patience ends.

    Attributes:
        connect_s: for the other end to answer and confirm the first media.
        stalled_s: without a confirmation, before that is said.
        give_up_s: without a confirmation, before the connection is ended.
        first_retry_s, longest_retry_s: of the back-off.
        settled_s: live for so long, and the back-off begins anew.
        stop_s: for a file to be finished, or a server to be told that it is over.
        longest_rtmp_s: of one RTMP connection, which is then begun anew. FLV has 31 bits for the milliseconds (Adobe
            Flash Video File Format 10.1, E.4.1: UI24, and 8 bits more that make it SI32): after 24.9 days FFmpeg's
            begin at 0 within the stream.
    """

    connect_s: float = 10.0
    stalled_s: float = 2.0
    give_up_s: float = 8.0
    first_retry_s: float = 1.0
    longest_retry_s: float = 30.0
    settled_s: float = 10.0
    stop_s: float = 3.0
    longest_rtmp_s: float = 24 * 86400.0


@dataclass(frozen=True, slots=True)
class TargetStatus:
    """What is told about a target; no stream key is in it.

    Attributes:
        id: by which it can be removed.
        address: without its secrets.
        reason: why it is stalled, retrying or stopped; of the last failure while it connects; else empty.
        retry_in_s: until the next try, while retrying.
        attempts: how often a connection was begun.
        confirmed_bytes: acknowledged by the other end, or written to disk, over all connections.
        dropped_gops, dropped_packets: for which there was no room.
    """

    id: str
    kind: Kind
    address: str
    state: State
    reason: str
    retry_in_s: float | None
    attempts: int
    confirmed_bytes: int
    dropped_gops: int
    dropped_packets: int


@dataclass(frozen=True, slots=True)
class TargetEvent:
    """That the state of a target changed."""

    id: str
    kind: Kind
    address: str
    state: State
    reason: str


class Confirmation:
    """What the confirmations of one connection say about it.

    Attributes:
        confirmed_bytes: so far.
        live_since_s: when the first media was confirmed, None before.
    """

    def __init__(self, limits: Limits, began_s: float) -> None:
        self._limits = limits
        self._latest_s = began_s
        self.confirmed_bytes = 0
        self.live_since_s: float | None = None

    def confirm(self, total_bytes: int, now_s: float) -> None:
        """The other end has so many bytes of this connection's media by now."""
        if total_bytes > self.confirmed_bytes:
            self.confirmed_bytes, self._latest_s = total_bytes, now_s
            if self.live_since_s is None:
                self.live_since_s = now_s

    def state(self, now_s: float) -> tuple[State, str]:
        """The state, and why it is no better."""
        if self.live_since_s is None:
            return State.CONNECTING, ""
        if now_s - self._latest_s <= self._limits.stalled_s:
            return State.LIVE, ""
        return State.STALLED, f"nothing was confirmed for more than {self._limits.stalled_s:g} s"

    def failure(self, now_s: float) -> str:
        """Why to give the connection up; empty while there is hope."""
        waited_s = now_s - self._latest_s
        if self.live_since_s is None:
            patience_s, what = self._limits.connect_s, "no answer"
        else:
            patience_s, what = self._limits.give_up_s, "nothing was confirmed"
        return f"{what} for {patience_s:g} s" if waited_s > patience_s else ""
