"""A cable that is cut: in a network namespace, where packets vanish and nobody says so."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from server.targets.status import State
from tests.media_servers import Nginx
from tests.stream_media import write_texture
from tests.target_run import IMPATIENT, sending, to

NAMESPACE, HERE, THERE = f"vt-{os.getpid()}", f"vta{os.getpid() % 10**6}", f"vtb{os.getpid() % 10**6}"
HERE_ADDRESS, THERE_ADDRESS = "10.203.77.1", "10.203.77.2"


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@contextmanager
def namespace() -> Iterator[None]:
    """Another host at the end of a cable; skipped where none can be made."""
    if shutil.which("ip") is None or os.geteuid() != 0:
        pytest.skip("network namespaces need `ip`, and root")
    try:
        ip("netns", "add", NAMESPACE)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no network namespace can be made here: {error.stderr.decode().strip()}")
    try:
        ip("link", "add", HERE, "type", "veth", "peer", "name", THERE, "netns", NAMESPACE)
        ip("addr", "add", f"{HERE_ADDRESS}/30", "dev", HERE)
        ip("link", "set", HERE, "up")
        ip("-n", NAMESPACE, "addr", "add", f"{THERE_ADDRESS}/30", "dev", THERE)
        ip("-n", NAMESPACE, "link", "set", THERE, "up")
        yield
    finally:
        subprocess.run(["ip", "link", "del", HERE], capture_output=True, check=False)
        ip("netns", "del", NAMESPACE)


async def test_a_cut_cable_is_noticed_within_seconds(tmp_path: Path) -> None:
    texture = write_texture(tmp_path / "numbers.texture")
    with namespace(), Nginx(tmp_path / "nginx", THERE_ADDRESS, ("ip", "netns", "exec", NAMESPACE)) as nginx:
        async with sending(texture, to("rtmp", f"{nginx.rtmp}/key")) as running:
            await running.until_state("rtmp-1", State.LIVE)
            await running.for_s(1.0)
            await asyncio.to_thread(ip, "-n", NAMESPACE, "link", "set", THERE, "down")
            cut_s = time.monotonic()
            stalled = await running.until_state("rtmp-1", State.STALLED)
            assert time.monotonic() - cut_s < IMPATIENT.stalled_s + 1.0
            left = await running.until_state("rtmp-1", State.RETRYING)
            assert left.confirmed_bytes == stalled.confirmed_bytes
            await asyncio.to_thread(ip, "-n", NAMESPACE, "link", "set", THERE, "up")
            await running.until_state("rtmp-1", State.LIVE)
