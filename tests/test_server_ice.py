"""How media finds its way: ports, addresses and relays, each with real peers and a real relay."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import re
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import aioice
import aiortc.rtcicetransport
import httpx
import pytest
from aiortc import RTCConfiguration, RTCIceServer, RTCIceTransportPolicy, RTCPeerConnection

from server.app import Manners
from server.errors import ServerError
from server.ice import LOOPBACK, IceSettings
from server.offer import advertising
from server.turn import TurnServer
from server.udp_ports import PortRange
from tests.serving import serve_here
from tests.stream_media import write_texture
from tests.whep_peer import SDP, Peer, peer, watch

SECRET = "shared-with-the-relay"
RELAY = "turn:127.0.0.1:3478"
NAT = "127.0.0.2"


@pytest.fixture(scope="module")
def texture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_texture(tmp_path_factory.mktemp("textures") / "ice.texture")


@asynccontextmanager
async def serving(texture: Path, ice: IceSettings, **manners: int) -> AsyncIterator[httpx.AsyncClient]:
    async with serve_here(texture, manners=Manners(ice=ice, **manners)) as server:
        ice.use()
        try:
            async with httpx.AsyncClient(base_url=server.address, timeout=20) as http:
                yield http
        finally:
            IceSettings((LOOPBACK,)).use()


@asynccontextmanager
async def viewer_elsewhere() -> AsyncIterator[Peer]:
    """A viewer whose own ports are any, as those of another process are."""
    within = aiortc.rtcicetransport.Connection
    aiortc.rtcicetransport.Connection = aioice.Connection
    opening = peer("video")
    viewer = await opening.__aenter__()
    aiortc.rtcicetransport.Connection = within
    try:
        yield viewer
    finally:
        await opening.__aexit__(None, None, None)


def candidates(sdp: str) -> list[tuple[str, int, str]]:
    """(address, port, type) of each."""
    found = re.findall(r"a=candidate:\S+ \d \w+ \d+ (\S+) (\d+) typ (\w+)", sdp)
    return [(address, int(port), kind) for address, port, kind in found]


def free_ports(count: int) -> PortRange:
    """So many UDP ports in a row that nobody has just now."""
    for first in range(42000, 60000, 97):
        with contextmanager(_bound)(range(first, first + count)) as all_free:
            if all_free:
                return PortRange(first, first + count - 1)
    raise AssertionError("no free ports")


def _bound(ports: range) -> Iterator[bool]:
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in ports]
    try:
        for each, port in zip(sockets, ports, strict=True):
            each.bind((LOOPBACK, port))
        yield True
    except OSError:
        yield False
    finally:
        for each in sockets:
            each.close()


async def test_media_stays_within_the_ports_and_gives_them_back(texture: Path) -> None:
    ports = free_ports(2)
    async with serving(texture, IceSettings((LOOPBACK,), ports)) as http:
        for _ in range(3):  # each round takes both, and leaves them
            async with viewer_elsewhere() as one, viewer_elsewhere() as two, viewer_elsewhere() as three:
                sessions = []
                taken = []
                for viewer in (one, two):
                    response = await http.post("/whep", content=await viewer.offer(), headers=SDP)
                    taken += [port for _, port, _ in candidates(response.text)]
                    sessions.append(response.headers["location"])
                    await viewer.accept(response.text)
                    await viewer.frames("video", 2)
                assert sorted(taken) == [ports.first, ports.last]
                full = await http.post("/whep", content=await three.offer(), headers=SDP)
                assert full.status_code == 503
                assert f"{ports}" in full.json()["detail"]
                assert int(full.headers["retry-after"]) > 0
                for session in sessions:
                    await http.delete(session)


@pytest.mark.parametrize("text", ["", "a-b", "0-10", "50-40", "50000-70000", "1-2-3", "5_0000", "٥٠٠٠٠"])
def test_what_is_no_range_of_ports(text: str) -> None:
    with pytest.raises(ServerError, match="UDP ports"):
        PortRange.parse(text)


class Nat(asyncio.DatagramProtocol):
    """Hands what comes to its own address on to the server's, and back, as a 1:1 NAT does."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._flows: dict[tuple[str, int], asyncio.DatagramTransport] = {}
        self._waiting: dict[tuple[str, int], list[bytes]] = {}
        self._opening: list[asyncio.Future[None]] = []
        self.carried = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._outside = transport

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        self.carried += 1
        if address in self._flows:
            self._flows[address].sendto(data)
            return
        if address not in self._waiting:
            self._waiting[address] = []
            self._opening.append(asyncio.ensure_future(self._open(address)))
        self._waiting[address].append(data)

    async def _open(self, address: tuple[str, int]) -> None:
        outside = self._outside

        class Back(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, _: tuple[str, int]) -> None:
                outside.sendto(data, address)

        loop = asyncio.get_running_loop()
        flow, _ = await loop.create_datagram_endpoint(Back, remote_addr=(LOOPBACK, self._port))
        self._flows[address] = flow
        for data in self._waiting.pop(address):
            flow.sendto(data)

    def close(self) -> None:
        for flow in self._flows.values():
            flow.close()
        self._outside.close()


