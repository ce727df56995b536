"""Why a viewer would not connect: ICE tried on each address, ports, the address that viewers know, the relay."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import time
from collections.abc import Mapping
from pathlib import Path

import aioice.ice
from aioice import Connection
from aioice.stun import TransactionFailed, TransactionTimeout
from aioice.turn import create_turn_endpoint

from bench.finding import Finding
from models.terminal import UnmetError
from server.errors import ServerError
from server.given import given_ice
from server.ice import IceSettings, every_address
from server.turn import ADDRESS, TurnServer
from server.udp_ports import PortRange

CONNECT_LIMIT_S = 5.0
RELAY_LIMIT_S = 5.0
MOST_ADDRESSES = 8
CONTAINERS = (Path("/run/.containerenv"), Path("/.dockerenv"))
SETTINGS = ("udp_ports", "advertise", "turn", "turn_secret")
USUAL_PORT, USUAL_TLS_PORT = 3478, 5349


def connection_findings(said: Mapping[str, str | None], addresses: tuple[str, ...] | None = None) -> list[Finding]:
    """Look at all that media needs; at most some seconds for each address that does not work.

    Args:
        said: the settings of `serve` that this is about, by name, as far as they are made.
        addresses: of this machine; by default all that it has.
    """
    try:
        ice = given_ice(None, *(said.get(name) or None for name in SETTINGS))
    except (ServerError, UnmetError) as error:
        return [Finding("ICE settings", str(error), "see `videotexture serve --help`", is_well=False)]
    known = every_address() if addresses is None else addresses
    return asyncio.run(_examine(ice, known[:MOST_ADDRESSES]))


async def _examine(ice: IceSettings, addresses: tuple[str, ...]) -> list[Finding]:
    findings = [await _connects(address) for address in addresses]
    findings.append(_elsewhere(addresses, ice, in_container=any(path.exists() for path in CONTAINERS)))
    if ice.ports is not None:
        findings.append(_ports(ice.ports))
    if ice.turn is not None:
        findings.append(await _relay(ice.turn))
    return findings


async def _connects(address: str) -> Finding:
    """Two ends of a connection on this machine, over one address: its firewall must pass UDP on every port."""
    what, needed = f"ICE on {address}", ipaddress.ip_address(address).is_loopback
    mend = f"let this machine's firewall pass UDP on {address}" + ("" if needed else ", or leave it out: --ice-address")
    began_s = time.monotonic()
    try:
        async with asyncio.timeout(CONNECT_LIMIT_S):
            await _pair(address)
    except TimeoutError:
        found = f"UDP does not pass: no connection within {CONNECT_LIMIT_S:g} s"
        return Finding(what, found, mend, is_well=False, is_needed=needed)
    except OSError as error:
        return Finding(what, f"fails: {error}", mend, is_well=False, is_needed=needed)
    return Finding(what, f"connects in {1000 * (time.monotonic() - began_s):.0f} ms", is_needed=needed)


async def _pair(address: str) -> None:
    lookup = aioice.ice.get_host_addresses
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: [address]
    calling, called = Connection(ice_controlling=True), Connection(ice_controlling=False)
    try:
        await asyncio.gather(calling.gather_candidates(), called.gather_candidates())
        for one, other in ((calling, called), (called, calling)):
            for candidate in other.local_candidates:
                await one.add_remote_candidate(candidate)
            await one.add_remote_candidate(None)
            one.remote_username, one.remote_password = other.local_username, other.local_password
        await asyncio.gather(calling.connect(), called.connect())
        await calling.send(b"heard")
        if await called.recv() != b"heard":
            raise OSError("what arrived was not what was sent")
    finally:
        aioice.ice.get_host_addresses = lookup
        await asyncio.gather(calling.close(), called.close())


def _elsewhere(addresses: tuple[str, ...], ice: IceSettings, *, in_container: bool) -> Finding:
    """Which address viewers on other machines would be given."""
    what = "viewers elsewhere"
    others = [address for address in addresses if not ipaddress.ip_address(address).is_loopback]
    if ice.advertised is not None:
        return Finding(what, f"are told {ice.advertised}", is_needed=False)
    if not others:
        mend = "connect a network; until then, only this machine's own browser can watch"
        return Finding(what, "none: there is only loopback", mend, is_well=False, is_needed=False)
    if in_container and ice.turn is None:
        found = f"are told {others[0]}, which is inside of this container"
        mend = "podman run --network host, or --udp-ports 50000-50050, those published, and --advertise ADDRESS"
        return Finding(what, found, mend, is_well=False, is_needed=False)
    private = all(ipaddress.ip_address(address).is_private for address in others)
    beyond = "; from beyond a router they need --advertise or --turn" if private and ice.turn is None else ""
    return Finding(what, f"are told {', '.join(others)}{beyond}", is_needed=False)


def _ports(ports: PortRange) -> Finding:
    taken = [port for port in range(ports.first, ports.last + 1) if not _is_free(port)]
    found = f"{ports}: {len(ports) - len(taken)} of {len(ports)} are free, one for each viewer"
    if not taken:
        return Finding("UDP ports", found, is_needed=False)
    mend = f"choose others, or end what has {taken[0]} (ss -ulpn)"
    return Finding("UDP ports", found, mend, is_well=False, is_needed=len(taken) == len(ports))


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as tried:
        try:
            tried.bind(("", port))
        except OSError:
            return False
    return True


async def _relay(turn: TurnServer) -> Finding:
    """Ask it for an address, as a viewer's browser would."""
    found = ADDRESS.fullmatch(turn.url)
    assert found is not None
    is_tls, host = found[1] == "turns", found[2].strip("[]")
    port = int(found[3] or (USUAL_TLS_PORT if is_tls else USUAL_PORT))
    transport = "tcp" if is_tls else found[4] or "udp"
    ill = _Ill(turn.url)
    try:
        async with asyncio.timeout(RELAY_LIMIT_S):
            info = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_DGRAM)
            user, password = turn.credentials(time.time())
            context = ssl.create_default_context() if is_tls else None
            ends, _ = await create_turn_endpoint(
                asyncio.DatagramProtocol, (str(info[0][4][0]), port), user, password, ssl=context, transport=transport
            )
            given = ends.get_extra_info("sockname")
            ends.close()
    except socket.gaierror as error:
        return ill(f"has no address: {error.strerror}", "see that its name is right, and that names are looked up")
    except (TimeoutError, TransactionTimeout):
        return ill(
            f"does not answer by {transport.upper()}", f"let {transport.upper()} port {port} through, or start it"
        )
    except TransactionFailed as error:
        mend = "--turn-secret must be coturn's static-auth-secret, and both clocks right"
        return ill(f"refuses us: {error}", mend)
    except OSError as error:
        return ill(f"cannot be reached: {error}", f"start it, or let {transport.upper()} port {port} through")
    return Finding("TURN", f"{turn.url} relays by {given[0]}:{given[1]}", is_needed=False)


class _Ill:
    """A relay that does not relay."""

    def __init__(self, url: str) -> None:
        self._url = url

    def __call__(self, found: str, mend: str) -> Finding:
        return Finding("TURN", f"{self._url} {found}", mend, is_well=False, is_needed=False)
