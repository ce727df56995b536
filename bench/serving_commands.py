"""`videotexture bench ...` of what is sent: how soon, to how many, at what cost. Imports inside: it starts at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bench.command_line import JsonOut, app, counts, names, progress_bar, report

FANOUT_VIEWERS, FANOUT_PLAIN = "1,4,8,16,30", "1,2,4,8"


@app.command("startup")
def bench_startup(
    texture: Annotated[Path | None, typer.Argument(help="By default the demo's.")] = None,
    json_out: JsonOut = None,
) -> None:
    """Seconds from starting the server to the first frame in Chromium."""
    from bench.startup import measure

    report(measure(texture), json_out)


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

    measured = measure(texture, counts("--viewers", viewers), seconds, counts("--plain", plain))
    report(measured.rows, json_out)
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

    report(measure(texture, good, seconds), json_out)


@app.command("joins")
def bench_joins(
    texture: Annotated[Path | None, typer.Argument(help="By default the demo's.")] = None,
    joins: Annotated[int, typer.Option(min=2, max=10_000, help="How many come and go.")] = 1000,
    json_out: JsonOut = None,
) -> None:
    """What viewers who come and go leave behind, and how soon they see a picture."""
    from bench.joins import measure

    report(measure(texture, joins), json_out)


@app.command("soak")
def bench_soak(
    texture: Annotated[Path | None, typer.Argument(help="By default the demo's.")] = None,
    minutes: Annotated[float, typer.Option(min=0.1, help="How long.")] = 10.0,
    json_out: JsonOut = None,
) -> None:
    """Resident memory and lateness of a server that plays for a while to one viewer."""
    from bench.soak import measure

    report(measure(texture, minutes), json_out)


@app.command("targets")
def bench_targets(
    texture: Annotated[Path | None, typer.Argument(help="By default the built-in scene at 720p30.")] = None,
    counts: Annotated[str, typer.Option("--targets", help="How many RTMP targets, with commas.")] = "1,3",
    seconds: Annotated[float, typer.Option(min=2, help="Of each measurement.")] = 20.0,
    json_out: JsonOut = None,
) -> None:
    """The CPU of RTMP targets: of the server, and of their own processes."""
    from bench.targets import measure

    numbers = names(counts)
    if not numbers or not all(number.isdecimal() and 0 < int(number) < 10 for number in numbers):
        raise typer.BadParameter(f"--targets takes numbers from 1 to 9 with commas, like 1,3, got {counts!r}")
    report(measure(texture, [int(number) for number in numbers], seconds), json_out)


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

    sources = SOURCES if source == "both" else names(source)
    if not set(sources) <= set(SOURCES):
        raise typer.BadParameter(f"--source is one of {', '.join(SOURCES)}, or both; got {source!r}")
    tables: list[list[dict[str, object]]] = []
    with progress_bar(Console(stderr=True, highlight=False)) as progress:
        path = texture or numbered_texture(progress)
        for each in sources:
            measured = measure(path, each, onsets, progress=progress)
            tables += [stage_rows(measured), [count_row(measured)]]
        tables += [cost.measure(path, cost_seconds, progress)] if cost_seconds else []
        tables += [long_run.measure(path, minutes, progress)] if minutes else []
    for rows in tables:
        report(rows, None)
    if json_out is not None:
        json_out.write_text(json.dumps(tables, indent=2) + "\n", encoding="utf-8")
