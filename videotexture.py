"""The command line of videotexture: `fit`, `demo` and `doctor`, which need several packages, and those of each package.

Packages are imported inside the commands, so that `--help` answers at once and `serve` never loads torch.
"""

from __future__ import annotations

import models.early  # noqa: F401 (before everything that takes a while)

# isort: split
import logging
import shlex
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer
from rich.markup import escape
from rich.table import Table

from bench.commands import app as bench_commands
from export.options import EngineName
from models import ending
from models.help import CommandGroup
from models.interpolation.command_line import pretrain_interpolator
from models.path_options import PathCommand
from models.pretraining.command_line import pretrain
from models.tables import print_table
from models.terminal import UnmetError, console, finite, progress_bars, say
from server.command_line import serve
from server.config import SettingsCommand, use_config_of_serve
from server.given import given_access, given_ice, heeded_alpha
from server.hosts import listening_address
from server.options import (
    Advertise,
    Alpha,
    ControlToken,
    Host,
    IceAddress,
    Microphone,
    NoAuth,
    Port,
    TlsCert,
    TlsKey,
    Turn,
    TurnSecret,
    UdpPorts,
    ViewerToken,
)
from stream.command_line import devices, inspect, render
from stream.export_command import export
from stream.options import Interpolator, InterpolatorName, Overwrite

if TYPE_CHECKING:
    from export.engine import Engine
    from models.progress import Progress
    from stream.bridge_build import ExportNetwork

app = typer.Typer(
    help="Endless video from one clip, live.",
    cls=CommandGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # see `models.help`
)
app.add_typer(bench_commands, name="bench")


class SoundFeatures(StrEnum):
    """What of VGGish sounds are compared by; the names of `models.vggish.OUTPUTS`."""

    CONVOLUTION = "convolution"
    EMBEDDING = "embedding"


class PresetName(StrEnum):
    """The ways to fit."""

    CPU = "cpu"
    PAPER = "paper"


@app.command(cls=SettingsCommand)  # tokens above all: as `serve` takes them
def demo(
    host: Host = "127.0.0.1",
    port: Port = 8080,
    ice_address: IceAddress = None,
    mic: Microphone = None,
    alpha: Alpha = None,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Make the demo's texture again.")] = False,
    open_browser: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")] = True,
    viewer_token: ViewerToken = None,
    control_token: ControlToken = None,
    no_auth: NoAuth = False,
) -> None:
    """Play the built-in scene: make its texture once, serve it, print the address."""
    from bench.demo import demo_texture

    host = listening_address(host)  # a wrong one is told before the texture is made
    with progress_bars() as progress:
        path = demo_texture(progress, rebuild=rebuild)
    from server.app import Manners
    from server.playing import Playback, serve_textures
    from server.serve import ServerSettings

    access = given_access(host, viewer_token, control_token, None, no_auth=no_auth)
    settings = ServerSettings(host, port, Manners(access, given_ice(ice_address)), alpha=heeded_alpha(alpha, mic))
    serve_textures([path], settings, Playback(mic=mic), open_browser=open_browser)


