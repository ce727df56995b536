"""Help that can be read at 80 columns: no name and no sentence of it is cut short.

Typer's own tables, drawn by rich, cut the names of options and of variables with an ellipsis in a terminal of that
width. Plain help wraps what is too long; only the list of commands would still be cut, and is written here.
"""

from __future__ import annotations

import sys
from typing import Any

import typer
from typer.core import TyperGroup


class CommandGroup(TyperGroup):
    """Commands that are listed with the whole first sentence of what they do."""

    def format_commands(self, ctx: typer.Context, formatter: Any) -> None:  # type: ignore[override]
        """Write the list."""
        commands = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        rows = [(name, each.get_short_help_str(sys.maxsize)) for name, each in commands.items() if each is not None]
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)
