"""Listens to a live source at two speeds: each hop for onsets, ten times a second, and after onsets, for what it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Self

from export.engine import Engine
from export.hear import window_samples_of
from stream.hearing.fast_path import FastPath
from stream.hearing.gain import LARGEST_GAIN_DB
from stream.hearing.onset import Onset
from stream.hearing.rhythm import Rhythm
from stream.hearing.ring import Ring
from stream.hearing.slow_path import Heard, SlowPath
from stream.hearing.source import SAMPLE_RATE_HZ, SoundSource, SourceState
from stream.hearing.tempo import Tempo
from stream.histogram import Histogram

__all__ = ["Heard", "Listener", "ListenerStatistics"]

KEPT_SAMPLES = 2 * SAMPLE_RATE_HZ
MUTE_S = 0.5  # a source that gives nothing for so long is lost, whatever it says of itself


@dataclass(frozen=True, slots=True)
class ListenerStatistics:
    """How listening goes.

    Args:
        source: its name.
        state: as of `Listener.state`.
        trouble: why it is lost, and the mend; empty while all is well.
        hops: of 10 ms, heard so far.
        onsets: told so far.
        overruns: how often sound was lost because somebody was too slow, as the source counts it.
        slow_runs: windows embedded so far.
        slow_skips: turns of the slow path left out because it was late.
        errors: exceptions, of callbacks and of the engine.
        hop_p50_ms, hop_p95_ms: what one hop takes in the fast path, callbacks included, over the last 40 s.
        slow_p50_ms, slow_p95_ms: what one embedding takes, over the last 25 s.
        level_db: before any gain.
        gain_db: the gain now.
        silent: there is nothing but the room's own noise.
    """

    source: str
    state: SourceState
    trouble: str
    hops: int
    onsets: int
    overruns: int
    slow_runs: int
    slow_skips: int
    errors: int
    hop_p50_ms: float
    hop_p95_ms: float
    slow_p50_ms: float
    slow_p95_ms: float
    level_db: float
    gain_db: float
    silent: bool


class Listener:
    """A source, its gain, and the two paths. A context manager: entering starts the source, leaving closes it.

    The fast path runs in the source's thread and never waits for the slow path, which has a thread of its own.

    Args:
        source: not yet started.
        rhythm: the listener's own from now on: change it through the listener.
        sound_engine: open, of a sound network, used by the slow path alone; None for onsets and levels only.
        on_onset: called in the source's thread; must be done within a millisecond or so.
        on_heard: called in the slow path's thread, ten times a second while there is sound, silence included, and just
            after each onset; and once with None where there is nothing to go by any more: the source is lost or has
            ended, the engine fails, or the listener is closed. It goes on when the source is back.

    Raises:
        EngineError: the engine is of another network, or not open.
    """

    def __init__(
        self,
        source: SoundSource,
        rhythm: Rhythm,
        sound_engine: Engine | None,
        on_onset: Callable[[Onset], None],
        on_heard: Callable[[Heard | None], None],
    ) -> None:
        self._source = source
        window_samples = 0 if sound_engine is None else window_samples_of(sound_engine)
        ring = Ring(max(KEPT_SAMPLES, window_samples))
        self._fast = FastPath(rhythm, ring, self._on_onset)
        self._slow = SlowPath(sound_engine, ring, self._fast.silence, self.state, on_heard)
        self._tell_onset = on_onset

    def _on_onset(self, onset: Onset) -> None:
        self._slow.hurry()  # so that its hit can go by what was struck
        self._tell_onset(onset)

    def __enter__(self) -> Self:
        """Start.

        Raises:
            MicrophoneError: the source cannot be started.
        """
        self._source.start(self._fast.hear)
        self._slow.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._source.close()
        self._slow.close()

    @property
    def tempo(self) -> Tempo | None:
        """The performer's if tapped, else the music's; None while there is none. From any thread."""
        return self._fast.rhythm.tempo

    @property
    def bands(self) -> tuple[float, float, float]:
        """Energy now below 200 Hz, up to 2 kHz, above, each 0 to 1. From any thread."""
        return self._fast.rhythm.bands

    @property
    def times(self) -> dict[str, Histogram]:
        """How long a hop of 10 ms takes, and an embedding. From any thread."""
        return {"hop": self._fast.times.all, "embedding": self._slow.times.all}

    def tap(self, now_s: float) -> None:
        """The performer taps the beat, see `Rhythm.tap`. From any thread."""
        with self._fast.lock:
            self._fast.rhythm.tap(now_s)

    def reset_taps(self) -> None:
        """Let the music decide the tempo again. From any thread."""
        with self._fast.lock:
            self._fast.rhythm.reset_taps()

    def set_sensitivity(self, sensitivity: float) -> None:
        """Of onsets, 0 to 1. From any thread.

        Raises:
            ValueError: it is not.
        """
        with self._fast.lock:
            self._fast.rhythm.sensitivity = sensitivity

    def set_gain(self, gain: Literal["auto"] | float) -> None:
        """Automatic, or a number of dB, -60 to 60. From any thread.

        Raises:
            ValueError: it is neither.
        """
        if gain != "auto" and not abs(gain) <= LARGEST_GAIN_DB:
            raise ValueError(f"a gain of {gain} dB, expected -{LARGEST_GAIN_DB:g} to {LARGEST_GAIN_DB:g}, or 'auto'")
        with self._fast.lock:
            self._fast.gain.setting = gain

    def state(self) -> SourceState:
        """The source's own, but LOST where it has been mute for half a second. From any thread."""
        state, last_at_s = self._source.state, self._fast.last_at_s
        if state is SourceState.LIVE and last_at_s is not None and time.monotonic() - last_at_s > MUTE_S:
            return SourceState.LOST
        return state

    def statistics(self) -> ListenerStatistics:
        """How it goes, now. From any thread."""
        fast, slow = self._fast, self._slow
        hop_p50_ms, hop_p95_ms = fast.times.percentiles_ms()
        slow_p50_ms, slow_p95_ms = slow.times.percentiles_ms()
        return ListenerStatistics(
            source=self._source.name,
            state=self.state(),
            trouble=self._source.trouble,
            hops=fast.times.count,
            onsets=fast.onsets,
            overruns=self._source.overruns,
            slow_runs=slow.times.count,
            slow_skips=slow.skips,
            errors=fast.errors + slow.errors,
            hop_p50_ms=hop_p50_ms,
            hop_p95_ms=hop_p95_ms,
            slow_p50_ms=slow_p50_ms,
            slow_p95_ms=slow_p95_ms,
            level_db=fast.silence.level_db,
            gain_db=fast.gain.gain_db,
            silent=fast.silence.silent,
        )
