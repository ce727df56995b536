"""The command line of videotexture: each subcommand calls into one package.

Packages are imported inside the commands, so that `--help` answers at once and `serve` never loads torch.
"""

from __future__ import annotations

import logging
import math
import signal
import sys
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from bench.commands import app as bench_commands

if TYPE_CHECKING:
    from export.engine import Engine
    from models.progress import Progress as ProgressOf
    from server.access import Access
    from server.ice import IceSettings
    from server.serve import ServerSettings
    from server.targets.address import Destination
    from stream.bridge_build import ExportNetwork
    from stream.bridges import Bridges
    from stream.hearing.source import SoundSource
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


class EngineName(StrEnum):
    """What runs the networks; the names of `export.backends`, which are loaded when they are used."""

    AUTO = "auto"
    TENSORRT = "tensorrt"
    TENSORRT_RTX = "tensorrt-rtx"
    ONNXRUNTIME_CUDA = "onnxruntime-cuda"
    ONNXRUNTIME = "onnxruntime"


class SoundFeatures(StrEnum):
    """What of VGGish sounds are compared by; the names of `models.vggish.OUTPUTS`."""

    CONVOLUTION = "convolution"
    EMBEDDING = "embedding"


class PrecisionName(StrEnum):
    """Of the networks' inner parts."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"


class PlanName(StrEnum):
    """How a path for a song is found."""

    BEAM = "beam"
    GREEDY = "greedy"


class PresetName(StrEnum):
    """The ways to fit."""

    CPU = "cpu"
    PAPER = "paper"


class InterpolatorName(StrEnum):
    """What makes bridges; the names of `stream.interpolation.choose`."""

    AUTO = "auto"
    SUPERSLOMO = "superslomo"
    FLOW = "flow"
    CROSSFADE = "crossfade"
    CUT = "cut"


Interpolator = Annotated[
    InterpolatorName, typer.Option("--interpolator", help="What makes bridges; auto: the best that is quick enough.")
]
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
Microphone = Annotated[
    str | None,
    typer.Option(
        "--mic",
        metavar="DEVICE|browser|whip|FILE|URL",
        help="Listen to this: sound says when and where it jumps. See devices.",
    ),
]
Alpha = Annotated[
    float | None,
    typer.Option("--alpha", min=0, max=1, callback=_finite, help="With --mic: 1 does not listen, 0 nothing else; 0.5."),
]
Osc = Annotated[int | None, typer.Option("--osc", min=0, max=65535, help="Obey OSC on this UDP port; 0 for any.")]
Midi = Annotated[
    str | None,
    typer.Option("--midi", metavar="INPUT", help="Obey this MIDI input, '' the first; wants the extra midi."),
]

Rtmp = Annotated[
    list[str] | None,
    typer.Option("--rtmp", metavar="URL", help="Send to this RTMP or RTMPS server too; may be given again."),
]
Srt = Annotated[
    list[str] | None, typer.Option("--srt", metavar="URL", help="Send to this SRT listener too; may be given again.")
]
Hls = Annotated[list[Path] | None, typer.Option("--hls", metavar="DIR", help="Keep a live HLS playlist there.")]
Record = Annotated[list[Path] | None, typer.Option("--record", metavar="DIR", help="Record into files there.")]
RecordMinutes = Annotated[
    float, typer.Option("--record-minutes", min=0.1, callback=_finite, help="The length of a recorded file.")
]
RecordFiles = Annotated[int, typer.Option("--record-files", min=0, help="How many are kept; 0 for all.")]


ViewerToken = Annotated[
    str | None,
    typer.Option(
        "--viewer-token", metavar="TOKEN|@FILE", envvar="VIDEOTEXTURE_VIEWER_TOKEN", show_envvar=True,
        help="Needed to watch.",
    ),
]  # fmt: skip
ControlToken = Annotated[
    str | None,
    typer.Option(
        "--control-token", metavar="TOKEN|@FILE", envvar="VIDEOTEXTURE_CONTROL_TOKEN", show_envvar=True,
        help="Needed to steer; good for watching too.",
    ),
]  # fmt: skip
NoAuth = Annotated[bool, typer.Option("--no-auth", help="Let everybody do what has no token, from anywhere.")]
AllowOrigin = Annotated[
    list[str] | None,
    typer.Option("--allow-origin", metavar="ORIGIN", help="Let this site's pages watch where no token is needed."),
]
TlsCert = Annotated[Path | None, typer.Option("--tls-cert", metavar="PEM", help="For https: certificate and chain.")]
TlsKey = Annotated[Path | None, typer.Option("--tls-key", metavar="PEM", help="For https: its key.")]
MaxViewers = Annotated[int, typer.Option("--max-viewers", min=1, help="At once; more are told to come later.")]
MaxJoins = Annotated[
    float, typer.Option("--max-joins", min=0.1, callback=_finite, help="Sessions that one address may open a second.")
]
UdpPorts = Annotated[
    str | None, typer.Option("--udp-ports", metavar="FIRST-LAST", help="Of media; each viewer takes one.")
]
Advertise = Annotated[
    str | None,
    typer.Option("--advertise", metavar="ADDRESS", help="Tell viewers this address: that of a 1:1 NAT before us."),
]
Turn = Annotated[
    str | None, typer.Option("--turn", metavar="turn:HOST:PORT", help="Tell viewers of this relay; see --turn-secret.")
]
TurnSecret = Annotated[
    str | None,
    typer.Option(
        "--turn-secret", metavar="SECRET|@FILE", envvar="VIDEOTEXTURE_TURN_SECRET", show_envvar=True,
        help="What it shares with us (coturn: static-auth-secret); credentials made of it expire in a day.",
    ),
]  # fmt: skip
RelayOnly = Annotated[bool, typer.Option("--relay-only", help="Send everything through the relay.")]
Whip = Annotated[
    list[str] | None, typer.Option("--whip", metavar="URL", help="Publish to this WHIP server; may be given again.")
]
WhipToken = Annotated[
    str | None,
    typer.Option(
        "--whip-token", metavar="TOKEN|@FILE", envvar="VIDEOTEXTURE_WHIP_TOKEN", show_envvar=True,
        help="Sent to every --whip server.",
    ),
]  # fmt: skip


@app.command()
def demo(
    host: Host = "127.0.0.1",
    port: Port = 8080,
    ice_address: IceAddress = None,
    microphone: Microphone = None,
    alpha: Alpha = None,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Make the demo's texture again.")] = False,
    open_browser: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")] = True,
    viewer_token: ViewerToken = None,
    control_token: ControlToken = None,
    no_auth: NoAuth = False,
) -> None:
    """Play the built-in scene: make its texture once, serve it, print the address."""
    from bench.demo import demo_texture

    with _progress() as progress:
        path = demo_texture(progress, rebuild=rebuild)
    from server.app import Manners

    access = _access(host, viewer_token, control_token, None, no_auth=no_auth)
    settings = replace(
        _settings(host, port, alpha=_heeded(alpha, microphone)), manners=Manners(access, _ice(ice_address))
    )
    _serve(path, settings, microphone, None, None, None, None, open_browser=open_browser)


@app.command()
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
        float, typer.Option(min=0, max=4096, callback=_finite, help="Of bridges that are stored; others as it plays.")
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
        SoundFeatures, typer.Option(help="Of VGGish; the embedding makes a texture of 290 MB more, convolution 18.")
    ] = SoundFeatures.CONVOLUTION,
    engine: Annotated[
        EngineName, typer.Option(help="What computes the embeddings; auto: the best that is here.")
    ] = EngineName.ONNXRUNTIME,
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
        from export.sound import SoundBuilder
    except ModuleNotFoundError as error:
        raise _Unmet(f"`fit` needs {error.name}, which is not installed: `pip install 'videotexture[fit]'`") from error
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
            sound_builder=SoundBuilder(_sound_source(sound_weights), sound_features.value),
            overwrite=overwrite,
            bridge_settings=bridging,
            open_engine=_engine_opener(engine, progress),
            progress=progress,
        )
    for note in report.notes:
        console.print(escape(f"{clip.name}: {note}"), soft_wrap=True)
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
    microphone: Microphone = None,
    alpha: Alpha = None,
    osc: Osc = None,
    midi: Midi = None,
    interpolator: Interpolator = InterpolatorName.AUTO,
    rtmp: Rtmp = None,
    srt: Srt = None,
    hls: Hls = None,
    record: Record = None,
    record_minutes: RecordMinutes = 10.0,
    record_files: RecordFiles = 0,
    viewer_token: ViewerToken = None,
    control_token: ControlToken = None,
    no_auth: NoAuth = False,
    allow_origin: AllowOrigin = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    max_viewers: MaxViewers = 100,
    max_joins: MaxJoins = 5.0,
    udp_ports: UdpPorts = None,
    advertise: Advertise = None,
    turn: Turn = None,
    turn_secret: TurnSecret = None,
    relay_only: RelayOnly = False,
    whip: Whip = None,
    whip_token: WhipToken = None,
) -> None:
    """Play a texture for ever to every browser that opens the page."""
    from server.access import Tls, read_token
    from server.app import Manners
    from server.targets.targets import RecordSettings
    from server.whip_client import WhipTarget

    manners = Manners(
        _access(host, viewer_token, control_token, allow_origin, no_auth=no_auth),
        _ice(ice_address, udp_ports, advertise, turn, turn_secret, relay_only=relay_only),
        max_viewers,
        max_joins,
    )
    settings = replace(
        _settings(host, port, alpha=_heeded(alpha, microphone), osc_port=osc, midi_port=midi),
        manners=manners,
        tls=Tls.given(tls_cert, tls_key),
        whip=tuple(WhipTarget(url, read_token(whip_token)) for url in whip or ()),
        targets=_destinations(rtmp=rtmp or (), srt=srt or (), hls=hls or (), record=record or ()),
        recording=RecordSettings(60 * record_minutes, record_files),
    )
    _serve(
        texture, settings, microphone, jumps_per_minute, temperature, threshold, seed,
        interpolator=interpolator, open_browser=False,
    )  # fmt: skip


def _heeded(alpha: float | None, microphone: str | None) -> float | None:
    if alpha is not None and microphone in (None, "none"):
        raise _Unmet("--alpha weighs what is heard; say with --mic what to listen to")
    return alpha


@app.command()
def render(
    texture: Annotated[Path, typer.Argument(help="The texture folder.")],
    out: Annotated[Path, typer.Argument(help="The video to write: .mp4 or .mkv.")],
    seconds: Annotated[
        float | None,
        typer.Option(
            min=0.1, callback=_finite, help="How long; by default 60 s, or as long as the song.", show_default=False
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
        raise _Unmet("--alpha and --plan say how a song is followed; give one with --audio")
    with Texture.open(texture) as opened:
        if position_bar:
            console.print("with a position bar each picture is decoded, drawn on and encoded again (libx264)")
        if audio is not None:
            planned = plan is not PlanName.GREEDY
            rate = jumps_per_minute if planned else None
            liveliness = _liveliness(opened, None if planned else jumps_per_minute, temperature, threshold)
            _render_song(
                opened, liveliness, audio, out, seconds=seconds, alpha=alpha, plan=plan, jumps_per_minute=rate,
                seed=seed, interpolator=interpolator, position_bar=position_bar,
            )  # fmt: skip
            return
        liveliness = _liveliness(opened, jumps_per_minute, temperature, threshold)
        seconds = 60.0 if seconds is None else seconds
        bridges = _open_bridges(opened, interpolator, waited_for=True)
        with Player(opened, liveliness, seed=seed, bridges=bridges) as player, _progress() as progress:
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
def export(
    texture: Annotated[Path, typer.Argument(help="The texture folder.")],
    engine: Annotated[EngineName, typer.Option(help="For what; auto makes no sense here.")] = EngineName.TENSORRT_RTX,
    gpu: Annotated[
        str, typer.Option("--gpu", help="Generations of GPUs, like sm86,sm89,sm120; by default the GPU here.")
    ] = "",
    precision: Annotated[PrecisionName, typer.Option(help="float16 halves the engine.")] = PrecisionName.FLOAT32,
    batch: Annotated[int, typer.Option(min=1, max=256, help="How many at a time; engines take no other size.")] = 1,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="A folder to write engines into, instead of the cache.")
    ] = None,
) -> None:
    """Build engines of a texture's networks; for TensorRT-RTX, without a GPU. Their cache is found by `doctor`."""
    from export.cache import EngineCache
    from export.chain import Choice
    from export.commands import export_networks
    from export.targets import parse_targets
    from stream.networks import networks_of

    targets = parse_targets(gpu) if gpu else ()
    with _progress() as progress:
        choice = Choice(
            engine.value,
            "float16" if precision is PrecisionName.FLOAT16 else "float32",
            batch,
            cache=EngineCache(tell=_say),
            tell=_say,
            progress=progress,
        )
        exported = export_networks(networks_of(texture), choice, targets, out)
    table = Table("network", "engine", "GPUs", "precision", "MB", "s to build")
    for made in exported:
        seconds = f"{made.seconds:.1f}" if made.seconds else "was there"
        table.add_row(made.network, made.engine, made.gpus, made.precision, f"{made.megabytes:.1f}", seconds)
    Console(highlight=False).print(table)
    _say(f"in {', '.join(sorted({str(made.path.parent) for made in exported}))}")


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


