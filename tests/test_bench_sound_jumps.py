"""The bench of sound at jumps: it tells a good cross-fade from a bad one, and refuses what it cannot measure."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame

from bench.server_process import BenchError
from bench.sound_jumps import measure
from stream import sound as stream_sound


def write_song(path: Path, sound: np.ndarray) -> Path:
    """A mono WAV of 48 kHz."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=48000, layout="mono")
        frame = AudioFrame.from_ndarray((sound * 32767).astype(np.int16)[None], format="s16", layout="mono")
        frame.sample_rate = 48000
        container.mux(stream.encode(frame))
    return path


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    time_s = np.arange(8 * 48000) / 48000
    pitch_hz = 200 * 2 ** (np.floor(time_s * 4) * 7 % 12 / 12)
    notes = sum(np.sin(2 * np.pi * pitch_hz * order * time_s) / order for order in (1, 2, 3, 5))
    return write_song(tmp_path_factory.mktemp("song") / "song.wav", 0.2 * notes * np.exp(-(time_s % 0.25) * 8))


def figure(row: dict[str, object], name: str) -> float:
    return float(str(row[name]))


def test_it_tells_cross_fades_that_do_not_settle(song: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = measure([song], 20)
    assert {row["sound"] for row in good} == {"song"}
    assert all(figure(row, "median_db") <= -27 and figure(row, "worst_db") <= -13 for row in good)
    monkeypatch.setattr(stream_sound, "SETTLING_PACKETS", 0)
    monkeypatch.setattr(stream_sound, "FITS_DB", 100.0)
    for row, before in zip(measure([song], 20), good, strict=True):
        assert figure(row, "median_db") > figure(before, "median_db") + 3


def test_what_cannot_be_measured_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"quiet: .*give more"):
        measure([write_song(tmp_path / "quiet.wav", np.zeros(96000))], 2)
    with pytest.raises(BenchError, match=r"none\.wav: no sound that can be read"):
        measure([tmp_path / "none.wav"], 2)
