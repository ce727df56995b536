"""The plucked strings: what is drawn and heard is what the state says."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from models.scenes.karplus_strong import PluckSound, loop_taps, string_sound
from models.scenes.scene import SoundingScene
from models.scenes.strings import Strings, StringsSettings
from models.scenes.strings_light import WIDEST
from models.scenes.strings_tune import compose

SMALL = StringsSettings(seconds=8.0, width=320, height=180)


@pytest.fixture(scope="module")
def strings() -> Strings:
    return Strings(SMALL)


def onset_s(sound: NDArray[np.float32], near_s: float, rate_hz: int) -> float:
    """Where the sound's energy above 1 kHz, in 4 ms steps, jumps most within ±0.1 s of a time.

    It shares nothing with the synthesis: short-time spectra of the finished stereo mix.
    """
    hop, size = rate_hz // 250, rate_hz // 100
    start = round((near_s - 0.1) * rate_hz)
    mono = sound[start : start + rate_hz // 5].mean(axis=1)
    windows = np.lib.stride_tricks.sliding_window_view(mono, size)[::hop] * np.hanning(size)
    spectra = np.abs(np.fft.rfft(windows))[:, size * 1000 // rate_hz :]
    flux = np.maximum(np.diff(np.log(spectra + 1e-4), axis=0), 0).sum(axis=1)
    return near_s - 0.1 + ((int(flux.argmax()) + 1) * hop + size / 2) / rate_hz


def pitch_hz(note: NDArray[np.float64], rate_hz: int, near_hz: float) -> float:
    """The note's fundamental: the strongest spectral peak within a third of an octave."""
    size = 1 << 18
    spectrum = np.abs(np.fft.rfft(note * np.hanning(note.size), size))
    frequency = np.arange(spectrum.size) * rate_hz / size
    spectrum[np.abs(np.log2(frequency.clip(1) / near_hz)) > 1 / 3] = 0
    return float(frequency[spectrum.argmax()])


def test_is_a_scene(strings: Strings) -> None:
    scene: SoundingScene = strings
    picture = scene.frame(0)
    assert picture.shape == (180, 320, 3)
    assert picture.dtype == np.uint8
    assert scene.frame_count == 240
    assert scene.sound().shape == (8 * 48_000, 2)
    assert scene.sound().dtype == np.float32
    assert scene.state().shape == (240, len(scene.state_names))
    assert scene.state().dtype == np.float32


def test_same_seed_same_scene(strings: Strings) -> None:
    again = Strings(SMALL)
    backwards = [again.frame(index) for index in (100, 40)]  # the order asked in must not matter
    assert np.array_equal(strings.frame(40), backwards[1])
    assert np.array_equal(strings.frame(100), backwards[0])
    assert np.array_equal(strings.sound(), again.sound())
    assert np.array_equal(strings.state(), again.state())


def test_other_seed_other_scene(strings: Strings) -> None:
    other = Strings(StringsSettings(seconds=8.0, width=320, height=180, seed=1))
    assert other.plucks != strings.plucks
    assert not np.array_equal(strings.frame(40), other.frame(40))
    assert not np.array_equal(strings.sound(), other.sound())


def test_sound_starts_with_the_picture(strings: Strings) -> None:
    for pluck, frame in zip(strings.plucks, strings.pluck_frames, strict=True):
        swing = strings.state()[:, pluck.string]
        assert swing[frame] > swing[frame - 1] + 0.1
        heard_s = onset_s(strings.sound(), frame / 30, 48_000)
        assert abs(heard_s - pluck.time_s) < 0.012  # the detector's own step and window
        assert abs(heard_s - frame / 30) < 1 / 30


@pytest.mark.parametrize("nominal_hz", StringsSettings().pitches_hz)
def test_pitch_of_one_string(nominal_hz: float) -> None:
    pluck = PluckSound(time_s=0, pitch_hz=nominal_hz, strength=0.9, decay_s=0.7, length_s=1.5, pan=0)
    note = string_sound(pluck, sample_rate_hz=48_000, rng=np.random.default_rng(3))
    assert pitch_hz(note, 48_000, nominal_hz) == pytest.approx(nominal_hz, rel=0.003)
    late = note[14_400:].std() / note[4_800:19_200].std()
    assert 0.1 < late < 0.9, "the note should die away, but not at once"


def test_pitch_of_plucks_in_the_mix(strings: Strings) -> None:
    for pluck in strings.plucks:
        start = round((pluck.time_s + 0.02) * 48_000)
        nominal_hz = strings.settings.pitches_hz[pluck.string]
        # A quarter second before and after: what is new at this pluck is its own string.
        new, old = (
            np.abs(np.fft.rfft(strings.sound()[s : s + 12_000].mean(axis=1) * np.hanning(12_000), 1 << 17))
            for s in (start, start - 16_000)
        )
        frequency = np.arange(new.size) * 48_000 / (1 << 17)
        rise = np.where(np.abs(np.log2(frequency.clip(1) / nominal_hz)) < 1 / 12, new - 0.3 * old, 0)
        assert frequency[rise.argmax()] == pytest.approx(nominal_hz, rel=0.01)


