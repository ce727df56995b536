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
EARLY_S = 0.0002  # what is due so soon is not worth another wake


def handfuls(count: int, duration_s: float) -> Iterator[tuple[int, int, float]]:
    """Which of a picture's payloads leave when: (first, end, seconds after the first)."""
    steps = max(1, int(MOST_SHARE * duration_s / STEP_S))
    at_once = max(AT_ONCE, -(-count // steps))
    for number, first in enumerate(range(0, count, at_once)):
        yield first, min(count, first + at_once), number * STEP_S


@dataclass(frozen=True)
class _Due:
    """Payloads of a frame, and who has had what comes before them."""

    at_s: float
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
            _push(_Due(0.0, frame, 0, len(frame.payloads), audience))
            return
        now_s = asyncio.get_running_loop().time()
        begins_s = max(now_s, self._due[-1].at_s) if self._due else now_s  # a picture never overtakes the last one
        for first, end, after_s in handfuls(len(frame.payloads), frame.duration_s):
            self._due.append(_Due(begins_s + after_s, frame, first, end, audience))
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
        self._timer = None
        _push(self._due.popleft())
        if self._due:  # however late it is, sound and everything else gets its turn between two handfuls
            self._timer = loop.call_at(self._due[0].at_s - EARLY_S, self._send_due)


def _push(due: _Due) -> None:
    now_s = time.time()
    for viewer in due.audience:
        viewer.push(due.frame, due.first, due.end, now_s)
