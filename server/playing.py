"""A texture opened as it was asked for, and served until interrupted."""

from __future__ import annotations

import sys
import webbrowser
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from models.terminal import console, say
from stream.options import InterpolatorName, open_texture_bridges, wanted_liveliness

if TYPE_CHECKING:
    from server.serve import ServerSettings
    from stream.hearing.source import SoundSource


@dataclass(frozen=True)
class Playback:
    """How a texture is played.

    Attributes:
        jumps_per_minute, temperature, threshold: see `stream.options.wanted_liveliness`.
        seed: of the walk; None for another one each time.
        mic: what is listened to, as `--mic` names it; None for nothing.
        interpolator: what makes bridges.
    """

    jumps_per_minute: float | None = None
    temperature: float | None = None
    threshold: float | None = None
    seed: int | None = None
    mic: str | None = None
    interpolator: InterpolatorName = InterpolatorName.AUTO


def serve_texture(path: Path, settings: ServerSettings, playback: Playback, *, open_browser: bool = False) -> None:
    """Play to everyone who opens the page, until interrupted.

    Args:
        path: the texture's folder.
        open_browser: whether to open the page in one, where somebody sits at this terminal.

    Raises:
        UnmetError: what is wanted contradicts itself.
        TextureError: of the texture.
        ServerError: see `server.serve.serve`.
    """
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
        liveliness = wanted_liveliness(texture, playback.jumps_per_minute, playback.temperature, playback.threshold)
        source = _open_microphone(playback.mic)
        conditioning = None if source is None else Conditioning.of_texture(texture, behind_steps=LISTENING_BEHIND_STEPS)
        network = texture.sound_network if conditioning else None
        if source is not None and network is None:
            console.print(f"{path.name} has no sound to compare with: onsets hit, but nothing says where to go")
        choice = Choice(waits=False, cache=EngineCache(tell=say), tell=say)
        with nullcontext() if network is None else open_engine(network, choice) as engine:
            bridges = open_texture_bridges(texture, playback.interpolator)
            with Player(texture, liveliness, seed=playback.seed, conditioning=conditioning, bridges=bridges) as player:
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
