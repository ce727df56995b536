"""What a target's child writes to, one class for each kind. All know how much the other end has confirmed."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from server.errors import TargetError
from server.targets.acknowledged import TcpAcknowledgements
from server.targets.address import Kind, srt_parameters
from server.targets.hls import HlsFolder
from server.targets.muxer import Muxer
from server.targets.recording import Recording
from server.targets.srt import SrtSocket
from server.targets.transport import OPTIONS, TransportStream
from server.targets.wire import Order, Piece


class Sink(Protocol):
    """Takes packets; may block as long as it likes, for it has a process of its own."""

    def write(self, piece: Piece) -> None:
        """Send a packet."""

    def confirmed_bytes(self) -> int:
        """How much of what was written is confirmed.

        Raises:
            TargetError: the other end is gone.
        """


@contextmanager
def open_sink(order: Order, picture: bytes) -> Iterator[Sink]:
    """Connect, or open files; leaving in peace ends the stream properly.

    Raises:
        TargetError, OSError: it cannot be opened.
    """
    rate_hz = Fraction(*order.rate)
    kind = Kind(order.kind)
    if kind is Kind.RTMP:
        with _rtmp(order.address, picture, rate_hz) as muxer:
            yield _Network(muxer, TcpAcknowledgements())
    elif kind is Kind.SRT:
        url = urlsplit(order.address)
        assert url.hostname is not None
        assert url.port is not None
        with (
            SrtSocket(url.hostname, url.port, srt_parameters(order.address)) as srt,
            Muxer(TransportStream(srt), "mpegts", picture, rate_hz, OPTIONS) as muxer,
        ):
            yield _Network(muxer, srt)
    else:
        folder = Path(order.address)
        folder.mkdir(parents=True, exist_ok=True)
        if kind is Kind.RECORD:
            with Recording(folder, order, picture) as recording:
                yield recording
        else:
            with HlsFolder(folder, picture, rate_hz) as hls:
                yield hls


class _Acknowledgements(Protocol):
    def confirmed_bytes(self) -> int: ...


class _Network:
    """A muxer, and what tells how much of its output has arrived."""

    def __init__(self, muxer: Muxer, acknowledgements: _Acknowledgements) -> None:
        self.write = muxer.write
        self.confirmed_bytes = acknowledgements.confirmed_bytes


def _rtmp(address: str, picture: bytes, rate_hz: Fraction) -> Muxer:
    # FFmpeg's tee hands options down to the protocol, which opening an address directly does not: without
    # `tls_verify` an RTMPS server's certificate is not looked at.
    options = {"f": "flv", "flvflags": "no_duration_filesize"}
    if urlsplit(address).scheme == "rtmps":
        options |= {"tls_verify": "1", "ca_file": _escaped(_certificates(), ":]'\\")}
    listed = ":".join(f"{name}={value}" for name, value in options.items())
    return Muxer(_escaped(f"[{listed}]", "|'\\") + _escaped(address, "|'\\"), "tee", picture, rate_hz)


def _escaped(text: str, special: str) -> str:
    return "".join(f"\\{letter}" if letter in special else letter for letter in text)


def _certificates() -> str:
    paths = ssl.get_default_verify_paths()
    if paths.cafile is None:
        raise TargetError("no certificates to check the server's with; install ca-certificates, or set SSL_CERT_FILE")
    return paths.cafile
