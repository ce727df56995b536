"""One viewer's RTP stream of one kind: its headers, what was sent of late, and what is sent once more. Pure.

The payloads are the same for all viewers; here is what is not (RFC 3550, 5.1; RFC 8285; RFC 4588).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from aiortc.rtp import HeaderExtensions, HeaderExtensionsMap, RtcpSenderInfo, RtpPacket, wrap_rtx

HEADER = struct.Struct("!BBHII")
EXTENSION = struct.Struct("!HH")
EXTENDED, PLAIN = 0x90, 0x80  # version 2, with and without header extensions
KEPT_PACKETS = 512  # for whoever lost some: over a second of 2.5 Mbit/s
REPEATED_SHARE = 0.25  # a link that loses more than that is not helped by more packets
MOST_REPEATED = 64  # at once: an IDR and something
NTP_EPOCH_S = 2_208_988_800  # 1 January 1970 after 1 January 1900


class Sent(NamedTuple):
    """What is needed to send a packet once more; the payload is shared by all viewers."""

    sequence: int
    timestamp: int
    is_last: bool
    payload: bytes


Extensions: TypeAlias = tuple[tuple[str, int], ...]


def ntp_time(now_s: float) -> int:
    """Seconds since 1970 as a 64-bit NTP timestamp (RFC 5905, 6), which begins anew on 7 February 2036."""
    return int((now_s + NTP_EPOCH_S) * (1 << 32)) & 0xFFFFFFFFFFFFFFFF


class RtpStream:
    """Makes packets of payloads.

    Args:
        mid: of the media section (RFC 8843, 15).
        extensions: which header extensions were negotiated, by which numbers: pairs of (URI, number).
        sequence: of the first packet.
        timestamp_origin: added to all timestamps, modulo 2^32.
        rtx: payload type, SSRC and first sequence number of what is sent once more; None where the viewer takes no
            such stream, then it is sent as it was.
    """

    def __init__(
        self,
        *,
        payload_type: int,
        ssrc: int,
        mid: str,
        extensions: Extensions,
        sequence: int,
        timestamp_origin: int,
        rtx: tuple[int, int, int] | None = None,
    ) -> None:
        self._payload_type, self._ssrc, self._mid = payload_type, ssrc, mid
        self._extensions, self._origin, self._rtx = extensions, timestamp_origin, rtx
        self._sequence = sequence
        self._kept: list[Sent | None] = [None] * KEPT_PACKETS
        self._may_repeat = float(MOST_REPEATED)
        self._told = RtcpSenderInfo(0, 0, 0, 0)
        self.repeated = 0

    @property
    def sender_info(self) -> RtcpSenderInfo:
        """What a sender report says (RFC 3550, 6.4.1)."""
        return self._told

    def packets(
        self, payloads: Sequence[bytes], timestamp: int, *, begins: bool, ends: bool, now_s: float
    ) -> Iterator[bytes]:
        """The packets of some payloads that leave together.

        Args:
            timestamp: of the frame that they are of, from the start of the stream.
            begins: whether the frame's first payload is the first of these.
            ends: whether its last one is the last of these.
            now_s: since 1970.
        """
        timestamp = (timestamp + self._origin) & 0xFFFFFFFF
        ntp = ntp_time(now_s)
        extension = _extension(self._extensions, self._mid, _send_time(ntp))
        first_byte = EXTENDED if extension else PLAIN
        last = len(payloads) - 1
        for place, payload in enumerate(payloads):
            is_last = ends and place == last
            sequence = self._sequence
            self._sequence = (sequence + 1) & 0xFFFF
            self._kept[sequence % KEPT_PACKETS] = Sent(sequence, timestamp, is_last, payload)
            second_byte = self._payload_type | (0x80 if is_last else 0)
            yield HEADER.pack(first_byte, second_byte, sequence, timestamp, self._ssrc) + extension + payload
        self._count(payloads, timestamp, ntp if begins else None)

    def forget(self) -> None:
        """Repeat nothing of what was sent so far."""
        self._kept = [None] * KEPT_PACKETS

    def repeat(self, sequence: int, now_s: float) -> bytes | None:
        """A packet once more; None if it is not kept any longer, or too much was sent twice already."""
        sent = self._kept[sequence % KEPT_PACKETS]
        if sent is None or sent.sequence != sequence or self._may_repeat < 1:
            return None
        self._may_repeat -= 1
        self.repeated += 1
        packet = RtpPacket(self._payload_type, int(sent.is_last), sequence, sent.timestamp, self._ssrc, sent.payload)
        if self._rtx is not None:
            payload_type, ssrc, next_sequence = self._rtx
            packet = wrap_rtx(packet, payload_type=payload_type, sequence_number=next_sequence, ssrc=ssrc)
            self._rtx = payload_type, ssrc, (next_sequence + 1) & 0xFFFF
        packet.extensions = _values(self._mid, _send_time(ntp_time(now_s)))
        return packet.serialize(_numbering(self._extensions))

    def _count(self, payloads: Sequence[bytes], timestamp: int, began_ntp: int | None) -> None:
        told = self._told
        # The report ties media time to the clock by when frames begin to leave: how they are spread is no lateness.
        if began_ntp is not None:
            told.ntp_timestamp, told.rtp_timestamp = began_ntp, timestamp
        told.packet_count = (told.packet_count + len(payloads)) & 0xFFFFFFFF
        told.octet_count = (told.octet_count + sum(map(len, payloads))) & 0xFFFFFFFF
        self._may_repeat = min(MOST_REPEATED, self._may_repeat + REPEATED_SHARE * len(payloads))


def _send_time(ntp: int) -> int:
    """Seconds modulo 64, in units of 2^-18 (abs-send-time)."""
    return (ntp >> 14) & 0xFFFFFF


def _values(mid: str, send_time: int) -> HeaderExtensions:
    return HeaderExtensions(abs_send_time=send_time, mid=mid)


@lru_cache(maxsize=64)
def _numbering(extensions: Extensions) -> HeaderExtensionsMap:
    numbering = HeaderExtensionsMap()
    numbering.configure(
        RTCRtpParameters(headerExtensions=[RTCRtpHeaderExtensionParameters(number, uri) for uri, number in extensions])
    )
    return numbering


@lru_cache(maxsize=64)  # viewers with the same browser have the same, at the same moment
def _extension(extensions: Extensions, mid: str, send_time: int) -> bytes:
    profile, value = _numbering(extensions).set(_values(mid, send_time))
    return EXTENSION.pack(profile, len(value) >> 2) + value if value else b""
