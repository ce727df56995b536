"""A capture device as a source of sound; it may be unplugged and plugged back."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from stream.errors import MicrophoneError
from stream.finite import FiniteSound
from stream.hearing import pulse
from stream.hearing.devices import Device, choose, devices, find_again
from stream.hearing.handover import Handover
from stream.hearing.portaudio import recording
from stream.hearing.resample import Resampler
from stream.hearing.source import Block, Sink, SoundSource, SourceState

if TYPE_CHECKING:
    import sounddevice as sd

log = logging.getLogger(__name__)

QUEUED_BLOCKS = 50  # half a second, drop_oldest: older sound is of no use to anyone live
DEAD_S = 1.0  # without a block for so long, it is lost
FIRST_BLOCK_S = 5.0  # so long it may take to begin: an idle sink of PulseAudio has 2 s of silence under way
LOOK_S = 0.2
ASK_EVERY_S = 1.0
FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 2.0
LARGEST_AGE_S = 0.5  # an age beyond this is a driver's mistake
CLOSE_LIMIT_S = 5.0


class _Recorded(NamedTuple):
    """What PortAudio's thread hands over: float32 (frames, channels), and when its last frame was heard."""

    samples: npt.NDArray[np.float32]
    heard_at_s: float
    overflowed: bool


class CaptureSource(SoundSource):
    """A microphone, a line in, or the monitor of what is being played.

    It is lost when it gives nothing for a second, when PortAudio says so, or when the sound server has it no more
    (which moves its listeners to another microphone without a word). It is then tried again for ever.

    Args:
        wanted: a part of its name that no other device has; "default" for what the system would take.
    """

    def __init__(self, wanted: str) -> None:
        self.name = wanted
        self._wanted = wanted
        self._device: Device | None = None
        self._state = SourceState.OPENING
        self._trouble = ""
        self._overflows = 0
        self._dropped = 0  # by the queues of earlier streams
        self._queue: Handover[_Recorded] = Handover(QUEUED_BLOCKS)
        self._finite = FiniteSound(lambda what: log.warning("%s: %s", self.name, what))
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def state(self) -> SourceState:
        """How it is now."""
        return self._state

    @property
    def overruns(self) -> int:
        """Blocks that the driver lost, and blocks that the sink was too slow for."""
        return self._overflows + self._dropped + self._queue.dropped

    @property
    def trouble(self) -> str:
        """Why it is lost."""
        return self._trouble

    def start(self, sink: Sink) -> None:
        """Find the device and listen to it.

        Raises:
            MicrophoneError: no device is meant by that name, or several are, or there is no PortAudio.
        """
        if self._thread is not None or self._closing.is_set():
            raise ValueError(f"{self.name}: a source is started once")
        self._device = choose(self._wanted, devices())
        self.name = self._device.description
        self._thread = threading.Thread(target=self._run, args=(sink,), name="capture", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._closing.set()
        self._queue.close()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(CLOSE_LIMIT_S)  # a driver that hangs is left to itself: the thread is a daemon
        self._state = SourceState.ENDED

    def _run(self, sink: Sink) -> None:
        wait_s = FIRST_WAIT_S
        while not self._closing.is_set():
            began = False
            try:
                began = self._listen(sink)
            except MicrophoneError as error:
                self._lose(str(error))
            except Exception as error:  # the thread ends here, and nobody else would say why
                log.exception("%s: listening failed", self.name)
                self._lose(f"{error}; the lines above tell where")
            wait_s = FIRST_WAIT_S if began else min(LONGEST_WAIT_S, 2 * wait_s)
            self._closing.wait(wait_s)

    def _lose(self, why: str) -> None:
        if self._closing.is_set():
            return
        if self._state is not SourceState.LOST:
            log.warning("%s: lost (%s); it is tried again", self.name, why)
        self._state, self._trouble = SourceState.LOST, why

    def _listen(self, sink: Sink) -> bool:
        """Open it and hand on what it hears until it is lost; whether it ever gave anything."""
        device = self._present()
        self._dropped += self._queue.dropped
        self._queue = queue = Handover[_Recorded](QUEUED_BLOCKS)
        with recording(device, _callback(queue, device.rate_hz)) as stream, _Watch(device) as watch:
            if self._closing.is_set():
                return False
            return self._hand_on(sink, device, stream, watch)

    def _present(self) -> Device:
        assert self._device is not None
        found = find_again(self._device, devices())
        if found is None:
            raise MicrophoneError(f"{self._device.title}: is not plugged in")
        self._device = found
        return found

    def _hand_on(self, sink: Sink, device: Device, stream: sd.InputStream, watch: _Watch) -> bool:
        resampler, began, queue = Resampler(self._finite), False, self._queue
        last_s, patience_s = time.monotonic(), FIRST_BLOCK_S
        while not self._closing.is_set():
            recorded = queue.get(LOOK_S)
            if self._closing.is_set():
                break
            now_s = time.monotonic()
            if watch.is_gone or not stream.active:
                self._lose("it was unplugged")
                break
            if recorded is None and now_s - last_s > patience_s:
                self._lose(f"it gave nothing for {patience_s:g} s")
                break
            if recorded is None:
                continue
            self._overflows += recorded.overflowed
            samples = resampler.process_array(recorded.samples, device.rate_hz)
            last_s, patience_s = now_s, DEAD_S
            if not began:
                began, self._state, self._trouble = True, SourceState.LIVE, ""
            if len(samples):
                sink(Block(samples, recorded.heard_at_s))
        return began


def _callback(queue: Handover[_Recorded], rate_hz: int) -> Callable[..., None]:
    """What PortAudio's thread runs: a copy and a hand-over, no more."""

    def heard(samples: npt.NDArray[np.float32], frames: int, times: Any, status: sd.CallbackFlags) -> None:
        # The stream's own clock may be any; how old the first sample is, is the same on all.
        age_s = times.currentTime - times.inputBufferAdcTime - frames / rate_hz
        if times.inputBufferAdcTime <= 0 or not 0 <= age_s <= LARGEST_AGE_S:
            age_s = 0.0  # it does not know
        queue.put(_Recorded(samples.copy(), time.monotonic() - age_s, status.input_overflow))

    return heard


class _Watch:
    """Looks now and then whether the sound server still has a source."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._done = threading.Event()
        self._gone = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def is_gone(self) -> bool:
        """Whether it was unplugged, plugged back though it may be."""
        return self._gone.is_set()

    def __enter__(self) -> _Watch:
        if self._device.pulse_index is not None:
            self._thread = threading.Thread(target=self._look, name="capture watch", daemon=True)
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        if self._thread is not None:
            self._thread.join(pulse.ASKING_LIMIT_S + 1)

    def _look(self) -> None:
        device = self._device
        assert device.pulse_index is not None
        while not self._done.wait(ASK_EVERY_S):
            if not pulse.is_there(device.pulse_index, device.name):
                self._gone.set()
                return
