"""H.264 pictures into VP8 ones, one after the other; for viewers who take no H.264."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import av
import av.error
from av.codec.context import Flags
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame

from stream.errors import TextureError
from stream.reel import MediaPacket

BITS_PER_PIXEL = 0.075  # 2.1 Mbit/s at 720p30
KEYFRAMES_APART = 9000  # five minutes: whoever needs one asks for it
REALTIME = {
    "deadline": "realtime",
    "cpu-used": "8",  # the quickest that is not seen at once
    "lag-in-frames": "0",
    "static-thresh": "100",
    "max-intra-rate": "400",  # of a keyframe, in percent of a picture's share: large ones fill jitter buffers
    "undershoot-pct": "95",
}


class Transcoder:
    """One decoder and one encoder. To be used by one thread at a time.

    The encoder is made anew where the size or the rate changes.
    """

    def __init__(self) -> None:
        decoder = av.CodecContext.create("h264", "r")
        assert isinstance(decoder, VideoCodecContext)
        decoder.thread_count = 1
        decoder.flags |= Flags.low_delay
        self._decoder = decoder
        self._encoder: VideoCodecContext | None = None

    def decode(self, packet: MediaPacket, rendition: int) -> VideoFrame | None:
        """The picture of a packet; None if nothing came of it. All since an IDR, in this order.

        Raises:
            TextureError: it cannot be decoded.
        """
        data = packet.lighter[rendition - 1] if rendition else packet.data
        encoded: Packet[Any] = Packet(data)
        encoded.pts, encoded.time_base = packet.pts, packet.time_base
        try:
            pictures = self._decoder.decode(encoded)
        except av.error.FFmpegError as error:
            raise TextureError(f"a picture cannot be decoded ({error}); fit the texture again") from error
        return pictures[-1] if pictures else None

    def encode(self, picture: VideoFrame, packet: MediaPacket, *, as_keyframe: bool) -> MediaPacket | None:
        """A picture as a packet of VP8; None where the encoder leaves it out.

        Args:
            packet: of which it is.
            as_keyframe: whether it must be one.
        """
        encoder = self._encoder
        if encoder is None or (encoder.width, encoder.height, encoder.time_base) != (
            picture.width, picture.height, packet.time_base,
        ):  # fmt: skip
            encoder = self._encoder = _encoder_for(picture, packet)
        picture.pts, picture.time_base = packet.pts, packet.time_base
        picture.pict_type = PictureType.I if as_keyframe else PictureType.NONE
        encoded = encoder.encode(picture)
        if not encoded:
            return None
        return replace(
            packet,
            data=bytes(encoded[0]),
            is_keyframe=bool(encoded[0].is_keyframe),
            lighter=(),
            step=None,
            is_hit=False,
        )


def _encoder_for(picture: VideoFrame, packet: MediaPacket) -> VideoCodecContext:
    encoder = av.CodecContext.create("libvpx", "w")
    assert isinstance(encoder, VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = picture.width, picture.height, "yuv420p"
    encoder.time_base, encoder.framerate = packet.time_base, 1 / packet.time_base
    encoder.bit_rate = int(BITS_PER_PIXEL * picture.width * picture.height / packet.time_base)
    encoder.gop_size = KEYFRAMES_APART
    encoder.thread_count = 1  # the second core is for those who send
    encoder.options = dict(REALTIME)
    return encoder
