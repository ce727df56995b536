"""Pictures out of aiortc as soon as they are whole, for benches and tests whose figures depend on when they come.

aiortc's own buffer gives a picture out only when the next one begins, so each comes a picture's time too late; and
where one packet is lost for good it gives out nothing until 512 more have come, some 1.6 s of 2.5 Mbit/s (1.16). No
browser does either: a packet's marker bit ends a picture (RFC 6184, 5.1), and what is lost for good is left for the
next picture with which decoding can begin.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable

from aiortc import RTCRtpReceiver
from aiortc.jitterbuffer import JitterFrame
from aiortc.rtp import RtpPacket

from bench.server_process import BenchError
from server.prompt_receiver import set_buffer

LOST_S = 1.0  # after which a packet does not come any more: the second repetition over a link of 200 ms
_DECODABLE = re.compile(rb"\x00\x00\x01[\x05\x07\x25\x27\x45\x47\x65\x67]")  # NAL units of an IDR, or an SPS before it


class WholePictures:
    """In the place of aiortc's jitter buffer for pictures in H.264.

    Attributes:
        given_up: gaps that were waited for in vain.
    """

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self.given_up = 0
        self._now_s = now_s
        self._packets: dict[int, RtpPacket] = {}
        self._whole: deque[JitterFrame] = deque()
        self._next = self._newest = self._missing = -1
        self._missing_since_s: float | None = None
        self._needs_keyframe = False

    def add(self, packet: RtpPacket) -> tuple[bool, JitterFrame | None]:
        """Whether to ask for a new picture, and what is to be decoded now that this packet has come."""
        number = self._numbered(packet.sequence_number)
        if number >= self._next:
            self._packets[number] = packet
        self._collect()
        asks = self._give_up()
        return asks, self._whole.popleft() if self._whole else None

    def _numbered(self, sequence: int) -> int:
        if self._newest < 0:
            self._next = self._newest = sequence
            return sequence
        number = self._newest + ((sequence - self._newest + 0x8000) & 0xFFFF) - 0x8000
        self._newest = max(self._newest, number)
        return number

    def _collect(self) -> None:
        """Take out all pictures that are whole, and see whether what comes next is missing."""
        end = self._next
        while end in self._packets:
            if self._packets[end].marker:
                self._take(end)
            end += 1
        if end > self._newest:
            self._missing_since_s = None
        elif self._missing_since_s is None or end != self._missing:
            self._missing_since_s = self._now_s()
        self._missing = end

    def _take(self, end: int) -> None:
        its = [self._packets.pop(number) for number in range(self._next, end + 1)]
        self._next = end + 1
        data = b"".join(packet._data for packet in its)  # type: ignore[attr-defined]
        if not self._needs_keyframe or _DECODABLE.search(data):
            self._needs_keyframe = False
            self._whole.append(JitterFrame(data, its[0].timestamp))

    def _give_up(self) -> bool:
        if self._missing_since_s is None or self._now_s() - self._missing_since_s < LOST_S:
            return False
        ends = [number for number, packet in self._packets.items() if packet.marker and number > self._missing]
        if not ends:
            return False
        self._next = min(ends) + 1
        self._packets = {number: packet for number, packet in self._packets.items() if number >= self._next}
        self._missing_since_s, self._needs_keyframe = None, True
        self.given_up += 1
        self._collect()
        return True


def receive_whole_pictures(receiver: RTCRtpReceiver) -> WholePictures:
    """Let this receiver of pictures give each out when it is whole. To be called before it receives.

    Raises:
        BenchError: this aiortc keeps its buffer elsewhere.
    """
    buffer = WholePictures()
    if not set_buffer(receiver, buffer):
        raise BenchError("this aiortc keeps its jitter buffer elsewhere: every picture would come one too late")
    return buffer