@app.command()
def devices() -> None:
    """List the microphones, monitors of what is being played included."""
    from stream.hearing.devices import devices as listed

    found = listed()
    if not found:
        raise _Unmet("there is nothing to record from; plug a microphone in")
    table = Table("", "name", "called", "by", "what")
    for device in found:
        what = f"{'monitor' if device.is_monitor else 'input'}, {device.rate_hz / 1000:g} kHz"
        table.add_row("*" if device.is_default else "", device.description, device.name, device.api, what)
    Console(highlight=False).print(table)
    console.print("any part of a name that no other has will do, and `default` for the one with *", soft_wrap=True)


def _network_for(interpolator: InterpolatorName, weights: Path | None) -> ExportNetwork | None:
    """The network that a texture is given to make bridges; wrong weights are told before the clip is fitted."""
    if weights is None:
        if interpolator is InterpolatorName.SUPERSLOMO:
            raise _Unmet("--interpolator superslomo needs its weights; say --interpolator-weights SuperSloMo.ckpt")
        return None
    if interpolator not in (InterpolatorName.AUTO, InterpolatorName.SUPERSLOMO):
        raise _Unmet(f"--interpolator-weights are Super SloMo's, not for --interpolator {interpolator.value}")
    from export.interpolator import export_interpolator
    from models.interpolation.weights import load_superslomo

    network = load_superslomo(weights)
    return lambda path, width_px, height_px: (
        export_interpolator(network, path, height_px=height_px, width_px=width_px).facts
    )


