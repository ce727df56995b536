"""Viewers who come, see one picture and go, in a process of their own.

`python -m bench.newcomers ADDRESS`: each number on its standard input is answered, when so many have come and gone, by
a line of JSON with the milliseconds that each waited for its first picture; the end of its input ends it.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
import urllib.request
from typing import cast
from urllib.parse import urljoin

import numpy as np
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from bench.server_process import BenchError
from bench.whole_pictures import receive_whole_pictures
from server.ice import LOOPBACK, offer_addresses

PICTURE_LIMIT_S = 20.0
END_LIMIT_S = 10.0
PAUSE_S = 0.4  # before each, at most: two GOPs
SEED = 0


class Newcomers:
    """A process of viewers; a context manager."""

    def __init__(self, address: str) -> None:
        self._command = (sys.executable, "-m", "bench.newcomers", address)
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Newcomers:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *exc: object) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        try:
            process.communicate(timeout=END_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def come(self, count: int) -> list[float]:
        """Let so many come and go, one after the other; returns what each waited for its first picture, in ms.

        Raises:
            BenchError: one saw nothing.
        """
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{count}\n")
        process.stdin.flush()
        answer = process.stdout.readline()
        if not answer:
            raise BenchError("a newcomer saw no picture; the reason is above")
        return cast("list[float]", json.loads(answer))


async def _visit(url: str) -> float:
    """Come, see, go: from the request to the first decoded picture, in ms."""
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    first: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    watching: list[asyncio.Task[None]] = []

    async def see(track: MediaStreamTrack) -> None:
        await track.recv()
        if not first.done():
            first.set_result(None)

    @peer.on("track")
    def on_track(track: MediaStreamTrack) -> None:
        if track.kind == "video":
            watching.append(asyncio.create_task(see(track)))

    for kind in ("video", "audio"):
        receiver = peer.addTransceiver(kind, direction="recvonly").receiver
        if kind == "video":
            receive_whole_pictures(receiver)
    try:
        await peer.setLocalDescription(await peer.createOffer())
        began_s = time.perf_counter()
        answer, session = await asyncio.to_thread(_post, url, peer.localDescription.sdp)
        await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        await asyncio.wait_for(first, PICTURE_LIMIT_S)
        waited_ms = 1e3 * (time.perf_counter() - began_s)
        await asyncio.to_thread(_delete, session)
    finally:
        await peer.close()
        await asyncio.gather(*watching, return_exceptions=True)
    return round(waited_ms, 1)


def _post(url: str, offer: str) -> tuple[str, str]:
    request = urllib.request.Request(url, offer.encode(), {"Content-Type": "application/sdp"})
    with urllib.request.urlopen(request, timeout=PICTURE_LIMIT_S) as response:
        return str(response.read().decode()), urljoin(url, response.headers["Location"])


def _delete(url: str) -> None:
    urllib.request.urlopen(urllib.request.Request(url, method="DELETE"), timeout=PICTURE_LIMIT_S).close()


async def _serve(address: str) -> None:
    offer_addresses((LOOPBACK,))
    url = f"{address}whep"
    rng = np.random.default_rng(SEED)
    while line := await asyncio.to_thread(sys.stdin.readline):
        waits_ms = []
        for _ in range(int(line)):
            # Whoever comes as soon as the last one has seen a picture always comes just behind an IDR.
            await asyncio.sleep(rng.uniform(0.0, PAUSE_S))
            waits_ms.append(await _visit(url))
        sys.stdout.write(json.dumps(waits_ms) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
