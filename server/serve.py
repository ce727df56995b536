"""Serving a texture until told to stop."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import os
import socket
from collections.abc import Callable, Generator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np
import uvicorn

from export.engine import Engine
from models import ending
from server.access import Tls
from server.app import Manners, create_app
from server.certificate import Certificate
from server.channel import Channel
from server.controls import Controls
from server.ears import Ears
from server.errors import ServerError
from server.hosts import is_loopback, listening_address
from server.ice import LOOPBACK, every_address
from server.microphone import ViewersMicrophone
from server.midi import MidiControl
from server.midi_port import MidiInput
from server.osc import OscServer
from server.repertoire import Repertoire
from server.schedule import Schedule, follow
from server.service_manager import ServiceManager
from server.targets.address import Destination
from server.targets.targets import RecordSettings, Targets
from server.whip import WhipSource
from server.whip_client import WhipPublisher
from server.whip_target import WhipTarget
from stream.hearing.browser import BrowserSource
from stream.hearing.source import SoundSource

log = logging.getLogger(__name__)

HOST, PORT = "127.0.0.1", 8080
PATIENCE_S = 1.0  # with those who still ask something
DRAIN_S = 2  # until what still answers is cancelled


@dataclass(frozen=True)
class ServerSettings:
    """Where to listen.

    Attributes:
        host, port: of the page; 0 takes any free port.
        manners: who is let in, how many, and by which way.
        tls: for https; None for http.
        whip: servers that it is published to.
        alpha: of the sound's conditioning to begin with; None for the usual.
        osc_port: of UDP; None for no OSC, which has no tokens and so stays on loopback, unless `--no-auth` was said.
        midi_port: the name of an input or a part of it, "" for the first there is; None for no MIDI.
        targets: where else it is sent from the start.
        recording: how recordings are cut.
        play_at: the playlist, as `server.schedule.Schedule.parse` takes it; empty for none.
        renditions: whether viewers behind narrow links get lighter pictures.
    """

    host: str = HOST
    port: int = PORT
    manners: Manners = field(default_factory=Manners)
    tls: Tls | None = None
    whip: tuple[WhipTarget, ...] = ()
    alpha: float | None = None
    osc_port: int | None = None
    midi_port: str | None = None
    targets: tuple[Destination, ...] = ()
    recording: RecordSettings = field(default_factory=RecordSettings)
    play_at: tuple[str, ...] = ()
    renditions: bool = True

    @property
    def osc_host(self) -> str:
        """Where OSC is listened for."""
        return self.host if self.is_local or self.manners.access.no_auth else LOOPBACK

    @property
    def is_local(self) -> bool:
        """Whether the page can be opened on this machine only."""
        return is_loopback(self.host)


class _Server(uvicorn.Server):
    """uvicorn, which before it waits for open connections ends those that would never end by themselves."""

    def __init__(self, config: uvicorn.Config, channel: Channel) -> None:
        super().__init__(config)
        self._channel = channel

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """In place of uvicorn's own way, which waits for ever-open connections after a second Ctrl-C too.

        It is entered before uvicorn begins, too: a cancellation of uvicorn's start is logged with a traceback.
        """

        def stop() -> None:
            self.should_exit = True

        with ending.orderly(stop):
            yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._channel.close()
        hanging_up = asyncio.get_running_loop().call_later(PATIENCE_S, self._hang_up)
        try:
            await super().shutdown(sockets)
        finally:
            hanging_up.cancel()

    def _hang_up(self) -> None:
        """Whoever has not said all of their request by now is not waited for."""
        for connection in list(self.server_state.connections):
            connection.transport.abort()


def serve(
    repertoire: Repertoire,
    settings: ServerSettings,
    *,
    on_listening: Callable[[list[str]], None],
    source: SoundSource | None = None,
    sound_engine: Engine | None = None,
) -> None:
    """Play to everyone who opens the page, until interrupted.

    Args:
        repertoire: what can be played.
        on_listening: called with the page's addresses, as a browser takes them, as soon as they can be opened.
        source: what is listened to, not yet started; None for nothing.
        sound_engine: the textures' sound network, open or not; None where it has none.

    Raises:
        ServerError: the address cannot be listened on, it needs tokens, the playlist is none, or playing failed.
        TextureError: the first texture cannot be played.
        MicrophoneError: the source cannot be started.
    """
    access = replace(settings.manners.access, is_local=settings.is_local)  # which raises where tokens are missing
    settings = replace(settings, manners=replace(settings.manners, access=access))
    settings.manners.ice.use()
    listening = listen(settings.host, settings.port)
    try:
        ending.run(_serve(repertoire, settings, listening, on_listening, source, sound_engine))
    except ExceptionGroup as group:
        log.error("playing stopped", exc_info=group)
        raise ServerError(f"playing stopped: {group.exceptions[0]}; the lines above tell where") from group


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        ServerError: there is no such address, or the port is in use or not ours to take.
    """
    address = listening_address(host)
    try:
        family, _, _, _, where = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]  # with its zone's number
    except socket.gaierror as error:
        raise ServerError(f"cannot listen on {host}: {error.strerror}; `ip addr` lists this machine's") from error
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)  # :: takes IPv4 too, whatever the system's way
    try:
        listening.bind(where)
        listening.listen(128)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise ServerError(
                f"port {port} of {host} is in use, perhaps by another videotexture; stop that, or say --port {port + 1}"
            ) from error
        mend = "`ip addr` lists this machine's" if error.errno == errno.EADDRNOTAVAIL else "try --host or --port"
        raise ServerError(f"cannot listen on {host} port {port}: {error.strerror}; {mend}") from error
    except OverflowError as error:
        listening.close()
        raise ServerError(f"there is no port {port}; ports go from 1 to 65535") from error
    return listening


