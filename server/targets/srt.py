"""SRT, by the system's libsrt: PyAV's FFmpeg has none. Runs in a target's child.

Source: libsrt's `srt.h` and docs/API/API-functions.md, API-socket-options.md (1.4 and 1.5 agree in all that is here).
"""

from __future__ import annotations

import ctypes
import ctypes.util
import socket
import struct
import threading
import time
from typing import Self

from server.errors import TargetError

LIBRARIES = ("srt-gnutls", "srt-openssl", "srt")
PAYLOAD_BYTES = 1316  # seven packets of MPEG-TS, what live mode takes at most by default
SENDING_BYTES = 512 << 10
PEER_IDLE_MS = 3000
CONNECT_MS = 5000
LINGER_S = 1.0
FAILED = -1
CONNECTED = 5  # SRTS_CONNECTED
SNDBUF, SNDDATA, PASSPHRASE, PBKEYLEN, SNDDROPDELAY, CONNTIMEO, LATENCY, STREAMID, PEERIDLETIMEO = (
    5, 19, 26, 27, 32, 36, 23, 46, 55
)  # fmt: skip


class SrtSocket:
    """A connected sender in live mode, with the `write` of a file; a context manager.

    Args:
        host, port: of a listener.
        parameters: `streamid`, `passphrase`, `pbkeylen`, `latency` in ms; as `srt_parameters` gives them.
    """

    def __init__(self, host: str, port: int, parameters: dict[str, str]) -> None:
        self._library = _library()
        self._lock = threading.Lock()  # a socket may not be closed while it is asked
        self._sent_payloads = 0
        self._rest = bytearray()
        if self._library.srt_startup() == FAILED:
            raise TargetError(f"SRT cannot begin: {self._last_error()}")
        self._socket = self._library.srt_create_socket()
        for option, value in _options(parameters).items():
            self._set(option, value)
        name = _socket_name(host, port)
        if self._library.srt_connect(self._socket, name, len(name)) == FAILED:
            raise TargetError(f"no SRT connection: {self._last_error()}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._finish()
        with self._lock:
            self._library.srt_close(self._socket)

    def write(self, data: bytes) -> int:
        """Send MPEG-TS; what does not fill a payload waits for more.

        Raises:
            TargetError: the connection broke.
        """
        self._rest += data
        while len(self._rest) >= PAYLOAD_BYTES:
            self._send(bytes(self._rest[:PAYLOAD_BYTES]))
            del self._rest[:PAYLOAD_BYTES]
        return len(data)

    def confirmed_bytes(self) -> int:
        """Payload that the other end has acknowledged.

        Raises:
            TargetError: it is gone.
        """
        with self._lock:
            sent = self._sent_payloads  # before the other is asked: what is sent meanwhile is not counted
            if self._library.srt_getsockstate(self._socket) != CONNECTED:
                raise TargetError("the SRT connection broke: the other end is silent, or ended it")
            return max(0, sent - self._unacknowledged()) * PAYLOAD_BYTES

    def _send(self, payload: bytes) -> None:
        if self._library.srt_send(self._socket, payload, len(payload)) == FAILED:
            raise TargetError(f"the SRT connection broke: {self._last_error()}")
        self._sent_payloads += 1

    def _unacknowledged(self) -> int:
        """Payloads that wait for the other end."""
        waiting, size = ctypes.c_int(0), ctypes.c_int(4)
        self._library.srt_getsockflag(self._socket, SNDDATA, ctypes.byref(waiting), ctypes.byref(size))
        return waiting.value

    def _finish(self) -> None:
        """Send what did not fill a payload, and let it arrive: in live mode closing waits for nothing."""
        if self._rest:
            self._send(bytes(self._rest))
        until_s = time.monotonic() + LINGER_S
        while self._unacknowledged() and time.monotonic() < until_s:
            time.sleep(0.01)

    def _set(self, option: int, value: int | str) -> None:
        data = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else struct.pack("=i", value)
        if self._library.srt_setsockflag(self._socket, option, data, len(data)) == FAILED:
            raise TargetError(f"SRT does not take its option {option}: {self._last_error()}")

    def _last_error(self) -> str:
        return str(self._library.srt_getlasterror_str().decode("utf-8", "replace"))


def _options(parameters: dict[str, str]) -> dict[int, int | str]:
    # Nothing is ever dropped here as too late: what leaves the buffer was acknowledged, and nothing else.
    options: dict[int, int | str] = {
        SNDDROPDELAY: -1, SNDBUF: SENDING_BYTES, PEERIDLETIMEO: PEER_IDLE_MS, CONNTIMEO: CONNECT_MS
    }  # fmt: skip
    for name, option in (("streamid", STREAMID), ("passphrase", PASSPHRASE)):
        if name in parameters:
            options[option] = parameters[name]
    for name, option in (("pbkeylen", PBKEYLEN), ("latency", LATENCY)):
        if name in parameters:
            options[option] = int(parameters[name])
    return options


def _socket_name(host: str, port: int) -> bytes:
    """A `struct sockaddr_in` or `sockaddr_in6`."""
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
    zone = address[3] if len(address) > 3 else 0  # of a link-local address: which link
    packed = socket.inet_pton(family, str(address[0]))
    if family == socket.AF_INET:
        return struct.pack("=H", family) + struct.pack(">H", port) + packed + bytes(8)
    return struct.pack("=H", family) + struct.pack(">HI", port, 0) + packed + struct.pack("=I", zone)


def _library() -> ctypes.CDLL:
    found = next(filter(None, map(ctypes.util.find_library, LIBRARIES)), None)
    if found is None:
        raise TargetError("SRT needs the system's libsrt; on Debian: apt-get install libsrt1.5-gnutls")
    library = ctypes.CDLL(found)
    library.srt_getlasterror_str.restype = ctypes.c_char_p
    for function, arguments in (
        ("srt_connect", [ctypes.c_int, ctypes.c_char_p, ctypes.c_int]),
        ("srt_send", [ctypes.c_int, ctypes.c_char_p, ctypes.c_int]),
        ("srt_setsockflag", [ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_int]),
        ("srt_getsockflag", [ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_int)]),
    ):
        getattr(library, function).argtypes = arguments
    return library
