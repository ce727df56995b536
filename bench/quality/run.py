"""Measuring film by film, in processes of their own, into a file that a cut run leaves whole."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench.quality.cell import Cell, cells
from bench.quality.conditions import DIAL_SETTINGS, Condition, conditions
from bench.quality.grid import JUMPS_PER_MINUTE
from bench.quality.methods import ORACLE, Weights, methods
from bench.server_process import BenchError
from models.progress import Progress, silent
from models.scenes.families import FAMILIES
from models.whole import whole_file

FORMAT = 1
# One thread each: on two busy cores, threads that wait for each other take many times longer (docs/log.md).
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OPENCV_FOR_THREADS_NUM": "1"}


@dataclass(frozen=True)
class Plan:
    """What is to be measured.

    Attributes:
        families: of drawn scenes.
        dials: settings of the dials, of `DIAL_SETTINGS`.
        seeds: scenes of each family and setting; walks of each clip.
        seconds: of drawn scenes.
        clips: real videos.
        names: of methods.
        again: of methods, whose figures are measured anew even if they are known.
        weights: of what does not come with the project.
    """

    families: tuple[str, ...] = field(default_factory=lambda: tuple(FAMILIES))
    dials: tuple[str, ...] = DIAL_SETTINGS
    seeds: int = 3
    seconds: float = 40.0
    clips: tuple[Path, ...] = ()
    names: tuple[str, ...] = field(default_factory=lambda: tuple(methods(Weights())))
    again: tuple[str, ...] = ()
    weights: Weights = field(default_factory=Weights)

    def conditions(self) -> list[Condition]:
        """Every film, in the order in which they are measured.

        Raises:
            BenchError: a family, dial, method, clip or file of weights that does not exist; two clips of one name;
                weights that no method reads; nothing to measure on.
        """
        known = methods(self.weights)
        for name in (*self.names, *self.again):
            if name not in known:
                raise BenchError(f"no method is called {name!r}, expected one of {', '.join(known)}")
        for clip in self.clips:
            if not clip.is_file():
                raise BenchError(f"{clip}: no such file")
        self.weights.check(self.names)
        if not self.families and not self.clips:
            raise BenchError("there is nothing to measure on: no drawn scenes were asked for, and no --clip")
        return list(conditions(self.families, self.dials, self.seeds, self.seconds, self.clips))


class Results:
    """The cells that were measured, and the file that they are kept in.

    Args:
        path: read if it exists; None to keep them in memory alone.

    Raises:
        BenchError: the file is not of this kind.
    """

    def __init__(self, path: Path | None) -> None:
        self.path, self.cells = path, list[Cell]()
        if path is None or not path.exists():
            return
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            found = kept["format"], kept["cells"]
        except (ValueError, TypeError, KeyError) as error:
            raise BenchError(f"{path}: not written by `bench quality`; give another file to --json") from error
        if found[0] != FORMAT:
            raise BenchError(f"{path}: of format {found[0]}, expected {FORMAT}; give another file to --json")
        self.cells = found[1]

    def forget(self, names: Sequence[str]) -> None:
        """Drop the cells of some methods, so that they are measured again."""
        self.cells = [cell for cell in self.cells if cell["method"] not in names]

    def wanting(self, condition: Condition, names: Sequence[str], weights: Weights) -> list[str]:
        """Which methods have not been measured on a film with these weights; what could not be run is tried again."""
        film = condition.as_dict()
        known = {
            (cell["method"], cell.get("weights", ""))
            for cell in self.cells
            if cell["condition"] == film and "not_run" not in cell
        }
        wanted = [name for name in names if (name, weights.mark(name)) not in known]
        return [name for name in wanted if not (name == ORACLE and condition.clip)]

    def add(self, new: Sequence[Cell]) -> None:
        """Take the cells of a film, in the place of what was known of them, and write all."""
        fresh = {(json.dumps(cell["condition"]), cell["method"]) for cell in new}
        kept = [cell for cell in self.cells if (json.dumps(cell["condition"]), cell["method"]) not in fresh]
        self.cells = [*kept, *new]
        self.write()

    def write(self) -> None:
        """Write the file, whole or not at all."""
        if self.path is None:
            return
        facts: dict[str, Any] = {
            "format": FORMAT,
            "version": version("videotexture"),
            "jumps_per_minute": JUMPS_PER_MINUTE,
        }
        lines = ",\n".join(json.dumps(cell) for cell in self.cells)
        text = json.dumps(facts, indent=1)[:-2] + f',\n "cells": [\n{lines}\n]}}\n'
        with whole_file(self.path) as unfinished:
            unfinished.write_text(text, encoding="utf-8")


def run(plan: Plan, results: Results, *, jobs: int = 1, progress: Progress = silent) -> None:
    """Measure what is missing. The file is written after each film.

    Args:
        plan: what is wanted.
        results: what is known; added to.
        jobs: processes, each of which measures films.
        progress: told the film that was done, and how far it is.

    Raises:
        BenchError: see `Plan.conditions`.
    """
    every = plan.conditions()
    results.forget(plan.again)
    tasks = [(film, tuple(results.wanting(film, plan.names, plan.weights)), plan.weights) for film in every]
    tasks = [task for task in tasks if task[1]]
    done = len(every) - len(tasks)
    progress("", done / len(every) if every else 1.0)
    if not tasks:
        return
    pools = multiprocessing.get_context("spawn")
    with _environment(ONE_THREAD), pools.Pool(min(jobs, len(tasks)), _leave_signals_to_the_parent) as pool:
        for name, new in pool.imap_unordered(_measured, tasks):
            results.add(new)
            done += 1
            progress(name, done / len(every))


def _leave_signals_to_the_parent() -> None:
    """Ctrl-C goes to every process of the terminal, and one of them is enough to tell of it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _measured(task: tuple[Condition, tuple[str, ...], Weights]) -> tuple[str, list[Cell]]:
    condition, names, weights = task
    return condition.name, list(cells(condition, names, weights))


@contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """What child processes find in their environment."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
