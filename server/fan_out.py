"""One frame to all viewers: cut once, and the packets of a large one spread over some milliseconds.

An IDR is 38 packets where other pictures have 3. Sent in one go they fill the queues of routers and jitter buffers, and
with thirty viewers the last one's wait for all others'. So all viewers get the first few, then the next few.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from server.frame import Codec, Cutter, Frame
from server.viewer import Viewer
from stream.reel import MediaPacket

AT_ONCE = 5  # packets of a picture that leave together
STEP_S = 0.001  # between two such handfuls; an event loop wakes no finer
MOST_SHARE = 0.3  # of a picture's time that its packets are spread over, or more leave together
LATEST_SHARE = (
    0.6  # of a picture's time, by when it has left though the machine was late; until then nothing is made up
)


def handfuls(count: int, duration_s: float) -> Iterator[tuple[int, int]]:
    """Which of a picture's payloads leave together, (first, end) each, `STEP_S` after one another."""
    steps = max(1, int(MOST_SHARE * duration_s / STEP_S))
    at_once = max(AT_ONCE, -(-count // steps))
    for first in range(0, count, at_once):
        yield first, min(count, first + at_once)


def next_s(planned_s: float, now_s: float, *, left: int, until_s: float) -> float:
    """When the next handful leaves, if this one left only now.

    A burst is no mend for lateness, unless the picture itself would be late.

    Args:
        left: how many handfuls, the next one included.
        until_s: when the last one should have left.
    """
    return max(planned_s, now_s + min(STEP_S, max(0.0, until_s - now_s) / left))


@dataclass(frozen=True)
class _Part:
    """Payloads of a frame that leave together, and who has had what comes before them."""

    frame: Frame
    first: int
    end: int
    audience: Sequence[Viewer]

    def push(self, now_s: float) -> None:
        """Send them, `now_s` seconds since 1970."""
        for viewer in self.audience:
            viewer.push(self.frame, self.first, self.end, now_s)


@dataclass(frozen=True)
class _Due:
    """What leaves at one moment: of one picture, a part in each rendition that somebody is sent.

    Attributes:
        left: how many such moments the picture has from here on.
        picture: its number.
    """

    at_s: float
    until_s: float
    left: int
    picture: int
    parts: Sequence[_Part]


@dataclass
class FanOut:
    """Sends each packet to all viewers, each in its rendition.

    Attributes:
        viewers: who is watching.
        codec: of the pictures in the packets.
        rates_bit_s: what each rendition takes, the full one first; empty to send that to everyone.
        packets_sent, bytes_sent: pictures and packets of sound, to all together.
    """

    viewers: set[Viewer] = field(default_factory=set)
    codec: Codec = Codec.H264
    rates_bit_s: Sequence[float] = ()
    packets_sent: int = 0
    bytes_sent: int = 0
    _due: deque[_Due] = field(default_factory=deque)
    _timer: asyncio.TimerHandle | None = None

    def __post_init__(self) -> None:
        self._cutter = Cutter(self.codec)

    def send(self, packet: MediaPacket) -> None:
        """Begin to send a packet, from the loop's thread. Never waits."""
        if not self.viewers:
            return
        now_s = asyncio.get_running_loop().time()
        frames = []
        for rendition, audience in self._audiences(packet, now_s).items():
            frame = self._cutter.cut(packet, rendition)
            self.packets_sent += len(audience)
            self.bytes_sent += frame.size_bytes * len(audience)
            frames.append((frame, audience))
        if packet.kind == "audio":  # small, and not to wait for pictures
            for frame, audience in frames:
                _Part(frame, 0, len(frame.payloads), audience).push(time.time())
        elif frames:
            self._plan(packet.pts, frames, now_s)
            if self._timer is None:
                self._send_due()

    def close(self) -> None:
        """Send no more, and end everyone's tracks."""
        self._due.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for viewer in self.viewers:
            viewer.close()

    def _audiences(self, packet: MediaPacket, now_s: float) -> dict[int, list[Viewer]]:
        """Who is sent a packet, by rendition."""
        audiences: dict[int, list[Viewer]] = {}
        for viewer in self.viewers:
            rendition = viewer.takes(packet, self.rates_bit_s, now_s)
            if rendition is not None:
                audiences.setdefault(rendition, []).append(viewer)
        return audiences

    def _plan(self, picture: int, frames: Sequence[tuple[Frame, Sequence[Viewer]]], now_s: float) -> None:
        """When the parts of one picture leave, all renditions at the same time."""
        begins_s = max(now_s, self._due[-1].at_s) if self._due else now_s  # a picture never overtakes the last one
        duration_s = frames[0][0].duration_s
        moments: list[list[_Part]] = []
        for frame, audience in frames:
            for number, (first, end) in enumerate(handfuls(len(frame.payloads), duration_s)):
                if number == len(moments):
                    moments.append([])
                moments[number].append(_Part(frame, first, end, audience))
        until_s = begins_s + LATEST_SHARE * duration_s
        for number, parts in enumerate(moments):
            self._due.append(_Due(begins_s + number * STEP_S, until_s, len(moments) - number, picture, parts))

    def _send_due(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer, now_s = None, loop.time()
        sent, since_1970_s = self._due.popleft(), time.time()
        for part in sent.parts:
            part.push(since_1970_s)
        if self._due:  # however late it is, sound and everything else gets its turn between two handfuls
            following = self._due[0]
            at_s = following.at_s
            if following.picture == sent.picture:
                at_s = next_s(at_s, now_s, left=following.left, until_s=following.until_s)
            self._timer = loop.call_at(at_s, self._send_due)
