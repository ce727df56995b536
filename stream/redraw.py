"""The second lane: pictures decoded, drawn on, and encoded again, for what copied packets cannot show."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

import av
import av.error
import numpy as np
import numpy.typing as npt
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from stream.errors import TextureError
from stream.h264 import VideoFormat
from stream.splice import MediaPacket

CRF = 18  # finer than the first time, or twice encoded would be seen
PRESET = "veryfast"

Draw = Callable[[npt.NDArray[np.uint8], MediaPacket], None]


class RedrawnVideo:
    """A video stream of a file that is made from packets by way of their pictures.

    Same size, rate, times and colour; one picture out for each packet in. Without B-frames, so that the times of
    the file begin at 0 in every player.
    """

    def __init__(self, container: OutputContainer, form: VideoFormat, draw: Draw) -> None:
        """Add the stream to `container`.

        Args:
            form: of the packets.
            draw: is given each picture, in order, as libav packs yuv420p, (height * 3 / 2, width) uint8, to draw on,
                and the packet that it is of.
        """
        self._container, self._form, self._draw = container, form, draw
        decoder = av.CodecContext.create("h264", "r")
        assert isinstance(decoder, VideoCodecContext)
        self._decoder = decoder
        self._stream = container.add_stream("libx264", rate=form.rate_hz)
        context = self._stream.codec_context
        form.configure(context)
        context.profile = "High"
        context.options = {"preset": PRESET, "crf": str(CRF), "bf": "0"}
        self._waiting: deque[MediaPacket] = deque()

    def write(self, packet: MediaPacket) -> None:
        """Draw on the next packet's picture; it may be written some packets later.

        Raises:
            TextureError: its pictures cannot be decoded.
        """
        self._waiting.append(packet)
        encoded: Packet[Stream] = Packet(packet.data)
        encoded.pts, encoded.time_base = packet.pts, packet.time_base
        self._redraw(self._decoded(encoded))

    def finish(self) -> None:
        """Write what is still on its way."""
        self._redraw(self._decoded(None))
        self._container.mux(self._stream.encode(None))

    def _decoded(self, packet: Packet[Stream] | None) -> Sequence[VideoFrame]:
        try:
            return self._decoder.decode(packet)
        except av.error.FFmpegError as error:
            raise TextureError(f"a picture of the texture cannot be decoded ({error}); fit it again") from error

    def _redraw(self, pictures: Sequence[VideoFrame]) -> None:
        for picture in pictures:
            packet = self._waiting.popleft()
            if picture.pts != packet.pts:
                raise TextureError(f"picture {packet.pts} of the stream cannot be decoded; fit the texture again")
            drawn = np.asarray(picture.to_ndarray(), np.uint8)  # a copy: the decoder still refers to its own
            self._draw(drawn, packet)
            frame = VideoFrame.from_ndarray(drawn, format="yuv420p")
            frame.pts, frame.time_base = packet.pts, packet.time_base
            self._container.mux(self._stream.encode(frame))
