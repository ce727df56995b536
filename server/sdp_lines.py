"""The lines of a session description (RFC 8866, 5), as people and programs really write them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from server.errors import SdpError

BYTE_ORDER_MARK = "\ufeff"
_LINE_ENDS = re.compile(r"\r\n|\n|\r")
_LINE = re.compile(r"[a-z]=.*", re.IGNORECASE)
_SHOWN = 60  # characters of a line that a message quotes


@dataclass(frozen=True)
class Line:
    """One line; `number` counts from 1."""

    number: int
    kind: str
    value: str

    def wrong(self, what: str, expected: str) -> SdpError:
        """The error that this line is not what it has to be."""
        shown = f"{self.kind}={self.value}"[:_SHOWN]
        return SdpError(f"line {self.number} ({shown!a}) is no {what}; expected {expected}")


@dataclass
class Block:
    """The lines of the session, or of one media section, which begins with its `m=` line."""

    lines: list[Line] = field(default_factory=list)

    def attributes(self, *names: str) -> Iterator[tuple[Line, str, str]]:
        """Each attribute of one of these names, in order: its line, its name in small letters, and its value."""
        for line in self.lines:
            if line.kind == "a":
                name, _, value = line.value.partition(":")
                if (name := name.strip().lower()) in names:
                    yield line, name, value.strip()

    def value(self, name: str) -> tuple[Line, str] | None:
        """The last value of an attribute, and its line; None where it is missing."""
        found = None
        for line, _, value in self.attributes(name):
            found = line, value
        return found

    def has(self, name: str) -> bool:
        """Whether there is such an attribute."""
        return self.value(name) is not None


def read_lines(text: str) -> Iterator[Line]:
    """The lines that say something. Any line ending will do; blank lines, a BOM and blanks at the end are left out.

    Raises:
        SdpError: a line is not of the form `x=`.
    """
    for number, raw in enumerate(_LINE_ENDS.split(text.removeprefix(BYTE_ORDER_MARK)), 1):
        stripped = raw.strip(" \t\0")
        if not stripped:
            continue
        if _LINE.fullmatch(stripped) is None:
            raise SdpError(f"line {number} ({stripped[:_SHOWN]!a}) is no line of SDP; expected a letter and '='")
        yield Line(number, stripped[0].lower(), stripped[2:])


def read_blocks(text: str) -> tuple[Block, list[Block]]:
    """The lines of the session, and those of each media section.

    Raises:
        SdpError: as `read_lines`.
    """
    session, sections = Block(), list[Block]()
    for line in read_lines(text):
        if line.kind == "m":
            sections.append(Block())
        (sections[-1] if sections else session).lines.append(line)
    return session, sections
