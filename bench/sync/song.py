"""Songs that pictures are to follow: mono sound at 16 kHz, with what is plucked in it where that is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.audio.resampler import AudioResampler

from bench.server_process import BenchError
from models.media import open_media, reason
from models.scenes.strings import Strings
from models.scenes.strings_tune import TOUCH_S
from models.sound_windows import SAMPLE_RATE_HZ, Sound
from models.tracks import sound_track
from stream.finite import FiniteSound

Times = npt.NDArray[np.float64]
Strummed = npt.NDArray[np.int64]

QUIETER = 10 ** (-10 / 20)  # -10 dB
NOISE_RATIO = 10 ** (-20 / 20)  # 20 dB below the song
PARTIALS = (1.0, 0.08, 0.45, 0.05, 0.25, 0.03, 0.12)  # of the other timbre: odd ones, as in a closed pipe
ATTACK_S = 0.012  # of the other timbre; a plucked string's is an eighth of it


@dataclass(frozen=True)
class Plucks:
    """What is plucked when.

    Attributes:
        times_s: ascending, (P,).
        strings: 0 the lowest, (P,).
    """

    times_s: Times
    strings: Strummed

    @classmethod
    def of(cls, scene: Strings) -> Plucks:
        """The truth of a drawn scene."""
        return cls(
            np.array([pluck.time_s for pluck in scene.plucks], np.float64),
            np.array([pluck.string for pluck in scene.plucks], np.int64),
        )


@dataclass(frozen=True)
class Song:
    """What is heard.

    Attributes:
        name: for the report.
        sound: float32 (S,), mono, 16 kHz.
        plucks: the truth, where it is known.
        starts_at_s: for a clip's own sound begun elsewhere, the clip's time that its start is; None for other songs.
    """

    name: str
    sound: Sound
    plucks: Plucks | None = None
    starts_at_s: float | None = None

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.sound) / SAMPLE_RATE_HZ

    @classmethod
    def of_scene(cls, scene: Strings) -> Song:
        """The tune of a drawn scene, as it sounds there."""
        return cls("as recorded", resampled(scene.sound(), scene.sample_rate_hz), Plucks.of(scene))

    @classmethod
    def of_file(cls, path: Path, longest_s: float) -> Song:
        """The start of any sound file.

        Raises:
            BenchError: it cannot be read, or holds no sound.
        """
        return cls(path.name, read_mono(path)[: round(longest_s * SAMPLE_RATE_HZ)])

    @classmethod
    def shifted(cls, sound: Sound, by_s: float) -> Song:
        """A clip's own sound, begun at `by_s`, and from its start again when it ends."""
        return cls("its own, shifted", np.roll(sound, -round(by_s * SAMPLE_RATE_HZ)), starts_at_s=by_s)


def other_timbre(scene: Strings) -> Song:
    """The same tune on another instrument: blown rather than plucked, odd partials, a slower attack, no room."""
    settings = scene.settings
    sound = np.zeros(round(settings.seconds * SAMPLE_RATE_HZ))
    for index, pluck in enumerate(scene.plucks):
        again = [later.time_s - TOUCH_S for later in scene.plucks[index + 1 :] if later.string == pluck.string]
        length_s = min(again[0] - pluck.time_s if again else np.inf, 2.0)
        start = round(pluck.time_s * SAMPLE_RATE_HZ)
        age_s = np.arange(max(0, min(round(length_s * SAMPLE_RATE_HZ), len(sound) - start))) / SAMPLE_RATE_HZ
        swing = np.exp(-age_s / 0.6) * np.clip(age_s / ATTACK_S, 0, 1) * np.clip((length_s - age_s) / 0.025, 0, 1)
        turns = settings.pitches_hz[pluck.string] * age_s
        tone = sum(share * np.sin(2 * np.pi * (place + 1) * turns) for place, share in enumerate(PARTIALS))
        sound[start : start + len(age_s)] += pluck.strength * swing * tone
    sound *= 0.7 / np.abs(sound).max()
    return Song("another timbre", sound.astype(np.float32), Plucks.of(scene))


def quieter(song: Song) -> Song:
    """10 dB down."""
    return replace(song, name="-10 dB", sound=song.sound * np.float32(QUIETER))


def noisy(song: Song, random: np.random.Generator) -> Song:
    """With white noise 20 dB below the song's own mean power."""
    level = np.sqrt(np.mean(song.sound**2, dtype=np.float64)) * NOISE_RATIO
    noise = random.normal(0, level, len(song.sound)).astype(np.float32)
    return replace(song, name="noise, 20 dB", sound=song.sound + noise)


DEGRADED: dict[str, Callable[[Strings, np.random.Generator], Song]] = {
    "as recorded": lambda scene, random: Song.of_scene(scene),
    "another timbre": lambda scene, random: other_timbre(scene),
    "-10 dB": lambda scene, random: quieter(Song.of_scene(scene)),
    "noise, 20 dB": lambda scene, random: noisy(Song.of_scene(scene), random),
}


def resampled(sound: npt.NDArray[np.float32], rate_hz: int) -> Sound:
    """Stereo (S, 2) at any rate as mono at 16 kHz."""
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound.reshape(1, -1)), format="flt", layout="stereo")
    frame.sample_rate = rate_hz
    return _collected(AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE_HZ), [frame])


def read_mono(path: Path) -> Sound:
    """All sound of a file, (S,).

    Raises:
        BenchError: it cannot be read, or holds no sound.
    """
    try:
        with open_media(path) as container:
            chosen = sound_track(container, path)
            if chosen is None:
                raise BenchError(f"{path}: there is no sound in it")
            resampler, finite = AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE_HZ), FiniteSound()
            return _collected(resampler, [finite.frame(frame) for frame in container.decode(chosen.stream)])
    except (av.error.FFmpegError, OSError) as error:
        raise BenchError(f"{path}: not a sound file that FFmpeg can read ({reason(error)})") from error


def _collected(resampler: AudioResampler, frames: list[av.AudioFrame]) -> Sound:
    parts = [part.to_ndarray().ravel() for frame in (*frames, None) for part in resampler.resample(frame)]
    return np.concatenate(parts).astype(np.float32, copy=False) if parts else np.zeros(0, np.float32)
