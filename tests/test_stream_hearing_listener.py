"""The listener: two speeds that do not hold each other up, and a source that goes and comes back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
import pytest

from bench import hearing_sounds as sounds
from export.engine import Array, Engine
from export.hear import EMBEDDING, SAMPLES
from export.spec import EngineError, NetworkSpec, TensorSpec
from stream.errors import MicrophoneError
from stream.hearing.listener import Heard, Listener
from stream.hearing.offset import OffsetFilter
from stream.hearing.onset import Onset
from stream.hearing.rhythm import Rhythm
from stream.hearing.source import SAMPLE_RATE_HZ, Block, Sink, SoundSource, SourceState

WINDOW_SAMPLES = 4000
TUNE = sounds.strings(36, 5.0)


class PushedSource(SoundSource):
    """Gives what the test pushes, in the test's own thread."""

    name = "pushed"

    def __init__(self, fails: bool = False) -> None:
        self.now = SourceState.OPENING
        self._fails = fails
        self._sink: Sink | None = None
        self._samples = 0
        self.began_s = time.monotonic()

    @property
    def state(self) -> SourceState:
        return self.now

    @property
    def overruns(self) -> int:
        return 3

    def start(self, sink: Sink) -> None:
        if self._fails:
            raise MicrophoneError("no such microphone")
        self._sink, self.now = sink, SourceState.LIVE

    def close(self) -> None:
        self.now = SourceState.ENDED

    def push(self, samples: sounds.Samples, size: int = 160) -> None:
        """All of it at once, in blocks; it was heard in time, from the beginning on."""
        assert self._sink is not None
        for start in range(0, len(samples), size):
            block = samples[start : start + size]
            self._samples += len(block)
            self._sink(Block(block, self.began_s + self._samples / SAMPLE_RATE_HZ))


class EarEngine(Engine):
    """A sound network that counts how loud a window is, and how loud its end is; it may be held, or fail."""

    def __init__(self, network: str = "sound") -> None:
        super().__init__()
        self._network = network
        self.takes_s, self.broken = 0.0, False
        self.free = threading.Event()
        self.free.set()
        self.windows: list[Array] = []

    @property
    def name(self) -> str:
        return "the test's ear"

    def _load(self) -> NetworkSpec:
        return NetworkSpec(
            name=self._network,
            inputs={SAMPLES: TensorSpec(dtype="float32", shape=(None, WINDOW_SAMPLES))},
            outputs={EMBEDDING: TensorSpec(dtype="float32", shape=(None, 2))},
            facts={"sample_rate_hz": SAMPLE_RATE_HZ, "window_samples": WINDOW_SAMPLES},
        )

    def _run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        window = inputs[SAMPLES]
        self.windows.append(window.copy())
        assert self.free.wait(10)
        time.sleep(self.takes_s)
        if self.broken:
            raise EngineError("the test broke it")
        ear = np.stack([np.abs(window).mean(1), np.abs(window[:, -160:]).mean(1)], axis=1)
        return {EMBEDDING: (ear / np.maximum(np.linalg.norm(ear, axis=1, keepdims=True), 1e-9)).astype(np.float32)}

    def _unload(self) -> None:
        pass


class Ears:
    """A listener and all that it told."""

    def __init__(self, engine: Engine | None) -> None:
        self.source, self.onsets, self.heard = PushedSource(), list[Onset](), list[Heard | None]()
        self.listener = Listener(self.source, Rhythm(), engine, self.onsets.append, self.heard.append)
        self.listener.set_gain(0.0)


@contextmanager
def listening(engine: Engine | None) -> Iterator[Ears]:
    if engine is not None:
        engine.open()
    ears = Ears(engine)
    with ears.listener:
        yield ears


def wait_until(what: Callable[[], bool], limit_s: float = 5.0) -> None:
    end_s = time.monotonic() + limit_s
    while not what():
        assert time.monotonic() < end_s, "it did not happen in time"
        time.sleep(0.005)


