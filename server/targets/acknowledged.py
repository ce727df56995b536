"""What a TCP peer has acknowledged, as the kernel knows it: the only proof that bytes have left this machine.

Linux only (struct tcp_info of <linux/tcp.h>, `tcpi_bytes_acked`, RFC 4898 tcpEStatsAppHCThruOctetsAcked).
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import struct
import sys

from server.errors import TargetError

BYTES_ACKED = struct.Struct("=Q")
BYTES_ACKED_AT = 120  # in struct tcp_info: 8 single bytes, 24 words, 2 rates of 8 bytes
TCP_INFO_BYTES = 128
INTERNET = (socket.AF_INET, socket.AF_INET6)
ESTABLISHED = 1  # of enum in <net/tcp_states.h>
SEND_BUFFER_BYTES = 256 << 10  # the kernel doubles it; more would hide for seconds that the other end is stuck


class TcpAcknowledgements:
    """Of the one TCP connection that this process has open."""

    def __init__(self) -> None:
        """Find it.

        Raises:
            TargetError: there is not exactly one, or this is not Linux.
        """
        if not sys.platform.startswith("linux"):
            raise TargetError("what a server has acknowledged can only be told on Linux; there, RTMP targets work")
        connections = _tcp_connections()
        if len(connections) != 1:
            raise TargetError(f"{len(connections)} connections to the server, expected one")
        self._socket = connections[0]
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self._before = self._acknowledged()

    def confirmed_bytes(self) -> int:
        """Acknowledged since it was found.

        Raises:
            TargetError: the other end closed the connection.
        """
        return self._acknowledged() - self._before

    def _acknowledged(self) -> int:
        info = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_BYTES)
        if len(info) < TCP_INFO_BYTES:
            raise TargetError("this kernel does not tell what is acknowledged; Linux 4.2 or later does")
        if info[0] != ESTABLISHED:
            raise TargetError("the server closed the connection")
        return int(BYTES_ACKED.unpack_from(info, BYTES_ACKED_AT)[0])


def _tcp_connections() -> list[socket.socket]:
    numbers: dict[int, int] = {}  # by inode: a number that was free may meanwhile be taken by a duplicate of ours
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # the folder's own is closed by now
            status = os.fstat(int(name))
            if stat.S_ISSOCK(status.st_mode):
                numbers.setdefault(status.st_ino, int(name))
    sockets = [socket.socket(fileno=os.dup(number)) for number in numbers.values()]
    found = [each for each in sockets if each.family in INTERNET and each.type == socket.SOCK_STREAM]
    for other in set(sockets) - set(found):
        other.close()
    return found
