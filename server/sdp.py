"""Offers and answers of others, written down in the one form that aiortc takes.

aiortc reads what browsers write. What RFC 8866 and its relatives allow beside that, others do write: blanks behind `;`,
attributes of the whole session, sections that are refused, no direction. And what is malformed it meets with whatever
exception comes of it, at times with half a connection made. So nothing of theirs reaches it as it came: it is read
here, checked, and written anew with what is needed of it and nothing else.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, replace

from server.payload_formats import PayloadFormat
from server.transport_lines import Transport

MEDIA = ("audio", "video")
DIRECTIONS = ("inactive", "sendonly", "recvonly", "sendrecv")
PROTOCOL = "UDP/TLS/RTP/SAVPF"


@dataclass(frozen=True)
class Section:
    """One media section.

    Attributes:
        kind: "audio", "video", or what else it may be.
        protocol, formats: as the `m=` line has them.
        mid: made up, and not in the answer, where the section has none.
        direction: `sendrecv` unless the section or the session says otherwise (RFC 8866, 6.7).
        is_refused: by port 0 (RFC 3264, 6), and not only meant for a bundle (RFC 9143, 6).
        is_bundled: whether it is in the group BUNDLE.
        transport: with what the session, and the bundle that it is in, say for it.
        format_lines: what it says of its formats, known or not.
        payloads: the formats that are known here.
    """

    kind: str
    protocol: str
    formats: str
    mid: str
    direction: str
    is_refused: bool
    is_bundled: bool
    transport: Transport
    format_lines: tuple[str, ...] = ()
    extensions: tuple[tuple[int, str], ...] = ()
    payloads: tuple[PayloadFormat, ...] = ()

    def sdp(self) -> str:
        """As aiortc takes it."""
        numbers = " ".join(str(each.payload_type) for each in self.payloads)
        lines = [f"m={self.kind} 9 {PROTOCOL} {numbers}", f"a={self.direction}", f"a=mid:{self.mid}", "a=rtcp-mux"]
        lines += [f"a=extmap:{number} {uri}" for number, uri in self.extensions]
        lines += [line for each in self.payloads for line in each.lines()]
        return "\r\n".join([*lines, *self.transport.lines(), ""])


@dataclass(frozen=True)
class Description:
    """An offer or an answer.

    Attributes:
        sections: in their order.
        has_mids: whether they have names of their own.
        bundle: the names of those that share a transport, the one that tells of it first.
        credentials: user fragments and passwords of all its sections' ICE.
    """

    sections: tuple[Section, ...]
    has_mids: bool
    bundle: tuple[str, ...]
    is_ice_lite: bool
    credentials: frozenset[tuple[str | None, str | None]]

    def of_kind(self, kind: str) -> Section | None:
        """The section of audio or of video that is not refused."""
        return next((each for each in self.sections if each.kind == kind and not each.is_refused), None)

    def codecs(self) -> set[str]:
        """Like "video/h264", of all sections that are not refused."""
        return {f"{each.kind}/{one.name}" for each in self.sections if not each.is_refused for one in each.payloads}

    def only(self, mids: Container[str]) -> Description:
        """The same with no other sections than these."""
        return replace(
            self,
            sections=tuple(each for each in self.sections if each.mid in mids),
            bundle=tuple(each for each in self.bundle if each in mids),
        )

    def carrier_of(self, mid: str | None) -> str:
        """The section whose transport carries that one; for an unknown one, as for most, it is the bundle's first."""
        if any(each.mid == mid and not each.is_bundled for each in self.sections):
            return str(mid)
        return self.bundle[0] if self.bundle else self.sections[0].mid

    def sdp(self) -> str:
        """As aiortc takes it."""
        lines = ["v=0", "o=- 0 0 IN IP4 0.0.0.0", "s=-", "t=0 0", "a=msid-semantic:WMS *"]
        if self.is_ice_lite:
            lines.append("a=ice-lite")
        if self.bundle:
            lines.append(f"a=group:BUNDLE {' '.join(self.bundle)}")
        return "\r\n".join([*lines, ""]) + "".join(each.sdp() for each in self.sections)
