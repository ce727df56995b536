"""`videotexture bench ...`: each measurement as a command. Imports inside, so that the command line starts at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

app = typer.Typer(help="Measure it; every figure in the documentation comes from here.", no_args_is_help=True)

JsonOut = Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")]


@app.command("all")
def bench_all() -> None:
    """Every measurement on the demo's texture, one after the other."""
    bench_fit(None, None)
    bench_startup(None, None)
    bench_fanout(None, "1,4,8", 20.0, None)
    bench_soak(None, 10.0, None)
    bench_features(None)


@app.command("fit")
def bench_fit(
    clips: Annotated[list[Path] | None, typer.Argument(help="Clips; by default the built-in scene.")] = None,
    json_out: JsonOut = None,
) -> None:
    """Seconds to fit, by stage, and the texture's size against its source's."""
    from bench.fit import measure

    _report(measure(clips or []), json_out)


@app.command("startup")
def bench_startup(
    texture: Annotated[Path | None, typer.Argument(help="By default the demo's.")] = None,
    json_out: JsonOut = None,
) -> None:
    """Seconds from starting the server to the first frame in Chromium."""
    from bench.startup import measure

    _report(measure(texture), json_out)


@app.command("fanout")
def bench_fanout(
    texture: Annotated[Path | None, typer.Argument(help="By default the built-in scene at 720p30.")] = None,
    viewers: Annotated[str, typer.Option(help="How many, with commas.")] = "1,4,8",
    seconds: Annotated[float, typer.Option(min=2, help="Of each measurement.")] = 20.0,
    json_out: JsonOut = None,
) -> None:
    """The server's CPU for some viewers."""
    from bench.fanout import measure

    try:
        counts = [int(count) for count in viewers.split(",")]
    except ValueError as error:
        raise typer.BadParameter(f"--viewers takes numbers with commas, like 1,4,8, got {viewers!r}") from error
    _report(measure(texture, counts, seconds), json_out)


@app.command("soak")
def bench_soak(
    texture: Annotated[Path | None, typer.Argument(help="By default the demo's.")] = None,
    minutes: Annotated[float, typer.Option(min=0.1, help="How long.")] = 10.0,
    json_out: JsonOut = None,
) -> None:
    """Resident memory and lateness of a server that plays for a while to one viewer."""
    from bench.soak import measure

    _report(measure(texture, minutes), json_out)


@app.command("jumps")
def bench_jumps(
    texture: Annotated[Path, typer.Argument(help="The texture folder.")],
    out: Annotated[Path, typer.Argument(help="The PNG to write.")],
    seed: Annotated[int, typer.Option(min=0, help="Of the walk.")] = 0,
) -> None:
    """A sheet of ten jumps to look at: two frames before each, its bridge, two after."""
    from bench.jumps import sheet

    places = sheet(texture, out, seed=seed)
    Console(highlight=False).print(f"{out}: " + ", ".join(f"{leaves} to {lands}" for leaves, lands in places))


@app.command("features")
def bench_features(json_out: JsonOut = None) -> None:
    """State error of each kind of feature on the drawn scenes: what the cpu preset was chosen by."""
    from bench.features import run

    run(json_out)


def _report(figures: list[dict[str, object]], json_out: Path | None) -> None:
    """Print rows of figures as a table; the columns are the first row's names."""
    table = Table(*figures[0])
    for row in figures:
        table.add_row(*(str(value) for value in row.values()))
    Console(highlight=False).print(table)
    if json_out is not None:
        json_out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
