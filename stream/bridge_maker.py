"""One thread that makes bridges by one interpolator, each once, and keeps those that were used last."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from av.video.frame import VideoFrame

from models.segments import Segments
from stream.h264 import GopFile, decode_gop
from stream.histogram import Histogram
from stream.interpolation.flow import Flow
from stream.interpolation.interpolator import Interpolator
from stream.interpolation.light import led
from stream.reel import Unit
from stream.renditions import encode_units
from stream.texture import Texture

log = logging.getLogger(__name__)

KEPT_BYTES = 32 << 20
MOST_WAITING = 8  # to be made; of more the oldest is dropped: its jump is past, or was joined by something quicker
NICENESS = 5  # pictures leave on time first
FIRST_GUESS_S = 0.05  # what one is taken to last until one was made

Edge = tuple[int, int]


def bridge_pictures(
    video: GopFile, segments: Segments, edge: Edge, count: int, interpolator: Interpolator | None = None
) -> list[VideoFrame]:
    """The interpolated pictures between the last one of segment `edge[0]` and the first one of `edge[1]`.

    Args:
        count: how many.
        interpolator: what makes them, by default flow.
    """
    if not count:
        return []
    previous, segment = (place * segments.stride_frames for place in edge)
    last_shown = decode_gop(video.units(previous, segments.stride_frames))[-1]
    next_shown = decode_gop(video.units(segment, 1))[0]
    return led(Flow() if interpolator is None else interpolator, last_shown, next_shown, count)


def make_bridge(texture: Texture, edge: Edge, count: int, interpolator: Interpolator) -> list[Unit]:
    """A whole bridge, from decoding its ends on, in all renditions."""
    pictures = bridge_pictures(texture.video, texture.segments, edge, count, interpolator)
    return encode_units(pictures, texture.formats)


class BridgeMaker:
    """Makes what it is asked for, one after the other. Owns its thread, and the interpolator.

    Args:
        texture: what is walked.
        interpolator: closed with this.
        frames_of: how many pictures a bridge has.
        name: of the thread.
        otherwise: what becomes of a jump whose bridge cannot be made, for the log.

    Attributes:
        made, failed: how many.
        seconds: what the last one took.
        times: what each took.
        dropped: bridges that were asked for and given up, because newer ones waited too.
    """

    def __init__(
        self, texture: Texture, interpolator: Interpolator, frames_of: Callable[[Edge], int], name: str, otherwise: str
    ) -> None:
        self.made = self.failed = 0
        self.seconds = FIRST_GUESS_S
        self.times = Histogram()
        self.dropped = 0
        self._texture = texture
        self._interpolator = interpolator
        self._frames_of = frames_of
        self._otherwise = otherwise
        self._lock = threading.Lock()
        self._kept: OrderedDict[Edge, list[Unit]] = OrderedDict()
        self._kept_bytes = 0
        self._pending: OrderedDict[Edge, Future[list[Unit]]] = OrderedDict()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name, initializer=_step_back)

    def close(self) -> None:
        """End the thread; what is being made is finished, what waits is not."""
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._interpolator.close()

    @property
    def waiting(self) -> int:
        """How many are being made or wait for it."""
        with self._lock:
            return len(self._pending)

    def request(self, edge: Edge) -> Future[list[Unit]] | None:
        """Have it made; what will give it, None if it is there. One that was dropped says that it is cancelled."""
        with self._lock:
            if edge in self._kept:
                return None
            if edge not in self._pending:
                self._drop_oldest()
                self._pending[edge] = self._thread.submit(self._make, edge)
            return self._pending[edge]

    def recall(self, edge: Edge) -> list[Unit] | None:
        """Its pictures if it is there."""
        with self._lock:
            units = self._kept.get(edge)
            if units is not None:
                self._kept.move_to_end(edge)
            return units

    def _drop_oldest(self) -> None:
        """Make room among what waits; to be called under the lock."""
        if len(self._pending) > MOST_WAITING:
            oldest = next((edge for edge, future in self._pending.items() if future.cancel()), None)
            if oldest is not None:
                del self._pending[oldest]
                self.dropped += 1

    def _make(self, edge: Edge) -> list[Unit]:
        began_s = time.monotonic()
        try:
            units = make_bridge(self._texture, edge, self._frames_of(edge), self._interpolator)
        except Exception:
            self.failed += 1
            if self.failed == 1:  # the others would fill a log in a year
                message = "the bridge %d -> %d could not be made by %s; such jumps are %s from here on"
                log.exception(message, *edge, self._interpolator.name, self._otherwise)
            with self._lock:
                self._pending.pop(edge, None)
            raise
        self.seconds = time.monotonic() - began_s
        self.times.observe(self.seconds)
        with self._lock:
            self._pending.pop(edge, None)  # at once with keeping it, or it could be asked for again in between
            self.made += 1
            self._kept[edge] = units
            self._kept_bytes += _size_bytes(units)
            while self._kept_bytes > KEPT_BYTES and len(self._kept) > 1:
                _, dropped = self._kept.popitem(last=False)
                self._kept_bytes -= _size_bytes(dropped)
        return units


def _size_bytes(units: list[Unit]) -> int:
    return sum(len(each.data) + sum(map(len, each.lighter)) for each in units)


def _step_back() -> None:
    """Let the threads that send go first, where a thread has a priority of its own."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
