"""The report's tables in a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table as ScreenTable

from bench.quality.cell import Cell
from bench.quality.methods import CHANCE, ORACLE
from bench.quality.report import Figure, Table, best_walks, extremes, label
from bench.quality.tabulate import tables
from models.tables import print_table


def show(cells: Sequence[Cell], console: Console) -> None:
    """Print every table; the best of each column is bold."""
    walks = best_walks(cells)
    for table in tables(cells):
        print_table(_screen_table(table, walks), console)


def _screen_table(table: Table, walks: dict[str, str]) -> ScreenTable:
    screen = ScreenTable(title=table.title, title_justify="left", title_style="bold", caption_justify="left")
    screen.add_column("")
    for column in table.columns:
        screen.add_column(escape(column), justify="right")
    spans = [extremes(table, column) for column in range(len(table.columns))]
    for name, figures in table.rows.items():
        aside = name in (CHANCE, ORACLE)
        places = [
            _text(figure, None if aside or table.even else span, better, table.digits)
            for figure, span, better in zip(figures, spans, table.better, strict=True)
        ]
        screen.add_row(label(name, walks), *places, style="dim" if aside else None)
    screen.caption = "; ".join(f"{name} not run: {why}" for name, why in (table.remarks or {}).items())
    return screen


def _text(figure: Figure | None, span: tuple[float, float] | None, better: int, digits: int) -> str:
    if figure is None:
        return "–"
    text = f"{figure.median:.{digits}f}"
    is_best = span is not None and better and figure.median == span[0 if better < 0 else 1]
    return f"[bold]{text}[/bold]" if is_best else text
