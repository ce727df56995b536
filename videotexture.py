"""The command line of videotexture: each subcommand calls into one package.

Packages are imported inside the commands, so that `--help` answers at once and `serve` never loads torch.
"""

from __future__ import annotations

import logging
import math
import signal
import sys
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from bench.commands import app as bench_commands

if TYPE_CHECKING:
    from server.serve import ServerSettings
    from stream.liveliness import Liveliness
    from stream.texture import Texture

app = typer.Typer(
    help="Endless video from one clip, live.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(bench_commands, name="bench")
console = Console(stderr=True, highlight=False)


def _finite(value: float | None) -> float | None:
    """Typer's own bounds let NaN and infinity through."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is no number to work with")
    return value


class PresetName(StrEnum):
    """The ways to fit."""

    CPU = "cpu"
    PAPER = "paper"


Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what is there.")]
JumpsPerMinute = Annotated[
    float | None,
    typer.Option("--jumps-per-minute", min=0.1, max=60, callback=_finite, help="How lively; 15 by default."),
]
Temperature = Annotated[
    float | None,
    typer.Option("--temperature", min=1e-4, callback=_finite, help="Set τ directly, as in the paper (0.3)."),
]
Threshold = Annotated[
    float | None, typer.Option("--threshold", min=0, max=1, callback=_finite, help="With --temperature; 0.01.")
]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="Of the walk; by default another one each time.")]
Host = Annotated[str, typer.Option("--host", help="Address to listen on.")]
Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="Port to listen on; 0 for any.")]
IceAddress = Annotated[
    list[str] | None,
    typer.Option("--ice-address", help="Offer media on this address only; may be given again."),
]


@app.command()
def demo(
    host: Host = "127.0.0.1",
    port: Port = 8080,
    ice_address: IceAddress = None,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Make the demo's texture again.")] = False,
    open_browser: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")] = True,
) -> None:
    """Play the built-in scene: make its texture once, serve it, print the address."""
    from bench.demo import demo_texture

    with _progress() as progress:
        path = demo_texture(progress, rebuild=rebuild)
    _serve(path, _settings(host, port, ice_address), None, None, None, None, open_browser=open_browser)


@app.command()
def fit(
    clip: Annotated[Path, typer.Argument(help="The video.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The texture folder to make, NAME.texture.")],
    preset: Annotated[PresetName, typer.Option(help="cpu: seconds on a laptop. paper: as published, on a GPU.")]
    = PresetName.CPU,
    seed: Annotated[int, typer.Option(min=0, help="Of the fit.")] = 0,
    bridge_frames: Annotated[int, typer.Option(min=0, max=16, help="Interpolated pictures per jump.")] = 4,
    weights: Annotated[
        str | None, typer.Option(metavar="FILE|random", help="What paper starts from; by default, what is published.")
    ] = None,
    overwrite: Overwrite = False,
) -> None:  # fmt: skip
    """Make a texture of a clip. `torchrun --nproc-per-node N -m videotexture fit ...` shares paper among N GPUs."""
    from models.launch import launch_for
    from models.preset import PRESETS
    from stream.clip import Clip

    chosen = PRESETS[preset.value]
    leads = launch_for(chosen).rank == 0
    if leads:
        Clip(clip).close()  # a wrong file is told before torch is loaded, which takes seconds
    try:
        from export.encoder import EncoderBuilder
    except ModuleNotFoundError as error:
        raise _Unmet(f"`fit` needs {error.name}, which is not installed: `pip install 'videotexture[fit]'`") from error
    if not leads:
        from models.fit import join_fit

        join_fit()
        return
    from models.start import start_weights, without_weights
    from stream.build import build_texture
    from stream.provenance import provenance

    if weights == "random":
        chosen = without_weights(chosen)
    with _progress() as progress:
        start = start_weights(chosen, None if weights in (None, "random") else Path(weights), progress)
        if start is not None and start.newly_pinned:
            console.print(f"{start.name}: first seen now, with sha256 {start.sha256}; no other will be taken after it")
        report = build_texture(
            clip,
            out,
            EncoderBuilder(chosen, seed=seed, start=start),
            provenance=provenance(seed, chosen),
            overwrite=overwrite,
            bridge_frames=bridge_frames,
            progress=progress,
        )
    for note in report.notes:
        console.print(f"{clip.name}: {note}")
    console.print(
        f"{out}: {report.segments} segments, {report.bridges} bridges, {sum(report.seconds.values()):.1f} s. "
        f"Play it: videotexture serve {out}"
    )


@app.command()
def serve(
    texture: Annotated[Path, typer.Argument(help="The texture folder.")],
    host: Host = "127.0.0.1",
    port: Port = 8080,
    ice_address: IceAddress = None,
    jumps_per_minute: JumpsPerMinute = None,
    temperature: Temperature = None,
    threshold: Threshold = None,
    seed: Seed = None,
) -> None:
    """Play a texture for ever to every browser that opens the page."""
    settings = _settings(host, port, ice_address)
    _serve(texture, settings, jumps_per_minute, temperature, threshold, seed, open_browser=False)


@app.command()
def render(
    texture: Annotated[Path, typer.Argument(help="The texture folder.")],
    out: Annotated[Path, typer.Argument(help="The video to write: .mp4 or .mkv.")],
    seconds: Annotated[float, typer.Option(min=0.1, callback=_finite, help="How long.")] = 60.0,
    jumps_per_minute: JumpsPerMinute = None,
    temperature: Temperature = None,
    threshold: Threshold = None,
    seed: Seed = None,
    position_bar: Annotated[
        bool, typer.Option("--position-bar", help="Draw where in the clip it is; encodes everything again.")
    ] = False,
    overwrite: Overwrite = False,
) -> None:
    """Write a stretch of the endless video to a file; without --position-bar, nothing is encoded for it."""
    from stream.errors import TextureError
    from stream.player import Player
    from stream.render import render as render_file
    from stream.texture import Texture

    if out.exists() and not overwrite:
        raise TextureError(f"{out}: exists already; choose another name, or say --overwrite")
    with Texture.open(texture) as opened:
        liveliness = _liveliness(opened, jumps_per_minute, temperature, threshold)
        if position_bar:
            console.print("with a position bar each picture is decoded, drawn on and encoded again (libx264)")
        with Player(opened, liveliness, seed=seed) as player, _progress() as progress:
            jumps = render_file(player, out, seconds, position_bar=position_bar, progress=progress)
    console.print(f"{out}: {seconds:g} s, {jumps} jumps")


@app.command()
def inspect(
    texture: Annotated[Path, typer.Argument(help="The texture folder.")],
    plot: Annotated[Path | None, typer.Option(help="Write a PNG of the matrix, and of what jumps cost.")] = None,
    figures: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write the paper's figures there: beside the classic matrix, jumps by τ, σ."),
    ] = None,
) -> None:
    """Tell about a texture."""
    from stream.figures import write_figures
    from stream.inspection import numbers
    from stream.inspection import plot as write_plot
    from stream.texture import Texture

    if plot is not None and plot.suffix.lower() not in (".png", ".svg", ".pdf"):
        raise _Unmet(f"{plot}: a plot's ending must be .png, .svg or .pdf")
    if figures is not None and figures.exists() and not figures.is_dir():
        raise _Unmet(f"{figures}: is a file; --figures wants a folder to write several into")
    with Texture.open(texture) as opened:
        table = Table(show_header=False, box=None)
        for name, value in numbers(opened).items():
            table.add_row(name, str(value))
        Console(highlight=False).print(table)
        if plot is not None:
            write_plot(opened, plot)
            console.print(f"{plot}: written")
        if figures is not None:
            with _progress() as progress:
                written = write_figures(opened, figures, progress=progress)
            console.print(f"{figures}: {', '.join(path.name for path in written)}")


@app.command()
def doctor() -> None:
    """What this machine can do, and what would mend what it cannot."""
    from bench.doctor import examine

    table = Table("", "what", "found", "mend")
    findings = examine()
    for finding in findings:
        table.add_row("ok" if finding.is_well else "--", finding.what, finding.found, finding.mend)
    Console(highlight=False).print(table)
    if any(finding.is_needed and not finding.is_well for finding in findings):
        raise typer.Exit(1)


class _Unmet(Exception):
    """Something this command needs is missing."""


def _serve(
    path: Path,
    settings: ServerSettings,
    jumps_per_minute: float | None,
    temperature: float | None,
    threshold: float | None,
    seed: int | None,
    *,
    open_browser: bool,
) -> None:
    from server.serve import serve as serve_player
    from stream.player import Player
    from stream.texture import Texture

    def announce(addresses: list[str]) -> None:
        name, everywhere = path.name.removesuffix(".texture"), " and ".join(addresses)
        Console(highlight=False).print(
            f"{name} is playing at {everywhere}  (Ctrl-C stops it)", soft_wrap=True, markup=False
        )
        if not settings.is_local:
            console.print("anyone who can reach this machine can watch and steer: there are no tokens yet")
        if open_browser and sys.stdout.isatty():
            webbrowser.open(addresses[0])

    with Texture.open(path) as texture:
        liveliness = _liveliness(texture, jumps_per_minute, temperature, threshold)
        with Player(texture, liveliness, seed=seed) as player:
            serve_player(player, settings, on_listening=announce)


def _settings(host: str, port: int, ice_addresses: list[str] | None) -> ServerSettings:
    from server.serve import ServerSettings

    return ServerSettings(host, port, tuple(ice_addresses) if ice_addresses else None)


def _liveliness(
    texture: Texture, jumps_per_minute: float | None, temperature: float | None, threshold: float | None
) -> Liveliness:
    from stream.graph import Weighting
    from stream.liveliness import Liveliness

    if temperature is None and threshold is None:
        if jumps_per_minute is None:
            return texture.usual_liveliness()
        return Liveliness.at_rate(texture.graph, texture.tempo, jumps_per_minute)
    if jumps_per_minute is not None:
        raise _Unmet("--jumps-per-minute solves for what --temperature and --threshold set; give one or the other")
    weighting = Weighting(
        Weighting.temperature if temperature is None else temperature,
        Weighting.threshold if threshold is None else threshold,
    )
    return Liveliness.at_weighting(texture.graph, texture.tempo, weighting)


@contextmanager
def _progress() -> Iterator[_Bars]:
    columns = (TextColumn("{task.description:>16}"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bars:
        yield _Bars(bars)


class _Bars:
    """A bar for each stage, in the order in which they come."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, stage: str, done: float) -> None:
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(stage, total=1.0)
        self._bars.update(self._tasks[stage], completed=done)


def _fail(message: object) -> NoReturn:
    console.print(f"[red]error:[/red] {escape(str(message).strip())}", soft_wrap=True)
    sys.exit(1)


def main() -> None:
    """Run the command line; what a user can mend is told in one line."""
    from export.errors import ExportError
    from export.spec import EngineError
    from models.errors import FitError
    from server.errors import ServerError
    from stream.errors import TextureError

    logging.basicConfig(format="%(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that half-made folders are removed then too
    try:
        app()
    except (TextureError, ServerError, EngineError, ExportError, FitError, _Unmet) as error:
        _fail(error)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}; check that the place exists, has room, and may be written to")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":  # `python -m videotexture`, which is how `torchrun` starts it
    main()
