"""What the commands of `videotexture bench` share: the application, options, bars, tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from models.help import CommandGroup
from models.progress import Progress
from models.tables import fits, print_table

app = typer.Typer(
    help="Measure it; every figure in the documentation comes from here.", no_args_is_help=True, cls=CommandGroup
)

JsonOut = Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")]


def counts(option: str, listed: str) -> list[int]:
    """Numbers with commas.

    Raises:
        typer.BadParameter: it is something else.
    """
    try:
        return [int(count) for count in names(listed)]
    except ValueError as error:
        raise typer.BadParameter(f"{option} takes numbers with commas, like 1,4,8, got {listed!r}") from error


def names(listed: str) -> tuple[str, ...]:
    """Names with commas."""
    return tuple(name.strip() for name in listed.split(",") if name.strip())


@contextmanager
def progress_bar(console: Console) -> Iterator[Progress]:
    """A bar with the time left, as a `Progress`."""
    from rich import progress as rich_progress

    columns = (
        rich_progress.BarColumn(),
        rich_progress.TaskProgressColumn(),
        rich_progress.TimeElapsedColumn(),
        rich_progress.TimeRemainingColumn(),
        rich_progress.TextColumn("{task.description}", markup=False),
    )
    with rich_progress.Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=1.0)

        def tell(stage: str, done: float) -> None:
            bar.update(task, completed=done, description=stage)

        yield tell


def report(figures: list[dict[str, object]], json_out: Path | None) -> None:
    """Print rows of figures as a table; its columns are the first row's names, or its lines, where only that fits."""
    console = Console(highlight=False)
    table = Table(*figures[0])
    for row in figures:
        table.add_row(*(escape(str(value)) for value in row.values()))
    turned = Table(show_header=False)
    for name in figures[0]:
        turned.add_row(name, *(escape(str(row[name])) for row in figures))
    print_table(turned if fits(turned, console) and not fits(table, console) else table, console)
    if json_out is not None:
        json_out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