def _open_bridges(
    texture: Texture, interpolator: InterpolatorName, *, waited_for: bool = False, frames: int | None = None
) -> Bridges:
    """Over which it jumps; says what was chosen, and why."""
    from stream.bridge_choice import open_bridges
    from stream.interpolation.choose import OFFLINE_S

    return open_bridges(
        texture, interpolator.value, limit_s=OFFLINE_S if waited_for else None, frames=frames, tell=_say
    )


def _sound_source(given: str | None) -> Literal["published", "none"] | Path:
    """What `--sound-weights` means; a wrong file is told before the clip is fitted."""
    if given is None:
        return "published"
    if given == "none":
        return "none"
    if not Path(given).is_file():
        raise _Unmet(f"{given}: no such file of weights; check --sound-weights")
    return Path(given)


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
        raise _Unmet("a path for a song counts on its bridges; fit the clip with --interpolator cut for cuts")
    bridges = _open_bridges(texture, interpolator, waited_for=True, frames=texture.manifest.video.bridge_frames)
    with bridges, _progress() as progress:
        song = Song.read(audio)
        steps = path_for(
            texture, song, liveliness.transitions,
            seconds=seconds, alpha=ALPHA if alpha is None else alpha, plan=Plan((plan or PlanName.BEAM).value),
            jumps_per_minute=jumps_per_minute, seed=seed, progress=progress,
        )  # fmt: skip
        jumps = render_song(
            texture, steps, song, out,
            seconds=seconds, bridges=bridges, position_bar=position_bar, progress=progress,
        )  # fmt: skip
    console.print(f"{out}: {min(seconds or song.seconds, song.seconds):.6g} s, {jumps} jumps")


