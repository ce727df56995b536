"""Viewers in a process of their own, as cheap as they can be: thirty of them shall fit on the core beside the server.

ICE and DTLS are aiortc's; what comes then is timed by the kernel, and counted by its headers, which are in the clear:
nothing is decrypted. Such a viewer answers the server's ICE checks, but sends no reports.

`python -m bench.viewers ADDRESS COUNT` connects and says `{}`; a number of seconds on its standard input is answered,
when they are over, by one line of JSON with what all together got in them; the end of its input ends it.
"""

from __future__ import annotations

import asyncio
import json
import select
import socket
import struct
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from aioice.ice import StunProtocol
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.sdp import SessionDescription

from bench.arrivals import Arrivals, Packet, arrivals_of, is_rtp, read_packet, together
from bench.server_process import BenchError
from server.ice import LOOPBACK, offer_addresses

CONNECT_LIMIT_S = 30.0
END_LIMIT_S = 10.0
RECEIVE_BUFFER_BYTES = 4 << 20
MOST_BYTES = 2048  # of a datagram
SO_TIMESTAMPNS = 35  # <asm-generic/socket.h>; not in Python's `socket`
TIMESPEC = struct.Struct("@qq")


class Viewers:
    """Some viewers of one server; a context manager: entering returns when all are connected, leaving ends them."""

    def __init__(self, address: str, count: int, inside: Sequence[str] = ()) -> None:
        """Remember what to start.

        Args:
            address: of the server's page.
            inside: what to write before their command, to run it in a network namespace.
        """
        self._command = (*inside, sys.executable, "-m", "bench.viewers", address, str(count))
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Viewers:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            self._answer()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self._end()

    def begin(self, seconds: float) -> None:
        """Let them count for so long, beginning now.

        Raises:
            BenchError: their process is gone.
        """
        process = self._process
        assert process is not None
        assert process.stdin is not None
        try:
            process.stdin.write(f"{seconds}\n")
            process.stdin.flush()
        except BrokenPipeError as error:
            raise _gone() from error

    def got(self) -> Arrivals:
        """What all together got in the seconds that `begin` began, waited for.

        Raises:
            BenchError: their process is gone.
        """
        return Arrivals(**json.loads(self._answer()))

    def _answer(self) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        answer = self._process.stdout.readline()
        if not answer:
            raise _gone()
        return answer

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        try:
            process.communicate(timeout=END_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _gone() -> BenchError:
    return BenchError("the viewers of this measurement could not connect, or ended; their reason is above")


@dataclass
class Watcher:
    """One connected viewer.

    Attributes:
        video_type: the payload type of pictures.
        own: its socket, timed by the kernel.
        packets: what arrived while it was counting.
    """

    peer: RTCPeerConnection
    video_type: int
    own: socket.socket
    packets: list[Packet] = field(default_factory=list)

    def take(self) -> None:
        """Read all that waits; what is not RTP goes to aiortc, which answers at once."""
        while True:
            try:
                datagram, notes, _, sender = self.own.recvmsg(MOST_BYTES, socket.CMSG_SPACE(TIMESPEC.size))
            except BlockingIOError:
                return
            if is_rtp(datagram):
                self.packets.append(read_packet(_arrived_ns(notes), datagram))
            elif datagram[0] < 64:
                _protocol(self.peer).datagram_received(datagram, sender)


def _arrived_ns(notes: list[tuple[int, int, bytes]]) -> int:
    for level, kind, value in notes:
        if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
            seconds, nanoseconds = TIMESPEC.unpack(value[: TIMESPEC.size])
            return int(1_000_000_000 * seconds + nanoseconds)
    return time.time_ns()


def _protocol(peer: RTCPeerConnection) -> StunProtocol:
    """What reads and writes the socket of a connection. aiortc does not show it (1.16)."""
    pair = peer.getTransceivers()[0].sender.transport.transport._connection._nominated[1]
    return pair.protocol


async def connect(address: str) -> Watcher:
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
    # The server sends; but this end is told that it does not, and so starts no decoder.
    await peer.setRemoteDescription(RTCSessionDescription(answer.replace("a=sendonly", "a=inactive"), "answer"))
    await asyncio.wait_for(connected.wait(), CONNECT_LIMIT_S)
    protocol = _protocol(peer)
    own = protocol.transport.get_extra_info("socket").dup()
    own.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
    take = protocol.datagram_received

    def without_media(data: bytes | str, sender: tuple[Any, ...]) -> None:
        if isinstance(data, bytes) and data[0] < 64:
            take(data, sender)

    # Decrypting what nobody counts would take all of a core.
    protocol.datagram_received = without_media  # type: ignore[method-assign, assignment]
    return Watcher(peer, _video_type(answer), own)


def _video_type(answer: str) -> int:
    video = next(media for media in SessionDescription.parse(answer).media if media.kind == "video")
    payload_type = video.rtp.codecs[0].payloadType
    assert payload_type is not None
    return payload_type


def _post(url: str, offer: str) -> str:
    request = urllib.request.Request(url, offer.encode(), {"Content-Type": "application/sdp"})
    with urllib.request.urlopen(request, timeout=CONNECT_LIMIT_S) as response:
        return str(response.read().decode())


def count(watchers: list[Watcher], seconds: float) -> Arrivals:
    """What they get in so many seconds. Blocks: asyncio would cost more than counting does."""
    ready = select.epoll()
    for watcher in watchers:
        watcher.take()  # what waited came before
        watcher.packets.clear()
        ready.register(watcher.own.fileno(), select.EPOLLIN)
    by_number = {watcher.own.fileno(): watcher for watcher in watchers}
    until_s = time.monotonic() + seconds
    while (left_s := until_s - time.monotonic()) > 0:
        for number, _ in ready.poll(left_s):
            by_number[number].take()
    ready.close()
    return together(arrivals_of(watcher.packets, watcher.video_type) for watcher in watchers)


async def _serve_counts(address: str, number: int) -> None:
    """Connect, then answer each line of standard input until its end."""
    offer_addresses((LOOPBACK,))
    watchers = [await connect(address) for _ in range(number)]
    try:
        _tell({})
        while line := await asyncio.to_thread(sys.stdin.readline):
            _tell(asdict(count(watchers, float(line))))
    finally:
        for watcher in watchers:
            watcher.own.close()
        await asyncio.gather(*(watcher.peer.close() for watcher in watchers))


def _tell(answer: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(_serve_counts(sys.argv[1], int(sys.argv[2])))