@app.command(cls=PathCommand)
def fit(
    clip: Annotated[Path, typer.Argument(help="The video.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="The texture folder to make, NAME.texture.")],
    preset: Annotated[PresetName, typer.Option(help="cpu: seconds on a laptop. paper: as published, on a GPU.")]
    = PresetName.CPU,
    seed: Annotated[int, typer.Option(min=0, help="Of the fit.")] = 0,
    bridge_frames: Annotated[
        int | None,
        typer.Option(min=0, max=16, help="Interpolated pictures per jump; by default 0 to 8, by how far it leaps."),
    ] = None,
    bridge_megabytes: Annotated[
        float,
        typer.Option(
            min=0, max=4096, callback=finite, help="Most that stored bridges take; the others are made as it plays."
        ),
    ] = 32.0,
    interpolator: Interpolator = InterpolatorName.AUTO,
    interpolator_weights: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Super SloMo's: SuperSloMo.ckpt, or a .safetensors file.")
    ] = None,
    weights: Annotated[
        str | None, typer.Option(metavar="FILE|random", help="What paper starts from; by default, what is published.")
    ] = None,
    sound_weights: Annotated[
        str | None, typer.Option(metavar="FILE|none", help="VGGish's weights; by default, what is published.")
    ] = None,
    sound_features: Annotated[
        SoundFeatures | None,
        typer.Option(
            help="By what of VGGish: the embedding adds 290 MB to a texture, convolution (the default) 18.",
            show_default=False,
        ),
    ] = None,
    renditions: Annotated[
        bool, typer.Option("--renditions/--no-renditions", help="Smaller pictures too, for viewers with narrow links.")
    ] = True,
    engine: Annotated[
        EngineName, typer.Option(help="What computes the embeddings; auto: the best that is here.")
    ] = EngineName.ONNXRUNTIME,
    overwrite: Overwrite = False,
) -> None:  # fmt: skip
    """Make a texture of a clip.

    With N GPUs, `torchrun --nproc-per-node N -m videotexture fit CLIP --preset paper ...` uses all of them.
    """
    from models.launch import launch_for
    from models.preset import PRESETS
    from stream.clip import Clip

    chosen = PRESETS[preset.value]
    leads = launch_for(chosen).rank == 0
    if leads:
        Clip(clip).close()  # a wrong file is told before torch is loaded, which takes seconds
    try:
        from export.encoder import EncoderBuilder
        from export.sound import SoundBuilder
    except ModuleNotFoundError as error:
        raise UnmetError(
            f"`fit` needs {error.name}, which is not installed: `pip install 'videotexture[fit]'`"
        ) from error
    if not leads:
        from models.fit import join_fit

        join_fit()
        return
    from models.start import start_weights, without_weights
    from stream.bridge_build import BridgeSettings
    from stream.bridge_store import Budget
    from stream.build import build_texture
    from stream.provenance import provenance

    bridging = BridgeSettings(
        bridge_frames, interpolator.value, _network_for(interpolator, interpolator_weights),
        Budget(most_bytes=round(bridge_megabytes * 2**20)),
    )  # fmt: skip
    if sound_features is not None and sound_weights == "none":
        raise UnmetError("--sound-features chooses among VGGish's, which --sound-weights none does without; say one")
    compared_by = sound_features or SoundFeatures.CONVOLUTION
    if weights == "random":
        chosen = without_weights(chosen)
    with progress_bars() as progress:
        start = start_weights(chosen, None if weights in (None, "random") else Path(weights), progress)
        if start is not None and start.newly_pinned:
            say(f"{start.name}: first seen now, with sha256 {start.sha256}; no other will be taken after it")
        report = build_texture(
            clip,
            out,
            EncoderBuilder(chosen, seed=seed, start=start),
            provenance=provenance(seed, chosen),
            sound_builder=SoundBuilder(_sound_source(sound_weights), compared_by.value),
            overwrite=overwrite,
            bridge_settings=bridging,
            with_renditions=renditions,
            open_engine=_engine_opener(engine, progress),
            progress=progress,
        )
    for note in report.notes:
        console.print(escape(f"{clip.name}: {note}"), soft_wrap=True)
    say(
        f"{out}: {report.segments} segments, {report.bridges} bridges, {sum(report.seconds.values()):.1f} s. "
        f"Play it: videotexture serve {shlex.quote(str(out))}"
    )


app.command(cls=SettingsCommand)(serve)
for command in (render, inspect, export, devices, pretrain, pretrain_interpolator):
    app.command(cls=PathCommand)(command)


@app.command(cls=SettingsCommand)
def doctor(
    ice_address: IceAddress = None,
    udp_ports: UdpPorts = None,
    advertise: Advertise = None,
    turn: Turn = None,
    turn_secret: TurnSecret = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", metavar="TOML", is_eager=True, callback=use_config_of_serve,
            help="The file that `serve` is given, of which these settings are taken.",
        ),
    ] = None,
) -> None:  # fmt: skip
    """What this machine can do, and what would mend what it cannot; connections as `serve` would make them."""
    from bench.certificate_finding import certificate_findings
    from bench.doctor import examine

    table = Table("", "what", "found", "mend")
    said = {"udp_ports": udp_ports, "advertise": advertise, "turn": turn, "turn_secret": turn_secret}
    findings = examine(said, tuple(ice_address) if ice_address else None) + certificate_findings(tls_cert, tls_key)
    for finding in findings:
        table.add_row("ok" if finding.is_well else "--", *map(escape, (finding.what, finding.found, finding.mend)))
    print_table(table)
    if any(finding.is_needed and not finding.is_well for finding in findings):
        raise typer.Exit(1)


def _network_for(interpolator: InterpolatorName, weights: Path | None) -> ExportNetwork | None:
    """The network that a texture is given to make bridges; wrong weights are told before the clip is fitted."""
    if weights is None and interpolator is InterpolatorName.SUPERSLOMO:
        raise UnmetError("--interpolator superslomo needs its weights; say --interpolator-weights SuperSloMo.ckpt")
    if weights is None and interpolator is not InterpolatorName.SMALL:
        return None
    if weights is not None and interpolator not in (InterpolatorName.AUTO, InterpolatorName.SUPERSLOMO):
        raise UnmetError(f"--interpolator-weights are Super SloMo's, not for --interpolator {interpolator.value}")
    from export.interpolator import export_interpolator, export_small
    from models.interpolation.weights import load_superslomo

    if weights is None:
        return export_small
    network = load_superslomo(weights)
    return lambda path, width_px, height_px: (
        export_interpolator(network, path, height_px=height_px, width_px=width_px).facts
    )


def _sound_source(given: str | None) -> Literal["published", "none"] | Path:
    """What `--sound-weights` means; a wrong file is told before the clip is fitted."""
    if given is None:
        return "published"
    if given == "none":
        return "none"
    if not Path(given).is_file():
        raise UnmetError(f"{given}: no such file of weights; check --sound-weights")
    return Path(given)


def _engine_opener(engine: EngineName, progress: Progress) -> Callable[[Path], Engine]:
    from export.cache import EngineCache
    from export.chain import Choice, open_engine

    choice = Choice(engine.value, cache=EngineCache(tell=say), tell=say, progress=progress)
    return lambda path: open_engine(path, choice)


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
    ending.heed_signals()  # so that half-made folders are removed
    try:
        app()
    except (TextureError, ServerError, EngineError, ExportError, FitError, UnmetError) as error:
        _fail(error)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}; check that the place exists, has room, and may be written to")
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        ending.is_over()


if __name__ == "__main__":  # `python -m videotexture`, which is how `torchrun` starts it
    main()