@pytest.mark.parametrize("size", [160, 137, 1000])
def test_blocks_of_any_size_give_the_onsets_of_the_sound(size: int) -> None:
    with listening(None) as ears:
        ears.source.push(TUNE.samples, size)
        statistics = ears.listener.statistics()
    told_s = np.array([onset.at_s for onset in ears.onsets]) - ears.source.began_s
    assert told_s == pytest.approx(TUNE.onsets_s, abs=0.005)
    assert statistics.onsets == len(TUNE.onsets_s)
    assert statistics.hops == len(TUNE.samples) // 160
    assert statistics.overruns == 3
    assert 0 < statistics.hop_p50_ms <= statistics.hop_p95_ms
    assert statistics.errors == 0
    assert statistics.level_db > -60


def test_the_slow_path_hears_the_last_window() -> None:
    engine, expected = EarEngine(), OffsetFilter().process(TUNE.samples[:24000])
    with listening(engine) as ears:
        engine.free.clear()  # the first turn may come amid the push; it waits here
        ears.source.push(TUNE.samples[:24000])
        engine.free.set()
        wait_until(lambda: any(window[0, -1] == expected[-1] for window in engine.windows))
        wait_until(lambda: bool(ears.heard) and ears.heard[-1] is not None and not ears.heard[-1].silent)
    last = next(window[0] for window in engine.windows if window[0, -1] == expected[-1])
    assert last == pytest.approx(expected[20000:24000], abs=1e-6)
    heard = [each for each in ears.heard if each is not None][-1]
    assert heard.at_s == pytest.approx(ears.source.began_s + 1.5)
    assert heard.embedding.shape == (2,)
    assert heard.embedding.dtype == np.float32


def test_what_is_struck_is_listened_to_at_once_and_while_it_unfolds() -> None:
    """In real time, 10 ms by 10 ms: after each onset the next windows come at its first hops, not at the next turn."""
    with listening(EarEngine()) as ears:
        for start in range(0, 3 * SAMPLE_RATE_HZ, 160):
            ears.source.push(TUNE.samples[start : start + 160])
            time.sleep(max(0.0, ears.source.began_s + (start + 160) / SAMPLE_RATE_HZ - time.monotonic()))
        struck_s = [onset.at_s for onset in ears.onsets]
        runs = ears.listener.statistics().slow_runs
    heard_s = np.array([heard.at_s for heard in ears.heard if heard is not None])
    after = [int(((heard_s > at_s) & (heard_s <= at_s + 0.05)).sum()) for at_s in struck_s]
    assert len(after) >= 4
    assert np.median(after) >= 2
    assert runs < 30 + 5 * len(struck_s), "between onsets it keeps its pace"


def test_before_there_was_enough_sound_there_were_zeros() -> None:
    engine = EarEngine()
    with listening(engine) as ears:
        ears.source.push(TUNE.samples[16000:16160])
        wait_until(lambda: len(engine.windows) > 0)
    assert not engine.windows[0][0, :-160].any()
    assert engine.windows[0][0, -160:] == pytest.approx(OffsetFilter().process(TUNE.samples[16000:16160]), abs=1e-6)


def test_the_fast_path_never_waits_for_the_slow_one() -> None:
    engine = EarEngine()
    with listening(engine) as ears:
        engine.free.clear()
        ears.source.push(TUNE.samples[:1600])
        wait_until(lambda: len(engine.windows) == 1)  # and now it hangs
        ears.source.push(TUNE.samples[1600:])
        assert len(ears.onsets) == len(TUNE.onsets_s)
        assert len(engine.windows) == 1
        assert ears.heard == []
        engine.free.set()


def test_a_slow_path_that_is_late_leaves_turns_out_and_counts_them() -> None:
    engine = EarEngine()
    engine.takes_s = 0.25
    with listening(engine) as ears:
        began_s = time.monotonic()
        while time.monotonic() < began_s + 1.2:
            ears.source.push(TUNE.samples[:160])
            time.sleep(0.01)
        statistics = ears.listener.statistics()
    assert statistics.slow_skips >= 4
    assert 2 <= statistics.slow_runs <= 5
    assert statistics.slow_p50_ms >= 250


def test_a_lost_source_is_told_once_and_comes_back() -> None:
    with listening(EarEngine()) as ears:
        ears.source.push(TUNE.samples[:16000])
        wait_until(lambda: len(ears.heard) > 0)
        ears.source.now = SourceState.LOST
        wait_until(lambda: ears.heard[-1] is None)
        assert ears.listener.state() is SourceState.LOST
        time.sleep(0.25)
        assert ears.heard.count(None) == 1
        ears.source.now = SourceState.LIVE
        ears.source.push(TUNE.samples[16000:32000])
        wait_until(lambda: ears.heard[-1] is not None)
        assert ears.listener.statistics().state is SourceState.LIVE


