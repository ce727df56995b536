"""Measuring clip by clip and song by song, into a file that a cut run leaves whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from bench.server_process import BenchError
from bench.sync.cell import Cell, cells, rows
from bench.sync.methods import METHODS
from bench.sync.results import Results
from bench.sync.song import DEGRADED, Song
from bench.sync.stage import Stage
from models.progress import Progress, silent
from models.scenes.strings import Strings, StringsSettings

SongMaker = Callable[[Stage], Song]

WIDTH_PX, HEIGHT_PX = 160, 96  # of the strings scene, as in `bench quality`
FIRST_SEED = 2**31 + 4000  # of scenes, which nothing else draws; the songs' are 1000 on
SHIFT_SHARE = 0.37  # of a clip, from where its own sound begins as a song
LONGEST_SONG_S = 40.0  # of a file


@dataclass(frozen=True)
class Plan:
    """What is to be measured.

    Attributes:
        seeds: scenes with their tunes, or walks of each clip.
        seconds: of a scene, and of a tune.
        clips: real videos with sound, in the scene's place.
        songs: sound files for them, beside their own sound.
        names: of methods.
        again: of methods, whose figures are measured anew even if they are known.
    """

    seeds: int = 3
    seconds: float = 40.0
    clips: tuple[Path, ...] = ()
    songs: tuple[Path, ...] = ()
    names: tuple[str, ...] = field(default_factory=lambda: tuple(METHODS))
    again: tuple[str, ...] = ()

    def check(self) -> None:
        """Raises BenchError: a method or a file that does not exist; songs without a clip; two files of one name."""
        for name in (*self.names, *self.again):
            if name not in METHODS:
                raise BenchError(f"no method is called {name!r}, expected one of {', '.join(METHODS)}")
        for path in (*self.clips, *self.songs):
            if not path.is_file():
                raise BenchError(f"{path}: no such file")
        if self.songs and not self.clips:
            raise BenchError("--song needs a clip to follow it: give one to --clip")
        for some in (self.clips, self.songs):
            if len({path.name for path in some}) < len(some):
                raise BenchError("two files have the same name: rename one of them")


@dataclass(frozen=True)
class _Task:
    """One clip with the songs that it is to follow; both are made only when something is to be measured on them."""

    head: Cell
    stage: Callable[[], Stage]
    songs: dict[str, SongMaker]


def run(plan: Plan, results: Results, *, progress: Progress = silent) -> None:
    """Measure what is missing. The file is written after each song.

    Args:
        plan: what is wanted.
        results: what is known; added to.
        progress: told the clip and song that are measured, and how far it is.

    Raises:
        BenchError: see `Plan.check`; or a file that holds no sound.
        ClipError: a clip that cannot be read.
    """
    plan.check()
    results.forget(plan.again)
    tasks = list(_of_clips(plan) if plan.clips else _of_scenes(plan))
    every, done = sum(len(task.songs) for task in tasks), 0
    for task in tasks:
        stage: Stage | None = None
        for name, make in task.songs.items():
            progress(f"{task.head['clip']}, seed {task.head['seed']}: {name}", done / every)
            done += 1
            head = {**task.head, "song": name}
            wanted = [row for row in rows(plan.names) if not results.known({**head, "method": row[0], "alpha": row[1]})]
            if wanted:
                stage = stage or task.stage()
                results.add([{**head, **cell} for cell in cells(stage, make(stage), wanted, head["seed"])])
    progress("", 1.0)


def _of_scenes(plan: Plan) -> Iterator[_Task]:
    for seed in range(plan.seeds):
        settings = StringsSettings(plan.seconds, WIDTH_PX, HEIGHT_PX, seed=FIRST_SEED + seed)
        tune = Strings(StringsSettings(plan.seconds, seed=FIRST_SEED + 1000 + seed))
        songs: dict[str, SongMaker] = {name: partial(_played, tune, name, seed) for name in DEGRADED}
        yield _Task({"clip": "strings", "seconds": plan.seconds, "seed": seed}, partial(_drawn, settings, seed), songs)


def _of_clips(plan: Plan) -> Iterator[_Task]:
    for clip in plan.clips:
        for seed in range(plan.seeds):
            songs: dict[str, SongMaker] = {"its own, shifted": _its_own}
            songs |= {path.name: partial(_from_file, path) for path in plan.songs}
            yield _Task({"clip": clip.name, "seconds": 0.0, "seed": seed}, partial(Stage.of_clip, clip, seed), songs)


def _drawn(settings: StringsSettings, seed: int) -> Stage:
    return Stage.of_scene(Strings(settings), seed)


def _played(tune: Strings, how: str, seed: int, stage: Stage) -> Song:
    return DEGRADED[how](tune, np.random.default_rng([seed, 42]))


def _its_own(stage: Stage) -> Song:
    return Song.shifted(stage.sound, SHIFT_SHARE * len(stage.film.frames) / stage.rate_hz)


def _from_file(path: Path, stage: Stage) -> Song:
    return Song.of_file(path, LONGEST_SONG_S)
