"""From a block to its onsets, in the source's own thread."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from stream.hearing.filterbank import HOP_SAMPLES, finite
from stream.hearing.gain import GainControl, SilenceDetector
from stream.hearing.guarded import Guarded
from stream.hearing.offset import OffsetFilter
from stream.hearing.onset import Onset
from stream.hearing.rhythm import Rhythm
from stream.hearing.ring import Ring
from stream.hearing.source import SAMPLE_RATE_HZ, Block
from stream.hearing.timings import Timings

_TIMED_HOPS = 4096
_GAP_S = 0.2  # without sound for longer: what comes may be of another microphone, with another offset


class FastPath:
    """Takes offsets out of all live sources, then gain, silence, rhythm.

    It waits for nobody but for a tap or a setting being noted.

    Args:
        rhythm: its own from now on.
        ring: gets what is heard, amplified.
        on_onset: called with each onset; what it raises is logged.

    Attributes:
        lock: to be held by whoever changes `rhythm` or `gain`, for no longer than that takes.
        gain, silence: how loud it is.
        times: per hop.
        onsets: how many there were.
        last_at_s: when the last block was heard, monotonic; None before there was one.
    """

    def __init__(self, rhythm: Rhythm, ring: Ring, on_onset: Callable[[Onset], None]) -> None:
        self.rhythm, self.lock = rhythm, threading.Lock()
        self.gain, self.silence = GainControl(), SilenceDetector()
        self.times = Timings(_TIMED_HOPS)
        self.onsets = 0
        self.last_at_s: float | None = None
        self._offset = OffsetFilter()
        self._ring, self._on_onset = ring, on_onset
        self._rest = np.zeros(0, dtype=np.float32)
        self._hearing = Guarded("the fast path")
        self._telling = Guarded("what is told of an onset")

    @property
    def errors(self) -> int:
        """How often something in it raised."""
        return self._hearing.errors + self._telling.errors

    def hear(self, block: Block) -> None:
        """Take a block in; a source's sink, so it never raises."""
        self._hearing.call(self._hear, block)

    def _hear(self, block: Block) -> None:
        if (
            self.last_at_s is not None
            and block.heard_at_s - self.last_at_s > _GAP_S + len(block.samples) / SAMPLE_RATE_HZ
        ):
            self._offset.forget()
        self.last_at_s = block.heard_at_s
        samples = self._offset.process(finite(block.samples))
        hops, rest = divmod(len(self._rest) + len(samples), HOP_SAMPLES)
        with self.times.timed(hops):
            self._amplified_to_onsets(samples, block.heard_at_s, rest)

    def _amplified_to_onsets(self, samples: npt.NDArray[np.float32], at_s: float, rest: int) -> None:
        """Hear whole hops; the last `rest` samples wait for the next block."""
        with self.lock:
            amplified = self.gain.process(samples, silent=self.silence.process(samples))
            self._ring.append(amplified, at_s)
            waiting = np.concatenate((self._rest, amplified))
            whole = len(waiting) - rest
            self._rest = waiting[whole:]
            onsets = self.rhythm.process(waiting[:whole], at_s - rest / SAMPLE_RATE_HZ) if whole else []
        self.onsets += len(onsets)
        for onset in onsets:
            self._telling.call(self._on_onset, onset)
