"""Sound with samples that are no numbers, wherever sound comes in."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import pytest
from av.audio.frame import AudioFrame

from bench.hearing_sounds import music
from bench.sync.song import read_mono
from stream.finite import LOUDEST, FiniteSound
from stream.hearing.browser import BrowserSource
from stream.hearing.file import FileSource
from stream.hearing.resample import Resampler
from stream.hearing.source import SourceState
from stream.song import Song
from stream.sound import read_sound
from stream.timeline import Timeline
from tests.media import SOUND_RATE_HZ, Tone, write_float_wav
from tests.sounds import Ear, wait_until

BAD = {1000: np.nan, 1001: -np.nan, 20_000: np.inf, 20_001: -np.inf, 30_000: 1e30, 30_001: -1e20}


@pytest.fixture(params=[np.float32, np.float64], ids=["single", "double"])
def odd_wav(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    samples = Tone(seconds=1.0).samples()[0].astype(request.param)
    samples[list(BAD)] = list(BAD.values())
    return write_float_wav(tmp_path / "odd.wav", samples)


@pytest.mark.parametrize("form", ["flt", "fltp", "dbl", "dblp"])
def test_frames_of_any_floats_are_mended(form: str) -> None:
    dtype = np.float64 if form.startswith("dbl") else np.float32
    samples = np.linspace(-1, 1, 2 * 1001, dtype=dtype).reshape((2, 1001) if form.endswith("p") else (1, 2002))
    samples[0, :4] = np.nan, np.inf, -np.inf, 2 * LOUDEST
    samples[-1, -1] = np.nan
    samples[0, 4] = 8.0  # louder than full scale, as float files may be
    expected = samples.copy()
    expected[0, :4] = expected[-1, -1] = 0
    finite = FiniteSound()
    frame = finite.frame(AudioFrame.from_ndarray(samples, format=form, layout="stereo"))
    assert np.array_equal(frame.to_ndarray(), expected)
    assert finite.silenced == 5
    assert "(5 of them)" in finite.note


def test_sound_that_is_well_is_left_alone() -> None:
    finite = FiniteSound(pytest.fail)
    samples = np.ones((10, 2), np.float32)
    assert finite.array(samples) is samples
    frame = AudioFrame.from_ndarray(np.zeros((1, 20), np.int16), format="s16", layout="stereo")
    assert finite.frame(frame) is frame
    assert (finite.silenced, finite.note) == (0, "")


def test_a_clip_and_a_song_and_the_benches_are_mended(odd_wav: Path) -> None:
    told: list[str] = []
    sound = read_sound(odd_wav, timeline=Timeline.starting_at(0.0), duration_s=1.0, tell=told.append)
    song = Song.read(odd_wav)
    assert sound is not None
    for samples in (sound, song.sound, read_mono(odd_wav), music(odd_wav, 1.0)):
        assert np.isfinite(samples).all()
        assert np.abs(samples).max() < 0.5
        assert np.sqrt(np.mean(samples**2)) > 0.1
    assert song.notes == tuple(told)
    assert "(6 of them)" in told[0]


def test_a_file_that_is_played_is_mended_and_told_of_once(odd_wav: Path, caplog: pytest.LogCaptureFixture) -> None:
    ear = Ear()
    with FileSource(str(odd_wav), loop=True) as source:
        source.start(ear)
        wait_until(lambda: len(ear.blocks) > 120)  # more than once through
    assert np.isfinite(ear.sound()).all()
    assert np.abs(ear.sound()).max() < 0.5
    told = [record for record in caplog.records if "not numbers" in record.message]
    assert len(told) == 1
    assert told[0].levelno == logging.WARNING
    assert "odd.wav" in told[0].message


def test_a_microphone_and_a_viewers_one_are_mended() -> None:
    samples = np.full((480, 2), 0.25, np.float32)
    samples[100, 0], samples[200, 1] = np.nan, np.inf
    heard = [Resampler().process_array(samples, SOUND_RATE_HZ)]
    frame = AudioFrame.from_ndarray(np.ascontiguousarray(samples.reshape(1, -1)), format="flt", layout="stereo")
    frame.sample_rate, frame.pts = SOUND_RATE_HZ, 0
    ear = Ear()
    with BrowserSource() as source:
        source.start(ear)
        source.push(frame, 0.0)
        wait_until(lambda: source.state is SourceState.LIVE and bool(ear.blocks))
    for mono in (*heard, ear.sound()):
        assert len(mono) > 100
        assert np.isfinite(mono).all()
        assert np.abs(mono).max() < 0.4
