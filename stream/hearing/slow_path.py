"""Ten times a second, and when something is struck: what the last window sounds like, in a thread of its own."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from export.engine import Engine
from export.hear import hear_windows, window_samples_of
from stream.hearing.gain import SilenceDetector
from stream.hearing.guarded import Guarded
from stream.hearing.ring import Ring
from stream.hearing.source import SourceState
from stream.hearing.timings import Timings

log = logging.getLogger(__name__)

PERIOD_S = 0.1
HURRIED_S, HURRIED_PERIOD_S = 0.03, 0.004  # what was struck is told apart by its first 15 to 25 ms (docs/log.md)
_TIMED_RUNS = 256
_JOIN_LIMIT_S = 10.0  # a network on a machine that is very busy


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """What the last window sounds like.

    Args:
        embedding: float32 (A,), of norm 1.
        at_s: when the window ended, monotonic.
        level_db: of the sound before any gain, 0 for full scale.
        silent: there is nothing but the room's own noise.
    """

    embedding: npt.NDArray[np.float32]
    at_s: float
    level_db: float
    silent: bool


class SlowPath:
    """Embeds the ring's last window again and again; where it is late, turns are left out and counted.

    Args:
        engine: open, of a sound network, used by this thread alone; None to only watch the source.
        ring: what is heard, amplified.
        silence: told of each block by the fast path.
        state: how the source is.
        on_heard: see `Listener`.

    Attributes:
        times: per embedding.
        skips: turns that were left out.

    Raises:
        EngineError: the engine is of another network, or not open.
    """

    def __init__(
        self,
        engine: Engine | None,
        ring: Ring,
        silence: SilenceDetector,
        state: Callable[[], SourceState],
        on_heard: Callable[[Heard | None], None],
    ) -> None:
        self._engine, self._ring, self._silence = engine, ring, silence
        self._window_samples = 0 if engine is None else window_samples_of(engine)
        self._state, self._on_heard = state, on_heard
        self._written = 0
        self._hurried_until_s = -math.inf
        self._is_lost = False
        self._hearing, self._telling = Guarded("the slow path"), Guarded("what is told of the sound")
        self._closing, self._wanted = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="hearing", daemon=True)
        self.times = Timings(_TIMED_RUNS)
        self.skips = 0

    @property
    def errors(self) -> int:
        """How often something in it raised."""
        return self._hearing.errors + self._telling.errors

    def start(self) -> None:
        """Start the thread; once."""
        self._thread.start()

    def close(self) -> None:
        """Stop it. Waits for the window that is being embedded."""
        self._closing.set()
        self._wanted.set()
        if self._thread.is_alive():
            self._thread.join(_JOIN_LIMIT_S)

    def hurry(self) -> None:
        """Something was struck: listen at once and, while it unfolds, again and again. From any thread; never waits."""
        self._hurried_until_s = time.monotonic() + HURRIED_S
        self._wanted.set()

    def _run(self) -> None:
        due_s = time.monotonic()
        while True:
            self._wanted.wait(max(0.0, due_s - time.monotonic()))
            if self._closing.is_set():
                break
            self._wanted.clear()
            due_s = min(due_s, time.monotonic())
            if not self._hearing.call(self._turn):
                self._tell_lost()
            now_s = time.monotonic()
            late = int((now_s - due_s) / PERIOD_S)
            self.skips += late
            due_s += (1 + late) * PERIOD_S
            if now_s < self._hurried_until_s:
                due_s = now_s + HURRIED_PERIOD_S
        self._tell_lost()

    def _turn(self) -> None:
        if self._state() in (SourceState.LOST, SourceState.ENDED):
            self._tell_lost()
            return
        written, at_s = self._ring.written, self._ring.ended_at_s
        if self._engine is None or at_s is None or written == self._written:
            return
        self._written = written
        window = self._ring.latest(self._window_samples)
        with self.times.timed():
            embedding = hear_windows(self._engine, window[None])[0]
        self._is_lost = False
        heard = Heard(embedding, at_s, self._silence.level_db, self._silence.silent)
        self._telling.call(self._on_heard, heard)

    def _tell_lost(self) -> None:
        """Say once that there is nothing to go by, and forget what was: it is no context for what comes next."""
        if not self._is_lost:
            self._is_lost = True
            self._ring.clear()
            self._telling.call(self._on_heard, None)
