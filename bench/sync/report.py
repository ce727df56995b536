"""From cells to tables: for each clip and song a row for each method and α, medians over seeds with their spread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.sync.cell import Cell, Row, rows
from bench.sync.methods import METHODS
from models.tables import print_table

Pick = Callable[[Cell], float | None]


@dataclass(frozen=True)
class Column:
    """One measure.

    Attributes:
        name: above it.
        pick: of a cell; None where it was not measured.
        better: -1 where less is better, 1 where more is, 0 where neither.
        digits: behind the point.
    """

    name: str
    pick: Pick
    better: int
    digits: int = 2


def _of(group: str, name: str) -> Pick:
    def pick(cell: Cell) -> float | None:
        return (cell.get(group) or {}).get(name)

    return pick


COLUMNS = (
    Column("sync", lambda cell: cell.get("sync"), 1),
    Column("onset ms", _of("onsets", "any_ms"), -1, 0),
    Column("same ms", _of("onsets", "same_ms"), -1, 0),
    Column("answer", _of("onsets", "answered"), 1),
    Column("place", lambda cell: cell.get("place"), 1),
    Column("sound", lambda cell: cell.get("sound"), 1),
    Column("agree", lambda cell: cell["agreement"], 1),
    Column("met", lambda cell: cell["matched"], 1),
    Column("seam", _of("seam", "combined"), -1),
    Column("worst", _of("seam", "worst"), -1),
    Column("bridged", _of("seam_bridged", "combined"), -1),
    Column("jumps/min", lambda cell: cell["jumps_per_minute"], 0, 0),
    Column("CPU s", lambda cell: cell["made_s"], 0),
)
NOTE = (
    "sync: share of the time in which the string shown is the string heard. onset, same: median ms from a heard pluck "
    "to the nearest one that is shown, of any and of the same string; answer: share that is shown within 0.1 s on the "
    "same string. place, sound: share of the time within 0.3 s of the moment heard, or sounding like it. agree: "
    "how alike what is shown sounds to what is heard, 0 any segment, 1 the likest one always. met: F-measure of onsets "
    "heard and shown, within 0.1 s. seam, worst: of the jumps as they are, in multiples of the clip's own, median and "
    "ninth decile; bridged: as they are shown. Medians over seeds, the least and the largest of them below."
)


def show(cells: Sequence[Cell], console: Console) -> None:
    """Print a table for each clip and song."""
    run = [cell for cell in cells if "not_run" not in cell]
    for clip, song in dict.fromkeys((cell["clip"], cell["song"]) for cell in cells):
        some = [cell for cell in run if (cell["clip"], cell["song"]) == (clip, song)]
        if some:
            print_table(_table(f"{clip}: {song}", some), console)
    console.print(NOTE)
    for cell in cells:
        if "not_run" in cell:
            told = f"{cell['method']} on {cell['clip']}, {cell['song']}: {cell['not_run']}"
            console.print(told, markup=False)


def _table(title: str, cells: Sequence[Cell]) -> Table:
    columns = [column for column in COLUMNS if any(column.pick(cell) is not None for cell in cells)]
    seeds = len({cell["seed"] for cell in cells})
    kind = next(cell["ears"] for cell in cells)
    table = Table(title=f"{escape(title)}, {seeds} seeds, heard by {kind}", title_justify="left", title_style="bold")
    table.add_column("")
    table.add_column("α", justify="right")
    for column in columns:
        table.add_column(column.name, justify="right", no_wrap=True)
    for row in _present(cells):
        mine = [cell for cell in cells if (cell["method"], cell["alpha"]) == row]
        table.add_row(row[0], "" if row[1] is None else f"{row[1]:g}", *(_text(mine, column) for column in columns))
    return table


def _present(cells: Sequence[Cell]) -> list[Row]:
    found = {(cell["method"], cell["alpha"]) for cell in cells}
    return [row for row in rows(list(METHODS)) if row in found]


def _text(cells: Sequence[Cell], column: Column) -> str:
    values = [value for cell in cells if (value := column.pick(cell)) is not None]
    if not values:
        return "–"
    middle, least, most = (f"{figure:.{column.digits}f}" for figure in (np.median(values), min(values), max(values)))
    return middle if least == most else f"{middle}\n[dim]{least}–{most}[/dim]"
