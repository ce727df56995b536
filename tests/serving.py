"""Servers for tests: the real command in a process of its own, and the same application in the test's own loop."""

from __future__ import annotations

import asyncio
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from server.app import Manners, create_app
from server.channel import Channel
from server.ice import LOOPBACK, offer_addresses
from server.microphone import ViewersMicrophone
from server.serve import listen
from server.sessions import Sessions
from server.whip import WhipSource
from stream.hearing.browser import BrowserSource
from stream.player import Player
from stream.texture import Texture

START_S = 60.0  # imports alone take several seconds on a busy machine
STOP_S = 15.0


@dataclass
class ServerProcess:
    """`videotexture serve` as a user runs it.

    Attributes:
        address: of the page.
        began_s: the monotonic time at which it was listening.
    """

    process: subprocess.Popen[str]
    address: str
    began_s: float

    @property
    def port(self) -> int:
        return int(self.address.rstrip("/").rsplit(":", 1)[1])

    def stop(self) -> str:
        """Ctrl-C; returns what it wrote to stderr."""
        self.process.send_signal(signal.SIGINT)
        return self.process.communicate(timeout=STOP_S)[1]

    def kill(self) -> None:
        """As a power cut would."""
        self.process.kill()
        self.process.communicate()


@contextmanager
def serve_process(texture: Path, *options: str, port: int = 0) -> Iterator[ServerProcess]:
    """Run `serve` with all media on loopback; whatever happens, it is gone afterwards."""
    command = [sys.executable, "-c", "import videotexture; videotexture.main()", "serve", str(texture)]
    arguments = ["--port", str(port), "--ice-address", LOOPBACK, *options]
    environment = os.environ | {"COLUMNS": "300", "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    try:
        address = _printed_address(process)
        yield ServerProcess(process, address, time.monotonic())
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def _printed_address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], START_S)
    line = process.stdout.readline() if ready else ""
    found = re.search(r"https?://\S+/", line)
    if found is None:
        process.kill()
        raise AssertionError(f"the server printed no address but {line!r}, and {process.communicate()[1]!r}")
    return found[0]


@dataclass
class LocalServer:
    """The application in this process, on a real port.

    Attributes:
        address: without a slash at its end.
    """

    address: str
    channel: Channel
    sessions: Sessions
    app: FastAPI


@asynccontextmanager
async def serve_here(
    texture: Path,
    *,
    jumps_per_minute: float = 30.0,
    seed: int = 1,
    hears: BrowserSource | None = None,
    manners: Manners | None = None,
) -> AsyncIterator[LocalServer]:
    """Serve in the running loop, for tests that look at the channel as well.

    Args:
        hears: what a viewer's microphone is pushed into; without it, none is asked for.
        manners: who is let in, and how media finds its way; by default everybody, on loopback.
    """
    offer_addresses((LOOPBACK,))
    with Texture.open(texture) as opened:
        liveliness = opened.liveliness(jumps_per_minute)
        with Player(opened, liveliness, seed=seed) as player:
            channel = Channel(player)
            listening = listen(LOOPBACK, 0)
            microphone = None if hears is None else ViewersMicrophone(hears, channel.events.send)
            app = create_app(channel, microphone, manners=manners, listens_to_whip=isinstance(hears, WhipSource))
            config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2, proxy_headers=False)
            server = uvicorn.Server(config)
            async with asyncio.TaskGroup() as tasks:
                playing = tasks.create_task(channel.run(), name="channel")
                serving = tasks.create_task(server.serve(sockets=[listening]), name="uvicorn")
                try:
                    yield LocalServer(
                        f"http://{LOOPBACK}:{listening.getsockname()[1]}", channel, app.state.sessions, app
                    )
                finally:
                    channel.close()
                    server.should_exit = True
                    await serving
                    playing.cancel()
