"""The report as a folder with one page: tables, their spread, and walks side by side."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np

from bench.quality.cell import Cell
from bench.quality.conditions import ALL_LEVELS, Condition
from bench.quality.film import Film
from bench.quality.methods import CHANCE, FIT, ORACLE, PIXELS, Weights, methods
from bench.quality.movies import write_movie
from bench.quality.report import Figure, Table, best_walks, extremes, in_order, label, reported
from bench.quality.tabulate import ratios, tables
from models.progress import Progress, silent

STYLE = Path(__file__).with_name("page.css")
SHOWN_METHODS = ("Classic", "Classic++", PIXELS, "learned", FIT)
MOST_DRAWN_SHOWN = 4


def write_page(cells: Sequence[Cell], folder: Path, clips: Sequence[Path] = (), progress: Progress = silent) -> Path:
    """Write `index.html`, `figures.json` and the videos into a folder.

    Args:
        cells: all that was measured.
        folder: is made where it is missing.
        clips: files of real clips, so that their walks can be shown; those that are not given are not.
        progress: told which video is being made.

    Returns:
        The page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rows = _movies(cells, folder, {clip.name: clip for clip in clips}, progress)
    (folder / "figures.json").write_text(json.dumps(list(cells)), encoding="utf-8")
    page = folder / "index.html"
    page.write_text(_page(cells, rows), encoding="utf-8")
    return page