def test_sound_is_clean(strings: Strings) -> None:
    sound = strings.sound()
    assert 0.5 < np.abs(sound).max() <= 0.9
    assert np.abs(sound.mean(axis=0)).max() < 1e-3
    assert np.abs(sound[:24_000]).max() < 1e-9, "nothing sounds before the first pluck"


def test_too_high_a_note() -> None:
    with pytest.raises(ValueError, match="lower note"):
        loop_taps(9_000.0, decay_s=0.5, sample_rate_hz=48_000)


@pytest.mark.parametrize("seed", range(5))
def test_tune_never_repeats(seed: int) -> None:
    plucks = compose(600.0, strings=6, rng=np.random.default_rng(seed))
    gaps_ms = np.round(np.diff([pluck.time_s for pluck in plucks]) * 1000).astype(int).tolist()
    steps = list(zip([pluck.string for pluck in plucks[1:]], gaps_ms, strict=True))
    windows = [tuple(steps[start : start + 8]) for start in range(len(steps) - 7)]
    assert len(set(windows)) == len(windows)
    assert min(gaps_ms) >= 300
    assert max(gaps_ms) < 2000
    assert np.mean(np.array(gaps_ms) < 930) > 0.8
    assert {pluck.string for pluck in plucks} == set(range(6))


def test_the_string_that_moves_is_the_one_that_rings(strings: Strings) -> None:
    """Between frames, the picture changes most along the string just plucked."""
    at_x = 0.30  # of the width: clear of the hand
    height = strings.height
    x = at_x * strings.width / height
    for pluck, frame in zip(strings.plucks, strings.pluck_frames, strict=True):
        before, after = (strings.frame(i)[:, round(x * height)].astype(int) for i in (frame - 3, frame + 1))
        change = np.abs(after - before).sum(axis=1)
        around = [
            change[round((line.y_at(x) - 0.035) * height) : round((line.y_at(x) + 0.035) * height)].sum()
            for line in strings.lines
        ]
        assert int(np.argmax(around)) == pluck.string


@pytest.mark.parametrize("later", [0, 6, 12])
def test_swing_is_drawn_as_wide_as_the_state_says(strings: Strings, later: int) -> None:
    """In the middle of the string, the blur's width in pixels at half its brightness is the swing's."""
    pluck, frame = strings.plucks[1], strings.pluck_frames[1] + later
    line = strings.lines[pluck.string]
    column = round((line.left[0] + line.right[0]) / 2 * strings.height)
    middle = round(line.y_at((column + 0.5) / strings.height) * strings.height)
    rows = slice(middle - 10, middle + 10)
    still, ringing = (strings.frame(i)[rows, column].astype(int).sum(axis=1) for i in (0, frame))
    change = np.delete(ringing - still, [9, 10])  # the still string itself was there before
    drawn_px = 2 + int(np.count_nonzero(change > 0.5 * np.median(change[6:12])))
    told_px = 2 * WIDEST * strings.height * strings.state()[frame, pluck.string]
    assert drawn_px == pytest.approx(told_px, abs=2.5)  # the line's own width and the halo


def test_hand_is_where_the_state_says(strings: Strings) -> None:
    names = strings.state_names
    x, y = (strings.state()[:, names.index(name)] / 2 for name in ("hand_x", "hand_y"))
    for pluck, frame in zip(strings.plucks, strings.pluck_frames, strict=True):
        assert y[frame] == pytest.approx(strings.lines[pluck.string].y_at(float(x[frame])), abs=0.02)
    step = np.hypot(np.diff(x), np.diff(y))
    assert step.max() < 0.2, "the hand must not leap"


def test_state_returns(strings: Strings) -> None:
    """A good texture: most moments have a likeness elsewhere, none has a copy."""
    state = Strings(StringsSettings(width=64, height=64)).state()
    distance = np.linalg.norm(state[::6, None] - state[None, ::6], axis=2)
    index = np.arange(distance.shape[0])
    distance[np.abs(index[:, None] - index) < 10] = np.inf
    assert np.median(distance.min(axis=1)) < 0.35
    assert distance.min() > 0


@pytest.mark.parametrize("size", [(64, 64), (360, 640), (640, 180)])
def test_any_shape_and_rate(size: tuple[int, int]) -> None:
    rate_hz = Fraction(30000, 1001)
    scene = Strings(StringsSettings(seconds=3.0, width=size[0], height=size[1], rate_hz=rate_hz))
    assert scene.frame(45).shape == (size[1], size[0], 3)
    assert scene.sound().shape[0] == round(scene.frame_count / rate_hz * 48_000)


@pytest.mark.parametrize("index", [-1, 240])
def test_frame_outside(strings: Strings, index: int) -> None:
    with pytest.raises(ValueError, match="expected 0 to 239"):
        strings.frame(index)


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match="even sizes"):
        StringsSettings(width=321)
    with pytest.raises(ValueError, match="at least 3"):
        StringsSettings(seconds=float("nan"))
    with pytest.raises(ValueError, match="more than 0"):
        StringsSettings(rate_hz=Fraction(0))
    with pytest.raises(ValueError, match="the lowest first"):
        StringsSettings(pitches_hz=(440.0, 220.0))
