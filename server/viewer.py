"""One viewer's tracks: aiortc pulls packets out of bounded queues that the fan-out fills."""

from __future__ import annotations

from typing import Any, TypeAlias

import av
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from server.broadcast import Closed, Subscription
from stream.splice import MediaPacket

EncodedPacket: TypeAlias = "av.Packet[Any]"

QUEUED_PACKETS = 60  # two seconds of pictures at 30 Hz; whoever is further behind goes on from the next IDR


class PacketTrack(MediaStreamTrack):
    """A track of encoded packets.

    Attributes:
        kind: "video" or "audio".
        queue: what waits to be sent; its `dropped` counts what never was.
    """

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.queue: Subscription[EncodedPacket] = Subscription(QUEUED_PACKETS)

    async def recv(self) -> EncodedPacket:
        """The next packet, for aiortc's sender."""
        try:
            return await self.queue.get()
        except Closed as error:
            self.stop()
            raise MediaStreamError from error


class Viewer:
    """The queues of one viewer; begins with an IDR, and after a congestion with the next one."""

    def __init__(self, kinds: set[str]) -> None:
        self.tracks = {kind: PacketTrack(kind) for kind in sorted(kinds)}
        self._needs_keyframe = True

    @property
    def dropped(self) -> int:
        """Packets that this viewer was too slow for."""
        return sum(track.queue.dropped for track in self.tracks.values())

    def offer(self, packet: MediaPacket, encoded: EncodedPacket) -> bool:
        """Queue a packet for this viewer; whether it was. Never waits.

        Args:
            packet: what it is.
            encoded: the same for aiortc, shared by all viewers and never changed.
        """
        track = self.tracks.get(packet.kind)
        if track is None:
            return False
        if packet.kind == "video":
            if len(track.queue) == QUEUED_PACKETS:
                track.queue.clear()
                self._needs_keyframe = True
            if self._needs_keyframe and not packet.is_keyframe:
                return False
            self._needs_keyframe = False
        elif self._needs_keyframe and "video" in self.tracks:
            return False  # sound waits for the first picture
        track.queue.put(encoded)
        return True

    def close(self) -> None:
        """End both tracks."""
        for track in self.tracks.values():
            track.queue.close()


def encoded_packet(packet: MediaPacket) -> EncodedPacket:
    """The packet as aiortc wants it."""
    encoded = av.Packet(packet.data)
    encoded.pts = encoded.dts = packet.pts
    encoded.time_base = packet.time_base
    return encoded