def _page(cells: Sequence[Cell], movie_rows: Sequence[str]) -> str:
    walks = best_walks(cells)
    sections = "".join(_table(table, walks) for table in tables(cells))
    movies = (
        "<section><h2>Side by side</h2><p>The first seconds of each walk, without bridges. The bar shows where in the "
        f"film it is, and is red for a moment after a jump.</p>{''.join(movie_rows)}</section>"
        if movie_rows
        else ""
    )
    films = len({str(cell["condition"]) for cell in cells})
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Quality of jumps</title>
<style>{STYLE.read_text(encoding="utf-8")}</style>
<main>
<header>
<h1>Quality of jumps</h1>
<p>{films} films, every method at 15 jumps a minute. Made by <code>videotexture bench quality</code>;
all figures are in <a href="figures.json">figures.json</a>.</p>
{_headline(cells)}
</header>
{sections}
{movies}
<section><h2>Methods</h2><dl>{_legend(cells)}</dl></section>
</main>
</html>
"""


def _headline(cells: Sequence[Cell]) -> str:
    """The one comparison that matters: what ships against what it must beat."""
    drawn = [cell for cell in reported(cells) if not cell["condition"]["clip"]]
    cards = []
    for rival in (PIXELS, "Classic", "Classic++"):
        found = ratios(drawn, FIT, rival)
        if not found:
            continue
        medians = {family: float(np.median(values)) for family, values in found.items()}
        mean, better = float(np.mean(list(medians.values()))), sum(median < 1 for median in medians.values())
        verdict = "good" if mean < 1 else "bad"
        cards.append(
            f'<div class="card"><b class="{verdict}">{mean:.2f}</b>'
            f"<span>times the state error of {escape(rival)}; better in {better} of {len(medians)} families"
            "</span></div>"
        )
    return f'<div class="cards">{"".join(cards)}</div>' if cards else ""


def _table(table: Table, walks: dict[str, str]) -> str:
    spans = [extremes(table, column) for column in range(len(table.columns))]
    heads = "".join(f"<th>{escape(column)}</th>" for column in table.columns)
    rows = "".join(
        f'<tr class="{"aside" if name in (CHANCE, ORACLE) else ""}"><th>{escape(label(name, walks))}</th>'
        + "".join(
            _place(table, figure, None if name in (CHANCE, ORACLE) else span, better)
            for figure, span, better in zip(figures, spans, table.better, strict=True)
        )
        + "</tr>"
        for name, figures in table.rows.items()
    )
    remarks = "".join(
        f'<tr class="aside"><th>{escape(name)}</th><td class="remark" colspan="{len(table.columns)}">not run: '
        f"{escape(why)}</td></tr>"
        for name, why in (table.remarks or {}).items()
    )
    return (
        f"<section><h2>{escape(table.title)}</h2><p>{escape(table.note)}</p>"
        f'<div class="wide"><table><thead><tr><th></th>{heads}</tr></thead><tbody>{rows}{remarks}</tbody></table></div>'
        "</section>"
    )


def _place(table: Table, figure: Figure | None, span: tuple[float, float] | None, better: int) -> str:
    if figure is None:
        return '<td class="none">–</td>'
    digits = table.digits
    spread = f"{figure.low:.{digits}f}–{figure.high:.{digits}f}" if figure.count > 1 else ""
    return (
        f'<td {_shade(table, figure, span, better)} title="{figure.count} figures">{figure.median:.{digits}f}'
        f"<small>{spread}</small></td>"
    )


def _shade(table: Table, figure: Figure, span: tuple[float, float] | None, better: int) -> str:
    """How good a figure is: against what is even, or between the worst and the best of its column."""
    if table.even is not None:
        goodness = better * (figure.median / table.even - 1)
        kind = "ranked" if goodness > 0 else "worse"
        return f'class="{kind}" style="--much:{min(1.0, 2 * abs(goodness)):.2f}"'
    if span is None or not better or span[0] == span[1]:
        return ""
    share = (figure.median - span[0]) / (span[1] - span[0])
    goodness = share if better > 0 else 1 - share
    return f'class="{"best" if goodness >= 1 else "ranked"}" style="--much:{goodness:.2f}"'


def _legend(cells: Sequence[Cell]) -> str:
    every = methods(Weights())
    return "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(every[name].about)}</dd>"
        for name in in_order(cell["method"] for cell in cells)
    )


def _movies(cells: Sequence[Cell], folder: Path, clips: dict[str, Path], progress: Progress) -> list[str]:
    """A row of videos for each film that is shown."""
    films = _shown_films(reported(cells), clips)
    rows = []
    for number, (name, mine) in enumerate(films.items()):
        progress(name, number / len(films))
        condition = Condition(**mine[0]["condition"])
        if condition.clip:
            condition = Condition(seed=condition.seed, clip=str(clips[condition.clip]))
        film = Film.of(condition)
        places = []
        for method in in_order(cell["method"] for cell in mine):
            cell = next(cell for cell in mine if cell["method"] == method)
            file = f"{number}-{method.replace(' ', '-').replace('+', 'plus').lower()}.mp4"
            write_movie(folder / file, film, cell["shown"])
            places.append(_figure(file, method, cell))
        rows.append(f'<h3>{escape(name)}</h3><div class="movies">{"".join(places)}</div>')
    return rows


def _figure(file: str, method: str, cell: Cell) -> str:
    error = "" if cell["state_error"] is None else f"state error {cell['state_error']:.2f}, "
    seam = f"seam {cell['seam']['combined']:.1f}" if cell["seam"] else "no jumps"
    return (
        f'<figure><video src="{file}" autoplay loop muted playsinline></video>'
        f"<figcaption><b>{escape(method)}</b><small>{error}{seam}</small></figcaption></figure>"
    )


def _shown_films(cells: Sequence[Cell], clips: dict[str, Path]) -> dict[str, list[Cell]]:
    """The cells of the films that are shown, by the film's name: each clip, and some drawn scenes of the first seed."""
    films: dict[str, list[Cell]] = {}
    for cell in cells:
        facts = cell["condition"]
        if cell["method"] not in SHOWN_METHODS or facts["seed"] or (facts["clip"] and facts["clip"] not in clips):
            continue
        if not facts["clip"] and facts["dials"] not in ("none", *ALL_LEVELS):
            continue
        films.setdefault(Condition(**facts).name, []).append(cell)
    drawn = [name for name, mine in films.items() if not mine[0]["condition"]["clip"]]
    some = {drawn[place] for place in np.linspace(0, len(drawn) - 1, min(len(drawn), MOST_DRAWN_SHOWN)).astype(int)}
    return {name: mine for name, mine in films.items() if name not in drawn or name in some}
