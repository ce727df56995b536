"""How well sound goes on behind a jump: the error of the clip's own packets behind a cross-fade that was encoded anew.

Opus predicts each packet from those before. The clip's own first packet behind a cross-fade was not made to follow it,
so that it is decoded a little wrong: by how much, against the whole track as one decoder gives it, is measured here.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.server_process import BenchError
from models.scenes.strings import Strings, StringsSettings
from stream.errors import ClipError
from stream.sound import (
    PACKET_SAMPLES,
    SPARE_PACKETS,
    Samples,
    Track,
    decoded,
    mixed,
    mixing_packets,
    read_sound,
    write_track,
)
from stream.splice import SHORTEST_FADE_PACKETS
from stream.timeline import Timeline

SONG_S = 60.0  # of each
BRIDGE_PACKETS = 7  # what four pictures at 30 Hz take
BEFORE_PACKETS = 16  # what a decoder has heard before a jump, so that what it began with no longer matters
BEHIND_PACKETS = 2
EDGE_PACKETS = 40  # at both ends, that nothing jumps to or from
QUIETEST_POWER = 1e-5  # -50 dB: where less is heard, an error is compared with nothing
STRINGS = "strings, drawn"

Floats = npt.NDArray[np.float64]


def measure(sounds: Sequence[Path], jumps: int, *, seed: int = 0) -> list[dict[str, object]]:
    """Cross-fade between places of each sound that are drawn by chance, as the player does, and decode across.

    Args:
        sounds: files with sound, of which the first minute is taken; none for the drawn strings.
        jumps: how many, for each sound and each of two lengths of cross-fade: without a bridge, and under one of four
            pictures at 30 Hz.

    Returns:
        For each sound and length: the error of the clip's first own packet behind the cross-fade, in dB of that
        packet's sound, in the median, worse than which one in twenty is, and the worst; of the second packet in the
        median; the median difference of the new packets from what was given to the encoder, of the first one and of
        those after it; how much quieter or louder the middle of a cross-fade is than its two sounds, median and most;
        how many packets it was longer than asked for, on average; and milliseconds of CPU that it took.

    Raises:
        BenchError: a sound cannot be read, or there is too little in it.
    """
    rows = []
    for name, track in _tracks(sounds):
        whole = track.samples(0, len(track))
        for count in (SHORTEST_FADE_PACKETS, BRIDGE_PACKETS):
            pairs = _places(whole, jumps, np.random.default_rng(seed), name)
            rows.append({"sound": name, "packets": count, **_row(track, whole, pairs, count)})
    return rows


def _tracks(sounds: Sequence[Path]) -> Iterator[tuple[str, Track]]:
    with tempfile.TemporaryDirectory() as folder:
        kept = Path(folder) / "audio.opus"
        for path in sounds or (None,):
            sound = _strings() if path is None else _read(path)
            write_track(sound, kept)
            yield STRINGS if path is None else path.stem, Track(kept)


def _strings() -> Samples:
    sound = Strings(StringsSettings(seconds=SONG_S)).sound()
    return np.asarray(np.stack([sound, sound], axis=1) if sound.ndim == 1 else sound, np.float32)


def _read(path: Path) -> Samples:
    try:
        sound = read_sound(path, timeline=Timeline.starting_at(0.0), duration_s=SONG_S)
    except (OSError, ClipError) as error:
        raise BenchError(f"{path}: no sound that can be read ({error}); give songs, or clips with sound") from error
    if sound is None:
        raise BenchError(f"{path}: there is no sound in it; give songs, or clips with sound")
    heard = np.flatnonzero(np.abs(sound).max(axis=1))
    return sound[: int(heard[-1]) + 1 if heard.size else PACKET_SAMPLES]


def _places(whole: Samples, count: int, random: np.random.Generator, name: str) -> list[tuple[int, int]]:
    """From and to which packets: only where something is heard."""
    powers = np.array([_power(part) for part in np.split(whole, len(whole) // PACKET_SAMPLES)])
    heard = np.convolve(powers < QUIETEST_POWER, np.ones(EDGE_PACKETS // 2))[: len(powers)] == 0  # and so for a while
    places = np.flatnonzero(heard[EDGE_PACKETS:-EDGE_PACKETS]) + EDGE_PACKETS - EDGE_PACKETS // 2
    if len(places) < 2:
        raise BenchError(f"{name}: {len(powers) * 0.02:.1f} s of sound, and too little to be heard in it: give more")
    return [tuple(map(int, random.choice(places, 2, replace=False))) for _ in range(count)]  # type: ignore[misc]


def _row(track: Track, whole: Samples, pairs: Sequence[tuple[int, int]], count: int) -> dict[str, object]:
    errors, differences, middles, longer = [], [], [], []
    began_s = time.process_time()
    fades = [track.cross_fade(*pair, count, spare=SPARE_PACKETS) for pair in pairs]
    took_ms = 1000 * (time.process_time() - began_s) / len(pairs)
    for (outgoing, incoming), fade in zip(pairs, fades, strict=True):
        after = incoming + len(fade)
        own = [track.packet(after + place) for place in range(BEHIND_PACKETS)]
        past = [track.packet(outgoing - back) for back in range(BEFORE_PACKETS, 0, -1)]
        heard = _packets(decoded([*past, *fade, *own]))[BEFORE_PACKETS:]
        old = _packets(whole)[outgoing : outgoing + mixing_packets(count)]
        new = _packets(whole)[incoming:after]
        meant = _packets(mixed(old.reshape(-1, 2), new.reshape(-1, 2)))
        errors.append(_errors_db(heard[len(fade) :], _packets(whole)[after : after + BEHIND_PACKETS]))
        differences.append(_errors_db(heard[: len(fade)], meant)[: len(fade) - 1])
        middle = len(old) // 2
        usual = (_power(old) + _power(new[: len(old)])) / 2
        middles.append(10 * np.log10(_power(heard[middle : middle + 1]) / usual))
        longer.append(len(fade) - count)
    return _figures(np.array(errors), differences, np.array(middles)) | {
        "longer": round(float(np.mean(longer)), 2),
        "cpu_ms": round(took_ms, 1),
    }


def _figures(errors: Floats, differences: Sequence[Floats], middles: Floats) -> dict[str, object]:
    def db(value: object) -> float:
        return round(float(np.asarray(value)), 1)

    return {
        "jumps": len(errors),
        "median_db": db(np.median(errors[:, 0])),
        "p95_db": db(np.quantile(errors[:, 0], 0.95)),
        "worst_db": db(errors[:, 0].max()),
        "second_db": db(np.median(errors[:, 1])),
        "fade_first_db": db(np.median([each[0] for each in differences])),
        "fade_later_db": db(np.median(np.concatenate([each[1:] for each in differences]))),
        "middle_db": db(np.median(middles)),
    }


def _packets(sound: Samples) -> Samples:
    return sound.reshape(-1, PACKET_SAMPLES, 2)


def _power(sound: Samples) -> float:
    return float(np.mean(sound.astype(np.float64) ** 2)) + 1e-12


def _errors_db(got: Samples, meant: Samples) -> Floats:
    """Of each packet (k, 960, 2)."""
    return np.array([10 * np.log10(_power(one - other) / _power(other)) for one, other in zip(got, meant, strict=True)])