def test_a_source_that_is_mute_is_lost() -> None:
    with listening(None) as ears:
        ears.source.push(TUNE.samples[:160])
        assert ears.listener.state() is SourceState.LIVE
        wait_until(lambda: ears.listener.state() is SourceState.LOST, 2.0)
        wait_until(lambda: ears.heard == [None], 2.0)


def test_what_callbacks_raise_is_logged_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("the callback is broken")

    engine = EarEngine()
    engine.open()
    source = PushedSource()
    with Listener(source, Rhythm(), engine, fail, fail) as listener:
        source.push(TUNE.samples)
        wait_until(lambda: listener.statistics().slow_runs >= 1)
        source.push(TUNE.samples[:160])  # what has not changed is not heard again
        wait_until(lambda: listener.statistics().slow_runs >= 2)
        wait_until(lambda: listener.statistics().errors >= len(TUNE.onsets_s) + 2)
        statistics = listener.statistics()
    assert statistics.onsets >= len(TUNE.onsets_s)
    assert "the callback is broken" in caplog.text
    assert "Traceback" in caplog.text
    assert len(caplog.records) < 8  # not a hundred a second


def test_an_engine_that_fails_leaves_the_picture_unconditioned_until_it_works_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    engine = EarEngine()
    engine.broken = True
    with listening(engine) as ears:
        ears.source.push(TUNE.samples[:16000])
        wait_until(lambda: ears.heard == [None])
        assert ears.listener.statistics().errors == 1
        assert "the test broke it" in caplog.text
        engine.broken = False
        ears.source.push(TUNE.samples[16000:16160])
        wait_until(lambda: ears.heard[-1] is not None)


def test_leaving_closes_the_source_and_ends_the_thread() -> None:
    threads = threading.active_count()
    with listening(EarEngine()) as ears:
        ears.source.push(TUNE.samples[:8000])
        wait_until(lambda: len(ears.heard) > 0)
    assert ears.source.state is SourceState.ENDED
    assert threading.active_count() == threads
    assert ears.heard[-1] is None


def test_a_source_that_cannot_be_started_leaves_nothing_behind() -> None:
    threads = threading.active_count()
    listener = Listener(PushedSource(fails=True), Rhythm(), None, lambda _: None, lambda _: None)
    with pytest.raises(MicrophoneError, match="no such microphone"), listener:
        pass
    assert threading.active_count() == threads


def test_a_foreign_engine_is_refused() -> None:
    with EarEngine("encoder") as engine, pytest.raises(EngineError, match="expected 'sound'"):
        Listener(PushedSource(), Rhythm(), engine, lambda _: None, lambda _: None)


def test_settings_are_checked_and_taken() -> None:
    with listening(None) as ears:
        with pytest.raises(ValueError, match="sensitivity"):
            ears.listener.set_sensitivity(1.5)
        with pytest.raises(ValueError, match="a gain of 99"):
            ears.listener.set_gain(99)
        ears.listener.set_gain(-12.0)
        ears.source.push(TUNE.samples[:1600])
        assert ears.listener.statistics().gain_db == pytest.approx(-12.0)


def test_taps_from_another_thread_while_it_hears() -> None:
    with listening(None) as ears:
        tapping = threading.Thread(target=lambda: [ears.listener.tap(0.5 * place) for place in range(4)])
        tapping.start()
        ears.source.push(TUNE.samples[:16000])
        tapping.join()
        assert ears.listener.tempo is not None
        assert ears.listener.tempo.bpm == pytest.approx(120)
        ears.listener.reset_taps()
        assert ears.listener.tempo is None
        assert max(ears.listener.bands) > 0


def test_samples_that_are_no_numbers_do_no_lasting_harm() -> None:
    spoilt = TUNE.samples.copy()
    spoilt[1000:2000] = np.nan
    with listening(EarEngine()) as ears:
        ears.source.push(spoilt)
        wait_until(lambda: bool(ears.heard))
        statistics = ears.listener.statistics()
    assert statistics.errors == 0
    assert np.isfinite(statistics.level_db)
    assert len(ears.onsets) == len(TUNE.onsets_s)
