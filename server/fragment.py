"""ICE candidates that come after the offer, as an SDP fragment (RFC 8840, 4.4; RFC 9725, 4.3)."""

from __future__ import annotations

from dataclasses import dataclass, field

from aiortc import RTCIceCandidate
from aiortc.sdp import candidate_from_sdp
from fastapi import HTTPException

TYPE = "application/trickle-ice-sdpfrag"
MOST_CANDIDATES = 64  # a machine with many networks has twenty


@dataclass(frozen=True)
class Fragment:
    """What a fragment says.

    Attributes:
        ufrag, password: whose ICE session it belongs to; None where it does not say.
        candidates: each with the section that it is for.
        is_end: whether no more will come.
    """

    ufrag: str | None = None
    password: str | None = None
    candidates: tuple[RTCIceCandidate, ...] = ()
    is_end: bool = False


@dataclass
class _Reading:
    ufrag: str | None = None
    password: str | None = None
    mid: str | None = None
    candidates: list[RTCIceCandidate] = field(default_factory=list)
    is_end: bool = False


def parse_fragment(text: str) -> Fragment:
    """Read a fragment.

    Candidates that cannot be used are left out without a word, as the draft demands: those behind a multicast name
    (see `without_hidden_candidates`), and those of TCP.

    Raises:
        HTTPException: 400, it is none.
    """
    reading = _Reading()
    for number, line in enumerate(text.splitlines(), 1):
        if not line:
            continue
        if line.startswith("m="):
            reading.mid = None
        elif line.startswith("a="):
            _read(line[2:], reading, number)
        else:
            raise HTTPException(400, f"line {number} of the fragment is no attribute and no section: {line[:60]!r}")
    if (reading.ufrag is None) != (reading.password is None):
        raise HTTPException(400, "the fragment has only one of a=ice-ufrag and a=ice-pwd")
    if not reading.candidates and not reading.is_end and reading.ufrag is None:
        raise HTTPException(400, "the fragment has neither candidates nor a=ice-ufrag")
    return Fragment(reading.ufrag, reading.password, tuple(reading.candidates), reading.is_end)


def _read(attribute: str, reading: _Reading, number: int) -> None:
    name, _, value = attribute.partition(":")
    if name == "ice-ufrag":
        reading.ufrag = value
    elif name == "ice-pwd":
        reading.password = value
    elif name == "mid":
        reading.mid = value
    elif name == "end-of-candidates":
        reading.is_end = True
    elif name == "candidate" and ".local " not in value:
        candidate = _candidate(value, number)
        if candidate.protocol.lower() == "udp":
            candidate.sdpMid = reading.mid
            reading.candidates.append(candidate)
        if len(reading.candidates) > MOST_CANDIDATES:
            raise HTTPException(400, f"a fragment of more than {MOST_CANDIDATES} candidates")


def _candidate(value: str, number: int) -> RTCIceCandidate:
    try:
        return candidate_from_sdp(value)
    except (ValueError, AssertionError, IndexError) as error:
        raise HTTPException(400, f"line {number} of the fragment is no candidate: {value[:60]!r}") from error
