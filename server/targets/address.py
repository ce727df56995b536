"""Where a target sends: checked, and as it may be shown, for a stream key is a password."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, urlsplit

HIDDEN = "…"
LONGEST_ADDRESS = 2000
SRT_PARAMETERS = ("streamid", "passphrase", "pbkeylen", "latency")
PASSPHRASE_LENGTHS = range(10, 80)  # what SRTO_PASSPHRASE takes
KEY_LENGTHS = ("16", "24", "32")


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
        for secret in sorted({self.address, *_secrets(urlsplit(self.address))}, key=len, reverse=True):
            text = text.replace(secret, HIDDEN)
        return text


def destination(kind: Kind, address: str) -> Destination:
    """Check an address.

    Args:
        address: rtmp://, rtmps:// or srt:// and so on, by kind; a folder for HLS and recordings.

    Raises:
        ValueError: it does not fit; the message shows no key.
    """
    if kind in (Kind.HLS, Kind.RECORD):
        return _folder(kind, address)
    if len(address) > LONGEST_ADDRESS or not re.fullmatch(r"[\x21-\x7e]+", address):
        raise ValueError(f"an address is at most {LONGEST_ADDRESS} printable ASCII characters without blanks")
    url = _split(address)
    schemes = ("rtmp", "rtmps") if kind is Kind.RTMP else ("srt",)
    if url.scheme not in schemes:
        raise ValueError(f"expected {' or '.join(f'{scheme}://' for scheme in schemes)}, got {url.scheme or 'none'}://")
    if kind is Kind.RTMP and not url.path.strip("/"):
        raise ValueError("an RTMP address says an application: rtmp://HOST/APPLICATION/KEY")
    if kind is Kind.SRT:
        _check_srt(url)
    return Destination(kind, address, _shown(url))


def srt_parameters(address: str) -> dict[str, str]:
    """What stands behind the question mark of an SRT address."""
    return dict(parse_qsl(urlsplit(address).query, keep_blank_values=True))


def _split(address: str) -> SplitResult:
    try:
        url = urlsplit(address)
        host, _ = url.hostname, url.port
    except ValueError as error:
        raise ValueError("no URL with a host, and a port from 0 to 65535") from error
    if not host:
        raise ValueError("the address names no host")
    return url


def _folder(kind: Kind, address: str) -> Destination:
    if not address or "\0" in address or len(address) > LONGEST_ADDRESS:
        raise ValueError(f"{kind} wants a folder")
    path = Path(address).expanduser().resolve()
    if path.exists() and not path.is_dir():
        raise ValueError(f"{path} is a file; {kind} wants a folder")
    if "%" in str(path):
        raise ValueError(f"{path}: no % may be in the path, FFmpeg counts files by it")
    return Destination(kind, str(path), str(path))


def _check_srt(url: SplitResult) -> None:
    if url.port is None:
        raise ValueError("an SRT address says a port: srt://HOST:PORT")
    given = srt_parameters(url.geturl())
    unknown = sorted(set(given) - {*SRT_PARAMETERS, "mode"})
    if unknown:
        raise ValueError(f"SRT knows the parameters {', '.join(SRT_PARAMETERS)}, not {', '.join(unknown)}")
    if given.get("mode", "caller") != "caller":
        raise ValueError("this side calls; let the other be the listener")
    if "passphrase" in given and len(given["passphrase"]) not in PASSPHRASE_LENGTHS:
        raise ValueError("an SRT passphrase has 10 to 79 characters")
    if given.get("pbkeylen", "16") not in KEY_LENGTHS:
        raise ValueError(f"pbkeylen is {', '.join(KEY_LENGTHS)}, bytes")
    if not re.fullmatch(r"\d{1,5}", given.get("latency", "120")):
        raise ValueError("latency is a whole number of milliseconds")


def _shown(url: SplitResult) -> str:
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname
    port = f":{url.port}" if url.port is not None else ""
    if url.scheme == "srt":
        return f"srt://{host}{port}" + (f"?{HIDDEN}" if url.query else "")
    parts = [part for part in url.path.split("/") if part]
    application = f"/{parts[0]}" if len(parts) > 1 else ""
    return f"{url.scheme}://{host}{port}{application}/{HIDDEN}"


def _secrets(url: SplitResult) -> set[str]:
    parts = [part for part in url.path.split("/") if part]
    found = {url.path.lstrip("/"), *(parts[1:] if len(parts) > 1 else parts), url.query}
    found |= {value for _, value in parse_qsl(url.query)} | {url.username or "", url.password or ""}
    return {secret for secret in found if len(secret) > 1}
