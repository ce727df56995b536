"""What is the same for all viewers: the RTP payloads of one picture, or of 20 ms of sound, made once."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import av
from aiortc.codecs.h264 import H264Encoder
from aiortc.codecs.opus import OpusEncoder
from aiortc.codecs.vpx import Vp8Encoder

from stream.reel import MediaPacket


class Codec(StrEnum):
    """How pictures are encoded."""

    H264 = "H264"
    VP8 = "VP8"

    @property
    def mime_type(self) -> str:
        """As SDP names it."""
        return f"video/{self.value}"


@dataclass(frozen=True)
class Frame:
    """One encoded picture or sound packet, cut for RTP.

    Attributes:
        kind: "video" or "audio".
        payloads: RFC 6184, RFC 7741 or RFC 7587, in their order; the last one ends the frame.
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

    def __init__(self, codec: Codec = Codec.H264) -> None:
        self._picture = H264Encoder() if codec is Codec.H264 else Vp8Encoder()
        self._sound = OpusEncoder()

    def cut(self, packet: MediaPacket, rendition: int = 0) -> Frame:
        """The frame of a packet.

        Args:
            rendition: of pictures; 0 for the full one.
        """
        data = packet.lighter[rendition - 1] if rendition else packet.data
        encoded = av.Packet(data)
        encoded.pts = encoded.dts = packet.pts
        encoded.time_base = packet.time_base
        payloads, timestamp = (self._picture if packet.kind == "video" else self._sound).pack(encoded)
        return Frame(
            packet.kind, tuple(payloads), timestamp, packet.is_keyframe, len(data),
            float(packet.duration * packet.time_base),
        )  # fmt: skip
