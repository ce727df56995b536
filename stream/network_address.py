"""Addresses in a network, as servers print them and people paste them: taken apart, shown, and hidden.

They are not taken apart as web pages' addresses are (RFC 3986): what stands behind the host belongs to the server that
it is for, to the last character. A `#` begins no fragment, a `+` is no blank, and nothing is decoded here.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations
from urllib.parse import unquote

HIDDEN = "…"
LONGEST_ADDRESS = 2000
AROUND = " \t\r\n\v\f\u00a0\u200b\u200e\u200f\u2060\ufeff"  # blanks that are seen, and such as are not
QUOTES = {"'": "'", '"': '"', "`": "`", "<": ">", "\u201c": "\u201d", "\u2018": "\u2019", "\u00ab": "\u00bb"}
PARTS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)(.*)", re.DOTALL)
HOST = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(?::([0-9]{0,5}))?")
NAME = re.compile(r"[A-Za-z0-9_.-]+")
COMMON_WORDS = frozenset(("live", "app", "publish", "request", "read", "play", "caller", "whip", "true", "false"))
MARKS_ALONE = "/?#&;=,:|!"
MARKS = re.compile(f"[{MARKS_ALONE}]")
MOST_BOUNDS = 24
SHORT = 4  # a secret of fewer letters is only sought as a word, for every sentence has such letters
WORD = re.compile(r"[A-Za-z0-9]{6,}")  # what is hidden of a secret even if the rest of it was written otherwise


@dataclass(frozen=True)
class NetworkAddress:
    """An address; its `repr` gives no secret away.

    Attributes:
        scheme: in small letters.
        user: what stands before the @, as it was written; empty for nothing.
        host: in ASCII, an IPv6 address without its brackets and with its zone.
        port: None where it says none.
        rest: what stands behind, as it was written.
    """

    scheme: str
    user: str
    host: str
    port: int | None
    rest: str

    def __repr__(self) -> str:
        return f"NetworkAddress({self.shown})"

    @property
    def text(self) -> str:
        """All of it, with its secrets."""
        return f"{self.scheme}://{self.user}{'@' if self.user else ''}{self.place}{self.rest}"

    @property
    def shown(self) -> str:
        """The same for people: without user, key, stream id or parameters."""
        shown, hidden = self._shown_and_hidden()
        mark = {"srt": "?" + HIDDEN if hidden else "", "rtmp": "/" + HIDDEN, "rtmps": "/" + HIDDEN}.get(self.scheme, "")
        return f"{self.scheme}://{self.place}{shown}{mark}"

    @property
    def place(self) -> str:
        """Host and port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    def secrets(self, public: Collection[str] = ()) -> set[str]:
        """What of it must not be shown, whole and in parts.

        Args:
            public: parameters whose values are no secrets.
        """
        found = {self.text, *self.user.split(":", 1), *_pieces(self._shown_and_hidden()[1], public)}
        return {secret for secret in found if len(secret) > 1 and secret.casefold() not in COMMON_WORDS}

    def _shown_and_hidden(self) -> tuple[str, str]:
        path = re.split(r"[?#]", self.rest, maxsplit=1)[0]
        if self.scheme == "srt":
            path = ""
        elif self.scheme in ("rtmp", "rtmps"):
            application = re.match(r"(/+[^/]+)/+[^/]", path)
            path = application[1] if application else ""
        elif "=" in path:  # cameras have their password there
            path = ""
        return path, self.rest[len(path) :]


def pasted(text: str) -> str:
    """A text without the blanks and quotes that stood around where it was copied."""
    text = text.strip(AROUND)
    while len(text) > 1 and QUOTES.get(text[0]) == text[-1]:
        text = text[1:-1].strip(AROUND)
    return text


def network_address(text: str, longest: int = LONGEST_ADDRESS) -> NetworkAddress:
    """Take an address apart.

    Args:
        longest: in characters.

    Raises:
        ValueError: it is none; the message shows none of it.
    """
    text = pasted(text)
    if len(text) > longest or not text.isprintable() or " " in text:
        raise ValueError(f"an address is at most {longest} printable characters without blanks")
    found = PARTS.fullmatch(text)
    user, _, place = found[2].rpartition("@") if found else ("", "", "")
    host = HOST.fullmatch(place)
    if found is None or (host is not None and not host[1]):
        raise ValueError("the address names no host")
    if host is None or (host[2] and int(host[2]) > 65535):
        raise ValueError("the address needs a host, and may have a port from 0 to 65535; IPv6 stands in brackets")
    return NetworkAddress(found[1].lower(), user, _host(host[1]), int(host[2]) if host[2] else None, found[3])


def bare_ip(text: str) -> str:
    """An IP address as it was pasted, without brackets."""
    text = pasted(text)
    return text[1:-1] if text.startswith("[") and text.endswith("]") else text


def hide(text: str, secrets: Iterable[str]) -> str:
    """A text without secrets, however they are written in it: each letter as it is, percent-encoded or escaped."""
    forms = {form for secret in secrets for form in (secret, unquote(secret)) if len(form) > 1}
    if not forms:
        return text
    sought = "|".join(map(_pattern, sorted(forms, key=len, reverse=True)))
    return re.sub(sought, HIDDEN, text, flags=re.IGNORECASE)


def _host(text: str) -> str:
    try:
        if text.startswith("["):
            return str(ipaddress.IPv6Address(text[1:-1].replace("%25", "%", 1)))
        name = text if text.isascii() else text.encode("idna").decode("ascii")
    except ValueError as error:
        raise ValueError("the host of the address is neither a name nor an IP address") from error
    if not NAME.fullmatch(name):
        raise ValueError("the host of the address has letters in it that no name has")
    return name


def _pieces(text: str, public: Collection[str]) -> Iterator[str]:
    """All of it, each value, and whatever of those stands between two marks, whichever are the server's own."""
    yield text.strip(MARKS_ALONE)
    for part in text.split("&") if public else [text]:
        name, is_named, value = part.strip("/?").partition("=")
        if is_named and name in public:
            continue
        worth = value if is_named and public and NAME.fullmatch(name) else part
        yield worth
        yield from WORD.findall(worth)
        bounds = [0, *(found.start() for found in MARKS.finditer(worth)), len(worth)][-MOST_BOUNDS:]
        yield from (worth[begin:end].strip(MARKS_ALONE) for begin, end in combinations(bounds, 2))


def _pattern(form: str) -> str:
    pattern = "".join(map(_letter, form))
    return pattern if len(form) >= SHORT else rf"(?<!\w){pattern}(?!\w)"


def _letter(letter: str) -> str:
    if letter.isascii() and letter.isalnum():
        return letter
    encoded = "".join(f"%{byte:02X}" for byte in letter.encode("utf-8", "surrogateescape"))
    blank = "| |%20" if letter == "+" else r"|\+" if letter == " " else ""
    return rf"(?:\\*{re.escape(letter)}|{encoded}{blank})"
