"""Media servers for the tests of targets: nginx with its RTMP module, and servers that misbehave; all on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from server.ice import LOOPBACK

RTMP_MODULE = Path("/usr/lib/nginx/modules/ngx_rtmp_module.so")
START_S = 10.0
CONFIGURATION = """
load_module {module};
user root;
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ worker_connections 128; }}
rtmp {{
    access_log off;
    server {{
        listen {host}:{port};
        chunk_size 4096;
        application live {{ live on; wait_key on; drop_idle_publisher 60s; }}
        application hls {{ live on; hls on; hls_path {folder}/hls; hls_fragment 1s; hls_playlist_length 8s; }}
    }}
}}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{ listen {host}:{http_port}; location / {{ root {folder}; }} location /stat {{ rtmp_stat all; }} }}
}}
"""


def need(is_here: bool, what: str) -> None:
    """Skip where a program is missing; fail where it was promised."""
    if not is_here:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{what} is not here; `.ci/run` installs it")


def need_ffmpeg() -> str:
    """The `ffmpeg` command."""
    found = shutil.which("ffmpeg")
    need(found is not None, "ffmpeg")
    return str(found)


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


class Nginx:
    """nginx with RTMP and HLS; a context manager, which may be killed and started again meanwhile.

    Attributes:
        rtmp: the address of its application `live`, without a key.
        hls: that of its application `hls`, whose playlists are under `http`/hls/.
        http: of its web server.
    """

    def __init__(self, folder: Path, host: str = LOOPBACK, within: tuple[str, ...] = ()) -> None:
        """Prepare.

        Args:
            host: to listen on.
            within: a command that runs another, in another network namespace say.
        """
        need(shutil.which("nginx") is not None and RTMP_MODULE.exists(), "nginx with its RTMP module")
        folder.mkdir(parents=True, exist_ok=True)
        self.port, self._http_port = free_port(), free_port()
        self.rtmp, self.hls = (f"rtmp://{host}:{self.port}/{application}" for application in ("live", "hls"))
        self.http = f"http://{host}:{self._http_port}"
        self._host, self._within = host, within
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Start it, on the same ports as before."""
        file = self._folder / "nginx.conf"
        file.write_text(
            CONFIGURATION.format(
                module=RTMP_MODULE, folder=self._folder, host=self._host, port=self.port, http_port=self._http_port
            )
        )
        self._process = subprocess.Popen(
            [*self._within, "nginx", "-c", str(file), "-p", str(self._folder)],
            start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline_s = time.monotonic() + START_S
        while True:
            with contextlib.suppress(OSError), socket.create_connection((self._host, self.port), 1):
                return
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                raise AssertionError(f"nginx did not start: {(self._folder / 'error.log').read_text()[-500:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """As a power cut would; its connections are reset."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


class Between:
    """Stands between a target and its server, and can stop reading, or fall silent, at any moment.

    Attributes:
        port: to connect to.
        passes: whether what arrives is read and passed on.
        connections: how many there have been.
    """

    def __init__(self, server_port: int | None) -> None:
        self.port = 0
        self.passes = True
        self.connections = 0
        self._server_port = server_port
        self._tasks: set[asyncio.Task[None]] = set()

    async def hold(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        try:
            if self._server_port is None:
                await asyncio.Event().wait()  # never answers
            other_reader, other_writer = await asyncio.open_connection(LOOPBACK, self._server_port)
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._pump(reader, other_writer))
                    tasks.create_task(self._pump(other_reader, writer))
            finally:
                other_writer.close()
        except* OSError:
            pass
        finally:
            writer.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            while not self.passes:  # noqa: ASYNC110 (set from outside, at any moment)
                await asyncio.sleep(0.02)
            data = await reader.read(2048)
            if not data:
                raise ConnectionResetError
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def between(server_port: int | None, tls: ssl.SSLContext | None = None) -> AsyncIterator[Between]:
    """A `Between` on loopback, with buffers so small that it is soon felt when it does not read.

    Args:
        server_port: of what it stands before; None for one that accepts and never says a word.
        tls: what it speaks to those who connect.
    """
    holder = Between(server_port)
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # inherited by what is accepted
    listening.bind((LOOPBACK, 0))
    listening.listen()
    running: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        try:
            await holder.hold(reader, writer)
        except asyncio.CancelledError:
            if not ending:
                raise
        finally:
            running.discard(task)

    ending = False
    server = await asyncio.start_server(accept, sock=listening, limit=2048, ssl=tls)
    holder.port = listening.getsockname()[1]
    try:
        yield holder
    finally:
        ending = True
        server.close()
        for task in tuple(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await server.wait_closed()
