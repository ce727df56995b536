"""Which of the machine's addresses WebRTC media is offered on."""

from __future__ import annotations

import ipaddress

import aioice.ice
import ifaddr

from server.errors import ServerError

LOOPBACK = "127.0.0.1"


def offer_addresses(addresses: tuple[str, ...]) -> None:
    """Offer media on exactly these addresses, for the whole process.

    aioice offers all but loopback, without which a box that has no network cannot show its own page; it has no
    setting for that (0.13), so its one look-up function is given ours.

    Raises:
        ServerError: one of them is no address.
    """
    for address in addresses:
        try:
            ipaddress.ip_address(address)
        except ValueError as error:
            raise ServerError(
                f"{address!r} is no IP address to offer media on; `ip addr` lists this machine's"
            ) from error

    def chosen(use_ipv4: bool, use_ipv6: bool) -> list[str]:
        versions = {4: use_ipv4, 6: use_ipv6}
        return [address for address in addresses if versions[ipaddress.ip_address(address).version]]

    aioice.ice.get_host_addresses = chosen


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
