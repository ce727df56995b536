"""Serving a texture until told to stop."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass

import uvicorn

from server.app import create_app
from server.channel import Channel
from server.errors import ServerError
from server.ice import every_address, offer_addresses
from stream.player import Player

log = logging.getLogger(__name__)

HOST, PORT = "127.0.0.1", 8080
DRAIN_S = 2


@dataclass(frozen=True)
class ServerSettings:
    """Where to listen.

    Attributes:
        host, port: of the page; 0 takes any free port.
        ice_addresses: on which media is offered; by default on all of this machine's, loopback included.
    """

    host: str = HOST
    port: int = PORT
    ice_addresses: tuple[str, ...] | None = None

    @property
    def is_local(self) -> bool:
        """Whether the page can be opened on this machine only."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


class _Server(uvicorn.Server):
    """uvicorn, which before it waits for open connections ends those that would never end by themselves."""

    def __init__(self, config: uvicorn.Config, channel: Channel) -> None:
        super().__init__(config)
        self._channel = channel

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._channel.close()
        await super().shutdown(sockets)


def serve(player: Player, settings: ServerSettings, *, on_listening: Callable[[list[str]], None]) -> None:
    """Play to everyone who opens the page, until interrupted.

    Args:
        on_listening: called with the page's addresses, as a browser takes them, as soon as they can be opened.

    Raises:
        ServerError: the address cannot be listened on, or playing failed.
    """
    listening = listen(settings.host, settings.port)
    offer_addresses(settings.ice_addresses)
    try:
        asyncio.run(_serve(player, listening, on_listening))
    except ExceptionGroup as group:
        log.error("playing stopped", exc_info=group)
        raise ServerError(f"playing stopped: {group.exceptions[0]}; the lines above tell where") from group


def listen(host: str, port: int) -> socket.socket:
    """A listening socket.

    Raises:
        ServerError: the port is in use, or not ours to take.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen(128)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise ServerError(
                f"port {port} of {host} is in use, perhaps by another videotexture; stop that, or say --port {port + 1}"
            ) from error
        raise ServerError(f"cannot listen on {host} port {port}: {error.strerror}; try --host or --port") from error
    except OverflowError as error:
        listening.close()
        raise ServerError(f"there is no port {port}; ports go from 1 to 65535") from error
    return listening


def _page_addresses(listening: socket.socket) -> list[str]:
    host, port = listening.getsockname()[:2]
    bound = ipaddress.ip_address(host)
    same_family = [address for address in every_address() if ipaddress.ip_address(address).version == bound.version]
    hosts = same_family if bound.is_unspecified else [host]
    return [f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/" for host in hosts]


async def _serve(player: Player, listening: socket.socket, on_listening: Callable[[list[str]], None]) -> None:
    channel = Channel(player)
    config = uvicorn.Config(
        create_app(channel), log_level="warning", access_log=False, timeout_graceful_shutdown=DRAIN_S
    )
    server = _Server(config, channel)
    async with asyncio.TaskGroup() as tasks:
        playing = tasks.create_task(channel.run(), name="channel")
        on_listening(_page_addresses(listening))
        await server.serve(sockets=[listening])
        playing.cancel()