class _Unmet(Exception):
    """Something this command needs is missing."""


def _serve(
    path: Path,
    settings: ServerSettings,
    microphone: str | None,
    jumps_per_minute: float | None,
    temperature: float | None,
    threshold: float | None,
    seed: int | None,
    *,
    interpolator: InterpolatorName = InterpolatorName.AUTO,
    open_browser: bool,
) -> None:
    from export.cache import EngineCache
    from export.chain import Choice, open_engine
    from server.serve import serve as serve_player
    from stream.conditioning import Conditioning
    from stream.player import LISTENING_BEHIND_STEPS, Player
    from stream.texture import Texture

    def announce(addresses: list[str]) -> None:
        name, everywhere = path.name.removesuffix(".texture"), " and ".join(addresses)
        Console(highlight=False).print(
            f"{name} is playing at {everywhere}  (Ctrl-C stops it)", soft_wrap=True, markup=False
        )
        if not settings.is_local:
            _warn_of_others(settings)
        if open_browser and sys.stdout.isatty():
            webbrowser.open(addresses[0])

    with Texture.open(path) as texture:
        liveliness = _liveliness(texture, jumps_per_minute, temperature, threshold)
        source = _open_microphone(microphone)
        conditioning = None if source is None else Conditioning.of_texture(texture, behind_steps=LISTENING_BEHIND_STEPS)
        network = texture.sound_network if conditioning else None
        if source is not None and network is None:
            console.print(f"{path.name} has no sound to compare with: onsets hit, but nothing says where to go")
        choice = Choice(waits=False, cache=EngineCache(tell=_say), tell=_say)
        with nullcontext() if network is None else open_engine(network, choice) as engine:
            bridges = _open_bridges(texture, interpolator)
            with Player(texture, liveliness, seed=seed, conditioning=conditioning, bridges=bridges) as player:
                serve_player(player, settings, on_listening=announce, source=source, sound_engine=engine)


