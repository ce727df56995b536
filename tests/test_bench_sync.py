"""Baselines on a small strings scene, whose truth is known; songs; the table and its file."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from bench.server_process import BenchError
from bench.sync import baselines, measures, report, run
from bench.sync.cell import Cell, Judge, cells, rows
from bench.sync.ears import Heard
from bench.sync.methods import ALPHAS, CLASSIC, GREEDY, LIVE, METHODS, NEAREST, ORACLE, PLANNED, PLAYED, RANDOM, Request
from bench.sync.ours import EMBEDDING_S, known_at
from bench.sync.results import Results
from bench.sync.run import Plan
from bench.sync.shown import Shown
from bench.sync.song import DEGRADED, Plucks, Song, read_mono
from bench.sync.stage import Fit, Stage
from bench.texture_commands import bench_sync
from models.scenes.clip_file import write_clip
from models.scenes.strings import Strings, StringsSettings
from models.sound_windows import SAMPLE_RATE_HZ
from stream.bridges import BRIDGE_FRAMES
from stream.graph import Graph
from stream.player import DRAW_LEAD_S

OURS = (LIVE, GREEDY, PLANNED)


@pytest.fixture(scope="module")
def scene() -> Strings:
    return Strings(StringsSettings(16.0, 96, 64, seed=11))


@pytest.fixture(scope="module")
def stage(scene: Strings) -> Stage:
    made = Stage.of_scene(scene, seed=0)
    made.__dict__["fit"] = by_pixels(made)  # in the place of a fit of some 15 s
    return made


def by_pixels(stage: Stage) -> Fit:
    """Likeness of the last frame before a step to the one before what it would show."""
    frames = stage.film.small[:, ::4, ::4].reshape(len(stage.film.frames), -1).astype(np.float32)
    frames -= frames.mean(axis=0)
    frames /= np.linalg.norm(frames, axis=1, keepdims=True)
    ends = stage.segments.starts + stage.segments.window_frames - 1
    query, target = frames[ends], frames[ends - stage.segments.stride_frames]
    return Fit(query, target, Graph.of_embeddings(query, target, stage.segments))


@pytest.fixture(scope="module")
def tune() -> Strings:
    return Strings(StringsSettings(16.0, seed=77))


@pytest.fixture(scope="module")
def film(stage: Stage, tune: Strings) -> Callable[..., Cell]:
    judge = Judge(stage, Song.of_scene(tune))

    def figures(name: str, alpha: float = 0.0) -> Cell:
        random = np.random.default_rng(5)
        return judge.figures(METHODS[name].make(Request(stage, judge.song, judge.heard, alpha, judge.length, random)))

    return figures


def test_the_nearest_sound_shows_the_right_string(film: Callable[..., Cell]) -> None:
    nearest, random = film(NEAREST), film(RANDOM)
    assert nearest["sync"] > 0.45
    assert nearest["sync"] > random["sync"] + 0.2
    assert nearest["onsets"]["same_ms"] < random["onsets"]["same_ms"]
    assert nearest["agreement"] > 0.6
    assert abs(random["agreement"]) < 0.3
    assert nearest["jumps_per_minute"] > 5 * random["jumps_per_minute"]


def test_no_method_beats_the_truth(film: Callable[..., Cell]) -> None:
    truth = film(ORACLE)
    assert truth["sync"] > 0.9
    assert truth["sync"] > film(NEAREST)["sync"]
    assert truth["onsets"]["answered"] > 0.4


def test_what_needs_the_truth_is_left_out_where_nobody_knows_it(stage: Stage) -> None:
    song = Song("unknown", stage.sound[: 3 * SAMPLE_RATE_HZ])
    assert [cell["method"] for cell in cells(stage, song, [(ORACLE, None), (RANDOM, None)], 0)] == [RANDOM]
    with pytest.raises(ValueError, match="nobody knows"):
        baselines.oracle(stage, song, 60)


def test_alpha_trades_sync_for_jumps(film: Callable[..., Cell]) -> None:
    by_sound, mixed, by_look = (film(CLASSIC, alpha) for alpha in (0.0, 0.7, 1.0))
    assert by_sound["sync"] > mixed["sync"] > by_look["sync"] - 0.05
    assert by_sound["jumps_per_minute"] > mixed["jumps_per_minute"] > by_look["jumps_per_minute"]
    assert by_sound["seam"]["combined"] > by_look["seam"]["combined"]


def test_ours_follows_the_sound_with_fewer_jumps(film: Callable[..., Cell]) -> None:
    nearest, chance = film(NEAREST), film(RANDOM)
    for name in (GREEDY, PLANNED):
        assert film(name, 0.0)["sync"] > chance["sync"] + 0.2
        assert film(name, 0.0)["jumps_per_minute"] < nearest["jumps_per_minute"]
        assert film(name, 1.0)["jumps_per_minute"] < film(name, 0.0)["jumps_per_minute"]
    assert film(LIVE, 0.0)["sync"] > chance["sync"]


def test_live_hears_no_more_than_what_was_over_when_it_drew(stage: Stage, tune: Strings) -> None:
    song = Song.of_scene(tune)
    heard = Heard(stage.ears, song.sound, stage.rate_hz)
    plain = METHODS[LIVE].make(Request(stage, song, heard, 0.0, 400, np.random.default_rng(1)))
    cut = song.sound.copy()
    cut[round(200 / stage.rate_hz * SAMPLE_RATE_HZ) :] = 0.5  # from frame 200 on it is another song
    heard = Heard(stage.ears, cut, stage.rate_hz)
    other = METHODS[LIVE].make(Request(stage, song, heard, 0.0, 400, np.random.default_rng(1)))
    same = np.argmin(plain.frames == other.frames)
    assert 200 + (DRAW_LEAD_S + EMBEDDING_S) * stage.rate_hz <= same < 400


def test_live_knows_the_last_window_that_was_embedded_in_time() -> None:
    known = [known_at(frame, 30.0) for frame in range(60)]
    for frame, last in enumerate(known):
        assert last == 0 or last % 3 == 0, "windows end on a grid of a tenth of a second, three frames"
        assert frame < 3 or 3 <= frame - last < 6, "no newer than could be embedded, no older than the turn before"
    assert known == sorted(known)


def test_a_jump_of_ours_has_its_bridge(stage: Stage, tune: Strings) -> None:
    song = Song.of_scene(tune)
    heard = Heard(stage.ears, song.sound, stage.rate_hz)
    for name in OURS:
        shown = METHODS[name].make(Request(stage, song, heard, 0.0, 450, np.random.default_rng(1)))
        jumps = np.flatnonzero(shown.jumps)
        assert len(jumps) > 0
        assert all(shown.bridged[jump - BRIDGE_FRAMES : jump].all() for jump in jumps)
        assert shown.bridged.sum() - BRIDGE_FRAMES * len(jumps) in range(BRIDGE_FRAMES + 1)  # the song may end in one


@pytest.mark.parametrize("name", [name for name in METHODS if name != PLAYED])  # which takes its time
def test_a_film_is_as_long_as_the_song_and_of_the_clip(name: str, stage: Stage, tune: Strings) -> None:
    song = Song.of_scene(tune)
    heard = Heard(stage.ears, song.sound, stage.rate_hz)
    made = [METHODS[name].make(Request(stage, song, heard, 0.5, 301, np.random.default_rng(3))) for _ in range(2)]
    assert made[0].frames.shape == made[0].jumps.shape == made[0].bridged.shape == (301,)
    assert made[0].frames.min() >= 0
    assert made[0].frames.max() < len(stage.film.frames)
    assert made[0].frames.tolist() == made[1].frames.tolist()


def test_the_clip_played_to_its_own_sound_is_in_sync(stage: Stage, scene: Strings) -> None:
    judge = Judge(stage, Song.of_scene(scene))
    right = judge.figures(Shown.plain(np.arange(judge.length), stage.rate_hz))
    assert right["sync"] == 1.0
    assert right["onsets"] == {
        "any_ms": right["onsets"]["any_ms"],
        "same_ms": right["onsets"]["any_ms"],
        "answered": 1.0,
    }
    assert right["onsets"]["any_ms"] <= 500 / 30 + 0.1
    assert right["jumps_per_minute"] == 0
    assert right["seam"] is None
    assert right["matched"] == 1.0
    late = judge.figures(Shown.plain(np.maximum(0, np.arange(judge.length) - 6), stage.rate_hz))
    assert 0.4 < late["sync"] < 0.9
    assert late["onsets"]["same_ms"] == pytest.approx(200, abs=20)


def test_a_shifted_clips_right_place_is_known(stage: Stage) -> None:
    seconds = len(stage.film.frames) / stage.rate_hz
    song = Song.shifted(stage.sound, 5.0)
    assert song.sound[:1000].tolist() == stage.sound[5 * SAMPLE_RATE_HZ :][:1000].tolist()
    judge = Judge(stage, song)
    count = len(stage.film.frames)
    right = judge.figures(Shown.plain((150 + np.arange(judge.length)) % count, stage.rate_hz))
    assert right["place"] == right["sound"] == 1.0
    assert "sync" not in right
    wrong = judge.figures(Shown.plain((150 + count // 2 + np.arange(judge.length)) % count, stage.rate_hz))
    assert wrong["place"] < 0.05
    assert judge.length == pytest.approx(seconds * 30, abs=1)
    found = METHODS[NEAREST].make(Request(stage, song, judge.heard, 0.0, judge.length, np.random.default_rng(0)))
    assert judge.figures(found)["sound"] > 0.8


def test_degraded_songs_keep_their_tune(tune: Strings) -> None:
    songs = {name: make(tune, np.random.default_rng(1)) for name, make in DEGRADED.items()}
    plain = songs["as recorded"].sound
    for name, song in songs.items():
        assert song.name == name
        assert song.sound.dtype == np.float32
        assert len(song.sound) == len(plain)
        assert song.seconds == pytest.approx(16.0, abs=0.01)
        assert song.plucks is not None
        assert song.plucks.times_s.tolist() == [pluck.time_s for pluck in tune.plucks]

    def level_db(sound: np.ndarray) -> float:
        return float(10 * np.log10(np.mean(sound.astype(np.float64) ** 2)))

    assert level_db(songs["-10 dB"].sound) == pytest.approx(level_db(plain) - 10, abs=0.01)
    assert level_db(songs["noise, 20 dB"].sound - plain) == pytest.approx(level_db(plain) - 20, abs=0.1)
    other = songs["another timbre"].sound
    assert abs(np.corrcoef(other, plain)[0, 1]) < 0.3
    pitch_hz = tune.settings.pitches_hz[tune.plucks[0].string]
    start = round((tune.plucks[0].time_s + 0.02) * SAMPLE_RATE_HZ)
    spectrum = np.abs(np.fft.rfft(other[start : start + 4000] * np.hanning(4000), 16 * 4000))
    assert np.argmax(spectrum) * SAMPLE_RATE_HZ / (16 * 4000) == pytest.approx(pitch_hz, rel=0.02)


def test_the_rarest_sound_is_never_drawn() -> None:
    sounds = np.eye(4, dtype=np.float32)
    allowed = np.array([True, True, False, True])
    chances = baselines.sound_chances(sounds, np.array([0.6, 0.59, 0.9, -0.5], np.float32), allowed)
    assert chances.sum() == pytest.approx(1)
    assert chances[0] > chances[1] > 0
    assert chances[2] == chances[3] == 0


def test_a_song_is_heard_once(stage: Stage, tune: Strings) -> None:
    asked: list[int] = []

    def ears(sound: np.ndarray, ends_s: np.ndarray) -> np.ndarray:
        asked.append(len(ends_s))
        return np.repeat(ends_s[:, None], 2, axis=1).astype(np.float32)

    heard = Heard(ears, np.zeros(100, np.float32), 10.0)
    assert heard.at(5).tolist() == [0.5, 0.5]
    assert heard.all([7, 5, 7])[:, 0].tolist() == pytest.approx([0.7, 0.5, 0.7])
    assert heard.all([5, 7]).shape == (2, 2)
    assert asked == [1, 1]


def test_a_segment_is_found_by_the_frame_that_ends_it(stage: Stage) -> None:
    ends = stage.segments.starts + stage.segments.window_frames - 1
    assert stage.segment_at(ends).tolist() == list(range(stage.segments.count))
    assert stage.segment_at(np.array([0, len(stage.film.frames)])).tolist() == [0, stage.segments.count - 1]


def test_every_segment_is_heard(stage: Stage) -> None:
    assert len(stage.sounds) == stage.segments.count
    assert np.linalg.norm(stage.sounds, axis=1) == pytest.approx(1.0, abs=1e-3)


def test_every_alpha_of_what_mixes_is_measured() -> None:
    assert rows((RANDOM, CLASSIC)) == [(RANDOM, None), *((CLASSIC, alpha) for alpha in ALPHAS)]


def small_run(monkeypatch: pytest.MonkeyPatch, stage: Stage, made: list[int]) -> None:
    def drawn(settings: StringsSettings, seed: int) -> Stage:
        made.append(seed)
        return stage

    monkeypatch.setattr(run, "_drawn", drawn)


def test_a_run_that_was_cut_goes_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stage: Stage) -> None:
    made: list[int] = []
    small_run(monkeypatch, stage, made)
    file = tmp_path / "sync.json"
    plan = partial(Plan, seeds=1, seconds=16.0)
    run.run(plan(names=(RANDOM,)), Results(file))
    assert len(json.loads(file.read_text())["cells"]) == len(DEGRADED)
    run.run(plan(names=(RANDOM,)), Results(file))
    assert made == [0]
    results = Results(file)
    run.run(plan(names=(RANDOM, NEAREST)), results)
    assert made == [0, 0]
    assert len(results.cells) == 2 * len(DEGRADED)
    results.forget([NEAREST])
    assert {cell["method"] for cell in results.cells} == {RANDOM}
    run.run(plan(names=(RANDOM,), seeds=2), results)
    assert made == [0, 0, 1]


def test_a_film_that_cannot_be_made_says_why(stage: Stage, tune: Strings, monkeypatch: pytest.MonkeyPatch) -> None:
    from stream.errors import TextureError

    def fails(*_: object) -> Shown:
        raise TextureError("no way round")

    monkeypatch.setitem(METHODS, RANDOM, type(METHODS[RANDOM])(fails))
    (cell,) = cells(stage, Song.of_scene(tune), [(RANDOM, None)], seed=0)
    assert cell["not_run"] == "no way round"
    console = Console(record=True, width=200)
    report.show([{**cell, "clip": "strings"}], console)
    assert "no way round" in console.export_text()


def test_the_table_has_a_row_for_each_method_and_alpha(stage: Stage, tune: Strings) -> None:
    some = [
        {**cell, "clip": "strings"}
        for seed in range(2)
        for cell in cells(stage, Song.of_scene(tune), [(RANDOM, None), (CLASSIC, 0.5), (CLASSIC, 1.0)], seed)
    ]
    console = Console(record=True, width=250)
    report.show(some, console)
    text = console.export_text()
    assert "strings: as recorded, 2 seeds" in text
    assert text.count("Classic + Audio") == 2
    assert stage.kind_of_ears in text
    figure = sorted(cell["sync"] for cell in some if cell["method"] == RANDOM)
    assert f"{np.median(figure):.2f}" in text
    assert f"{figure[0]:.2f}–{figure[1]:.2f}" in text


def test_a_clip_is_a_stage(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    small = Strings(StringsSettings(6.0, 96, 64, seed=3, rate_hz=Fraction(25)))
    write_clip(small, path)
    stage = Stage.of_clip(path, seed=0)
    assert stage.rate_hz == 25
    assert len(stage.sound) == pytest.approx(6.0 * SAMPLE_RATE_HZ, abs=SAMPLE_RATE_HZ / 25)
    known = Plucks.of(small).times_s
    apart_s = np.abs(known[:, None] - stage.events[None] / 25).min(axis=1)
    assert np.mean(apart_s < 0.07) > 0.8
    song = Song.of_file(path, longest_s=2.0)
    assert song.seconds == 2.0
    assert measures.matched(known, known) == 1.0


@pytest.mark.parametrize(
    ("plan", "match"),
    [
        (Plan(names=("Guesswork",)), "no method is called 'Guesswork'"),
        (Plan(clips=(Path("/nowhere.mp4"),)), "no such file"),
        (Plan(songs=(Path(__file__),)), "needs a clip"),
        (Plan(clips=(Path(__file__), Path(__file__))), "same name"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(plan: Plan, match: str) -> None:
    with pytest.raises(BenchError, match=match):
        run.run(plan, Results(None))


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    for text in ("[]", '{"format": 1, "cells": []}', '{"kind": "sync", "format": 0, "cells": []}', "\x00"):
        file = tmp_path / "other.json"
        file.write_text(text)
        with pytest.raises(BenchError, match="another file to --json"):
            Results(file)


def test_a_song_without_sound_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "song.txt"
    text.write_text("la la la")
    with pytest.raises(BenchError, match="not a sound file"):
        read_mono(text)
    silent = tmp_path / "silent.mp4"
    write_clip(SilentScene(Strings(StringsSettings(3.0, 64, 64))), silent)
    with pytest.raises(BenchError, match="no sound"):
        read_mono(silent)
    with pytest.raises(BenchError, match="no sound"):
        Stage.of_clip(silent, seed=0)


class SilentScene:
    """A scene without its sound."""

    def __init__(self, scene: Strings) -> None:
        self.width, self.height, self.rate_hz, self.frame_count = scene.width, scene.height, scene.rate_hz, 30
        self.state_names, self.state, self.frame = scene.state_names, scene.state, scene.frame


def test_the_command_prints_the_table(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    small_run(monkeypatch, stage, [])
    file = tmp_path / "sync.json"
    bench_sync(file, seeds=1, seconds=16.0, only=f"{RANDOM}, {NEAREST}")
    text = capsys.readouterr().out
    for name in DEGRADED:
        assert f"strings: {name}, 1 seed" in text
    assert {cell["method"] for cell in json.loads(file.read_text())["cells"]} == {RANDOM, NEAREST}
    with pytest.raises(BenchError, match="no method is called"):
        bench_sync(None, seeds=1, only="Guesswork")
