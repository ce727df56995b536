"""How a media section says that its media travels: ICE and DTLS (RFC 8839, 5; RFC 8122, 5; RFC 8842, 5)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from aiortc.rtcdtlstransport import X509_DIGEST_ALGORITHMS

from server.candidates import Candidate, read_candidates
from server.errors import SdpError
from server.sdp_lines import Block, Line

SETUPS = ("actpass", "active", "passive")
_CREDENTIAL = re.compile(r"[!-~]{1,256}")
_FINGERPRINT = re.compile(r"([!-~]+) +([0-9a-f]{2}(?::[0-9a-f]{2})*)", re.IGNORECASE)


@dataclass(frozen=True)
class Transport:
    """What a section, or the session for all of them, says; None and nothing for what it does not say."""

    ufrag: str | None = None
    password: str | None = None
    fingerprints: tuple[tuple[str, str], ...] = ()
    setup: str | None = None
    candidates: tuple[Candidate, ...] = ()
    is_end: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether a connection could be made with it."""
        return None not in (self.ufrag, self.password, self.setup) and bool(self.fingerprints)

    def or_else(self, other: Transport) -> Transport:
        """This one, and what it does not say as another says it."""
        own_ice = self.ufrag is not None or self.password is not None
        return Transport(
            self.ufrag if own_ice else other.ufrag,
            self.password if own_ice else other.password,
            self.fingerprints or other.fingerprints,
            self.setup or other.setup,
            self.candidates or other.candidates,
            self.is_end or other.is_end,
        )

    def check(self, where: str) -> None:
        """See whether a connection can be made with it.

        Raises:
            SdpError: it cannot.
        """
        if self.ufrag is None or self.password is None:
            raise SdpError(f"{where} has no a=ice-ufrag with an a=ice-pwd; is it cut short?")
        if not self.fingerprints:
            raise SdpError(f"{where} has no a=fingerprint; is it cut short?")
        if self.setup is None:
            raise SdpError(f"{where} has no a=setup; is it cut short?")
        if all(name not in X509_DIGEST_ALGORITHMS for name, _ in self.fingerprints):
            given = ", ".join(name for name, _ in self.fingerprints)
            raise SdpError(f"{where} has a fingerprint of {given[:40]!a} alone; expected {', '.join(DIGESTS)}")

    def lines(self) -> list[str]:
        """As SDP."""
        lines = [f"a=ice-ufrag:{self.ufrag}", f"a=ice-pwd:{self.password}"]
        lines += [f"a=fingerprint:{name} {value}" for name, value in self.fingerprints]
        lines += [f"a=setup:{self.setup}", *(f"a=candidate:{each}" for each in self.candidates)]
        # Without a candidate that can be used, those checks that come in are waited for.
        return [*lines, "a=end-of-candidates"] if self.is_end and self.candidates else lines


DIGESTS = tuple(X509_DIGEST_ALGORITHMS)


def read_transport(block: Block) -> Transport:
    """What the lines of a section, or of the session, say.

    Raises:
        SdpError: one of them is malformed.
    """
    fingerprints = tuple(_fingerprint(line, value) for line, _, value in block.attributes("fingerprint"))
    candidates = read_candidates((line, value) for line, _, value in block.attributes("candidate"))
    return Transport(
        credential(block, "ice-ufrag"), credential(block, "ice-pwd"), fingerprints, _setup(block),
        candidates, block.has("end-of-candidates"),
    )  # fmt: skip


def credential(block: Block, name: str) -> str | None:
    """The value of `ice-ufrag` or `ice-pwd`; None without the line.

    Raises:
        SdpError: it is empty, too long, or no ASCII.
    """
    found = block.value(name)
    if found is not None and not _CREDENTIAL.fullmatch(found[1]):
        raise found[0].wrong(name, "1 to 256 ASCII characters without a blank")
    return None if found is None else found[1]


def _setup(block: Block) -> str | None:
    found = block.value("setup")
    if found is None:
        return None
    if found[1].lower() not in SETUPS:
        raise found[0].wrong("setup", f"one of {', '.join(SETUPS)}")
    return found[1].lower()


def _fingerprint(line: Line, value: str) -> tuple[str, str]:
    match = _FINGERPRINT.fullmatch(value)
    if match is None:
        raise line.wrong("fingerprint", "the name of a hash, and its bytes in hexadecimal with colons between them")
    name, digest = match[1].lower(), match[2].upper()
    known = X509_DIGEST_ALGORITHMS.get(name)
    if known is not None and len(digest.split(":")) != known.digest_size:
        raise line.wrong("fingerprint", f"{known.digest_size} bytes for {name}")
    return name, digest
