"""The VP8 lane: one encoder for all viewers who take no H.264, there only while one watches.

Pictures are decoded and encoded by a thread of low priority. If it falls behind, pictures are left out: first they are
not encoded, then all until the next IDR are not even decoded; and if that goes on, it takes the texture's next
smaller rendition. Nobody else notices.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from server.fan_out import FanOut
from server.frame import Codec
from server.transcoder import Transcoder
from server.viewer import Viewer
from stream.errors import TextureError
from stream.histogram import Histogram
from stream.reel import MediaPacket

log = logging.getLogger(__name__)

MOST_WAITING = 6  # pictures; behind that all until the next IDR are left out
NICENESS = 10  # those who send go first
KEYFRAMES_APART_S = 0.5  # at least: each is as large as ten other pictures
JUDGED_PICTURES = 150  # after so many it is judged
MOST_LEFT_OUT = 0.2  # of them, or a smaller rendition is taken


@dataclass(frozen=True)
class Vp8Report:
    """How the lane is.

    Attributes:
        viewers: who watch by it; it exists while there are any.
        pictures: that were encoded, since the start.
        left_out: that were not, because it fell behind.
        mean_ms: what decoding and encoding one takes, of all so far; 0 before the first.
        rendition: which one it encodes, 0 for the full one.
    """

    viewers: int
    pictures: int
    left_out: int
    mean_ms: float
    rendition: int


class _Worker:
    """A thread and its transcoder. Everything but `_work` belongs to the loop's thread."""

    def __init__(self, lane: Vp8Lane) -> None:
        self.waiting = 0
        self.is_closed = False
        self._lane, self._loop = lane, asyncio.get_running_loop()
        self._transcoder = Transcoder()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="vp8", initializer=_step_back)

    def give(self, packet: MediaPacket, rendition: int, *, as_keyframe: bool) -> None:
        """Have a picture encoded."""
        self.waiting += 1
        self._thread.submit(self._work, packet, rendition, as_keyframe)

    def close(self) -> None:
        """Forget what waits; what is being made is finished, for nobody."""
        self.is_closed = True
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _work(self, packet: MediaPacket, rendition: int, as_keyframe: bool) -> None:
        made, began_s = None, time.thread_time()
        try:
            picture = self._transcoder.decode(packet, rendition)
            if picture is not None and (as_keyframe or self.waiting <= 1):  # it is late where others wait already
                made = self._transcoder.encode(picture, packet, as_keyframe=as_keyframe)
        except (TextureError, OSError, ValueError):
            log.exception("a picture could not be encoded as VP8")
        took_s = time.thread_time() - began_s
        try:
            self._loop.call_soon_threadsafe(self._lane.take, self, made, took_s, as_keyframe)
        except RuntimeError:
            log.debug("the loop was closed before a picture was encoded")


class Vp8Lane:
    """Sends every packet to the viewers who take VP8.

    Attributes:
        fan_out: who they are.
        times: CPU time of each picture, decoded and encoded.
        left_out: pictures for which there was no time.
    """

    def __init__(self) -> None:
        self.fan_out = FanOut(codec=Codec.VP8)
        self.times = Histogram()
        self.left_out = 0
        self._worker: _Worker | None = None
        self._rendition = 0
        self._waits_for_idr, self._is_behind = True, False
        self._key_due = False
        self._key_given_s = float("-inf")
        self._judged = self._judged_left_out = 0

    @property
    def is_open(self) -> bool:
        """Whether there is an encoder."""
        return self._worker is not None

    def join(self, viewer: Viewer) -> None:
        """Somebody watches from now on; the first one opens it. On the loop's thread."""
        self.fan_out.viewers.add(viewer)
        if self._worker is None:
            self._worker, self._waits_for_idr, self._is_behind, self._rendition = _Worker(self), True, False, 0
            self._judged = self._judged_left_out = 0
            log.info("a viewer takes no H.264: the VP8 lane is open")

    def leave(self, viewer: Viewer) -> None:
        """Somebody watches no more; the last one closes it."""
        self.fan_out.viewers.discard(viewer)
        if not self.fan_out.viewers and self._worker is not None:
            self._worker.close()
            self._worker = None
            log.info("nobody needs the VP8 lane any more")

    def send(self, packet: MediaPacket) -> None:
        """Send a packet, pictures once they are encoded. Never waits."""
        if self._worker is None:
            return
        if packet.kind == "audio":
            self.fan_out.send(packet)
            return
        if packet.is_keyframe:
            self._waits_for_idr = self._is_behind = False
            self._judge(len(packet.lighter))
        if self._worker.waiting >= MOST_WAITING:
            self._waits_for_idr = self._is_behind = True
        if self._waits_for_idr:
            if self._is_behind:
                self._count(left_out=True)
            return
        self._worker.give(packet, min(self._rendition, len(packet.lighter)), as_keyframe=self._key_now())

    def take(self, worker: _Worker, made: MediaPacket | None, took_s: float, was_key: bool) -> None:
        """What became of a picture; called on the loop's thread."""
        worker.waiting -= 1
        if worker.is_closed:
            return
        self._key_due |= was_key and made is None
        self._count(left_out=made is None)
        if made is not None:
            self.times.observe(took_s)
            self.fan_out.send(made)

    def report(self) -> Vp8Report:
        """How it is now."""
        count = self.times.count
        mean_ms = 1e3 * self.times.sum_s / count if count else 0.0
        return Vp8Report(len(self.fan_out.viewers), count, self.left_out, round(mean_ms, 2), self._rendition)

    def close(self) -> None:
        """Send no more, and end everyone's tracks."""
        self.fan_out.close()
        if self._worker is not None:
            self._worker.close()
            self._worker = None

    def _key_now(self) -> bool:
        """Whether the next picture is to be a keyframe: where somebody needs one, and not too often."""
        now_s = time.monotonic()
        wanted = self._key_due or any(viewer.wants_keyframe for viewer in self.fan_out.viewers)
        if not wanted or now_s - self._key_given_s < KEYFRAMES_APART_S:
            return False
        self._key_given_s, self._key_due = now_s, False
        return True

    def _count(self, *, left_out: bool) -> None:
        self.left_out += left_out
        self._judged += 1
        self._judged_left_out += left_out

    def _judge(self, lighter: int) -> None:
        if self._judged < JUDGED_PICTURES:
            return
        if self._judged_left_out > MOST_LEFT_OUT * self._judged and self._rendition < lighter:
            self._rendition += 1
            log.warning("this machine is too slow for VP8 of this size: a smaller rendition is encoded")
        self._judged = self._judged_left_out = 0


def _step_back() -> None:
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
