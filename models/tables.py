"""Tables that stay readable in a narrow terminal and in a file.

Rich cuts headings and figures short with an ellipsis where a table is wider than the terminal, and takes a file for a
terminal of 80 columns. A figure that is cut short is no figure, so here no word is ever cut while a word fits at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rich.console import Console
from rich.table import Column, Table

UNBOUNDED_COLUMNS = 10_000


def print_table(table: Table, console: Console | None = None) -> None:
    """Print a table so that every word of it can be read.

    Written to a file or a pipe, it is as wide as it needs to be. In a terminal, text wraps between words; where even
    that is too wide, the table is split into several, one below the other, that all begin with the first column.

    Args:
        table: what to print; it is left as it was.
        console: where to; by default the standard output.
    """
    console = console or Console(highlight=False)
    if not console.is_terminal:
        before = console.width
        console.width = UNBOUNDED_COLUMNS
        console.width = max(before, console.measure(table).maximum)
        console.print(table)
        console.width = before
        return
    for part in _parts(table, console):
        console.print(part)


def fits(table: Table, console: Console | None = None) -> bool:
    """Whether a table need not be split: it goes to a file, or its longest words stand side by side."""
    console = console or Console(highlight=False)
    return not console.is_terminal or sum(_least(table, console)) + _frame(table) <= console.width


def _parts(table: Table, console: Console) -> list[Table]:
    """The table, or its columns in groups that fit, the first column before each group."""
    least, most = _least(table, console), _most(table, console)
    room = console.width - _frame(table)
    groups: list[list[int]] = [[]]
    for index in range(1, len(table.columns)):
        wanted = least[0] + sum(least[other] for other in groups[-1]) + least[index]
        if groups[-1] and wanted + _borders(table, len(groups[-1]) + 2) > console.width:
            groups.append([])
        groups[-1].append(index)
    if len(groups) == 1:
        return [_part(table, range(len(table.columns)), _shared(least, most, room), is_last=True)]
    parts = []
    for group in groups:
        columns = [0, *group]
        room = console.width - _borders(table, len(columns))
        widths = _shared([least[index] for index in columns], [most[index] for index in columns], room)
        parts.append(_part(table, columns, widths, is_last=group is groups[-1]))
    return parts


def _part(table: Table, columns: Sequence[int], widths: Sequence[int], *, is_last: bool) -> Table:
    """Some columns of a table; the caption, which speaks of all of them, stands below the last part."""
    part = Table(
        title=table.title, title_justify=table.title_justify, title_style=table.title_style,
        caption=table.caption if is_last else None, caption_justify=table.caption_justify,
        box=table.box, show_header=table.show_header,
    )  # fmt: skip
    part.columns = [
        replace(table.columns[index], width=width, overflow="fold", _index=place)
        for place, (index, width) in enumerate(zip(columns, widths, strict=True))
    ]
    part.rows = table.rows
    return part


def _shared(least: Sequence[int], most: Sequence[int], room: int) -> list[int]:
    """Each column's width: at least its longest word, and what is left over for those that would like more."""
    widths = list(least)
    while sum(widths) < room:
        growing = [index for index, width in enumerate(widths) if width < most[index]]
        if not growing:
            break
        narrowest = min(growing, key=lambda index: widths[index] / most[index])
        widths[narrowest] += 1
    return widths


def _least(table: Table, console: Console) -> list[int]:
    return [_measured(table, column, console)[0] for column in table.columns]


def _most(table: Table, console: Console) -> list[int]:
    return [_measured(table, column, console)[1] for column in table.columns]


def _measured(table: Table, column: Column, console: Console) -> tuple[int, int]:
    """The widest word and the widest line of a column, without its padding."""
    options = console.options.update(width=UNBOUNDED_COLUMNS)
    cells = [*([column.header] if table.show_header else []), *column.cells]
    measures = [console.measure(cell, options=options) for cell in cells]
    return max((m.minimum for m in measures), default=1) or 1, max((m.maximum for m in measures), default=1) or 1


def _frame(table: Table) -> int:
    return _borders(table, len(table.columns))


def _borders(table: Table, columns: int) -> int:
    """What lines between columns, and blanks on both sides of each, take."""
    return 2 * columns + (columns + 1 if table.box else 0)
