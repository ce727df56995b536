"""Origins of pages, as people write them and as browsers say them (RFC 6454, 6.2)."""

from __future__ import annotations

from server.errors import ServerError
from stream.network_address import network_address, pasted

PORTS = {"http": 80, "https": 443}


def as_browsers_say(origin: str) -> str:
    """An origin as it stands in `Origin`: small letters, no port that goes without saying, no slash, names in ASCII.

    Raises:
        ServerError: it is none.
    """
    if pasted(origin).lower() == "null":
        return "null"  # that of pages out of files
    expected = "expected one like https://show.example.org"
    try:
        address = network_address(origin)
    except ValueError as error:
        raise ServerError(f"{origin!r} is no origin of pages: {error}; {expected}") from error
    if address.scheme not in PORTS or address.user or address.rest.strip("/"):
        raise ServerError(f"{origin!r} is no origin of pages, which is scheme, host and port alone; {expected}")
    place = address.place.lower()
    return f"{address.scheme}://{place.removesuffix(f':{PORTS[address.scheme]}')}"
