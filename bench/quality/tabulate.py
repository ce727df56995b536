"""From cells to tables: medians, and ratios film by film."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from bench.quality.cell import PRODUCT_WALK, SCHOEDLS_WALK, Cell
from bench.quality.conditions import DIAL_SETTINGS
from bench.quality.methods import PIXELS
from bench.quality.report import OURS, Figure, Table, in_order, reported

Pick = Callable[[Cell], float | None]
RIVALS = (PIXELS, "Classic", "Classic+", "Classic++", "Classic Deep")


def tables(cells: Sequence[Cell]) -> list[Table]:
    """Every table that the cells have something for."""
    some = reported(cells)
    drawn = [cell for cell in some if not cell["condition"]["clip"]]
    clips = [cell for cell in some if cell["condition"]["clip"]]
    made = [*_state_error_tables(drawn), *_ratio_tables(drawn)]
    if drawn:
        made.append(_measures("Drawn scenes: what a viewer sees", drawn))
    made += [_measures(f"Clip: {name}", _of_clip(clips, name)) for name in _distinct(clips, "clip")]
    run = [cell for cell in cells if "not_run" not in cell]
    for where, on_clips in (("drawn scenes", False), ("clips", True)):
        if some := [cell for cell in run if bool(cell["condition"]["clip"]) == on_clips]:
            made.append(_walks(f"The metric or the walk? On {where}", some))
    return [_with_remarks(table, cells) for table in made]


def _with_remarks(table: Table, cells: Sequence[Cell]) -> Table:
    why = {cell["method"]: cell["not_run"] for cell in cells if "not_run" in cell and cell["method"] not in table.rows}
    return Table(**{**vars(table), "remarks": why})


def _distinct(cells: Sequence[Cell], what: str) -> list[str]:
    return list(dict.fromkeys(cell["condition"][what] for cell in cells))


def _of_clip(cells: Sequence[Cell], name: str) -> list[Cell]:
    return [cell for cell in cells if cell["condition"]["clip"] == name]


def _state_error(cell: Cell) -> float | None:
    error: float | None = cell["state_error"]
    return error


def _by_column(cells: Sequence[Cell], what: str, columns: Sequence[str], pick: Pick) -> dict[str, list[Figure | None]]:
    return {
        name: [
            Figure.of(pick(cell) for cell in cells if cell["method"] == name and cell["condition"][what] == column)
            for column in columns
        ]
        for name in in_order(cell["method"] for cell in cells)
    }


def _state_error_tables(drawn: Sequence[Cell]) -> list[Table]:
    made = []
    for what, every in (("family", _distinct(drawn, "family")), ("dials", list(DIAL_SETTINGS))):
        columns = [column for column in every if column in _distinct(drawn, what)]
        if not columns:
            continue
        rows = _by_column(drawn, what, columns, _state_error)
        with_mean = {name: (*figures, _mean_of(figures)) for name, figures in rows.items()}
        made.append(
            Table(
                f"State error by {'family' if what == 'family' else 'what makes it hard to read'}",
                "How unlike what jumps show is to what would have been shown without them, by the scene's true state, "
                "as a share of a random jump's: 0 is perfect, 1 is chance. Medians, the middle half below.",
                (*columns, "mean"),
                with_mean,
                (-1,) * (len(columns) + 1),
            )
        )
    return made


def _mean_of(figures: Sequence[Figure | None]) -> Figure | None:
    """The mean of medians, with their own span."""
    medians = [figure.median for figure in figures if figure is not None]
    if not medians:
        return None
    return Figure(float(np.mean(medians)), min(medians), max(medians), len(medians))


def ratios(drawn: Sequence[Cell], name: str, rival: str) -> dict[str, list[float]]:
    """State error of one method as a share of another's, film by film, by family."""
    errors: dict[tuple[str, str], float] = {}
    for cell in drawn:
        errors[cell["method"], str(cell["condition"])] = cell["state_error"]
    found: dict[str, list[float]] = {}
    for cell in drawn:
        against = errors.get((rival, str(cell["condition"])))
        if cell["method"] == name and against:
            found.setdefault(cell["condition"]["family"], []).append(cell["state_error"] / against)
    return found


