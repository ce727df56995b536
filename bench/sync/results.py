"""The file that cells are kept in: written after each song, so that a run that is cut goes on where it stopped."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from bench.server_process import BenchError
from bench.sync.cell import Cell
from models.whole import whole_file

FORMAT = 1


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
            found, self.cells = (kept["kind"], kept["format"]), kept["cells"]
        except (ValueError, TypeError, KeyError) as error:
            raise BenchError(f"{path}: not written by `bench sync`; give another file to --json") from error
        if found != ("sync", FORMAT):
            raise BenchError(f"{path}: of another kind or format, {found}; give another file to --json")

    def known(self, what: Cell) -> bool:
        """Whether there is a cell of this clip, length, song, seed, method and α that could be run."""
        return any(what.items() <= cell.items() for cell in self.cells if "not_run" not in cell)

    def forget(self, names: Sequence[str]) -> None:
        """Drop the cells of some methods, so that they are measured again."""
        self.cells = [cell for cell in self.cells if cell["method"] not in names]

    def add(self, new: Sequence[Cell]) -> None:
        """Take cells, and write all."""
        self.cells += new
        if self.path is None:
            return
        lines = ",\n".join(json.dumps(cell) for cell in self.cells)
        head = json.dumps({"kind": "sync", "format": FORMAT, "version": version("videotexture")}, indent=1)
        with whole_file(self.path) as unfinished:
            unfinished.write_text(f'{head[:-2]},\n "cells": [\n{lines}\n]}}\n', encoding="utf-8")
