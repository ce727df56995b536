"""A WebRTC viewer in a process of its own, that tells the longest gap between two pictures.

`python -m tests.gap_viewer ADDRESS` answers each line of its standard input with one of JSON, on what it saw since the
last, and ends with it.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from bench.whole_pictures import receive_whole_pictures
from server.ice import LOOPBACK, offer_addresses

BEAT_S = 0.01
OWN_STALL_S = 0.03  # a beat that came so late: this process itself stood still
CONNECT_S = 20.0


@dataclass(frozen=True)
class Watched:
    """What a viewer saw.

    Attributes:
        pictures: how many.
        gaps_s: the ten longest between two pictures, without those in which this process itself stood still.
        own_stalls_s: the ten longest times for which it did.
    """

    pictures: int
    gaps_s: list[float] = field(default_factory=list)
    own_stalls_s: list[float] = field(default_factory=list)


class Watching:
    """A viewer's process, while it runs; after that, what it saw."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def started(self) -> None:
        """Wait for its first picture."""
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "watching\n"

    def seen(self) -> Watched:
        """What it saw since it was last asked, or began."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return Watched(**json.loads(self._process.stdout.readline()))


@contextmanager
def watching(address: str) -> Iterator[Watching]:
    """A viewer of the server at an address without a slash at its end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.gap_viewer", address], cwd=Path(__file__).parents[1],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield Watching(process)
    finally:
        process.kill()
        process.communicate()


async def _watch(address: str) -> None:
    offer_addresses((LOOPBACK,))
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    came_s: list[float] = []
    stood: list[tuple[float, float]] = []
    first = asyncio.Event()
    tasks: list[asyncio.Task[None]] = []

    async def take(track: Any) -> None:
        while True:
            await track.recv()
            if track.kind == "video":
                came_s.append(time.monotonic())
                first.set()

    async def beat() -> None:
        while True:
            before_s = time.monotonic()
            await asyncio.sleep(BEAT_S)
            if time.monotonic() - before_s > BEAT_S + OWN_STALL_S:
                stood.append((before_s, time.monotonic()))

    peer.on("track", lambda track: tasks.append(asyncio.create_task(take(track))))
    for kind in ("video", "audio"):
        receiver = peer.addTransceiver(kind, direction="recvonly").receiver
        if kind == "video":
            receive_whole_pictures(receiver)
    await peer.setLocalDescription(await peer.createOffer())
    request = urllib.request.Request(
        f"{address}/whep", peer.localDescription.sdp.encode(), {"Content-Type": "application/sdp"}
    )
    answer = await asyncio.to_thread(lambda: urllib.request.urlopen(request, timeout=CONNECT_S).read().decode())
    await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    await asyncio.wait_for(first.wait(), CONNECT_S)
    await asyncio.sleep(1.0)  # the jitter buffer fills
    came_s.clear()
    beating = asyncio.create_task(beat())
    sys.stdout.write("watching\n")
    sys.stdout.flush()
    while await asyncio.to_thread(sys.stdin.readline):
        sys.stdout.write(json.dumps(asdict(_seen(came_s, stood))) + "\n")
        sys.stdout.flush()
        came_s.clear()
        stood.clear()
    for task in (*tasks, beating):
        task.cancel()
    await peer.close()


def _seen(came_s: list[float], stood: list[tuple[float, float]]) -> Watched:
    gaps = [
        later - earlier for earlier, later in pairwise(came_s)
        if not any(begins < later and earlier < ends for begins, ends in stood)
    ]  # fmt: skip
    own = sorted((ends - begins for begins, ends in stood), reverse=True)
    return Watched(len(came_s), sorted(gaps, reverse=True)[:10], own[:10])


if __name__ == "__main__":
    asyncio.run(_watch(sys.argv[1]))