def _ratio_tables(drawn: Sequence[Cell]) -> list[Table]:
    families = _distinct(drawn, "family")
    made = []
    for name in OURS:
        rows: dict[str, tuple[Figure | None, ...]] = {}
        for rival in RIVALS:
            found = ratios(drawn, name, rival)
            if not found:
                continue
            figures = [Figure.of(found.get(family, [])) for family in families]
            rows[rival] = (*figures, _mean_of(figures))
        if rows:
            made.append(
                Table(
                    f"State error of “{name}” as a share of each rival's",
                    "Film by film; below 1 it is better. Median over the films of a family, the middle half below.",
                    (*families, "mean"),
                    rows,
                    (-1,) * (len(families) + 1),
                    digits=2,
                    even=1.0,
                )
            )
    return made


_MEASURES: dict[str, tuple[Pick, int]] = {
    "seam": (lambda cell: cell["seam"] and cell["seam"]["combined"], -1),
    "its appearance": (lambda cell: cell["seam"] and cell["seam"]["appearance"], -1),
    "change of flow": (lambda cell: cell["seam"] and cell["seam"]["flow"], -1),
    "leap": (lambda cell: cell["seam"] and cell["seam"]["leap"], -1),
    "seam, bridged": (lambda cell: cell["seam_bridged"] and cell["seam_bridged"]["combined"], -1),
    "viewer fooled": (lambda cell: cell["fooled"], 1),
    "visited": (lambda cell: cell["visited"], 1),
    "longest repeat, s": (lambda cell: cell["longest_repeat_s"], -1),
    "bits a minute": (lambda cell: cell["bits_per_minute"], 1),
    "jumps a minute": (lambda cell: cell["jumps_per_minute"], 0),
    "CPU seconds": (lambda cell: cell["seconds"]["method"], -1),
}


def _measures(title: str, cells: Sequence[Cell]) -> Table:
    shown = [name for name, (pick, _) in _MEASURES.items() if any(pick(cell) is not None for cell in cells)]
    rows = {
        name: tuple(
            Figure.of(_MEASURES[column][0](cell) for cell in cells if cell["method"] == name) for column in shown
        )
        for name in in_order(cell["method"] for cell in cells)
    }
    return Table(
        title,
        "Seams in multiples of the film's own frame-to-frame median (combined: the geometric mean of the three); how "
        "often a trained classifier takes a jump for none (0.5: it cannot tell); the share of the film that is seen "
        "in ten minutes, the longest stretch of it that is seen twice, and how much chance decides. CPU seconds are of "
        "the similarities alone, without the differences of all frames that the classic methods share.",
        tuple(shown),
        rows,
        tuple(_MEASURES[column][1] for column in shown),
        digits=2,
    )


def _walks(title: str, cells: Sequence[Cell]) -> Table:
    """State error, seams and variety of each method by both walks."""
    picks = [
        (f"{what}, {walk} walk", walk, pick, better)
        for what, pick, better in (
            ("state error", _state_error, -1),
            ("seam", _MEASURES["seam"][0], -1),
            ("visited", _MEASURES["visited"][0], 1),
        )
        if any(pick(cell) is not None for cell in cells)
        for walk in (PRODUCT_WALK, SCHOEDLS_WALK)
    ]
    rows = {
        name: tuple(
            Figure.of(pick(cell) for cell in cells if cell["method"] == name and cell["walk"] == walk)
            for _, walk, pick, _ in picks
        )
        for name in in_order(cell["method"] for cell in cells)
    }
    return Table(
        title,
        "Each metric by both walks: the product's, and Schödl's with local maxima (for Classic frame by frame). "
        f"Everywhere else rivals are reported with the better of the two, {' and '.join(OURS)} with the product's. A "
        "walk that misses the rate by a tenth, or shows less than 30 % of a film, counts as random jumps in that.",
        tuple(column for column, *_ in picks),
        rows,
        tuple(better for *_, better in picks),
    )
