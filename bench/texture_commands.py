"""`videotexture bench ...` of what is played: how it is made, how good it is. Imports inside: it starts at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench.command_line import JsonOut, app, names, progress_bar, report


@app.command("fit")
def bench_fit(
    clips: Annotated[list[Path] | None, typer.Argument(help="Clips; by default the built-in scene.")] = None,
    json_out: JsonOut = None,
) -> None:
    """Seconds to fit, by stage, and the texture's size against its source's."""
    from bench.fit import measure

    report(measure(clips or []), json_out)


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
    told = ", ".join(f"{leaves} to {lands}" for leaves, lands in places)
    Console(highlight=False).print(f"{out}: {told}", markup=False)


@app.command("sound-jumps")
def bench_sound_jumps(
    sounds: Annotated[list[Path] | None, typer.Argument(help="Songs or clips; by default the drawn strings.")] = None,
    jumps: Annotated[int, typer.Option(min=2, help="Of each sound and each length of cross-fade.")] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Of where they go from and to.")] = 0,
    json_out: JsonOut = None,
) -> None:
    """The error of a clip's own sound behind the cross-fades at jumps, in dB of that sound: less is better."""
    from bench.sound_jumps import measure

    report(measure(sounds or [], jumps, seed=seed), json_out)


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
    with progress_bar(console) as progress:
        rows = measure(texture, names, seconds, tell=console.print, progress=progress)
    report(rows, json_out)


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
    with progress_bar(console) as progress:
        rows, shown = measure(textures, names(interpolators) or RANKED, progress=progress)
    for row in rows:
        if "not run" in row:
            console.print(f"{row['texture']}: not run: {row['not run']}", soft_wrap=True, markup=False)
    ran = [row for row in rows if "not run" not in row]
    report([*ran, *means(ran)], json_out)
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

    with progress_bar(Console(stderr=True, highlight=False)) as progress:
        rows = measure(texture, batch=batch, progress=progress)
    report(rows, json_out)


@app.command("graph")
def bench_graph(json_out: JsonOut = None) -> None:
    """CPU and memory of the transition graph for a minute, ten minutes, and an hour of video."""
    from bench.graph import measure

    report(measure(), json_out)


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
    seconds: Annotated[float | None, typer.Option(min=10, help="Of each drawn scene; 40 by default.")] = None,
    clip: Annotated[list[Path] | None, typer.Option(help="A real clip; may be given several times.")] = None,
    only: Annotated[str, typer.Option("--methods", help="With commas; all by default.")] = "",
    again: Annotated[str, typer.Option(help="Methods that are measured again, with commas.")] = "",
    jobs: Annotated[int, typer.Option(min=1, help="Films that are measured at a time.")] = 1,
    weights: Annotated[
        Path | None, typer.Option(help="Of the network pre-trained on drawn scenes, for learned and fit.")
    ] = None,
    resnet: Annotated[Path | None, typer.Option(help="torchvision's ResNet-18, for Classic Deep.")] = None,
) -> None:
    """How good the jumps of each metric are: state error, seams, variety, and whether a classifier is fooled.

    The file is written after each film: what was cut goes on where it stopped.
    """
    from bench.quality.methods import Weights
    from bench.quality.page import write_page
    from bench.quality.run import Plan, Results, run
    from bench.quality.screen import show

    if families == "none" and (dials or seconds is not None):
        raise typer.BadParameter("--dials and --seconds are of drawn scenes, and --families none asks for none")
    plan = Plan(
        seeds=seeds, clips=tuple(clip or ()), again=names(again), weights=Weights(weights, resnet),
    )  # fmt: skip
    if families != "all":
        plan = replace(plan, families=() if families == "none" else names(families))
    if dials:
        plan = replace(plan, dials=names(dials))
    if seconds is not None:
        plan = replace(plan, seconds=seconds)
    if only:
        plan = replace(plan, names=names(only))
    results = Results(json_out)
    console = Console(highlight=False)
    with progress_bar(console) as progress:
        run(plan, results, jobs=jobs, progress=progress)
        page = write_page(results.cells, html, plan.clips, progress) if html is not None else None
    show(results.cells, console)
    if page is not None:
        console.print(f"{page}", markup=False)


@app.command("sync")
def bench_sync(
    json_out: Annotated[
        Path | None,
        typer.Option("--json", help="Write every figure to this file; what is in it is not measured again."),
    ] = None,
    seeds: Annotated[int, typer.Option(min=1, help="Scenes and tunes, or films of each clip and song.")] = 3,
    seconds: Annotated[
        float | None, typer.Option(min=10, help="Of the strings scene, and of each tune; 40 by default.")
    ] = None,
    clip: Annotated[list[Path] | None, typer.Option(help="A clip with sound; may be given several times.")] = None,
    song: Annotated[list[Path] | None, typer.Option(help="For clips to follow beside their own sound.")] = None,
    only: Annotated[str, typer.Option("--methods", help="With commas; all by default.")] = "",
    again: Annotated[str, typer.Option(help="Methods that are measured again, with commas.")] = "",
) -> None:
    """How well each method follows a song: what is shown against what is heard, and what that costs in seams.

    On the strings scene with new tunes on its strings, where the truth is known; or on clips. The file is written
    after each song: what was cut goes on where it stopped. "ours played" is the product's own player, which takes as
    long as it plays.
    """
    from bench.sync.report import show
    from bench.sync.results import Results
    from bench.sync.run import Plan, run

    if clip and seconds is not None:
        raise typer.BadParameter("--seconds is of the strings scene; a --clip is taken whole, in that scene's place")
    plan = Plan(seeds, clips=tuple(clip or ()), songs=tuple(song or ()), again=names(again))
    if seconds is not None:
        plan = replace(plan, seconds=seconds)
    if only:
        plan = replace(plan, names=names(only))
    results = Results(json_out)
    console = Console(highlight=False)
    with progress_bar(console) as progress:
        run(plan, results, progress=progress)
    show(results.cells, console)
