"""Where a server listens: addresses as people write them, names looked up once, and which of them others can reach."""

from __future__ import annotations

import ipaddress
import re
import socket

from server.errors import ServerError

_ALL = "to listen on every address, say --host 0.0.0.0, or :: for those of IPv6 too"
_WITH_PORT = re.compile(r"(\[[^\]]*\]|[^:\[\]]*):(\d+)")


def unbracketed(text: str) -> str:
    """An address without the brackets that it has in URLs (RFC 3986, 3.2.2)."""
    text = text.strip()
    return text[1:-1] if text.startswith("[") and text.endswith("]") else text


def listening_address(host: str) -> str:
    """The numeric address that is meant by `--host`, so that what is judged is what is listened on.

    Args:
        host: an IPv4 address, an IPv6 one with or without brackets and zone (`fe80::1%eth0`), or a name of this
            machine. Of the addresses that a name has, the first of IPv4 is taken, else the first.

    Raises:
        ServerError: it is neither, or says more than an address.
    """
    text = _without_idle_zone(unbracketed(host))
    if text in ("", "*"):
        raise ServerError(f"--host {host!r} is no address; {_ALL}")
    if "/" in text:
        raise ServerError(f"--host {host}: expected an address or a name alone, like 127.0.0.1, no URL or network")
    with_port = _WITH_PORT.fullmatch(host.strip())
    if with_port is not None:
        raise ServerError(f"--host {host}: takes no port; say --host {with_port[1]} --port {with_port[2]}")
    if is_link_local(text) and "%" not in text:
        raise ServerError(f"--host {host}: is a link-local address; say its interface too, like {text}%eth0")
    try:
        found = socket.getaddrinfo(text, None, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        why = error.strerror if isinstance(error, socket.gaierror) else "it is no name"
        raise ServerError(
            f"--host {host}: no address can be found for it ({why}); say one of this machine's, like 127.0.0.1"
        ) from error
    first = next((each for each in found if each[0] == socket.AF_INET), found[0])
    return _unmapped(_with_zone(str(first[4][0]), text))


def _without_idle_zone(text: str) -> str:
    """Without the zone of an address that is not link-local, where it says nothing (RFC 4007, 6) and glibc minds it."""
    address = text.partition("%")[0]
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return text
    return text if is_link_local(address) else address


def is_link_local(text: str) -> bool:
    """Whether it is an IPv6 address that means something on one interface only (RFC 4291, 2.5.6)."""
    try:
        return ipaddress.IPv6Address(text).is_link_local
    except ValueError:
        return False


def _with_zone(address: str, text: str) -> str:
    """With the zone that was said; Python's `getaddrinfo` gives it as a number, apart from the address."""
    zone = text.partition("%")[2]
    return f"{address}%{zone}" if zone and "%" not in address else address


def _unmapped(address: str) -> str:
    """The IPv4 address that an IPv6 one stands for (RFC 4291, 2.5.5.2), or the address itself."""
    known = ipaddress.ip_address(address)
    mapped = known.ipv4_mapped if isinstance(known, ipaddress.IPv6Address) else None
    return address if mapped is None else str(mapped)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address; of names, it knows `localhost` and those below it (RFC 6761)."""
    try:
        return ipaddress.ip_address(_unmapped(unbracketed(host))).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
