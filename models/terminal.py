"""How commands talk to the person at the terminal: sentences, bars, and what cannot be done."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

console = Console(stderr=True, highlight=False)


class UnmetError(Exception):
    """Something that a command needs is missing, or what it was told contradicts itself."""


def say(sentence: str) -> None:
    """Write a sentence to stderr, as it is."""
    console.print(escape(sentence), soft_wrap=True)


def finite(value: float | None) -> float | None:
    """A callback for options that are numbers: typer's own bounds let NaN and infinity through.

    Raises:
        typer.BadParameter: it is one of these.
    """
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is no number to work with")
    return value


@contextmanager
def progress_bars() -> Iterator[Bars]:
    """Bars on stderr while it is open; a `models.progress.Progress`."""
    columns = (
        TextColumn("{task.description:>16}", markup=False),
        BarColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bars:
        yield Bars(bars)


class Bars:
    """A bar for each stage, in the order in which they come."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, stage: str, done: float) -> None:
        """See `models.progress.Progress`."""
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(stage, total=1.0)
        self._bars.update(self._tasks[stage], completed=done)
