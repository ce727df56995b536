"""The command `serve`.

Packages are imported inside it, so that `--help` answers at once; torch never is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from server.config import as_toml
from server.given import given_access, given_destinations, given_ice, heeded_alpha
from server.options import (
    Advertise,
    AllowOrigin,
    Alpha,
    Config,
    ControlToken,
    Hls,
    Host,
    IceAddress,
    MaxJoins,
    MaxViewers,
    Microphone,
    Midi,
    NoAuth,
    Osc,
    PlayAt,
    Port,
    PrintConfig,
    Record,
    RecordFiles,
    RecordMinutes,
    RelayOnly,
    Renditions,
    RootPath,
    Rtmp,
    Srt,
    TlsCert,
    TlsKey,
    TrustedProxy,
    Turn,
    TurnSecret,
    UdpPorts,
    ViewerToken,
    Whip,
    WhipToken,
)
from stream.options import Interpolator, InterpolatorName, JumpsPerMinute, Seed, Temperature, Threshold


def serve(
    ctx: typer.Context,
    texture: Annotated[
        list[Path], typer.Argument(metavar="TEXTURE", help="Texture folders; the first is played, or what is due.")
    ],
    play_at: PlayAt = None,
    host: Host = "127.0.0.1",
    port: Port = 8080,
    ice_address: IceAddress = None,
    jumps_per_minute: JumpsPerMinute = None,
    temperature: Temperature = None,
    threshold: Threshold = None,
    seed: Seed = None,
    mic: Microphone = None,
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
    root_path: RootPath = None,
    trusted_proxy: TrustedProxy = None,
    max_viewers: MaxViewers = 100,
    max_joins: MaxJoins = 5.0,
    udp_ports: UdpPorts = None,
    advertise: Advertise = None,
    turn: Turn = None,
    turn_secret: TurnSecret = None,
    relay_only: RelayOnly = False,
    renditions: Renditions = True,
    whip: Whip = None,
    whip_token: WhipToken = None,
    config: Config = None,
    print_config: PrintConfig = False,
) -> None:
    """Play textures for ever to every browser that opens the page: one at a time, another whenever you like."""
    from server.access import Tls, read_token
    from server.app import Manners
    from server.hosts import listening_address
    from server.playing import Playback, serve_textures
    from server.proxied import given_proxies, given_root_path
    from server.serve import ServerSettings
    from server.targets.targets import RecordSettings
    from server.whip_target import WhipTarget

    host = listening_address(host)
    manners = Manners(
        given_access(host, viewer_token, control_token, allow_origin, no_auth=no_auth),
        given_ice(ice_address, udp_ports, advertise, turn, turn_secret, relay_only=relay_only),
        max_viewers,
        max_joins,
        given_root_path(root_path),
        given_proxies(trusted_proxy or ()),
    )
    settings = ServerSettings(
        host,
        port,
        manners=manners,
        tls=Tls.given(tls_cert, tls_key),
        whip=tuple(WhipTarget(url, read_token(whip_token)) for url in whip or ()),
        targets=given_destinations(rtmp=rtmp or (), srt=srt or (), hls=hls or (), record=record or ()),
        alpha=heeded_alpha(alpha, mic),
        osc_port=osc,
        midi_port=midi,
        play_at=tuple(play_at or ()),
        renditions=renditions,
        recording=RecordSettings(60 * record_minutes, record_files),
    )
    if print_config:
        print(as_toml(ctx), end="")  # noqa: T201 - it is what was asked for
        return
    playback = Playback(jumps_per_minute, temperature, threshold, seed, mic, interpolator)
    serve_textures(texture, settings, playback)
