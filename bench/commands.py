"""`videotexture bench ...`: each measurement as a command. Imports inside, so that the command line starts at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from models.progress import Progress

app = typer.Typer(help="Measure it; every figure in the documentation comes from here.", no_args_is_help=True)

FANOUT_VIEWERS, FANOUT_PLAIN = "1,4,8,16,30", "1,2,4,8"

JsonOut = Annotated[Path | None, typer.Option("--json", help="Write the figures to this file.")]


@app.command("all")
def bench_all() -> None:
    """Every measurement on the demo's texture, one after the other."""
    bench_fit(None, None)
    bench_startup(None, None)
    bench_fanout(None, FANOUT_VIEWERS, FANOUT_PLAIN, 20.0, None)
    bench_soak(None, 10.0, None)
    bench_graph(None)
    bench_quality(None, seeds=1, dials="none,all at 0.3")
    bench_sync(None, seeds=1)


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
    viewers: Annotated[str, typer.Option(help="How many, with commas.")] = FANOUT_VIEWERS,
    plain: Annotated[str, typer.Option(help="How many plain aiortc is given, with commas; none to leave it out.")] = (
        FANOUT_PLAIN
    ),
    seconds: Annotated[float, typer.Option(min=2, help="Of each measurement.")] = 20.0,
    json_out: JsonOut = None,
) -> None:
    """The server's CPU for some viewers, against plain aiortc with an encoder for each."""
    from bench.fanout import measure

    measured = measure(texture, _counts("--viewers", viewers), seconds, _counts("--plain", plain))
    _report(measured.rows, json_out)
    Console(highlight=False).print(str(measured))


@app.command("slow-viewer")
def bench_slow_viewer(
    texture: Annotated[Path | None, typer.Argument(help="By default the built-in scene at 720p30.")] = None,
    good: Annotated[int, typer.Option(min=1, max=50, help="How many have a good link.")] = 10,
    seconds: Annotated[float, typer.Option(min=2, help="Of each measurement.")] = 20.0,
    json_out: JsonOut = None,
) -> None:
    """What good viewers notice of one behind a bad link: 1 % loss, 200 ms, 500 kbit/s."""
    from bench.slow_viewer import measure

    _report(measure(texture, good, seconds), json_out)


@app.command("joins")
def bench_joins(
    texture: Annotated[Path | None, typer.Argument(help="By default the demo's.")] = None,
    joins: Annotated[int, typer.Option(min=1, max=10_000, help="How many come and go.")] = 1000,
    json_out: JsonOut = None,
) -> None:
    """What viewers who come and go leave behind, and how soon they see a picture."""
    from bench.joins import measure

    _report(measure(texture, joins), json_out)


@app.command("soak")
def bench_soak(
    texture: Annotated[Path | None, typer.Argument(help="By default the demo's.")] = None,
    minutes: Annotated[float, typer.Option(min=0.1, help="How long.")] = 10.0,
    json_out: JsonOut = None,
) -> None:
    """Resident memory and lateness of a server that plays for a while to one viewer."""
    from bench.soak import measure

    _report(measure(texture, minutes), json_out)


@app.command("targets")
def bench_targets(
    texture: Annotated[Path | None, typer.Argument(help="By default the built-in scene at 720p30.")] = None,
    counts: Annotated[str, typer.Option("--targets", help="How many RTMP targets, with commas.")] = "1,3",
    seconds: Annotated[float, typer.Option(min=2, help="Of each measurement.")] = 20.0,
    json_out: JsonOut = None,
) -> None:
    """The CPU of RTMP targets: of the server, and of their own processes."""
    from bench.targets import measure

    numbers = _names(counts)
    if not numbers or not all(number.isdecimal() and 0 < int(number) < 10 for number in numbers):
        raise typer.BadParameter(f"--targets takes numbers from 1 to 9 with commas, like 1,3, got {counts!r}")
    _report(measure(texture, [int(number) for number in numbers], seconds), json_out)


