"""Sounds of which it is known when each thing in them begins: what the ears are measured on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from scipy.signal import resample_poly

from models.media import open_media
from models.scenes.strings import Strings, StringsSettings
from models.tracks import sound_track
from stream.finite import FiniteSound
from stream.hearing.source import SAMPLE_RATE_HZ

Samples = npt.NDArray[np.float32]

_TAIL_S = 1.0
_SCALE_HZ = (146.83, 220.00, 246.94, 293.66, 329.63, 369.99)


@dataclass(frozen=True, eq=False)
class KnownSound:
    """A sound and its truth.

    Args:
        name: of its kind.
        samples: float32 (S,), mono at 16 kHz, in -1..1.
        onsets_s: float64 (K,), when each thing in it begins, ascending.
    """

    name: str
    samples: Samples
    onsets_s: npt.NDArray[np.float64]

    def louder(self, gain_db: float) -> KnownSound:
        """The same at another level."""
        return replace(self, samples=(self.samples * 10 ** (gain_db / 20)).astype(np.float32))

    def over(self, ground: Samples, snr_db: float) -> KnownSound:
        """The same with something else under it, repeated as needed, `snr_db` below in power."""
        ground = np.resize(ground, self.samples.size)
        power = float(np.mean(self.samples**2)) / max(float(np.mean(ground**2)), 1e-12)
        mixed = self.samples + ground * np.sqrt(power * 10 ** (-snr_db / 10))
        return replace(self, samples=mixed.astype(np.float32))


def strings(seed: int, seconds: float = 30.0) -> KnownSound:
    """The drawn strings scene: the plucks are the truth."""
    scene = Strings(StringsSettings(seconds=seconds, seed=seed))
    mono = scene.sound().mean(axis=1)
    samples = resample_poly(mono, SAMPLE_RATE_HZ, scene.sample_rate_hz).astype(np.float32)
    return KnownSound("strings", samples, np.array([pluck.time_s for pluck in scene.plucks]))


def bells(seed: int, seconds: float = 30.0) -> KnownSound:
    """The same tunes on another instrument: inharmonic partials, an attack of 4 ms, long decays that overlap."""
    rng = np.random.default_rng([seed, 2])
    plucks = Strings(StringsSettings(seconds=seconds, seed=seed)).plucks
    notes = [
        _note(_SCALE_HZ[pluck.string] * 2, (1.0, 2.76, 5.4), attack_s=0.004, decay_s=0.6, rng=rng) * pluck.strength
        for pluck in plucks
    ]
    return placed("bells", [pluck.time_s for pluck in plucks], notes, seconds)


def tones(seed: int, seconds: float = 30.0, *, attack_s: float = 0.03) -> KnownSound:
    """Harmonic tones with soft attacks, one after the other."""
    rng = np.random.default_rng([seed, 3])
    at_s = _wandering(seconds, 0.35, 0.7, rng)
    ends_s = [*at_s[1:], seconds]
    notes = []
    for start_s, end_s in zip(at_s, ends_s, strict=True):
        note = _note(float(rng.choice(_SCALE_HZ)), (1, 2, 3, 4, 5), attack_s=attack_s, decay_s=1.5, rng=rng)
        length = min(note.size, round((end_s - start_s) * SAMPLE_RATE_HZ))
        fall = min(length, 640)
        note = note[:length]
        note[length - fall :] *= np.linspace(1, 0, fall)
        notes.append(note * rng.uniform(0.5, 1.0))
    return placed(f"tones, {attack_s * 1000:g} ms attack", at_s, notes, seconds)


def drums(seed: int, seconds: float = 30.0, *, bpm: float = 120.0, sway_s: float = 0.004) -> KnownSound:
    """Kick on 1 and 3, snare on 2 and 4, hi-hat on each eighth, now and then left out; not quite in time."""
    rng = np.random.default_rng([seed, 4])
    eighth_s = 30.0 / bpm
    at_s: list[float] = []
    hits: list[npt.NDArray[np.float64]] = []
    for index in range(int((seconds - 0.6) / eighth_s)):
        start_s = 0.3 + index * eighth_s + float(rng.normal(0, sway_s))
        hit = np.zeros(round(0.3 * SAMPLE_RATE_HZ))
        if index % 2 == 0:
            hit += _kick(rng) if index % 4 == 0 else _snare(rng)
        if rng.random() < 0.85:
            hit += _hat(rng)
        if np.any(hit):
            at_s.append(start_s)
            hits.append(hit * rng.uniform(0.7, 1.0))
    return placed("drums", at_s, hits, seconds)


def clicks(bpm: float, seconds: float = 20.0, *, start_s: float = 0.5, bpm_end: float | None = None) -> KnownSound:
    """A metronome, whose tempo goes over to `bpm_end` in a straight line if that is given."""
    at_s = [start_s]
    while at_s[-1] < seconds - 0.1:
        share = at_s[-1] / seconds
        now_bpm = bpm + ((bpm_end if bpm_end is not None else bpm) - bpm) * share
        at_s.append(at_s[-1] + 60.0 / now_bpm)
    time_s = np.arange(round(0.03 * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    click = 0.7 * np.sin(2 * np.pi * 1500 * time_s) * np.exp(-time_s / 0.006)
    return placed("clicks", at_s[:-1], [click] * (len(at_s) - 1), seconds)


def noise(seed: int, seconds: float) -> Samples:
    """White noise at -20 dB."""
    return (0.1 * np.random.default_rng(seed).normal(size=round(seconds * SAMPLE_RATE_HZ))).astype(np.float32)


def music(path: Path, seconds: float, *, start_s: float = 0.0) -> Samples:
    """A part of a sound file, mono at 16 kHz.

    Raises:
        ValueError: there is no sound in it.
    """
    resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE_HZ)
    blocks: list[npt.NDArray[np.float32]] = []
    wanted = round((start_s + seconds) * SAMPLE_RATE_HZ)
    finite = FiniteSound()
    with open_media(path) as container:
        chosen = sound_track(container, path)
        if chosen is None:
            raise ValueError(f"{path}: there is no sound in it")
        for frame in map(finite.frame, container.decode(chosen.stream)):
            blocks += [np.asarray(part.to_ndarray(), np.float32).reshape(-1) for part in resampler.resample(frame)]
            if sum(block.size for block in blocks) >= wanted:
                break
    return np.concatenate(blocks)[round(start_s * SAMPLE_RATE_HZ) : wanted]


def placed(name: str, at_s: Sequence[float], notes: Sequence[npt.NDArray[np.float64]], seconds: float) -> KnownSound:
    """Notes set at their times, 0.7 at the loudest."""
    sound = np.zeros(round((seconds + _TAIL_S) * SAMPLE_RATE_HZ))
    for start_s, note in zip(at_s, notes, strict=True):
        start = round(start_s * SAMPLE_RATE_HZ)
        part = sound[start : start + note.size]
        part += note[: part.size]
    sound = sound[: round(seconds * SAMPLE_RATE_HZ)]
    sound *= 0.7 / max(float(np.abs(sound).max(initial=0.0)), 1e-9)
    return KnownSound(name, sound.astype(np.float32), np.asarray(at_s, dtype=np.float64))


def _wandering(seconds: float, least_s: float, most_s: float, rng: np.random.Generator) -> list[float]:
    at_s = [0.5]
    while at_s[-1] < seconds - 1.0:
        at_s.append(at_s[-1] + float(rng.uniform(least_s, most_s)))
    return at_s


def _note(
    pitch_hz: float, partials: Sequence[float], *, attack_s: float, decay_s: float, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    time_s = np.arange(round(3 * decay_s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    sound = np.zeros(time_s.size)
    for order, partial in enumerate(partials, start=1):
        phase = rng.uniform(0, 2 * np.pi)
        fall = np.exp(-time_s * order**0.5 / decay_s)
        sound += fall / order * np.sin(2 * np.pi * pitch_hz * partial * time_s + phase)
    return np.asarray(sound * np.clip(time_s / attack_s, 0, 1))


def _kick(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    time_s = np.arange(round(0.3 * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    phase = 2 * np.pi * (50 * time_s + 2.0 * (1 - np.exp(-time_s / 0.03)))
    return np.asarray(
        np.sin(phase) * np.exp(-time_s / 0.09) + 0.1 * rng.normal(size=time_s.size) * np.exp(-time_s / 0.004)
    )


def _snare(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    time_s = np.arange(round(0.3 * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    body = 0.5 * np.sin(2 * np.pi * 190 * time_s) * np.exp(-time_s / 0.05)
    return np.asarray(body + 0.35 * rng.normal(size=time_s.size) * np.exp(-time_s / 0.06))


def _hat(rng: np.random.Generator) -> npt.NDArray[np.float64]:
    time_s = np.arange(round(0.3 * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    hiss = np.diff(rng.normal(size=time_s.size), n=2, prepend=[0.0, 0.0])
    return np.asarray(0.08 * hiss * np.exp(-time_s / 0.02))
