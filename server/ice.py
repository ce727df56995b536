"""Which of the machine's addresses WebRTC media is offered on."""

from __future__ import annotations

import ipaddress
import socket

import aioice.ice
import ifaddr

from server.errors import ServerError

LOOPBACK = "127.0.0.1"


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
