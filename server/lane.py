"""One viewer's sender of one kind: packets go straight to its socket, without a task and a queue of their own.

aiortc's own sender takes packets from a track, one task for each. Woken 80 times a second for each viewer, building
what is the same for all anew, it takes 35 µs for each packet.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, Protocol

from aioice.ice import CandidatePair
from aiortc import MediaStreamTrack, RTCRtpSender
from aiortc.codecs import is_rtx
from aiortc.mediastreams import MediaStreamError
from aiortc.rtcrtpparameters import RTCRtpSendParameters
from aiortc.rtp import (
    RTCP_PSFB_APP,
    AnyRtcpPacket,
    RtcpPsfbPacket,
    RtcpRrPacket,
    RtcpSrPacket,
    unpack_remb_fci,
)
from aiortc.utils import random16, random32

from server.datagrams import Datagrams
from server.frame import Frame
from server.rtp_stream import RtpStream

LOSS_UNITS = 256  # of a report block's fraction lost (RFC 3550, 6.4.1)
FIRST_SEQUENCES = 1 << 15  # the lower half: a number that wraps around early breaks SRTP (RFC 3711, 3.3.1)


class SilentTrack(MediaStreamTrack):
    """A track that is offered and never gives anything: what it stands for is sent beside it."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self._ended = asyncio.Event()

    async def recv(self) -> Any:
        """Wait for the end.

        Raises:
            MediaStreamError: that was it.
        """
        await self._ended.wait()
        raise MediaStreamError

    def stop(self) -> None:
        """End it."""
        self._ended.set()
        super().stop()


class Listener(Protocol):
    """Is told what a viewer reports; all times by a monotonic clock, in seconds."""

    def report_loss(self, share: float, now_s: float) -> None:
        """How much of what was sent since its last report it did not get, 0 to 1."""

    def report_estimate(self, bit_s: float, now_s: float) -> None:
        """How much it could receive."""

    def report_picture_loss(self) -> None:
        """It asks for a picture with which decoding can begin."""


class Lane(RTCRtpSender):
    """aiortc's sender, for handshakes and reports, with a short way for media.

    aiortc makes senders itself and can be given none (1.16): `take_over` makes one of its own into this.

    Attributes:
        listener: is told what the viewer reports.
    """

    listener: Listener | None
    _stream: RtpStream | None
    _pair: CandidatePair | None
    _datagrams: Datagrams | None
    _is_over: bool

    @staticmethod
    def take_over(sender: RTCRtpSender) -> Lane:
        """Make a sender of a `SilentTrack` that has not begun into a lane; it remains the same object."""
        sender.__class__ = Lane
        assert isinstance(sender, Lane)
        sender.listener = sender._stream = sender._pair = sender._datagrams = None
        sender._is_over = False
        return sender

    async def send(self, parameters: RTCRtpSendParameters) -> None:
        """Begin, as was negotiated; called by aiortc when the connection is encrypted."""
        if self._stream is None:
            self._stream = self._negotiated(parameters)
        await super().send(parameters)

    async def stop(self) -> None:
        """End; called by aiortc. What is pushed later is not sent: nobody would close its socket."""
        self._is_over = True
        await super().stop()
        self._let_go()

    @property
    def backlog_bytes(self) -> int:
        """What waits in this process because the machine's own network takes no more."""
        return 0 if self._datagrams is None else self._datagrams.backlog_bytes

    @property
    def repeated(self) -> int:
        """Packets that were sent once more, because the viewer asked for them."""
        return 0 if self._stream is None else self._stream.repeated

    def push(self, frame: Frame, first: int, end: int, now_s: float) -> None:
        """Send payloads `first` to `end` of a frame now, seconds since 1970; nothing if it is not connected."""
        if self._stream is None:
            return
        packets = self._stream.packets(
            frame.payloads[first:end], frame.timestamp,
            begins=first == 0, ends=end == len(frame.payloads), now_s=now_s,
        )  # fmt: skip
        self._push(packets)

    def forget(self) -> None:
        """Send nothing of what was sent so far once more."""
        if self._stream is not None:
            self._stream.forget()

    def _push(self, packets: Iterable[bytes]) -> None:
        """Encrypt and send what leaves together."""
        session, way = self.transport._tx_srtp, self._way()
        if session is not None and way is not None:
            way.send([session.protect(packet) for packet in packets])

    def _way(self) -> Datagrams | None:
        """To where ICE found the viewer."""
        if self._is_over:
            return None
        pair = self.transport.transport._connection._nominated.get(1)
        if pair is not self._pair:
            self._let_go()
            self._pair = pair
            self._datagrams = None if pair is None else Datagrams(pair.protocol.transport, pair.remote_addr)
        return self._datagrams

    def _let_go(self) -> None:
        if self._datagrams is not None:
            self._datagrams.close()
        self._datagrams = self._pair = None

    def _negotiated(self, parameters: RTCRtpSendParameters) -> RtpStream:
        codec = parameters.codecs[0]
        repeats = [
            each.payloadType
            for each in parameters.codecs
            if is_rtx(each) and each.parameters["apt"] == codec.payloadType and each.payloadType is not None
        ]
        assert codec.payloadType is not None  # once negotiated
        return RtpStream(
            payload_type=codec.payloadType, ssrc=self._ssrc, mid=parameters.muxId,
            extensions=tuple((each.uri, each.id) for each in parameters.headerExtensions),
            sequence=random16() % FIRST_SEQUENCES, timestamp_origin=random32(),
            rtx=(repeats[0], self._rtx_ssrc, random16() % FIRST_SEQUENCES) if repeats else None,
        )  # fmt: skip

    async def _handle_rtcp_packet(self, packet: AnyRtcpPacket) -> None:
        """Called by aiortc with what the viewer reports."""
        if self.listener is not None:
            now_s = time.monotonic()
            if isinstance(packet, RtcpRrPacket | RtcpSrPacket):
                for report in packet.reports:
                    if report.ssrc == self._ssrc:
                        self.listener.report_loss(report.fraction_lost / LOSS_UNITS, now_s)
            elif isinstance(packet, RtcpPsfbPacket) and packet.fmt == RTCP_PSFB_APP:
                with suppress(ValueError):  # another application's
                    bit_s, ssrcs = unpack_remb_fci(packet.fci)
                    if self._ssrc in ssrcs:
                        self.listener.report_estimate(bit_s, now_s)
        await super()._handle_rtcp_packet(packet)

    def _send_keyframe(self) -> None:
        """Called by aiortc for a PLI or a FIR (RFC 4585, 6.3.1; RFC 5104, 4.3.1)."""
        if self.listener is not None:
            self.listener.report_picture_loss()

    async def _retransmit(self, sequence_number: int) -> None:
        """Called by aiortc for each packet that the viewer says it has lost."""
        packet = None if self._stream is None else self._stream.repeat(sequence_number, time.time())
        if packet is not None:
            self._push([packet])

    async def _send_rtcp(self, packets: Sequence[AnyRtcpPacket]) -> None:
        """Called by aiortc with reports, in which it counted what it sent itself: nothing."""
        for packet in packets:
            if isinstance(packet, RtcpSrPacket) and self._stream is not None:
                packet.sender_info = self._stream.sender_info
        await super()._send_rtcp(list(packets))
