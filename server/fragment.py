"""ICE candidates that come after the offer, as an SDP fragment (RFC 8840, 4.4; RFC 9725, 4.3)."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import HTTPException

from server.candidates import Candidate, read_candidates
from server.errors import SdpError
from server.sdp_lines import Block, read_blocks
from server.transport_lines import credential

TYPE = "application/trickle-ice-sdpfrag"


@dataclass(frozen=True)
class Fragment:
    """What a fragment says.

    Attributes:
        ufrag, password: whose ICE session it belongs to; None where it does not say.
        candidates: each with the name of the section that it is for, None where that is not said.
        is_end: whether no more will come.
    """

    ufrag: str | None = None
    password: str | None = None
    candidates: tuple[tuple[str | None, Candidate], ...] = ()
    is_end: bool = False


def parse_fragment(text: str) -> Fragment:
    """Read a fragment.

    Candidates that cannot be used are left out without a word, as the draft demands (see `read_candidates`).

    Raises:
        HTTPException: 400, it is none.
    """
    try:
        return _read(text)
    except SdpError as error:
        raise HTTPException(400, f"that is no ICE fragment that can be worked with: {error}") from error


def _read(text: str) -> Fragment:
    session, sections = read_blocks(text)
    blocks = [session, *sections]
    for line in (line for block in blocks for line in block.lines):
        if line.kind not in "am":
            raise line.wrong("part of a fragment", "an attribute or a media section")
    ufrag, password = (_last(blocks, name) for name in ("ice-ufrag", "ice-pwd"))
    if (ufrag is None) != (password is None):
        raise SdpError("it has only one of a=ice-ufrag and a=ice-pwd")
    is_end = any(block.has("end-of-candidates") for block in blocks)
    said = any(block.has("candidate") for block in blocks)
    if not said and not is_end and ufrag is None:
        raise SdpError("it has neither candidates nor a=ice-ufrag")
    return Fragment(ufrag, password, tuple(each for block in blocks for each in _candidates(block)), is_end)


def _candidates(block: Block) -> list[tuple[str | None, Candidate]]:
    found = block.value("mid")
    mid = None if found is None else found[1]
    return [(mid, each) for each in read_candidates((line, value) for line, _, value in block.attributes("candidate"))]


def _last(blocks: list[Block], name: str) -> str | None:
    values = [value for block in blocks if (value := credential(block, name)) is not None]
    return values[-1] if values else None