@app.command("latency")
def bench_latency(
    texture: Annotated[
        Path | None, typer.Argument(help="Of pictures that say their number; by default one is drawn and fitted.")
    ] = None,
    onsets: Annotated[int, typer.Option(min=1, help="Of each source.")] = 300,
    source: Annotated[str, typer.Option(help="browser, capture, or both.")] = "both",
    cost_seconds: Annotated[
        float, typer.Option("--cost", min=0, help="Measure the cost of listening too, for so many seconds each.")
    ] = 0.0,
    minutes: Annotated[int, typer.Option(min=0, help="Listen for so long too, then unplug and plug back.")] = 0,
    json_out: JsonOut = None,
) -> None:
    """Onset in the sound to first changed pixel in Chromium, stage by stage; then cost, and minutes, if asked for."""
    from bench.latency import cost, long_run
    from bench.latency.clip import numbered_texture
    from bench.latency.report import count_row, stage_rows
    from bench.latency.run import SOURCES, measure

    sources = SOURCES if source == "both" else _names(source)
    if not set(sources) <= set(SOURCES):
        raise typer.BadParameter(f"--source is one of {', '.join(SOURCES)}, or both; got {source!r}")
    tables: list[list[dict[str, object]]] = []
    with _progress(Console(stderr=True, highlight=False)) as progress:
        path = texture or numbered_texture(progress)
        for each in sources:
            measured = measure(path, each, onsets, progress=progress)
            tables += [stage_rows(measured), [count_row(measured)]]
        tables += [cost.measure(path, cost_seconds, progress)] if cost_seconds else []
        tables += [long_run.measure(path, minutes, progress)] if minutes else []
    for rows in tables:
        _report(rows, None)
    if json_out is not None:
        json_out.write_text(json.dumps(tables, indent=2) + "\n", encoding="utf-8")


@app.command("jumps")
def bench_jumps(
    texture: Annotated[Path, typer.Argument(help="The texture folder.")],
    out: Annotated[Path, typer.Argument(help="The PNG to write.")],
    seed: Annotated[int, typer.Option(min=0, help="Of the walk.")] = 0,
    interpolator: Annotated[str, typer.Option(help="What makes the bridges.")] = "auto",
) -> None:
    """A sheet of ten jumps to look at: two frames before each, its bridge, two after."""
    from bench.jumps import sheet

    places = sheet(texture, out, seed=seed, interpolator=interpolator)
    Console(highlight=False).print(f"{out}: " + ", ".join(f"{leaves} to {lands}" for leaves, lands in places))


@app.command("bridges")
def bench_bridges(
    texture: Annotated[Path, typer.Argument(help="The texture folder.")],
    interpolators: Annotated[str, typer.Option(help="Which, with commas.")] = "auto,flow,crossfade",
    seconds: Annotated[float, typer.Option(min=2, help="Of each.")] = 60.0,
    json_out: JsonOut = None,
) -> None:
    """What bridges cost that are made while it plays, and whether any picture is late for it."""
    from bench.bridges import measure

    names = [name.strip() for name in interpolators.split(",") if name.strip()]
    console = Console(stderr=True, highlight=False)
    with _progress(console) as progress:
        rows = measure(texture, names, seconds, tell=console.print, progress=progress)
    _report(rows, json_out)


@app.command("interpolation")
def bench_interpolation(
    textures: Annotated[list[Path], typer.Argument(help="Texture folders.")],
    interpolators: Annotated[str, typer.Option(help="Which, with commas; all by default.")] = "",
    sheet: Annotated[Path | None, typer.Option(help="Write bridges of each side by side to this PNG.")] = None,
    json_out: JsonOut = None,
) -> None:
    """Which interpolator makes the best bridges: PSNR and SSIM on held-out pictures, seams on the walk's own jumps."""
    from bench.interpolation.measure import means, measure
    from bench.interpolation.sheet import write_sheet
    from stream.interpolation.choose import RANKED

    console = Console(stderr=True, highlight=False)
    with _progress(console) as progress:
        rows, shown = measure(textures, _names(interpolators) or RANKED, progress=progress)
    for row in rows:
        if "not run" in row:
            console.print(f"{row['texture']}: not run: {row['not run']}", soft_wrap=True, markup=False)
    ran = [row for row in rows if "not run" not in row]
    _report([*ran, *means(ran)], json_out)
    if sheet is not None:
        write_sheet(shown, sheet)


@app.command("engines")
def bench_engines(
    texture: Annotated[Path, typer.Argument(help="The texture folder.")],
    batch: Annotated[int, typer.Option(min=1, help="Windows at a time.")] = 1,
    json_out: JsonOut = None,
) -> None:
    """Every engine of this machine on a texture's networks: latency, size, and the steps of a walk that it changes."""
    from bench.engines import measure

    with _progress(Console(stderr=True, highlight=False)) as progress:
        rows = measure(texture, batch=batch, progress=progress)
    _report(rows, json_out)


@app.command("graph")
def bench_graph(json_out: JsonOut = None) -> None:
    """CPU and memory of the transition graph for a minute, ten minutes, and an hour of video."""
    from bench.graph import measure

    _report(measure(), json_out)


