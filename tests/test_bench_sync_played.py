"""The row of `bench sync` that is made by the product's own player, in real time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.server_process import BenchError
from bench.sync import stage
from bench.sync.cell import Judge, cells
from bench.sync.methods import PLAYED
from bench.sync.played import Watched, nearest_ends, where_they_land
from bench.sync.song import Song
from bench.sync.stage import Stage
from models.preset import PixelSettings, Preset
from models.scenes.clip_file import write_clip
from models.scenes.strings import Strings, StringsSettings
from stream.reel import MediaPacket
from stream.walk import Step
from tests.stream_media import video_format

RATE_HZ = 30.0
FRAME_S = 1 / RATE_HZ
QUICK = Preset(name="quick", frame_height_px=48, trunk=PixelSettings(), head_channels=8)


def picture(index: int, frame: int | None, step: Step | None = None) -> MediaPacket:
    time_base = video_format().time_base
    return MediaPacket("video", b"", index, time_base, 1, is_keyframe=step is not None, clip_frame=frame, step=step)


def test_a_bridge_shows_the_end_that_it_is_nearer_to() -> None:
    frames, bridged = nearest_ends([7, 8, None, None, None, 40, 41, None])
    assert frames.tolist() == [7, 8, 8, 40, 40, 40, 41, 41]
    assert np.flatnonzero(bridged).tolist() == [2, 3, 4, 7]
    assert nearest_ends([None, 3])[0].tolist() == [3, 3]


def test_a_jump_lands_behind_its_bridge() -> None:
    begins = [False, True, False, False, True, True]
    bridged = np.array([False, True, True, False, False, True])
    assert np.flatnonzero(where_they_land(begins, bridged)).tolist() == [3, 4]


def test_what_was_watched_is_laid_beside_the_song() -> None:
    watched = Watched()
    late = np.random.default_rng(0).uniform(0, 0.4 / RATE_HZ, 60)
    for index in range(60):
        step = Step(3, 9) if index == 40 else Step(2, 3) if index == 20 else None
        watched.see(picture(index, 100 + index, step), 50 + index * FRAME_S + float(late[index]))
    begins_s = 50 + 30 * FRAME_S + 0.2 / RATE_HZ
    shown = watched.shown(begins_s, 25, RATE_HZ)
    assert shown.frames.tolist() == list(range(130, 155))
    assert np.flatnonzero(shown.jumps).tolist() == [10]
    with pytest.raises(BenchError, match="30 of 31 pictures"):
        watched.shown(begins_s, 31, RATE_HZ)


def test_a_song_is_played_to_the_products_own_player(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "CPU", QUICK)
    small = Strings(StringsSettings(8.0, 96, 64, seed=3))
    write_clip(small, tmp_path / "clip.mp4")
    clip = Stage.of_clip(tmp_path / "clip.mp4", seed=0)
    song = replace(Song.of_scene(Strings(StringsSettings(3.0, seed=5))), plucks=None)
    watched: list[Watched] = []
    shown_of = Watched.shown
    monkeypatch.setattr(Watched, "shown", lambda self, *asked: watched.append(self) or shown_of(self, *asked))
    (cell,) = cells(clip, song, [(PLAYED, 0.0)], seed=0)
    assert cell["jumps_per_minute"] > 0
    assert 0 <= cell["matched"] <= 1
    (seen,) = watched
    length = Judge(clip, song).length
    assert length < len(seen.frames) < length + 5 * RATE_HZ
    assert np.diff(seen.left_s).mean() == pytest.approx(FRAME_S, rel=0.05)
    assert not (Path(clip.texture).parent / "scene.mp4").exists(), "a clip is taken from where it is"
