"""Plucked strings, heard: a tuned Karplus-Strong loop and a small wooden room."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_LOWPASS = np.array([0.06, 0.88, 0.06])  # the loop's loss; symmetric, so exactly 1 sample of delay
_PLUCK_POSITION = 0.27  # where the finger is, as a share of the string, from the bridge
_ATTACK_S = 0.0015  # long enough not to click
_ROOM_S = 1.1
_ROOM_SHARE = 0.22  # the room's energy as a share of the direct sound's
_BODY_MODES_HZ = (104.0, 198.0, 287.0, 415.0)


@dataclass(frozen=True)
class PluckSound:
    """One pluck to be heard.

    Args:
        time_s: when the string is let go.
        pitch_hz: the note.
        strength: 0 to 1; louder and brighter.
        decay_s: time until the note has fallen by 1/e.
        length_s: when the string is touched again, after `time_s`.
        pan: -1 left to 1 right.
    """

    time_s: float
    pitch_hz: float
    strength: float
    decay_s: float
    length_s: float
    pan: float


def loop_taps(pitch_hz: float, *, decay_s: float, sample_rate_hz: int) -> tuple[int, NDArray[np.float64]]:
    """The feedback filter of a string: y[n] = Σ taps[k] · y[n - delay - k].

    Args:
        pitch_hz: the note; at most an eighth of the sample rate.
        decay_s: time in which the fundamental falls by 1/e.
        sample_rate_hz: samples per second.

    Returns:
        The shortest delay in samples, and the taps (float64, shape (6,)).

    Raises:
        ValueError: the pitch is not positive or too high for the sample rate.

    Source:
        Karplus and Strong 1983, Computer Music Journal 7(2); the fractional delay that tunes it
        is a cubic Lagrange interpolator (Jaffe and Smith 1983 use an all-pass instead).
    """
    if not 0 < pitch_hz <= sample_rate_hz / 8:
        raise ValueError(
            f"pitch_hz is {pitch_hz}, expected above 0 and at most {sample_rate_hz / 8:g} "
            f"(an eighth of the sample rate): choose a lower note or a higher rate"
        )
    period = sample_rate_hz / pitch_hz
    whole = int(np.floor(period))
    x = period - whole + 1.0  # the interpolator works best between its middle taps, 1 to 2
    taps = np.array(
        [
            -(x - 1) * (x - 2) * (x - 3) / 6,
            x * (x - 2) * (x - 3) / 2,
            -x * (x - 1) * (x - 3) / 2,
            x * (x - 1) * (x - 2) / 6,
        ]
    )
    loss = np.convolve(taps, _LOWPASS)
    turn = np.exp(-2j * np.pi / period * np.arange(loss.size))
    wanted = np.exp(-period / (decay_s * sample_rate_hz))
    return whole - 2, loss * (wanted / abs(loss @ turn))


def string_sound(pluck: PluckSound, *, sample_rate_hz: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """One note from its release to its end.

    Args:
        pluck: the note; `time_s` and `pan` are not looked at.
        sample_rate_hz: samples per second.
        rng: the noise that the string starts from.

    Returns:
        float64, shape (samples,), about `pluck.strength` at its loudest.
    """
    delay, taps = loop_taps(pluck.pitch_hz, decay_s=pluck.decay_s, sample_rate_hz=sample_rate_hz)
    length = round(min(pluck.length_s, 7 * pluck.decay_s) * sample_rate_hz)
    burst = _burst(pluck, sample_rate_hz=sample_rate_hz, rng=rng)
    history = delay + taps.size
    note = np.zeros(history + length + delay)
    note[history : history + burst.size] = burst[: length + delay]
    # A whole loop is known at once, because nothing in it is younger than `delay` samples.
    for start in range(history, history + length, delay):
        past = note[start - delay - taps.size + 1 : start]
        note[start : start + delay] += np.convolve(past, taps, mode="valid")[:delay]
    note = note[history : history + length]
    _fade(note, sample_rate_hz)
    return pluck.strength * note / max(float(np.abs(note).max(initial=0.0)), 1e-9)


def _burst(pluck: PluckSound, *, sample_rate_hz: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """One period of smoothed noise, with the notch of the place that is plucked."""
    period = round(sample_rate_hz / pluck.pitch_hz)
    noise = rng.uniform(-1.0, 1.0, period)
    brightness_hz = 900.0 + 3200.0 * pluck.strength**2
    spectrum = np.fft.rfft(noise)
    frequency_hz = np.arange(spectrum.size) * sample_rate_hz / period
    spectrum /= 1.0 + (frequency_hz / brightness_hz) ** 2
    spectrum[0] = 0.0
    # Even out the first harmonics: pure chance sometimes leaves a note without its fundamental.
    low = slice(1, min(5, spectrum.size))
    spectrum[low] *= np.median(np.abs(spectrum[1:12])) * 2.0 / np.maximum(np.abs(spectrum[low]), 1e-9)
    spectrum *= np.abs(np.sin(np.pi * np.arange(spectrum.size) * _PLUCK_POSITION)) + 0.1
    return np.fft.irfft(spectrum, period)


def _fade(note: NDArray[np.float64], sample_rate_hz: int) -> None:
    """Rise without a click, and stop within 25 ms as under a finger."""
    rise = min(note.size, round(_ATTACK_S * sample_rate_hz))
    fall = min(note.size, round(0.025 * sample_rate_hz))
    note[:rise] *= np.linspace(0.0, 1.0, rise)
    note[note.size - fall :] *= np.cos(np.linspace(0.0, np.pi / 2, fall)) ** 2


def mix(
    plucks: list[PluckSound], *, samples: int, sample_rate_hz: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """All plucks in a small wooden room.

    Args:
        plucks: the notes, in any order.
        samples: length of the result.
        sample_rate_hz: samples per second.
        rng: strings' noise and the room.

    Returns:
        float32, shape (samples, 2), 0.7 at its loudest.
    """
    dry = np.zeros((2, samples))
    for pluck in plucks:
        start = round(pluck.time_s * sample_rate_hz)
        note = string_sound(pluck, sample_rate_hz=sample_rate_hz, rng=rng)[: max(0, samples - start)]
        angle = (pluck.pan + 1) * np.pi / 4
        dry[0, start : start + note.size] += np.cos(angle) * note
        dry[1, start : start + note.size] += np.sin(angle) * note
    wet = _in_room(dry, _room(sample_rate_hz, rng))
    wet *= 0.7 / max(float(np.abs(wet).max(initial=0.0)), 1e-9)
    return np.ascontiguousarray(wet.T, dtype=np.float32)


def _room(sample_rate_hz: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Impulse response, shape (2, taps): the direct sound, the body's modes, a short dark tail."""
    time_s = np.arange(round(_ROOM_S * sample_rate_hz)) / sample_rate_hz
    tail = rng.normal(size=(2, time_s.size)) * np.exp(-time_s / 0.16) * (1 - np.exp(-time_s / 0.012))
    smooth = np.hanning(13)
    tail = np.stack([np.convolve(channel, smooth, mode="same") for channel in tail])
    tail *= np.sqrt(_ROOM_SHARE / (tail**2).sum(axis=1, keepdims=True))
    for mode_hz in _BODY_MODES_HZ:
        ring = np.sin(2 * np.pi * mode_hz * time_s) * np.exp(-time_s / 0.02)
        tail += 0.12 * ring / np.sqrt((ring**2).sum())
    tail[:, 0] += 1.0
    return tail


def _in_room(dry: NDArray[np.float64], room: NDArray[np.float64]) -> NDArray[np.float64]:
    """Convolve channel by channel, cut to the dry sound's length."""
    samples = dry.shape[1]
    size = 1 << (samples + room.shape[1] - 1).bit_length()
    wet = np.fft.irfft(np.fft.rfft(dry, size) * np.fft.rfft(room, size), size)
    return np.asarray(wet[:, :samples])
