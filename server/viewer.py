"""One viewer: what is sent to it, and what is left out when it falls behind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from aiortc import RTCPeerConnection

from server.frame import Codec, Frame
from server.lane import Lane, SilentTrack
from server.rendition_choice import RenditionChoice
from stream.reel import MediaPacket

MOST_BACKLOG_BYTES = 512 << 10  # some 1.6 s of 2.5 Mbit/s; whoever is further behind goes on from the next IDR


class Sender(Protocol):
    """The way to one viewer, for one kind. Never waits."""

    @property
    def backlog_bytes(self) -> int:
        """What waits because the network takes no more."""

    def push(self, frame: Frame, first: int, end: int, now_s: float) -> None:
        """Send payloads `first` to `end` of a frame at `now_s`, seconds since 1970."""

    def forget(self) -> None:
        """Send nothing of what was sent so far once more."""


class Viewer:
    """Begins with an IDR, and after a congestion goes on with the next one.

    What waits for it waits in its socket's queue, bounded: nothing is added to more than `MOST_BACKLOG_BYTES`.

    Args:
        adapts: whether it gets lighter pictures when its link is narrow.

    Attributes:
        kinds: what it is sent.
        number: by which it is known to others; 0 for a server that is published to.
        codec: of its pictures.
        lanes: the way to it, for each kind; empty until its connection is made.
        choice: of its rendition, by what it reports.
        rendition: what it is sent now, 0 for the full one.
        dropped: frames that it was too slow for.
    """

    def __init__(self, kinds: set[str], number: int = 0, *, adapts: bool = False, codec: Codec = Codec.H264) -> None:
        self.kinds = frozenset(kinds)
        self.number, self.codec = number, codec
        self.lanes: dict[str, Sender] = {}
        self.choice = RenditionChoice()
        self.rendition = 0
        self.dropped = 0
        self._adapts = adapts
        self._needs_keyframe, self._is_behind, self._asks_for_keyframe = True, False, False
        self._tracks: list[SilentTrack] = []

    def add_to(self, peer: RTCPeerConnection, kind: str, direction: str = "sendonly") -> None:
        """Give a connection that is being made a section for one of its kinds."""
        track = SilentTrack(kind)
        self._tracks.append(track)
        lane = Lane.take_over(peer.addTransceiver(track, direction=direction).sender)
        self.lanes[kind] = lane
        if kind == "video":
            lane.listener = self

    @property
    def wants_keyframe(self) -> bool:
        """Whether nothing that is sent is of use to it before the next one."""
        return "video" in self.lanes and (self._needs_keyframe or self._asks_for_keyframe)

    def report_loss(self, share: float, now_s: float) -> None:
        """It reports how much it lost."""
        self.choice.report_loss(share, now_s)

    def report_estimate(self, bit_s: float, now_s: float) -> None:
        """It reports how much it could receive."""
        self.choice.report_estimate(bit_s, now_s)

    def report_picture_loss(self) -> None:
        """It asks for a picture with which decoding can begin."""
        self._asks_for_keyframe = True

    def takes(self, packet: MediaPacket, rates_bit_s: Sequence[float] = (), now_s: float = 0.0) -> int | None:
        """In which rendition this viewer is sent a packet that begins now; None for not at all.

        To be asked once, in the order of the stream.

        Args:
            rates_bit_s: what each rendition takes, the full one first; none to keep to that.
            now_s: by a monotonic clock.
        """
        lane = self.lanes.get(packet.kind)
        if lane is None:
            return None
        if packet.kind == "audio":
            waits = self._needs_keyframe and "video" in self.lanes  # for the first picture
            self.dropped += waits and self._is_behind
            return None if waits else 0
        if lane.backlog_bytes > MOST_BACKLOG_BYTES:
            self._needs_keyframe = self._is_behind = True
        elif packet.is_keyframe:
            self._needs_keyframe = self._is_behind = self._asks_for_keyframe = False
            self._turn_to(lane, packet, rates_bit_s, now_s)
        if self._needs_keyframe or self.rendition > len(packet.lighter):
            self.dropped += self._is_behind
            return None
        return self.rendition

    def push(self, frame: Frame, first: int, end: int, now_s: float) -> None:
        """Send payloads of a frame that it takes. Never waits."""
        self.lanes[frame.kind].push(frame, first, end, now_s)

    def close(self) -> None:
        """End its tracks."""
        for track in self._tracks:
            track.stop()

    def _turn_to(self, lane: Sender, packet: MediaPacket, rates_bit_s: Sequence[float], now_s: float) -> None:
        wanted = self.choice.choose(rates_bit_s, now_s) if self._adapts and rates_bit_s else 0
        wanted = min(wanted, len(packet.lighter))
        if wanted > self.rendition:
            lane.forget()  # what is lost of large pictures would only hold up the small ones
        self.rendition = wanted
