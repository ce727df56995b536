"""A constant offset, as cheap converters add it, is not heard: not as sound, not as bass, not as an onset."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest
from av.audio.frame import AudioFrame
from scipy.signal import butter, sosfilt, sosfilt_zi

from stream.hearing.fast_path import FastPath
from stream.hearing.offset import CUTOFF_HZ, OffsetFilter
from stream.hearing.onset import Onset
from stream.hearing.rhythm import Rhythm
from stream.hearing.ring import Ring
from stream.hearing.source import BLOCK_SAMPLES, SAMPLE_RATE_HZ, Block
from stream.song import Song
from stream.sound_embedding import mono_16k

SECONDS = 6
TIME_S = np.arange(SECONDS * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
ROOM: npt.NDArray[np.float32] = np.random.default_rng(0).normal(0, 3e-4, TIME_S.size).astype(np.float32)


def plucks() -> npt.NDArray[np.float32]:
    """Two a second from 1 s on, in a quiet room."""
    age_s = [TIME_S - begin for begin in np.arange(1, SECONDS - 0.5, 0.5)]
    notes = [np.where(age > 0, np.exp(-8 * age) * np.sin(2 * np.pi * 330 * age), 0) for age in age_s]
    return np.asarray(0.2 * np.sum(notes, axis=0) + ROOM, np.float32)


def heard(sound: npt.NDArray[np.float32], pause_s: float = 0.0) -> tuple[FastPath, Ring, list[Onset]]:
    """What the fast path makes of it; half way the source is gone for a while."""
    onsets: list[Onset] = []
    ring = Ring(len(sound))
    path = FastPath(Rhythm(), ring, onsets.append)
    for end in range(BLOCK_SAMPLES, len(sound) + 1, BLOCK_SAMPLES):
        late_s = pause_s if end > len(sound) / 2 else 0.0
        path.hear(Block(sound[end - BLOCK_SAMPLES : end].astype(np.float32), end / SAMPLE_RATE_HZ + late_s))
    assert path.errors == 0
    return path, ring, onsets


@pytest.mark.parametrize("offset", [0.02, -0.02, 0.5, -0.9])
def test_a_room_is_as_silent_with_an_offset_as_without(offset: float) -> None:
    path, ring, onsets = heard(ROOM + np.float32(offset))
    bare, _, _ = heard(ROOM)
    assert path.silence.silent
    assert not onsets
    assert path.silence.level_db == pytest.approx(bare.silence.level_db, abs=0.2)
    assert path.gain.gain_db == pytest.approx(bare.gain.gain_db, abs=0.1)
    assert path.rhythm.bands == pytest.approx(bare.rhythm.bands, abs=0.02)
    assert abs(ring.latest(SAMPLE_RATE_HZ).mean()) < 1e-4


@pytest.mark.parametrize("offset", [0.02, 0.5])
def test_music_is_the_same_with_an_offset(offset: float) -> None:
    path, _, onsets = heard(plucks() + np.float32(offset))
    bare, _, expected = heard(plucks())
    assert [onset.at_s for onset in onsets] == pytest.approx([onset.at_s for onset in expected], abs=1e-3)
    assert [onset.delay_s for onset in onsets] == pytest.approx([onset.delay_s for onset in expected], abs=1e-3)
    assert len(onsets) == 9
    assert path.gain.gain_db == pytest.approx(bare.gain.gain_db, abs=0.1)


def test_an_offset_that_drifts_is_followed() -> None:
    path, _, onsets = heard(ROOM + (0.05 * np.sin(2 * np.pi * 0.2 * TIME_S)).astype(np.float32))
    assert path.silence.silent
    assert not onsets


def test_another_microphone_with_another_offset_is_no_onset() -> None:
    step = np.where(TIME_S < SECONDS / 2, 0.1, -0.3).astype(np.float32)
    path, _, onsets = heard(ROOM + step, pause_s=1.0)
    assert path.silence.silent
    assert not onsets


def test_an_offset_that_is_switched_on_is_gone_soon() -> None:
    left = OffsetFilter().process(np.where(TIME_S < 1, 0, 0.02).astype(np.float32))
    assert np.abs(left[round(1.1 * SAMPLE_RATE_HZ) :]).max() < 2e-4


@pytest.mark.parametrize(("frequency_hz", "gain_db"), [(2, -35.0), (60, 0.0), (120, 0.0), (1000, 0.0)])
def test_tones_stay_and_what_is_slower_goes(frequency_hz: float, gain_db: float) -> None:
    tone = np.sin(2 * np.pi * frequency_hz * TIME_S).astype(np.float32)
    kept = OffsetFilter().process(tone)[SAMPLE_RATE_HZ:]
    level_db = 20 * np.log10(np.std(kept) / np.std(tone[SAMPLE_RATE_HZ:]))
    assert level_db == pytest.approx(gain_db, abs=0.1 if gain_db == 0 else 2)


def test_blocks_of_any_size_are_one_sound() -> None:
    sound, whole, offset = plucks(), OffsetFilter(), OffsetFilter()
    first, rest = sound[:BLOCK_SAMPLES], np.array_split(sound[BLOCK_SAMPLES:], 7)
    parts = [offset.process(part) for part in (first, sound[:0], *rest)]
    np.testing.assert_allclose(np.concatenate(parts), whole.process(sound), atol=1e-6)


def test_clips_and_songs_are_heard_without_their_offsets(tmp_path: Path) -> None:
    stereo = np.repeat(0.3 * np.sin(np.arange(96_000) / 20).astype(np.float32)[:, None] + 0.05, 2, axis=1)
    assert abs(mono_16k(stereo)[800:-800].mean()) < 1e-3
    with av.open(str(tmp_path / "song.wav"), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=48000, layout="mono")
        frame = AudioFrame.from_ndarray((stereo[:, 0] * 32767).astype(np.int16)[None], format="s16", layout="mono")
        frame.sample_rate = 48000
        container.mux(stream.encode(frame))
    assert abs(Song.read(tmp_path / "song.wav").sound[800:-800].mean()) < 1e-3


@pytest.mark.parametrize("lengths", [[160] * 20, [1, 7, 159, 161, 1000, 3], [5000]])
def test_it_is_butterworths_filter(lengths: list[int]) -> None:
    sections = butter(2, CUTOFF_HZ, "highpass", fs=SAMPLE_RATE_HZ, output="sos")
    sound = np.random.default_rng(1).normal(0.2, 0.3, sum(lengths)).astype(np.float32)
    ours, ends = OffsetFilter(), np.cumsum(lengths)
    found = np.concatenate([ours.process(part) for part in np.split(sound, ends[:-1])])
    state = sosfilt_zi(sections) * float(sound[: min(lengths[0], BLOCK_SAMPLES)].mean())
    expected, _ = sosfilt(sections, sound, zi=state)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_serving_does_not_wait_for_what_it_does_not_need() -> None:
    """`scipy.signal` alone takes 0.6 s to import, and matplotlib and torch more."""
    code = "import sys, server.serve, server.playing; print(*(name for name in sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert not {"scipy.signal", "scipy.stats", "matplotlib", "torch", "pandas"} & set(loaded)
