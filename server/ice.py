"""Where WebRTC media is offered: on which of the machine's addresses, on which ports, through which relay."""

from __future__ import annotations

import ipaddress
import socket
import time
from dataclasses import dataclass

import aioice.ice
import aiortc.rtcicetransport
import ifaddr
from aiortc import RTCConfiguration, RTCIceTransportPolicy

from server.errors import ServerError
from server.turn import TurnServer
from server.udp_ports import PortRange, connection_within
from stream.network_address import bare_ip

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class IceSettings:
    """How media finds its way.

    What aioice cannot do has no setting here: one port for all viewers, ICE over TCP, ICE restarts, more than one TURN
    server.

    Attributes:
        addresses: on which media is offered; None for all of this machine's at the time, loopback included.
        ports: of UDP; None for any.
        advertised: told to viewers in place of this machine's own addresses, where a NAT in front of it hands every
            port on as it is (1:1); None for none.
        turn: told to viewers, and used by ourselves where `relay_only`.
        relay_only: whether our own end, too, uses nothing but the relay.

    Raises:
        ServerError: one is no address, or they contradict each other.
    """

    addresses: tuple[str, ...] | None = None
    ports: PortRange | None = None
    advertised: str | None = None
    turn: TurnServer | None = None
    relay_only: bool = False

    def __post_init__(self) -> None:
        if self.addresses is not None:
            object.__setattr__(self, "addresses", tuple(map(bare_ip, self.addresses)))
        if self.advertised is not None:
            object.__setattr__(self, "advertised", bare_ip(self.advertised))
            _check_advertised(bare_ip(self.advertised))
        if self.relay_only and self.turn is None:
            raise ServerError("relay only, but there is no relay: say --turn turn:HOST:PORT and --turn-secret")
        if self.relay_only and self.turn is not None and "[" in self.turn.url:
            raise ServerError("aiortc finds no relay by an IPv6 address in brackets; say the relay's name")
        if self.relay_only and self.advertised is not None:
            raise ServerError("an advertised address is for our own sockets, and a relay alone has none; leave one out")
        if self.relay_only and self.ports is not None:
            raise ServerError("a relay chooses its ports itself (coturn: min-port, max-port); leave --udp-ports out")

    def use(self) -> None:
        """Let the whole process offer media so, from now on.

        Raises:
            ServerError: one of the addresses is none of this machine's.
        """
        offer_addresses(self.addresses)
        within = aioice.Connection if self.ports is None else connection_within(self.ports)
        aiortc.rtcicetransport.Connection = within  # type: ignore[attr-defined]

    def configuration(self) -> RTCConfiguration:
        """Of a new connection's own end."""
        if self.turn is None or not self.relay_only:
            return RTCConfiguration(iceServers=[])
        servers = [self.turn.ice_server(time.time())]
        return RTCConfiguration(iceServers=servers, iceTransportPolicy=RTCIceTransportPolicy.RELAY)

    def links(self) -> list[str]:
        """What a viewer's end can use, as `Link` headers."""
        return [] if self.turn is None else [self.turn.link(time.time())]


def _check_advertised(address: str) -> None:
    try:
        known = ipaddress.ip_address(address)
    except ValueError as error:
        raise ServerError(f"{address!r} is no IP address to advertise; names are not looked up by ICE") from error
    if known.is_unspecified or known.is_multicast or getattr(known, "scope_id", None):
        raise ServerError(f"{address} is no address that a viewer could send to; give the one that they know")


def offer_addresses(addresses: tuple[str, ...] | None) -> None:
    """Offer media on exactly these addresses, for the whole process; None for all that the machine has at the time.

    aioice offers all but loopback, without which a box that has no network cannot show its own page; it has no
    setting for that (0.13), so its one look-up function is given ours.

    Raises:
        ServerError: one of them is no address, or none of this machine's.
    """
    for address in addresses or ():
        _check(address)

    def chosen(use_ipv4: bool, use_ipv6: bool) -> list[str]:
        # Looked up for each session: a box may start before its network does, and be given another address.
        now = every_address() if addresses is None else addresses
        versions = {4: use_ipv4, 6: use_ipv6}
        return [address for address in now if versions[ipaddress.ip_address(address).version]]

    aioice.ice.get_host_addresses = chosen


def _check(address: str) -> None:
    mend = "`ip addr` lists this machine's"
    try:
        version = ipaddress.ip_address(address).version
    except ValueError as error:
        raise ServerError(f"{address!r} is no IP address to offer media on; {mend}") from error
    with socket.socket(socket.AF_INET6 if version == 6 else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError as error:
            raise ServerError(f"media cannot be offered on {address} ({error.strerror}); {mend}") from error


def every_address() -> tuple[str, ...]:
    """Loopback first, then all addresses of this machine that another could reach."""
    found = [LOOPBACK]
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            if isinstance(ip.ip, str):
                address = ip.ip
            elif ip.ip[2] == 0:  # link-local ones need a scope that candidates cannot carry
                address = ip.ip[0]
            else:
                continue
            if not ipaddress.ip_address(address).is_loopback:
                found.append(address)
    return tuple(found)
