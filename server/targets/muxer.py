"""Packets into a container, as they are: nothing is encoded here. Runs in a target's child."""

from __future__ import annotations

import io
from fractions import Fraction
from types import TracebackType
from typing import Any, Self

import av
from av.container.output import OutputContainer

from server.targets.wire import AAC_BIT_RATE_HZ, AUDIO_RATE_HZ, Piece


class Muxer:
    """One container with H.264 and AAC. A context manager: entering writes the header, leaving in peace the trailer.

    Time begins at 0 with the first picture, or where it is told to, and is never counted by adding: each stamp is the
    packet's own, moved by the same exact number.

    Args:
        file: where to write, or a name for FFmpeg to open.
        container_format: FFmpeg's name of it.
        picture: an IDR with its parameter sets, Annex B.
        rate_hz: frames per second.
        options: of the format.
        comment: kept in the container, where its format has a place for one.
        begins_s: the packets' time at which the container's is 0; by default that of the first picture.
    """

    def __init__(
        self,
        file: Any,
        container_format: str,
        picture: bytes,
        rate_hz: Fraction,
        options: dict[str, str] | None = None,
        *,
        comment: str | None = None,
        begins_s: Fraction | None = None,
    ) -> None:
        self._container: OutputContainer = av.open(file, "w", format=container_format, options=options or {})
        if comment is not None:
            self._container.metadata["comment"] = comment
        # Read back from Annex B, so that the muxer knows that this is what it will get.
        self._source = av.open(io.BytesIO(picture), format="h264")
        self._video: Any = self._container.add_stream_from_template(self._source.streams.video[0])
        self._video.time_base = 1 / rate_hz
        self._audio: Any = self._container.add_stream(
            "aac", rate=AUDIO_RATE_HZ, layout="stereo", bit_rate=AAC_BIT_RATE_HZ
        )
        self.begins_s = begins_s

    def __enter__(self) -> Self:
        self._container.start_encoding()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()

    def close(self) -> None:
        """Write the trailer."""
        self._container.close()
        self._source.close()

    def write(self, piece: Piece) -> None:
        """Write a packet; what comes before the first picture is left out."""
        if self.begins_s is None:
            if not (piece.is_video and piece.is_keyframe):
                return
            self.begins_s = piece.time_s
        pts = piece.pts - round(self.begins_s / piece.time_base)
        if pts < 0:
            return
        packet = av.Packet(piece.data)
        packet.stream = self._video if piece.is_video else self._audio
        packet.time_base = piece.time_base
        packet.pts = packet.dts = pts
        packet.duration = piece.duration
        packet.is_keyframe = piece.is_keyframe
        self._container.mux(packet)
