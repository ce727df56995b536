"""The options of `serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from models.terminal import finite
from server.config import use_config
from server.hosts import unbracketed


def unbracketed_one(address: str | None) -> str | None:
    """The callback of an option that takes an address."""
    return None if address is None else unbracketed(address)


def unbracketed_all(addresses: list[str] | None) -> list[str] | None:
    """The same for several."""
    return None if addresses is None else [unbracketed(each) for each in addresses]


Renditions = Annotated[
    bool,
    typer.Option(
        "--renditions/--no-renditions", help="Send viewers behind narrow links smaller pictures, if it has any."
    ),
]
PlayAt = Annotated[
    list[str] | None,
    typer.Option("--play-at", metavar="HH:MM=NAME", help="From then on, each day, play this texture; may be repeated."),
]
Host = Annotated[str, typer.Option("--host", metavar="ADDRESS", help="Address to listen on, or a name that has one.")]
Port = Annotated[int, typer.Option("--port", metavar="PORT", min=0, max=65535, help="Port to listen on; 0 for any.")]
IceAddress = Annotated[
    list[str] | None,
    typer.Option(
        "--ice-address",
        metavar="ADDRESS",
        callback=unbracketed_all,
        help="Offer media on this address only; may be given again.",
    ),
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
    typer.Option(
        "--alpha",
        metavar="WEIGHT",
        min=0,
        max=1,
        callback=finite,
        help="With --mic: how much pictures count against sound: 1 ignores sound, 0 ignores pictures; by default 0.5.",
    ),
]
Osc = Annotated[
    int | None, typer.Option("--osc", metavar="PORT", min=0, max=65535, help="Obey OSC on this UDP port; 0 for any.")
]
Midi = Annotated[
    str | None,
    typer.Option(
        "--midi", metavar="INPUT",
        help="Obey the MIDI input whose name contains this, '' for the first; it may be plugged in later. "
        "Needs the extra midi.",
    ),
]  # fmt: skip
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
    float,
    typer.Option(
        "--record-minutes", metavar="MINUTES", min=0.1, callback=finite, help="The length of a recorded file."
    ),
]
RecordFiles = Annotated[
    int, typer.Option("--record-files", metavar="COUNT", min=0, help="How many recorded files are kept; 0 for all.")
]
ViewerToken = Annotated[
    str | None,
    typer.Option(
        "--viewer-token", metavar="TOKEN|@FILE",
        help="Needed to watch.",
    ),
]  # fmt: skip
ControlToken = Annotated[
    str | None,
    typer.Option(
        "--control-token", metavar="TOKEN|@FILE",
        help="Needed to steer; good for watching too.",
    ),
]  # fmt: skip
NoAuth = Annotated[
    bool, typer.Option("--no-auth", help="Allow everybody, from anywhere, to do what no token protects.")
]
AllowOrigin = Annotated[
    list[str] | None,
    typer.Option("--allow-origin", metavar="ORIGIN", help="Let this site's pages watch where no token is needed."),
]
RootPath = Annotated[
    str | None,
    typer.Option(
        "--root-path", metavar="PATH",
        help="Path at which a reverse proxy serves the page, like /wall; by default what its X-Forwarded-Prefix says.",
    ),
]  # fmt: skip
TrustedProxy = Annotated[
    list[str] | None,
    typer.Option(
        "--trusted-proxy", metavar="ADDRESS|NETWORK",
        help="Believe the X-Forwarded headers of this proxy too; proxies on this machine always are. "
        "May be repeated.",
    ),
]  # fmt: skip
TlsCert = Annotated[
    Path | None, typer.Option("--tls-cert", metavar="PEM", help="For https: the certificate and its chain.")
]
TlsKey = Annotated[Path | None, typer.Option("--tls-key", metavar="PEM", help="For https: its key.")]
MaxViewers = Annotated[
    int, typer.Option("--max-viewers", metavar="COUNT", min=1, help="Viewers at once; more are told to come later.")
]
MaxJoins = Annotated[
    float,
    typer.Option(
        "--max-joins", metavar="RATE", min=0.1, callback=finite, help="Sessions that one address may open per second."
    ),
]
UdpPorts = Annotated[
    str | None,
    typer.Option(
        "--udp-ports", metavar="FIRST-LAST", help="UDP ports for media, like 50000-50100; each viewer takes one."
    ),
]
Advertise = Annotated[
    str | None,
    typer.Option(
        "--advertise", metavar="ADDRESS", callback=unbracketed_one,
        help="Tell viewers this address, where a 1:1 NAT stands between them and this machine.",
    ),
]  # fmt: skip
Turn = Annotated[
    str | None, typer.Option("--turn", metavar="turn:HOST:PORT", help="Tell viewers of this relay; see --turn-secret.")
]
TurnSecret = Annotated[
    str | None,
    typer.Option(
        "--turn-secret", metavar="SECRET|@FILE",
        help="The secret shared with the relay (coturn: static-auth-secret); credentials made from it expire in a day.",
    ),
]  # fmt: skip
RelayOnly = Annotated[bool, typer.Option("--relay-only", help="Send everything through the relay.")]
Whip = Annotated[
    list[str] | None, typer.Option("--whip", metavar="URL", help="Publish to this WHIP server; may be given again.")
]
WhipToken = Annotated[
    str | None,
    typer.Option(
        "--whip-token", metavar="TOKEN|@FILE",
        help="Sent to every --whip server.",
    ),
]  # fmt: skip
Config = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="TOML", is_eager=True, callback=use_config,
        help="A file of settings named as these options are, like max_viewers = 20; its paths are relative to it. "
        'Each can also be set in the environment, like VIDEOTEXTURE_MAX_VIEWERS; a list as ["one", "the other"], or '
        "one item a line.",
    ),
]  # fmt: skip
PrintConfig = Annotated[
    bool,
    typer.Option(
        "--print-config", show_envvar=False,
        help="Print every setting and where it is from, as TOML, and do nothing else.",
    ),
]  # fmt: skip
