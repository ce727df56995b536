"""What a target's child writes to, one class for each kind. All know how much the other end has confirmed."""

from __future__ import annotations

import contextlib
import os
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
from server.targets.muxer import Muxer
from server.targets.recording import Recording
from server.targets.srt import SrtSocket
from server.targets.wire import Order, Piece

PLAYLIST = "live.m3u8"
HLS_OPTIONS = {
    "hls_time": "1",  # five GOPs: the shortest that a playlist can declare is 1 s, and players stay three behind
    "hls_list_size": "6",
    "hls_delete_threshold": "3",
    "hls_start_number_source": "epoch",
    # Begun again, the list goes on behind a discontinuity, so that players stay.
    "hls_flags": "delete_segments+append_list+discont_start+independent_segments+program_date_time+temp_file",
    "flush_packets": "1",
}


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
            Muxer(srt, "mpegts", picture, rate_hz, {"flush_packets": "1"}) as muxer,
        ):
            yield _Network(muxer, srt)
    else:
        folder = Path(order.address)
        folder.mkdir(parents=True, exist_ok=True)
        if kind is Kind.RECORD:
            with Recording(folder, order, picture) as recording:
                yield recording
        else:
            options = HLS_OPTIONS | {"hls_segment_filename": str(folder / "live-%d.ts")}
            with Muxer(str(folder / PLAYLIST), "hls", picture, rate_hz, options) as muxer:
                yield _Network(muxer, _Growth(folder))


class _Acknowledgements(Protocol):
    def confirmed_bytes(self) -> int: ...


class _Network:
    """A muxer, and what tells how much of its output has arrived."""

    def __init__(self, muxer: Muxer, acknowledgements: _Acknowledgements) -> None:
        self.write = muxer.write
        self.confirmed_bytes = acknowledgements.confirmed_bytes


class _Growth:
    """What segments have grown by since they are watched."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sizes = self._now()
        self._grown = 0

    def confirmed_bytes(self) -> int:
        before, self._sizes = self._sizes, self._now()
        # A segment is written under another name, and then renamed: by its number it is the same.
        self._grown += sum(max(0, size - before.get(name, 0)) for name, size in self._sizes.items())
        return self._grown

    def _now(self) -> dict[str, int]:
        sizes: dict[str, int] = {}
        for entry in os.scandir(self._folder):
            if entry.name.startswith("live-"):
                with contextlib.suppress(FileNotFoundError):  # it was renamed meanwhile
                    sizes[entry.name.removesuffix(".tmp")] = entry.stat().st_size
        return sizes


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