async def test_media_comes_through_a_nat_whose_address_is_advertised(texture: Path) -> None:
    ports = free_ports(1)
    loop = asyncio.get_running_loop()
    _, nat = await loop.create_datagram_endpoint(lambda: Nat(ports.first), local_addr=(NAT, ports.first))
    try:
        async with serving(texture, IceSettings((LOOPBACK,), ports)) as http, viewer_elsewhere() as viewer:
            bare = re.sub(r"a=(candidate|end-of-candidates)[^\r]*\r\n", "", await viewer.offer())
            response = await http.post("/whep", content=bare, headers=SDP)
            # `advertising` spares loopback; only here is that what stands behind the NAT
            told = response.text.replace(f" {LOOPBACK} {ports.first} ", f" {NAT} {ports.first} ")
            await viewer.accept(told)
            await viewer.frames("video", 5)
            assert nat.carried > 0
    finally:
        nat.close()


def test_what_is_advertised_takes_the_place_of_what_is_not_reachable() -> None:
    head = "v=0\r\n"
    section = "m=video 9 X\r\n" + "".join(
        f"a=candidate:{number} 1 udp 1 {address} 5000 typ {kind}\r\n"
        for number, (address, kind) in enumerate(
            [
                ("127.0.0.1", "host"),
                ("10.0.0.5", "host"),
                ("172.17.0.1", "host"),
                ("fd00::1", "host"),
                ("9.9.9.9", "relay"),
            ]
        )
    )
    told = advertising(head + section + section, "203.0.113.7")
    expected = [("127.0.0.1", "host"), ("203.0.113.7", "host"), ("fd00::1", "host"), ("9.9.9.9", "relay")]
    assert [(address, kind) for address, _, kind in candidates(told)] == 2 * expected


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"advertised": "box.example"}, "no IP address to advertise"),
        ({"advertised": "0.0.0.0"}, "could send to"),
        ({"relay_only": True, "turn": TurnServer("turn:[::1]", SECRET)}, "say the relay's name"),
        ({"relay_only": True}, "no relay: say --turn"),
        (
            {"relay_only": True, "turn": TurnServer(RELAY, SECRET), "ports": PortRange(5000, 5001)},
            "leave --udp-ports out",
        ),
        ({"relay_only": True, "turn": TurnServer(RELAY, SECRET), "advertised": "203.0.113.7"}, "leave one out"),
    ],
)
def test_what_cannot_be_is_said_at_start(settings: dict[str, object], reason: str) -> None:
    with pytest.raises(ServerError, match=reason):
        IceSettings(**settings)


@pytest.mark.parametrize(
    "url", ["relay.example", "turn:", "http://relay", "turn:host:99999", "turn:a@b:3478", "stun:a", 'turn:a">']
)
def test_what_is_no_relay(url: str) -> None:
    with pytest.raises(ServerError, match="no TURN server"):
        TurnServer(url, SECRET)


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        (" 'turn:relay.example:3478?transport=UDP'\n", "turn:relay.example:3478?transport=udp"),
        ("TURNS:relay.example:5349?transport=tcp", "turns:relay.example:5349?transport=tcp"),
        ("turn://relay.example:3478/", "turn:relay.example:3478"),
        ("turn:[2001:db8::1]", "turn:[2001:db8::1]"),
    ],
)
def test_a_relay_as_people_paste_it(url: str, taken: str) -> None:
    assert TurnServer(url, SECRET).url == taken
    assert TurnServer(url, SECRET).link(0).startswith(f"<{taken}>; ")


def test_a_password_in_a_relays_address_is_not_repeated() -> None:
    with pytest.raises(ServerError, match="no user in its address") as refusal:
        TurnServer("turn:user:s3cret@relay.example", SECRET)
    assert "s3cret" not in str(refusal.value)


@pytest.mark.parametrize(
    "text", ["50000-50010", " 50000 - 50010\n", "50000:50010", "50000\u201350010", "50000-50010/udp"]
)
def test_ports_as_firewalls_write_them(text: str) -> None:
    assert PortRange.parse(text) == PortRange(50000, 50010)


