"""What is the same for all viewers: the RTP payloads of one picture, or of 20 ms of sound, made once."""

from __future__ import annotations

from dataclasses import dataclass

import av
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.opus import OpusEncoder

from stream.splice import MediaPacket


@dataclass(frozen=True)
class Frame:
    """One encoded picture or sound packet, cut for RTP.

    Attributes:
        kind: "video" or "audio".
        payloads: RFC 6184 or RFC 7587, in their order; the last one ends the frame.
        timestamp: in ticks of the payload's RTP clock, from the start of the stream.
        is_keyframe: whether decoding can begin here; always so for sound.
        size_bytes: of the media itself.
        duration_s: for how long it is shown.
    """

    kind: str
    payloads: tuple[bytes, ...]
    timestamp: int
    is_keyframe: bool
    size_bytes: int
    duration_s: float


class Cutter:
    """Cuts packets for RTP, as aiortc does; it encodes nothing."""

    def __init__(self) -> None:
        self._picture, self._sound = H264Encoder(), OpusEncoder()

    def cut(self, packet: MediaPacket) -> Frame:
        """The frame of a packet."""
        encoded = av.Packet(packet.data)
        encoded.pts = encoded.dts = packet.pts
        encoded.time_base = packet.time_base
        payloads, timestamp = (self._picture if packet.kind == "video" else self._sound).pack(encoded)
        return Frame(
            packet.kind, tuple(payloads), timestamp, packet.is_keyframe, len(packet.data),
            float(packet.duration * packet.time_base),
        )  # fmt: skip
