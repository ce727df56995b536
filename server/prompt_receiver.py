"""Sound out of aiortc as soon as it arrives."""

from __future__ import annotations

import logging
from typing import Protocol

from aiortc import RTCRtpReceiver
from aiortc.jitterbuffer import JitterFrame
from aiortc.rtp import RtpPacket
from aiortc.utils import uint16_gt

log = logging.getLogger(__name__)

_BUFFER = "_RTCRtpReceiver__jitter_buffer"


class NoWaiting:
    """In the place of aiortc's jitter buffer for sound: a packet is a whole frame (RFC 7587), and goes on at once.

    Who listens for onsets has no use for evenness, and pays for it with delay: aiortc's buffer holds four packets back
    (80 ms), and after a single lost one up to fifteen (300 ms), for ever (its issue 543). What comes after its
    successor is left out.
    """

    def __init__(self) -> None:
        self._last: int | None = None

    def add(self, packet: RtpPacket) -> tuple[bool, JitterFrame | None]:
        """What is to be decoded now that this packet has come; never a wish for a new picture."""
        if self._last is not None and not uint16_gt(packet.sequence_number, self._last):
            return False, None
        self._last = packet.sequence_number
        return False, JitterFrame(packet._data, packet.timestamp)  # type: ignore[attr-defined]


class Buffer(Protocol):
    """What aiortc's receiver asks of a jitter buffer."""

    def add(self, packet: RtpPacket) -> tuple[bool, JitterFrame | None]:
        """Whether to ask for a new picture, and what is to be decoded now that this packet has come."""


def set_buffer(receiver: RTCRtpReceiver, buffer: Buffer) -> bool:
    """Give one receiver another jitter buffer; False where this aiortc keeps it elsewhere.

    aiortc has no setting for that (1.16). To be called before it receives.
    """
    if not hasattr(receiver, _BUFFER):
        return False
    setattr(receiver, _BUFFER, buffer)
    return True


def receive_promptly(receiver: RTCRtpReceiver) -> None:
    """Let this receiver of sound hold nothing back. To be called before it receives."""
    if not set_buffer(receiver, NoWaiting()):
        log.warning("this aiortc keeps its jitter buffer elsewhere: a viewer's microphone is heard 80 ms later")