@app.command("quality")
def bench_quality(
    json_out: Annotated[
        Path | None,
        typer.Option("--json", help="Write every figure to this file; what is in it is not measured again."),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page with tables and videos into this folder.")] = None,
    families: Annotated[str, typer.Option(help="Of drawn scenes, with commas; `none` for no drawn scenes.")] = "all",
    dials: Annotated[str, typer.Option(help="How badly they are filmed, with commas; all by default.")] = "",
    seeds: Annotated[int, typer.Option(min=1, help="Scenes of each kind, and walks of each clip.")] = 3,
    seconds: Annotated[float, typer.Option(min=10, help="Of each drawn scene.")] = 40.0,
    clip: Annotated[list[Path] | None, typer.Option(help="A real clip; may be given several times.")] = None,
    only: Annotated[str, typer.Option("--methods", help="With commas; all by default.")] = "",
    again: Annotated[str, typer.Option(help="Methods that are measured again, with commas.")] = "",
    jobs: Annotated[int, typer.Option(min=1, help="Films that are measured at a time.")] = 1,
    weights: Annotated[Path | None, typer.Option(help="Of the network pre-trained on drawn scenes.")] = None,
    resnet: Annotated[Path | None, typer.Option(help="torchvision's ResNet-18, for Classic Deep.")] = None,
) -> None:
    """How good the jumps of each metric are: state error, seams, variety, and whether a classifier is fooled.

    The file is written after each film: what was cut goes on where it stopped.
    """
    from bench.quality.methods import Weights
    from bench.quality.page import write_page
    from bench.quality.run import Plan, Results, run
    from bench.quality.screen import show

    chosen = {
        "families": None if families == "all" else () if families == "none" else _names(families),
        "dials": _names(dials) or None,
        "names": _names(only) or None,
    }
    plan = Plan(
        seeds=seeds,
        seconds=seconds,
        clips=tuple(clip or ()),
        weights=Weights(weights, resnet),
        **{name: value for name, value in chosen.items() if value is not None},
    )
    results = Results(json_out)
    results.forget(_names(again))
    console = Console(highlight=False)
    with _progress(console) as progress:
        run(plan, results, jobs=jobs, progress=progress)
        page = write_page(results.cells, html, plan.clips, progress) if html is not None else None
    show(results.cells, console)
    if page is not None:
        console.print(f"{page}")


@app.command("sync")
def bench_sync(
    json_out: Annotated[
        Path | None,
        typer.Option("--json", help="Write every figure to this file; what is in it is not measured again."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Scenes and tunes, or films of each clip and song.")] = 3,
    seconds: Annotated[float, typer.Option(min=10, help="Of the strings scene, and of each tune.")] = 40.0,
    clip: Annotated[list[Path] | None, typer.Option(help="A clip with sound; may be given several times.")] = None,
    song: Annotated[list[Path] | None, typer.Option(help="For clips to follow beside their own sound.")] = None,
    only: Annotated[str, typer.Option("--methods", help="With commas; all by default.")] = "",
    again: Annotated[str, typer.Option(help="Methods that are measured again, with commas.")] = "",
) -> None:
    """How well each method follows a song: what is shown against what is heard, and what that costs in seams.

    On the strings scene with new tunes on its strings, where the truth is known; or on clips. The file is written
    after each song: what was cut goes on where it stopped.
    """
    from bench.sync.report import show
    from bench.sync.results import Results
    from bench.sync.run import Plan, run

    plan = Plan(seeds, seconds, tuple(clip or ()), tuple(song or ()))
    if only:
        plan = replace(plan, names=_names(only))
    results = Results(json_out)
    results.forget(_names(again))
    console = Console(highlight=False)
    with _progress(console) as progress:
        run(plan, results, progress=progress)
    show(results.cells, console)


def _counts(option: str, listed: str) -> list[int]:
    try:
        return [int(count) for count in _names(listed)]
    except ValueError as error:
        raise typer.BadParameter(f"{option} takes numbers with commas, like 1,4,8, got {listed!r}") from error


def _names(listed: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in listed.split(",") if name.strip())


@contextmanager
def _progress(console: Console) -> Iterator[Progress]:
    """A bar with the time left, as a `Progress`."""
    from rich import progress as rich_progress

    columns = (
        rich_progress.BarColumn(),
        rich_progress.TaskProgressColumn(),
        rich_progress.TimeElapsedColumn(),
        rich_progress.TimeRemainingColumn(),
        rich_progress.TextColumn("{task.description}"),
    )
    with rich_progress.Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=1.0)

        def tell(stage: str, done: float) -> None:
            bar.update(task, completed=done, description=stage)

        yield tell


def _report(figures: list[dict[str, object]], json_out: Path | None) -> None:
    """Print rows of figures as a table; the columns are the first row's names."""
    table = Table(*figures[0])
    for row in figures:
        table.add_row(*(str(value) for value in row.values()))
    Console(highlight=False).print(table)
    if json_out is not None:
        json_out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
