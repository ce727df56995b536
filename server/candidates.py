"""ICE candidates as others write them (RFC 8839, 5.1)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from server.errors import SdpError
from server.sdp_lines import Line

MOST_CANDIDATES = 64  # in one exchange; a machine with many networks has twenty
HIGHEST_PORT, HIGHEST_PRIORITY = 65535, (1 << 32) - 1
FORM = "foundation, component, transport, priority, address, port and 'typ'"
_CANDIDATE = re.compile(
    r"(?P<foundation>[!-~]{1,64}) +(?P<component>[0-9]{1,5}) +(?P<transport>[!-~]+) +(?P<priority>[0-9]{1,10}) +"
    r"(?P<address>[!-~]+) +(?P<port>[0-9]{1,5}) +typ +(?P<type>[!-~]+)( .*)?",
    re.IGNORECASE,
)
TYPES = ("host", "srflx", "prflx", "relay")


@dataclass(frozen=True)
class Candidate:
    """A candidate that can be used: RTP over UDP, to an IP address."""

    foundation: str
    priority: int
    address: str
    port: int
    type: str

    def __str__(self) -> str:
        return f"{self.foundation} 1 udp {self.priority} {self.address} {self.port} typ {self.type}"


def read_candidates(lines: Iterable[tuple[Line, str]]) -> tuple[Candidate, ...]:
    """The candidates that can be used, out of lines and their values.

    Those that are well written and cannot be used are left out without a word, as WHIP demands of those that trickle in
    (RFC 9725, 4.3.1): those of TCP or of RTCP alone, those behind a name, and those of addresses that nobody sends to.
    Names are not looked up. A multicast one takes a second where nobody answers, and gains nothing: a viewer that
    reaches our candidates is found by that (RFC 8445, 7.3.1.3), one that does not cannot be reached by its own either.

    Raises:
        SdpError: one is no candidate, or there are more than `MOST_CANDIDATES`.
    """
    found = list[Candidate]()
    for count, (line, value) in enumerate(lines, 1):
        if count > MOST_CANDIDATES:
            raise SdpError(f"there are more than {MOST_CANDIDATES} candidates")
        if (candidate := _read(line, value)) is not None:
            found.append(candidate)
    return tuple(found)


def _read(line: Line, value: str) -> Candidate | None:
    match = _CANDIDATE.fullmatch(value)
    if match is None:
        raise line.wrong("candidate", FORM)
    port, priority, kind = int(match["port"]), int(match["priority"]), match["type"].lower()
    if not 0 <= port <= HIGHEST_PORT:
        raise line.wrong("candidate", f"a port of {HIGHEST_PORT} at most")
    if priority > HIGHEST_PRIORITY:
        raise line.wrong("candidate", f"a priority of {HIGHEST_PRIORITY} at most")
    fits = port > 0 and match["transport"].lower() == "udp" and int(match["component"]) == 1 and kind in TYPES
    if not fits or not _can_be_sent_to(match["address"]):
        return None
    return Candidate(match["foundation"], priority, match["address"], port, kind)


def _can_be_sent_to(address: str) -> bool:
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return False
    return not (known.is_unspecified or known.is_multicast or getattr(known, "scope_id", None))