def test_addresses_may_stand_in_brackets() -> None:
    settings = IceSettings(addresses=("[::1]", " 127.0.0.1\n"), advertised="[2001:db8::1]")
    assert settings.addresses == ("::1", LOOPBACK)
    assert settings.advertised == "2001:db8::1"
    with pytest.raises(ServerError, match="could send to"):
        IceSettings(advertised="fe80::1%eth0")


def test_credentials_expire_and_say_when() -> None:
    relay = TurnServer(RELAY, SECRET, valid_s=600)
    user, password = relay.credentials(1_700_000_000.7)
    assert user == "1700000600:videotexture"
    assert base64.b64decode(password) == hmac.digest(SECRET.encode(), user.encode(), hashlib.sha1)
    assert SECRET not in relay.link(1.0) + repr(relay)


@pytest.fixture
def coturn(tmp_path: Path) -> Iterator[str]:
    """A real relay on loopback; its address."""
    program = shutil.which("turnserver")
    if program is None:
        pytest.skip("coturn is not installed (Debian: coturn)")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((LOOPBACK, 0))
        port = probe.getsockname()[1]
    options = ["-n", "-L", LOOPBACK, "-E", LOOPBACK, "-p", str(port), "--realm", "test", "--allow-loopback-peers"]
    options += [
        "--use-auth-secret",
        "--static-auth-secret",
        SECRET,
        "--no-tls",
        "--no-dtls",
        "--no-cli",
        "--cli-password",
        "x",
    ]
    options += ["--min-port", "40000", "--max-port", "40100", "--log-file", str(tmp_path / "turn.log"), "--simple-log"]
    options += ["--pidfile", str(tmp_path / "turn.pid"), "--db", str(tmp_path / "turn.db"), "--relay-threads", "1"]
    process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _await_relay(port, process)
        yield f"turn:{LOOPBACK}:{port}"
    finally:
        process.kill()
        process.wait()


def _await_relay(port: int, process: subprocess.Popen[bytes]) -> None:
    binding = bytes.fromhex("000100002112a442") + bytes(12)  # a STUN binding request
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.settimeout(0.2)
        for _ in range(50):
            try:
                probe.sendto(binding, (LOOPBACK, port))
                probe.recv(1000)
            except OSError:
                assert process.poll() is None, "coturn ended"
            else:
                return
    raise AssertionError("coturn does not answer")


async def test_everything_goes_through_the_relay(texture: Path, coturn: str) -> None:
    ice = IceSettings((LOOPBACK,), turn=TurnServer(coturn, SECRET), relay_only=True)
    async with serving(texture, ice) as http, peer("video") as viewer:
        response = await http.post("/whep", content=await viewer.offer(), headers=SDP)
        assert response.status_code == 201
        assert {kind for _, _, kind in candidates(response.text)} == {"relay"}
        await viewer.accept(response.text)
        await viewer.frames("video", 5)


async def test_a_viewer_relays_with_what_it_is_told(texture: Path, coturn: str) -> None:
    ice = IceSettings((LOOPBACK,), turn=TurnServer(coturn, SECRET))
    async with serving(texture, ice) as http:
        async with peer("video") as first:
            response = await http.post("/whep", content=await first.offer(), headers=SDP)
        link = re.fullmatch(
            r'<(turn:[^>]+)>; rel="ice-server"; username="([^"]+)"; credential="([^"]+)"; credential-type="password"',
            response.headers["link"],
        )
        assert link is not None
        relayed = Peer()
        server = RTCIceServer(*link.groups())
        relayed.connection = RTCPeerConnection(
            RTCConfiguration([server], iceTransportPolicy=RTCIceTransportPolicy.RELAY)
        )
        relayed.connection.on("track", lambda track: relayed.tracks.__setitem__(track.kind, track))
        relayed.connection.addTransceiver("video", direction="recvonly")
        try:
            await watch(http, relayed)
            await relayed.frames("video", 5)
        finally:
            await relayed.connection.close()


async def test_a_relay_that_is_gone_is_told(texture: Path) -> None:
    gone = IceSettings((LOOPBACK,), turn=TurnServer("turn:127.0.0.1:9", SECRET), relay_only=True)
    async with serving(texture, gone) as http, peer("video") as viewer:
        response = await http.post("/whep", content=await viewer.offer(), headers=SDP)
    assert response.status_code == 503
    assert "relay" in response.json()["detail"]
