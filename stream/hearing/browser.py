"""A viewer's own microphone, whose frames somebody else receives and pushes in."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from typing import NamedTuple

from av.audio.frame import AudioFrame

from stream.finite import FiniteSound
from stream.hearing.handover import Handover
from stream.hearing.resample import Resampler
from stream.hearing.source import Block, Sink, SoundSource, SourceState

log = logging.getLogger(__name__)

QUEUED_FRAMES = 50  # at least half a second, drop_oldest
SILENT_LIMIT_S = 1.0  # without a frame for so long, it is lost
LOOK_S = 0.2
CLOSE_LIMIT_S = 5.0
NOBODY = "no viewer has their microphone on; the button is on the viewer page"


@dataclass
class ArrivalClock:
    """Tells from when frames arrive when their sound was heard: all that is late is late by the network's jitter.

    The shortest way that a frame took is what all took before they were held up. The two clocks may drift apart.

    Attributes:
        drift: by how much the sender's clock may be slower, as a share of time.
        largest_jitter_s: a frame that is later than this tells of a new beginning, not of jitter.
    """

    drift: float = 500e-6
    largest_jitter_s: float = 0.5
    _offset_s: float | None = None
    _last_s: float = 0.0

    def heard_at_s(self, media_s: float, arrived_at_s: float) -> float:
        """When the sound that ends at `media_s` of the sender's clock was heard, if it arrived then; never later."""
        offset_s = arrived_at_s - media_s
        if self._offset_s is None or offset_s - self._offset_s > self.largest_jitter_s:
            self._offset_s = offset_s
        else:
            self._offset_s = min(offset_s, self._offset_s + self.drift * max(0.0, arrived_at_s - self._last_s))
        self._last_s = arrived_at_s
        return media_s + self._offset_s


class _Pushed(NamedTuple):
    frame: AudioFrame
    arrived_at_s: float
    speaker: int


class BrowserSource(SoundSource):
    """The microphone of one viewer at a time; who that is, is decided by who pushes."""

    def __init__(self) -> None:
        self.name = "a viewer's microphone"
        self._state = SourceState.OPENING
        self._trouble = NOBODY
        self._queue: Handover[_Pushed] = Handover(QUEUED_FRAMES)
        self._lost_frames = 0
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def state(self) -> SourceState:
        """How it is now."""
        return self._state

    @property
    def overruns(self) -> int:
        """How often sound was lost, on its way or because the sink was too slow."""
        return self._queue.dropped + self._lost_frames

    @property
    def trouble(self) -> str:
        """Why nothing is heard."""
        return self._trouble

    def start(self, sink: Sink) -> None:
        """Give what is pushed to `sink`."""
        if self._thread is not None or self._closing.is_set():
            raise ValueError(f"{self.name}: a source is started once")
        self._thread = threading.Thread(target=self._run, args=(sink,), name="viewer's microphone", daemon=True)
        self._thread.start()

    def push(self, frame: AudioFrame, arrived_at_s: float, speaker: int = 0) -> None:
        """Hand over a frame; never waits, from any thread.

        Args:
            frame: decoded sound, of any rate and layout, with its time.
            arrived_at_s: the monotonic time at which it came.
            speaker: whose it is; another one begins anew.
        """
        if self._thread is not None:
            self._queue.put(_Pushed(frame, arrived_at_s, speaker))

    def close(self) -> None:
        """Stop; what is pushed from now on is thrown away."""
        self._closing.set()
        self._queue.close()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(CLOSE_LIMIT_S)
        self._state = SourceState.ENDED

    def _run(self, sink: Sink) -> None:
        try:
            self._hand_on(sink)
        except Exception as error:  # the thread ends here, and nobody else would say why
            log.exception("a viewer's microphone: listening failed")
            self._state, self._trouble = SourceState.ENDED, f"{error}; the log tells where"

    def _hand_on(self, sink: Sink) -> None:
        speaker: int | None = None
        expected_s, waited_s = 0.0, 0.0
        finite = FiniteSound(lambda what: log.warning("%s: %s", self.name, what))
        resampler, clock = Resampler(finite), ArrivalClock()
        while not self._closing.is_set():
            pushed = self._queue.get(LOOK_S)
            if pushed is None:
                waited_s += LOOK_S
                if waited_s >= SILENT_LIMIT_S and self._state is SourceState.LIVE:
                    self._state, self._trouble = SourceState.LOST, NOBODY
                continue
            frame, waited_s = pushed.frame, 0.0
            begins_s, duration_s = float(frame.time or 0.0), frame.samples / frame.sample_rate
            if pushed.speaker != speaker:
                speaker, resampler, clock, expected_s = pushed.speaker, Resampler(finite), ArrivalClock(), begins_s
            self._lost_frames += 0.5 * duration_s < begins_s - expected_s < SILENT_LIMIT_S
            expected_s = begins_s + duration_s
            heard_at_s = clock.heard_at_s(expected_s, pushed.arrived_at_s)
            samples = resampler.process(frame)
            self._state, self._trouble = SourceState.LIVE, ""
            if len(samples):
                sink(Block(samples, heard_at_s))
