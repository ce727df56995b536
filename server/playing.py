"""Textures opened as they were asked for, and served until interrupted."""

from __future__ import annotations

import os
import sys
import webbrowser
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from models.terminal import UnmetError, console, say
from stream.options import InterpolatorName, open_texture_bridges, wanted_liveliness

if TYPE_CHECKING:
    from export.engine import Engine
    from server.serve import ServerSettings
    from stream.hearing.source import SoundSource
    from stream.player import Player


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


def serve_textures(
    paths: Sequence[Path], settings: ServerSettings, playback: Playback, *, open_browser: bool = False
) -> None:
    """Play one of some textures to everyone who opens the page, until interrupted.

    Args:
        paths: the textures' folders, at least one.
        open_browser: whether to open the page in one, where somebody sits at this terminal.

    Raises:
        UnmetError: what is wanted contradicts itself.
        TextureError: of a texture.
        ServerError: see `server.serve.serve`.
    """
    from server.repertoire import Repertoire
    from server.serve import serve as serve_repertoire

    named = _named(paths)

    def announce(addresses: list[str]) -> None:
        everywhere = " and ".join(addresses)
        Console(highlight=False).print(
            f"{repertoire.playing} is playing at {everywhere}  (Ctrl-C stops it)", soft_wrap=True, markup=False
        )
        if not settings.is_local:
            _warn_of_others(settings)
        if open_browser and sys.stdout.isatty():
            webbrowser.open(addresses[0])

    source = opened_microphone(playback.mic)
    network = None if source is None else _sound_network(named)
    with nullcontext() if network is None else opened_sound_engine(network) as engine:
        opened = partial(opened_player, playback=playback, hears=None if network is None else network.read_bytes())
        with Repertoire(named, opened) as repertoire:
            serve_repertoire(repertoire, settings, on_listening=announce, source=source, sound_engine=engine)


@contextmanager
def opened_player(path: Path, *, playback: Playback, hears: bytes | None = None) -> Iterator[Player]:
    """A texture and all that plays it, while it is open.

    Args:
        hears: the network that embeds what is heard; the walk goes by that if the texture's sound was embedded by the
            same one.

    Raises:
        UnmetError, TextureError: see `serve_textures`.
    """
    from stream.conditioning import Conditioning
    from stream.player import LISTENING_BEHIND_STEPS, Player
    from stream.texture import Texture

    with Texture.open(path) as texture:
        liveliness = wanted_liveliness(texture, playback.jumps_per_minute, playback.temperature, playback.threshold)
        network = texture.sound_network
        conditioning = None
        if playback.mic not in (None, "", "none"):
            if network is not None and network.read_bytes() == hears:
                conditioning = Conditioning.of_texture(texture, behind_steps=LISTENING_BEHIND_STEPS)
            else:
                why = "no sound to compare with" if network is None else "sound that another network embedded"
                say(f"{texture.name} has {why}: onsets hit, but nothing says where to go")
        bridges = open_texture_bridges(texture, playback.interpolator)
        with Player(texture, liveliness, seed=playback.seed, conditioning=conditioning, bridges=bridges) as player:
            yield player


def _named(paths: Sequence[Path]) -> dict[str, Path]:
    """By the names by which they are asked for."""
    from stream.texture_folder import texture_name

    named: dict[str, Path] = {}
    for path in paths:
        name = texture_name(path)
        if name in named and named[name].resolve() == path.resolve():
            raise UnmetError(f"{named[name]} and {path} are the same texture; give it once")
        if name in named:
            raise UnmetError(f"{named[name]} and {path} have the same name, {name!r}; rename one of these folders")
        named[name] = path
    missing = [path for path in paths if not path.is_dir()]
    if missing and len(paths) > 1:
        raise UnmetError(f"{missing[0]}: no such texture; make one with `videotexture fit CLIP -o {missing[0]}`")
    return named


def _sound_network(named: Mapping[str, Path]) -> Path | None:
    """The network of the first texture whose sound was embedded."""
    from stream.texture import Texture

    for path in named.values():
        with Texture.open(path) as texture:
            if texture.sound_network is not None:
                return texture.sound_network
    return None


def opened_sound_engine(network: Path) -> Engine:
    """The network that hears, by the chain of engines that `serve` goes by; to be entered."""
    from export.cache import EngineCache
    from export.chain import Choice, open_engine

    return open_engine(network, Choice(waits=False, cache=EngineCache(tell=say), tell=say))


def opened_microphone(name: str | None) -> SoundSource | None:
    """What `--mic` names, not yet started; None for nothing.

    Raises:
        MicrophoneError: nothing can be meant by it.
    """
    from server.whip import WhipSource
    from stream.hearing.choose import WORDS, open_source

    if not name:
        return None
    word = name.strip().casefold()
    if word in ("none", "whip", *WORDS) and os.path.isfile(name):
        say(f"--mic {name} does not mean the file of that name; say ./{name} for it")
    if name == "none":
        return None
    return WhipSource() if word == "whip" else open_source(name, loop=True)


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
