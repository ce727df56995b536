"""Where a target sends: checked, and as it may be shown, for a stream key is a password."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from server.targets.srt_address import NO_SECRETS, check_srt
from server.targets.srt_address import srt_parameters as srt_parameters
from stream.network_address import HIDDEN as HIDDEN
from stream.network_address import LONGEST_ADDRESS as LONGEST_ADDRESS
from stream.network_address import NetworkAddress, hide, network_address

CONTROLS = frozenset(map(chr, (*range(32), 127)))  # which would write lines of their own into logs
SCHEMES = {"rtmp": ("rtmp", "rtmps"), "srt": ("srt",)}


class Kind(StrEnum):
    """What is at the other end."""

    RTMP = "rtmp"
    SRT = "srt"
    HLS = "hls"
    RECORD = "record"


@dataclass(frozen=True)
class Destination:
    """Where to send; `repr` and `shown` give no key away.

    Attributes:
        kind: of the other end.
        address: a URL with all its secrets, or an absolute folder.
        shown: the same for people: no user, password, stream key or parameter in it.
    """

    kind: Kind
    address: str
    shown: str

    def __repr__(self) -> str:
        return f"Destination({self.kind}, {self.shown})"

    def redacted(self, text: str) -> str:
        """A text in which the address and each secret part of it is hidden."""
        if self.kind in (Kind.HLS, Kind.RECORD):
            return text
        public = NO_SECRETS if self.kind is Kind.SRT else ()
        return hide(text, network_address(self.address).secrets(public))


def destination(kind: Kind, address: str) -> Destination:
    """Check an address.

    Args:
        address: rtmp://, rtmps:// or srt:// and so on, by kind; a folder for HLS and recordings.

    Raises:
        ValueError: it does not fit; the message shows no key.
    """
    if kind in (Kind.HLS, Kind.RECORD):
        return _folder(kind, address)
    url = network_address(address)
    if url.scheme not in SCHEMES[kind]:
        expected = " or ".join(f"{scheme}://" for scheme in SCHEMES[kind])
        raise ValueError(f"expected {expected}, got {url.scheme}://")
    if kind is Kind.SRT:
        check_srt(url)
    else:
        _check_rtmp(url)
    return Destination(kind, url.text, url.shown)


def _check_rtmp(url: NetworkAddress) -> None:
    if not url.rest.partition("?")[0].strip("/#"):
        raise ValueError("an RTMP address says an application: rtmp://HOST/APPLICATION/KEY")


def _folder(kind: Kind, address: str) -> Destination:
    if not address or len(address) > LONGEST_ADDRESS or any(letter in CONTROLS for letter in address):
        raise ValueError(f"{kind} wants a folder, of at most {LONGEST_ADDRESS} characters and none of them a control")
    try:
        path = Path(address).expanduser().resolve()
    except RuntimeError as error:
        raise ValueError(f"{address}: there is no such user, or no home; give the whole path") from error
    if path.exists() and not path.is_dir():
        raise ValueError(f"{path} is a file; {kind} wants a folder")
    return Destination(kind, str(path), str(path))
