"""One frame to all viewers: cut once, and the packets of a large one spread over some milliseconds.

An IDR is 38 packets where other pictures have 3. Sent in one go they fill the queues of routers and jitter buffers, and
with thirty viewers the last one's wait for all others'. So all viewers get the first few, then the next few.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from server.frame import Cutter, Frame
from server.viewer import Viewer
from stream.splice import MediaPacket

AT_ONCE = 5  # packets of a picture that leave together
STEP_S = 0.001  # between two such handfuls; an event loop wakes no finer
MOST_SHARE = 0.3  # of a picture's time that its packets are spread over, or more leave together
LATEST_SHARE = (
    0.6  # of a picture's time, by when it has left though the machine was late; until then nothing is made up
)


def handfuls(count: int, duration_s: float) -> Iterator[tuple[int, int, float]]:
    """Which of a picture's payloads leave when: (first, end, seconds after the first)."""
    steps = max(1, int(MOST_SHARE * duration_s / STEP_S))
    at_once = max(AT_ONCE, -(-count // steps))
    for number, first in enumerate(range(0, count, at_once)):
        yield first, min(count, first + at_once), number * STEP_S


def next_s(planned_s: float, now_s: float, *, left: int, until_s: float) -> float:
    """When the next handful leaves, if this one left only now.

    A burst is no mend for lateness, unless the picture itself would be late.

    Args:
        left: how many handfuls, the next one included.
        until_s: when the last one should have left.
    """
    return max(planned_s, now_s + min(STEP_S, max(0.0, until_s - now_s) / left))


@dataclass(frozen=True)
class _Due:
    """Payloads of a frame, how many handfuls there are from here on, and who has had what comes before them."""

    at_s: float
    until_s: float
    left: int
    frame: Frame
    first: int
    end: int
    audience: tuple[Viewer, ...]


@dataclass
class FanOut:
    """Sends each packet to all viewers.

    Attributes:
        viewers: who is watching.
        packets_sent, bytes_sent: pictures and packets of sound, to all together.
    """

    viewers: set[Viewer] = field(default_factory=set)
    packets_sent: int = 0
    bytes_sent: int = 0
    _cutter: Cutter = field(default_factory=Cutter)
    _due: deque[_Due] = field(default_factory=deque)
    _timer: asyncio.TimerHandle | None = None

    def send(self, packet: MediaPacket) -> None:
        """Begin to send a packet, from the loop's thread. Never waits."""
        if not self.viewers:
            return
        frame = self._cutter.cut(packet)
        audience = tuple(viewer for viewer in self.viewers if viewer.begins(frame))
        self.packets_sent += len(audience)
        self.bytes_sent += frame.size_bytes * len(audience)
        if frame.kind == "audio":  # small, and not to wait for pictures
            _push(_Due(0.0, 0.0, 1, frame, 0, len(frame.payloads), audience))
            return
        now_s = asyncio.get_running_loop().time()
        begins_s = max(now_s, self._due[-1].at_s) if self._due else now_s  # a picture never overtakes the last one
        until_s = begins_s + LATEST_SHARE * frame.duration_s
        parts = list(handfuls(len(frame.payloads), frame.duration_s))
        for number, (first, end, after_s) in enumerate(parts):
            self._due.append(_Due(begins_s + after_s, until_s, len(parts) - number, frame, first, end, audience))
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

    def _send_due(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer, now_s = None, loop.time()
        sent = self._due.popleft()
        _push(sent)
        if self._due:  # however late it is, sound and everything else gets its turn between two handfuls
            following = self._due[0]
            at_s = following.at_s
            if following.frame is sent.frame:
                at_s = next_s(at_s, now_s, left=following.left, until_s=following.until_s)
            self._timer = loop.call_at(at_s, self._send_due)


def _push(due: _Due) -> None:
    now_s = time.time()
    for viewer in due.audience:
        viewer.push(due.frame, due.first, due.end, now_s)