def _open_microphone(name: str | None) -> SoundSource | None:
    from server.whip import WhipSource
    from stream.hearing.choose import open_source

    if not name or name == "none":
        return None
    return WhipSource() if name.strip().casefold() == "whip" else open_source(name, loop=True)


def _warn_of_others(settings: ServerSettings) -> None:
    """What everybody may do who can reach this machine, said at start."""
    access, encrypted = settings.manners.access, settings.tls is not None
    may = [
        what
        for what, token in (("watch", access.viewer_token), ("steer", access.control_token or access.viewer_token))
        if token is None
    ]
    if may:
        console.print(f"--no-auth: anyone who can reach this machine can {' and '.join(may)}")
    if settings.osc_port is not None and settings.osc_host != settings.host:
        console.print(f"OSC has no tokens, so it is listened for on {settings.osc_host} only; --no-auth opens it")
    if not encrypted and len(may) < 2:
        console.print("tokens travel unencrypted; --tls-cert and --tls-key, or a proxy with https, protect them")


def _engine_opener(engine: EngineName, progress: ProgressOf) -> Callable[[Path], Engine]:
    from export.cache import EngineCache
    from export.chain import Choice, open_engine

    choice = Choice(engine.value, cache=EngineCache(tell=_say), tell=_say, progress=progress)
    return lambda path: open_engine(path, choice)


def _say(sentence: str) -> None:
    console.print(escape(sentence), soft_wrap=True)


def _settings(
    host: str,
    port: int,
    *,
    alpha: float | None = None,
    osc_port: int | None = None,
    midi_port: str | None = None,
) -> ServerSettings:
    from server.serve import ServerSettings

    return ServerSettings(host, port, alpha=alpha, osc_port=osc_port, midi_port=midi_port)


def _access(
    host: str, viewer_token: str | None, control_token: str | None, origins: list[str] | None, *, no_auth: bool
) -> Access:
    from server.access import Access, read_token
    from server.serve import ServerSettings

    return Access(
        read_token(viewer_token), read_token(control_token), no_auth=no_auth, is_local=ServerSettings(host).is_local,
        origins=tuple(origins or ()),
    )  # fmt: skip


def _ice(
    addresses: list[str] | None,
    udp_ports: str | None = None,
    advertise: str | None = None,
    turn: str | None = None,
    turn_secret: str | None = None,
    *,
    relay_only: bool = False,
) -> IceSettings:
    from server.access import read_token
    from server.ice import IceSettings
    from server.turn import TurnServer
    from server.udp_ports import PortRange

    if turn_secret is not None and turn is None:
        raise _Unmet("--turn-secret is for a relay; say which with --turn turn:HOST:PORT")
    return IceSettings(
        tuple(addresses) if addresses else None,
        PortRange.parse(udp_ports) if udp_ports else None,
        advertise,
        TurnServer(turn, read_token(turn_secret) or "") if turn else None,
        relay_only,
    )


def _destinations(**given: Sequence[str | Path]) -> tuple[Destination, ...]:
    from server.targets.address import Kind, destination

    found = []
    for kind, addresses in given.items():
        for address in addresses:
            try:
                found.append(destination(Kind(kind), str(address)))
            except ValueError as error:
                raise _Unmet(f"--{kind}: {error}") from error
    return tuple(found)


def _liveliness(
    texture: Texture, jumps_per_minute: float | None, temperature: float | None, threshold: float | None
) -> Liveliness:
    from stream.graph import Weighting
    from stream.liveliness import Liveliness

    if temperature is None and threshold is None:
        if jumps_per_minute is None:
            return texture.usual_liveliness()
        return texture.liveliness(jumps_per_minute)
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
