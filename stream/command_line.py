"""The commands that need a texture and nothing else: `render`, `inspect`, `devices`.

Packages are imported inside the commands, so that `--help` answers at once.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from models.tables import print_table
from models.terminal import UnmetError, finite, progress_bars, say
from stream.options import (
    Interpolator,
    InterpolatorName,
    JumpsPerMinute,
    Overwrite,
    Seed,
    Temperature,
    Threshold,
    open_texture_bridges,
    wanted_liveliness,
)

if TYPE_CHECKING:
    from stream.liveliness import Liveliness
    from stream.texture import Texture


class PlanName(StrEnum):
    """How a path for a song is found."""

    BEAM = "beam"
    GREEDY = "greedy"


def render(
    texture: Annotated[Path, typer.Argument(help="The texture folder.")],
    out: Annotated[Path, typer.Argument(help="The video to write: .mp4 or .mkv.")],
    seconds: Annotated[
        float | None,
        typer.Option(
            min=0.1, callback=finite, help="How long; by default 60 s, or as long as the song.", show_default=False
        ),
    ] = None,
    audio: Annotated[
        Path | None, typer.Option("--audio", metavar="SONG", help="Follow this song, and play it; any file with sound.")
    ] = None,
    alpha: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="With --audio: 1 follows the pictures only, 0 the sound only; 0.5."),
    ] = None,
    plan: Annotated[
        PlanName | None, typer.Option(help="With --audio: the whole path at once (beam), or each step by itself.")
    ] = None,
    jumps_per_minute: JumpsPerMinute = None,
    temperature: Temperature = None,
    threshold: Threshold = None,
    seed: Seed = None,
    interpolator: Interpolator = InterpolatorName.AUTO,
    position_bar: Annotated[
        bool, typer.Option("--position-bar", help="Draw where in the clip it is; encodes everything again.")
    ] = False,
    overwrite: Overwrite = False,
) -> None:
    """Write a stretch of the endless video, or a video to a song; only for --position-bar are pictures encoded."""
    from stream.errors import TextureError
    from stream.player import Player
    from stream.render import render as render_file
    from stream.texture import Texture

    if out.exists() and not overwrite:
        raise TextureError(f"{out}: exists already; choose another name, or say --overwrite")
    if audio is None and (alpha is not None or plan is not None):
        raise UnmetError("--alpha and --plan say how a song is followed; give one with --audio")
    with Texture.open(texture) as opened:
        if position_bar:
            say("with a position bar each picture is decoded, drawn on and encoded again (libx264)")
        if audio is not None:
            planned = plan is not PlanName.GREEDY
            rate = jumps_per_minute if planned else None
            liveliness = wanted_liveliness(opened, None if planned else jumps_per_minute, temperature, threshold)
            _render_song(
                opened, liveliness, audio, out, seconds=seconds, alpha=alpha, plan=plan, jumps_per_minute=rate,
                seed=seed, interpolator=interpolator, position_bar=position_bar,
            )  # fmt: skip
            return
        liveliness = wanted_liveliness(opened, jumps_per_minute, temperature, threshold)
        seconds = 60.0 if seconds is None else seconds
        bridges = open_texture_bridges(opened, interpolator, waited_for=True)
        with Player(opened, liveliness, seed=seed, bridges=bridges) as player, progress_bars() as progress:
            jumps = render_file(player, out, seconds, position_bar=position_bar, progress=progress)
    say(f"{out}: {seconds:g} s, {jumps} jumps")


def _render_song(
    texture: Texture,
    liveliness: Liveliness,
    audio: Path,
    out: Path,
    *,
    seconds: float | None,
    alpha: float | None,
    plan: PlanName | None,
    jumps_per_minute: float | None,
    seed: int | None,
    interpolator: InterpolatorName,
    position_bar: bool,
) -> None:
    from stream.conditioning import ALPHA
    from stream.following import Plan, path_for
    from stream.render import render_song
    from stream.song import Song

    if interpolator is InterpolatorName.CUT:
        raise UnmetError("a path for a song counts on its bridges; fit the clip with --interpolator cut for cuts")
    bridges = open_texture_bridges(texture, interpolator, waited_for=True, frames=texture.manifest.video.bridge_frames)
    with bridges, progress_bars() as progress:
        song = Song.read(audio)
        for note in song.notes:
            say(f"{audio.name}: {note}")
        steps = path_for(
            texture, song, liveliness.transitions,
            seconds=seconds, alpha=ALPHA if alpha is None else alpha, plan=Plan((plan or PlanName.BEAM).value),
            jumps_per_minute=jumps_per_minute, seed=seed, progress=progress,
        )  # fmt: skip
        jumps = render_song(
            texture, steps, song, out,
            seconds=seconds, bridges=bridges, position_bar=position_bar, progress=progress,
        )  # fmt: skip
    say(f"{out}: {min(seconds or song.seconds, song.seconds):.6g} s, {jumps} jumps")


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
        raise UnmetError(f"{plot}: a plot's ending must be .png, .svg or .pdf")
    if figures is not None and figures.exists() and not figures.is_dir():
        raise UnmetError(f"{figures}: is a file; --figures wants a folder to write several into")
    with Texture.open(texture) as opened:
        table = Table(show_header=False, box=None)
        for name, value in numbers(opened).items():
            table.add_row(name, escape(str(value)))
        print_table(table)
        if plot is not None:
            write_plot(opened, plot)
            say(f"{plot}: written")
        if figures is not None:
            with progress_bars() as progress:
                written = write_figures(opened, figures, progress=progress)
            say(f"{figures}: {', '.join(path.name for path in written)}")


def devices() -> None:
    """List the microphones, monitors of what is being played included."""
    from stream.hearing.devices import devices as listed

    found = listed()
    if not found:
        raise UnmetError("there is nothing to record from; plug a microphone in")
    table = Table("", "name", "called", "by", "what")
    for device in found:
        what = f"{'monitor' if device.is_monitor else 'input'}, {device.rate_hz / 1000:g} kHz"
        table.add_row(
            "*" if device.is_default else "", *map(escape, (device.description, device.name, device.api)), what
        )
    print_table(table)
    say("any part of a name that no other has will do, and `default` for the one with *")
