"""One viewer: what is sent to it, and what is left out when it falls behind."""

from __future__ import annotations

from typing import Protocol

from aiortc import RTCPeerConnection

from server.frame import Frame
from server.lane import Lane, SilentTrack

MOST_BACKLOG_BYTES = 512 << 10  # some 1.6 s of 2.5 Mbit/s; whoever is further behind goes on from the next IDR


class Sender(Protocol):
    """The way to one viewer, for one kind. Never waits."""

    @property
    def backlog_bytes(self) -> int:
        """What waits because the network takes no more."""

    def push(self, frame: Frame, first: int, end: int, now_s: float) -> None:
        """Send payloads `first` to `end` of a frame at `now_s`, seconds since 1970."""


class Viewer:
    """Begins with an IDR, and after a congestion goes on with the next one.

    What waits for it waits in its socket's queue, bounded: nothing is added to more than `MOST_BACKLOG_BYTES`.

    Attributes:
        kinds: what it is sent.
        lanes: the way to it, for each kind; empty until its connection is made.
        dropped: frames that it was too slow for.
    """

    def __init__(self, kinds: set[str]) -> None:
        self.kinds = frozenset(kinds)
        self.lanes: dict[str, Sender] = {}
        self.dropped = 0
        self._needs_keyframe, self._is_behind = True, False
        self._tracks: list[SilentTrack] = []

    def add_to(self, peer: RTCPeerConnection, kind: str, direction: str = "sendonly") -> None:
        """Give a connection that is being made a section for one of its kinds."""
        track = SilentTrack(kind)
        self._tracks.append(track)
        self.lanes[kind] = Lane.take_over(peer.addTransceiver(track, direction=direction).sender)

    def begins(self, frame: Frame) -> bool:
        """Whether this viewer is sent a frame that begins now. To be asked once, in the order of the stream."""
        lane = self.lanes.get(frame.kind)
        if lane is None:
            return False
        if frame.kind == "video" and lane.backlog_bytes > MOST_BACKLOG_BYTES:
            self._needs_keyframe = self._is_behind = True
            self.dropped += 1
            return False
        if not self._needs_keyframe:
            return True
        if frame.kind == "video" and frame.is_keyframe:
            self._needs_keyframe = self._is_behind = False
            return True
        self.dropped += self._is_behind
        return frame.kind == "audio" and "video" not in self.lanes  # else sound waits for the first picture

    def push(self, frame: Frame, first: int, end: int, now_s: float) -> None:
        """Send payloads of a frame that it takes. Never waits."""
        self.lanes[frame.kind].push(frame, first, end, now_s)

    def close(self) -> None:
        """End its tracks."""
        for track in self._tracks:
            track.stop()
