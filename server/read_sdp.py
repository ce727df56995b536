"""Reading the offers and answers of others (RFC 8866, RFC 9143)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from server.errors import SdpError
from server.payload_formats import PayloadFormat, payload_type, read_formats
from server.sdp import DIRECTIONS, MEDIA, PROTOCOL, Description, Section
from server.sdp_lines import Block, read_blocks
from server.transport_lines import Transport, read_transport

# Those that may stand for DTLS-SRTP in an offer (RFC 8829, 5.1.2).
_PROTOCOL = re.compile(r"((UDP|TCP)/(D?TLS)/)?RTP/S?AVPF?", re.IGNORECASE)
_MEDIA = re.compile(r"(?P<kind>[!-~]+) +(?P<port>[0-9]{1,5})(/[0-9]+)? +(?P<protocol>[!-~]+) +(?P<formats>[ -~]+)")
_MID = re.compile(r"[!-~]{1,64}")
_EXTENSION = re.compile(r"([0-9]{1,5})(?:/(?:sendrecv|sendonly|recvonly|inactive))? +([!-~]+)(?: .*)?", re.IGNORECASE)
EXTENSION_IDS = range(1, 15)
HIGHEST_PORT = 65535
MOST_SECTIONS = 32  # a conference's offer may have that many, and is refused for its second picture anyway


class NothingTakenError(SdpError):
    """An answer that refuses all that was offered."""


def read_description(text: str, what: str) -> Description:
    """Read an offer or, with nothing of the offer at hand, an answer.

    Args:
        what: it is, like "offer", for messages.

    Raises:
        SdpError: it is none that a connection could be made with.
    """
    try:
        session, blocks = read_blocks(text)
        if not blocks:
            raise SdpError("it has no media section")
        if len(blocks) > MOST_SECTIONS:
            raise SdpError(f"it has {len(blocks)} media sections, expected {MOST_SECTIONS} at most")
        return _Reader(session, blocks, None).description()
    except SdpError as error:
        raise SdpError(f"the {what} is no SDP that can be worked with: {error}") from error


def read_answer(text: str, offered: Description) -> Description:
    """Read the answer to an offer of ours, so that aiortc can take it for one.

    A section that it refuses becomes one in which nothing goes either way, on the transport of the others.

    Raises:
        SdpError: it is no answer to that.
    """
    try:
        session, blocks = read_blocks(text)
        if len(blocks) != len(offered.sections):
            raise SdpError(f"it has {len(blocks)} media sections, expected {len(offered.sections)} as in our offer")
        return _as_answer(_Reader(session, blocks, offered).description(), offered)
    except NothingTakenError:
        raise
    except SdpError as error:
        raise SdpError(f"the answer cannot be used: {error}") from error


def _as_answer(read: Description, offered: Description) -> Description:
    taken = [each for each in read.sections if not each.is_refused and each.payloads]
    if not taken:
        raise NothingTakenError("the answer takes nothing that was offered")
    sections = []
    for mine, theirs in zip(offered.sections, read.sections, strict=True):
        if (theirs.kind, theirs.mid) != (mine.kind, mine.mid):
            raise SdpError(f"its section {theirs.mid!a} of {theirs.kind} is none of our offer's in that place")
        if theirs.transport.setup == "actpass" and theirs in taken:
            raise SdpError("its a=setup is actpass; expected active or passive in an answer")
        if theirs in taken:
            sections.append(replace(theirs, direction=_both(theirs.direction, _other_way(mine.direction))))
        else:
            sections.append(
                replace(mine, direction="inactive", is_refused=True, is_bundled=True, transport=taken[0].transport)
            )
    # A bundle of one is none, except to share it with what is refused.
    names = [each.mid for each in taken if each.is_bundled] or [taken[0].mid]
    names += [each.mid for each in sections if each.is_refused]
    sections = [replace(each, is_bundled=each.mid in names) for each in sections]
    return replace(read, sections=tuple(sections), bundle=tuple(names))


class _Reader:
    """Reads the sections of one description."""

    def __init__(self, session: Block, blocks: list[Block], offered: Description | None) -> None:
        self._session, self._blocks, self._offered = session, blocks, offered
        self._of_session = replace(read_transport(session), candidates=())  # which only sections have

    def description(self) -> Description:
        sections = [self._section(place, block) for place, block in enumerate(self._blocks)]
        has_mids = all(block.has("mid") for block in self._blocks)
        names = [each.mid for each in sections]
        if len(set(names)) < len(names):
            raise SdpError("two media sections have the same a=mid")
        bundle = self._bundle(sections)
        known = frozenset((each.transport.ufrag, each.transport.password) for each in sections)
        sections = self._connected(sections, bundle)
        for each in sections:
            if each.kind in MEDIA and not each.is_refused:
                each.transport.check(f"the media section {each.mid!a}")
        known |= {(each.transport.ufrag, each.transport.password) for each in sections}
        live = {each.mid for each in sections if not each.is_refused}
        bundle = tuple(mid for mid in bundle if mid in live)
        return Description(tuple(sections), has_mids, bundle, self._session.has("ice-lite"), known)

    def _section(self, place: int, block: Block) -> Section:
        line = block.lines[0]
        match = _MEDIA.fullmatch(line.value)
        if match is None or int(match["port"]) > HIGHEST_PORT:
            raise line.wrong("media section", f"kind, port, protocol and formats, like 'video 9 {PROTOCOL} 96'")
        kind = match["kind"].lower()
        is_refused = int(match["port"]) == 0 and not (block.has("bundle-only") and self._session.has("group"))
        section = Section(
            kind, match["protocol"], match["formats"], self._mid(place, block), self._direction(block), is_refused,
            False, read_transport(block),
        )  # fmt: skip
        if kind not in MEDIA or is_refused:
            return section
        if not _PROTOCOL.fullmatch(match["protocol"]):
            raise line.wrong("media section of WebRTC", f"the protocol {PROTOCOL}")
        if not block.has("rtcp-mux") and not block.has("rtcp-mux-only"):
            raise SdpError(f"the media section {section.mid!a} has no a=rtcp-mux; is it cut short?")
        numbers = tuple(payload_type(line, each) for each in section.formats.split())
        payloads = read_formats(kind, block, numbers, self._offered_formats(place))
        return replace(section, payloads=payloads, extensions=self._extensions(block), format_lines=_formats(block))

    def _offered_formats(self, place: int) -> Mapping[int, PayloadFormat] | None:
        if self._offered is None:
            return None
        return {each.payload_type: each for each in self._offered.sections[place].payloads}

    def _mid(self, place: int, block: Block) -> str:
        found = block.value("mid")
        if found is None:
            return f"section{place}" if self._offered is None else self._offered.sections[place].mid
        if not _MID.fullmatch(found[1]):
            raise found[0].wrong("mid", "1 to 64 ASCII characters without a blank")
        return found[1]

    def _direction(self, block: Block) -> str:
        for each in (block, self._session):
            said = [name for _, name, _ in each.attributes(*DIRECTIONS)]
            if said:
                return said[-1]
        return "sendrecv"

    def _extensions(self, block: Block) -> tuple[tuple[int, str], ...]:
        found = list[tuple[int, str]]()
        for each in (block, self._session):
            for line, _, value in each.attributes("extmap"):
                match = _EXTENSION.fullmatch(value)
                if match is None:
                    raise line.wrong("extmap", "a number and a URI")
                if int(match[1]) in EXTENSION_IDS and int(match[1]) not in dict(found):
                    found.append((int(match[1]), match[2]))
        return tuple(found)

    def _bundle(self, sections: list[Section]) -> tuple[str, ...]:
        names = [each.mid for each in sections]
        for line, _, value in self._session.attributes("group"):
            semantics, *members = value.split() or [""]
            if semantics.upper() != "BUNDLE":
                continue
            for unknown in (each for each in members if each not in names):
                raise SdpError(f"line {line.number} bundles {unknown[:20]!a}, which is no section's a=mid")
            return tuple(dict.fromkeys(members))
        return ()

    def _connected(self, sections: list[Section], bundle: tuple[str, ...]) -> list[Section]:
        """With each section's transport whole: all of a bundle have that of its first one (RFC 9143, 7.1.3)."""
        members = [each for mid in bundle for each in sections if each.mid == mid and not each.is_refused]
        shared = Transport()
        for each in members:
            shared = shared.or_else(each.transport)
        return [
            replace(
                each,
                is_bundled=each in members,
                transport=(shared if each in members else each.transport).or_else(self._of_session),
            )
            for each in sections
        ]


def _formats(block: Block) -> tuple[str, ...]:
    return tuple(f"a={line.value}" for line, _, _ in block.attributes("rtpmap", "fmtp") if line.value.isascii())


def _both(one: str, other: str) -> str:
    return DIRECTIONS[DIRECTIONS.index(one) & DIRECTIONS.index(other)]


def _other_way(direction: str) -> str:
    return {"sendonly": "recvonly", "recvonly": "sendonly"}.get(direction, direction)
