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
Host = Annotated[str, typer.Option("--host", help="Address to listen on, or a name that has one.")]
Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="Port to listen on; 0 for any.")]
IceAddress = Annotated[
    list[str] | None,
    typer.Option(
        "--ice-address", callback=unbracketed_all, help="Offer media on this address only; may be given again."
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
    typer.Option("--alpha", min=0, max=1, callback=finite, help="With --mic: 1 does not listen, 0 nothing else; 0.5."),
]
Osc = Annotated[int | None, typer.Option("--osc", min=0, max=65535, help="Obey OSC on this UDP port; 0 for any.")]
Midi = Annotated[
    str | None,
    typer.Option(
        "--midi", metavar="INPUT",
        help="Obey the MIDI input of this name, or part of it, '' the first; it may come later. Wants the extra midi.",
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
    float, typer.Option("--record-minutes", min=0.1, callback=finite, help="The length of a recorded file.")
]
RecordFiles = Annotated[int, typer.Option("--record-files", min=0, help="How many are kept; 0 for all.")]
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
NoAuth = Annotated[bool, typer.Option("--no-auth", help="Let everybody do what has no token, from anywhere.")]
AllowOrigin = Annotated[
    list[str] | None,
    typer.Option("--allow-origin", metavar="ORIGIN", help="Let this site's pages watch where no token is needed."),
]
RootPath = Annotated[
    str | None,
    typer.Option(
        "--root-path", metavar="PATH",
        help="Where a reverse proxy puts the page, like /wall; else as its X-Forwarded-Prefix says.",
    ),
]  # fmt: skip
TrustedProxy = Annotated[
    list[str] | None,
    typer.Option(
        "--trusted-proxy", metavar="ADDRESS|NETWORK",
        help="Believe the X-Forwarded-… of this proxy too; those of this machine's own are. May be repeated.",
    ),
]  # fmt: skip
TlsCert = Annotated[Path | None, typer.Option("--tls-cert", metavar="PEM", help="For https: certificate and chain.")]
TlsKey = Annotated[Path | None, typer.Option("--tls-key", metavar="PEM", help="For https: its key.")]
MaxViewers = Annotated[int, typer.Option("--max-viewers", min=1, help="At once; more are told to come later.")]
MaxJoins = Annotated[
    float, typer.Option("--max-joins", min=0.1, callback=finite, help="Sessions that one address may open a second.")
]
UdpPorts = Annotated[
    str | None, typer.Option("--udp-ports", metavar="FIRST-LAST", help="Of media; each viewer takes one.")
]
Advertise = Annotated[
    str | None,
    typer.Option(
        "--advertise", metavar="ADDRESS", callback=unbracketed_one,
        help="Tell viewers this address: that of a 1:1 NAT before us.",
    ),
]  # fmt: skip
Turn = Annotated[
    str | None, typer.Option("--turn", metavar="turn:HOST:PORT", help="Tell viewers of this relay; see --turn-secret.")
]
TurnSecret = Annotated[
    str | None,
    typer.Option(
        "--turn-secret", metavar="SECRET|@FILE",
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
        "--whip-token", metavar="TOKEN|@FILE",
        help="Sent to every --whip server.",
    ),
]  # fmt: skip
Config = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="TOML", is_eager=True, callback=use_config,
        help="Settings by the names of these options, like max_viewers = 20; paths are beside the file. Each is also "
        'taken from the environment, as VIDEOTEXTURE_MAX_VIEWERS; a list as ["one", "the other"], or a line each.',
    ),
]  # fmt: skip
PrintConfig = Annotated[
    bool, typer.Option("--print-config", help="Print every setting and where it is from, as TOML, and do nothing else.")
]
