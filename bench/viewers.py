"""Viewers in a process of their own: they take the stream as a browser does, but throw the pictures away undecoded.

`python -m bench.viewers ADDRESS COUNT` connects; each line on its standard input is answered by one line of JSON with
what all of them have received so far; the end of its input ends it.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import urllib.request
from dataclasses import asdict, dataclass

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.stats import RTCTransportStats

from bench.server_process import BenchError
from server.ice import LOOPBACK, offer_addresses

CONNECT_LIMIT_S = 30.0
END_LIMIT_S = 10.0


@dataclass(frozen=True)
class Received:
    """What all viewers together have received.

    Attributes:
        packets: RTP and RTCP packets.
        size_bytes: of them, with their headers.
    """

    packets: int
    size_bytes: int


class Viewers:
    """Some viewers of one server; a context manager: entering returns when all are connected, leaving ends them."""

    def __init__(self, address: str, count: int) -> None:
        self._command = (sys.executable, "-m", "bench.viewers", address, str(count))
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Viewers:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            self.received()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self._end()

    def received(self) -> Received:
        """What came in so far.

        Raises:
            BenchError: the viewers' process is gone.
        """
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write("\n")
            process.stdin.flush()
        except BrokenPipeError:
            answer = ""
        else:
            answer = process.stdout.readline()
        if not answer:
            raise BenchError("the viewers of this measurement could not connect, or ended; their reason is above")
        return Received(**json.loads(answer))

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        try:
            process.communicate(timeout=END_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def _connect(address: str) -> RTCPeerConnection:
    """One viewer, from the offer to the first packet that can arrive."""
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    connected = asyncio.Event()

    @peer.on("connectionstatechange")
    def changed() -> None:
        if peer.connectionState == "connected":
            connected.set()

    peer.addTransceiver("video", direction="recvonly")
    peer.addTransceiver("audio", direction="recvonly")
    await peer.setLocalDescription(await peer.createOffer())
    answer = await asyncio.to_thread(_post, f"{address}whep", peer.localDescription.sdp)
    # The server sends; but this end is told that it does not, and so starts no decoder: packets are decrypted,
    # counted and dropped. Decoding eight of them would need more machine than is here. Such a viewer answers the
    # server's ICE checks, but sends no receiver reports.
    await peer.setRemoteDescription(RTCSessionDescription(answer.replace("a=sendonly", "a=inactive"), "answer"))
    await asyncio.wait_for(connected.wait(), CONNECT_LIMIT_S)
    return peer


def _post(url: str, offer: str) -> str:
    request = urllib.request.Request(url, offer.encode(), {"Content-Type": "application/sdp"})
    with urllib.request.urlopen(request, timeout=CONNECT_LIMIT_S) as response:
        return str(response.read().decode())


async def _received(peers: list[RTCPeerConnection]) -> Received:
    # The sections of a connection share one transport: its figures come once, whatever the number of sections.
    reports = [report for peer in peers for report in (await peer.getStats()).values()]
    transports = [report for report in reports if isinstance(report, RTCTransportStats)]
    return Received(
        sum(report.packetsReceived for report in transports), sum(report.bytesReceived for report in transports)
    )


async def _serve_counts(address: str, count: int) -> None:
    """Connect, then answer each line of standard input until its end."""
    offer_addresses((LOOPBACK,))
    peers = [await _connect(address) for _ in range(count)]
    try:
        while await asyncio.to_thread(sys.stdin.readline):
            sys.stdout.write(json.dumps(asdict(await _received(peers))) + "\n")
            sys.stdout.flush()
    finally:
        await asyncio.gather(*(peer.close() for peer in peers))


if __name__ == "__main__":
    asyncio.run(_serve_counts(sys.argv[1], int(sys.argv[2])))