def _page_addresses(listening: socket.socket, scheme: str = "http") -> list[str]:
    host, port = listening.getsockname()[:2]
    bound = ipaddress.ip_address(host)
    reached = [
        address
        for address in every_address()
        if bound.version == 6 or ipaddress.ip_address(address).version == 4  # an IPv6 socket takes both
    ]
    hosts = [each.replace("%", "%25") for each in (reached if bound.is_unspecified else [host])]  # RFC 6874
    return [f"{scheme}://[{host}]:{port}/" if ":" in host else f"{scheme}://{host}:{port}/" for host in hosts]


async def _serve(
    repertoire: Repertoire,
    settings: ServerSettings,
    listening: socket.socket,
    on_listening: Callable[[list[str]], None],
    source: SoundSource | None,
    sound_engine: Engine | None,
) -> None:
    schedule = Schedule.parse(settings.play_at, list(repertoire.paths)) if settings.play_at else None
    first = next(iter(repertoire.paths)) if schedule is None else schedule.due(datetime.now().time())
    player = await asyncio.to_thread(repertoire.begin, first)
    controls = Controls(player)
    if settings.alpha is not None:
        controls.change({"alpha": settings.alpha})
    channel = Channel(player, controls, adapts=settings.renditions)
    async with AsyncExitStack() as opened:
        ears, microphone = None, None
        if source is not None:
            ears = Ears(source, controls, sound_engine)
            await asyncio.to_thread(ears.__enter__)  # a device takes a while, and an address longer
            opened.push(ears)
        if isinstance(source, BrowserSource):
            microphone = ViewersMicrophone(source, channel.events.send)
        if settings.osc_port is not None:
            await opened.enter_async_context(OscServer(controls, host=settings.osc_host, port=settings.osc_port))
        if settings.midi_port is not None:
            opened.enter_context(MidiInput(MidiControl(controls).handle, settings.midi_port))
        targets = Targets(player.texture, settings.targets, announce=channel.events.send, recording=settings.recording)
        await opened.enter_async_context(targets)
        channel.taps.append(targets.offer)
        channel.followers.append(lambda other: targets.play(other.texture))
        rng = np.random.default_rng()
        publishing = [WhipPublisher(channel, each, settings.manners.ice, rng) for each in settings.whip]
        certificate = None if settings.tls is None else Certificate(settings.tls)
        app = create_app(
            channel, microphone, ears, targets, repertoire, manners=settings.manners,
            listens_to_whip=isinstance(source, WhipSource), publishing=publishing, certificate=certificate,
        )  # fmt: skip
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, timeout_graceful_shutdown=DRAIN_S, server_header=False,
            proxy_headers=False,  # `server.proxied` does that: it has to see whose word it is
            ssl_certfile=settings.tls.certificate if settings.tls else None,
            ssl_keyfile=settings.tls.key if settings.tls else None,
            ssl_context_factory=None if certificate is None else certificate.first_context,
        )  # fmt: skip
        server = _Server(config, channel)
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(channel.run(), name="channel")]
            if ears is not None:
                running.append(tasks.create_task(ears.watch(channel.events.send), name="hearing"))
            if schedule is not None:
                running.append(tasks.create_task(follow(schedule, repertoire, channel), name="playlist"))
            running += [tasks.create_task(each.run(), name="WHIP") for each in publishing]
            if certificate is not None:
                running.append(tasks.create_task(certificate.watch(), name="certificate"))
            manager = ServiceManager.of(os.environ)
            if manager is not None:
                running.append(tasks.create_task(manager.attend(channel.vitals), name="service manager"))
            with server.capture_signals():
                await asyncio.sleep(0)  # where a signal that came earlier cancels; later ones let the server stop
                on_listening(_page_addresses(listening, "http" if settings.tls is None else "https"))
                await server.serve(sockets=[listening])
            for task in running:
                task.cancel()
