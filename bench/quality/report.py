"""What tables are made of: figures with their spread, and the walk that each method is reported with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from bench.quality.cell import PRODUCT_WALK, SCHOEDLS_WALK, Cell
from bench.quality.grid import JUMPS_PER_MINUTE
from bench.quality.methods import CHANCE, FIT, ORACLE, Weights, methods

OURS = ("learned", FIT)
RATE_WITHIN = 0.1
LEAST_VISITED = 0.3  # of the film in ten minutes


@dataclass(frozen=True)
class Figure:
    """One place of a table.

    Attributes:
        median: of all cells that fall there.
        low, high: the middle half of them.
        count: how many they are.
    """

    median: float
    low: float
    high: float
    count: int

    @classmethod
    def of(cls, values: Iterable[float | None]) -> Figure | None:
        """None where there is nothing to tell."""
        some = [value for value in values if value is not None]
        if not some:
            return None
        low, median, high = np.quantile(some, [0.25, 0.5, 0.75])
        return cls(float(median), float(low), float(high), len(some))


@dataclass(frozen=True)
class Table:
    """One table of the report.

    Attributes:
        title: what it shows.
        note: how to read it.
        columns: their names.
        rows: by method, a figure for each column, None where there is none.
        better: for each column -1 where less is better, 1 where more is, 0 where neither.
        digits: behind the point.
        even: where a figure is neither good nor bad; None to compare the figures of a column with each other.
        remarks: by method, why it has no figures.
    """

    title: str
    note: str
    columns: tuple[str, ...]
    rows: dict[str, tuple[Figure | None, ...]]
    better: tuple[int, ...]
    digits: int = 3
    even: float | None = None
    remarks: dict[str, str] | None = None


def in_order(names: Iterable[str]) -> list[str]:
    """Methods in their usual order."""
    present = set(names)
    return [name for name in methods(Weights()) if name in present]


def best_walks(cells: Sequence[Cell]) -> dict[str, str]:
    """For each method the walk that it is reported with: what ships, and chance, with the product's, others by figures.

    Judged over everything that was measured: by the mean state error, or by seams where only clips were.
    """
    chosen = {}
    for name in in_order(cell["method"] for cell in cells):
        walks = (PRODUCT_WALK,) if name in (CHANCE, *OURS) else (PRODUCT_WALK, SCHOEDLS_WALK)
        chosen[name] = min(walks, key=lambda walk: _mean_fault(cells, name, walk))
    return chosen


def _mean_fault(cells: Sequence[Cell], name: str, walk: str) -> float:
    """The mean state error, or seam. A walk that misses the rate, or is but a small loop, counts as random jumps."""
    mine = [cell for cell in cells if (cell["method"], cell["walk"]) == (name, walk) and "not_run" not in cell]
    errors = [cell["state_error"] if _is_walk(cell) else 1.0 for cell in mine if cell["state_error"] is not None]
    errors = errors or [cell["seam"]["combined"] for cell in mine if cell["seam"] and _is_walk(cell)]
    return float(np.mean(errors)) if errors else float("inf")


def _is_walk(cell: Cell) -> bool:
    off = abs(cell["jumps_per_minute"] / JUMPS_PER_MINUTE - 1)
    return bool(off < RATE_WITHIN and cell["visited"] > LEAST_VISITED)


def reported(cells: Sequence[Cell]) -> list[Cell]:
    """The cells of each method's better walk."""
    walks = best_walks(cells)
    return [cell for cell in cells if cell["walk"] == walks[cell["method"]] and "not_run" not in cell]


def label(name: str, walks: dict[str, str]) -> str:
    """A method's name, with its walk where that is not the product's."""
    return f"{name}, Schödl's walk" if walks.get(name) == SCHOEDLS_WALK else name


def extremes(table: Table, column: int) -> tuple[float, float] | None:
    """The least and the largest figure of a column, but for chance and the oracle."""
    medians = [
        figures[column].median  # type: ignore[union-attr]
        for name, figures in table.rows.items()
        if figures[column] is not None and name not in (CHANCE, ORACLE)
    ]
    return (min(medians), max(medians)) if medians else None
