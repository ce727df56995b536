"""nginx as it stands before a server: one `location` block, on loopback."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from server.ice import LOOPBACK
from tests.media_servers import START_S, free_port, need

CONFIGURATION = """
user root;
worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log info;
events {{ worker_connections 128; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{ listen {host}:{port}; {locations} }}
}}
"""


@contextmanager
def reverse_proxy(folder: Path, locations: str) -> Iterator[str]:
    """Run nginx with these `location` blocks; yields its address, without a slash at its end."""
    need(shutil.which("nginx") is not None, "nginx")
    folder.mkdir(parents=True, exist_ok=True)
    port, file = free_port(), folder / "nginx.conf"
    file.write_text(CONFIGURATION.format(folder=folder, host=LOOPBACK, port=port, locations=locations))
    process = subprocess.Popen(
        ["nginx", "-c", str(file), "-p", str(folder)],
        start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline_s = time.monotonic() + START_S
        while True:
            with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, port), 1):
                break
            if process.poll() is not None or time.monotonic() > deadline_s:
                raise AssertionError(f"nginx did not start: {(folder / 'error.log').read_text()[-500:]}")
            time.sleep(0.05)
        yield f"http://{LOOPBACK}:{port}"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
