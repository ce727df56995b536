"""Tells systemd that it plays, and again and again that it still does; without one, nothing.

Source: sd_notify(3), sd_watchdog_enabled(3). A datagram to a socket is all there is to it, and no package that does
just that is kept up.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import MutableMapping

from server.vitals import Vitals

log = logging.getLogger(__name__)

LOOK_S = 0.25
LONGEST_LOOK_S = 5.0
LOOKS_PER_LIMIT = 4  # the manual asks for two; so a late one, or one that is lost, does no harm


class ServiceManager:
    """Whoever started this process and wants to hear from it.

    Args:
        address: of its socket, as `NOTIFY_SOCKET` has it; "@..." is in Linux's abstract namespace.
        watchdog_s: without a word for so long, it starts the process anew; None where it does not.
    """

    def __init__(self, address: str, watchdog_s: float | None = None) -> None:
        self.watchdog_s = watchdog_s
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._failed = False

    @staticmethod
    def of(environment: MutableMapping[str, str]) -> ServiceManager | None:
        """As it says in the environment, from which it is taken: our own children are not meant."""
        address = environment.pop("NOTIFY_SOCKET", "")
        limit_us, pid = environment.pop("WATCHDOG_USEC", ""), environment.pop("WATCHDOG_PID", "")
        if not address.startswith(("/", "@")):
            return None
        is_meant = limit_us.isdecimal() and int(limit_us) > 0 and pid in ("", str(os.getpid()))
        return ServiceManager(address, int(limit_us) / 1e6 if is_meant else None)

    def tell(self, *assignments: str) -> None:
        """Send it lines like "READY=1". It may be gone: that is logged once, and playing goes on."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as out:
                out.sendto("\n".join(assignments).encode(), self._address)
        except OSError as error:
            if not self._failed:
                log.warning("the service manager cannot be told anything: %s", error)
            self._failed = True

    async def attend(self, vitals: Vitals) -> None:
        """Say when pictures leave in time, and then be heard only while they do; until cancelled."""
        known, is_ready = None, False
        longest_s = LONGEST_LOOK_S if self.watchdog_s is None else self.watchdog_s / LOOKS_PER_LIMIT
        try:
            while True:
                trouble = vitals.trouble(time.monotonic())
                if trouble != known:
                    self.tell(f"STATUS={trouble or 'pictures leave in time'}")
                    known = trouble
                if not trouble:
                    self.tell(*([] if is_ready else ["READY=1"]), "WATCHDOG=1")
                    is_ready = True
                await asyncio.sleep(min(longest_s, LONGEST_LOOK_S) if is_ready else LOOK_S)
        finally:
            self.tell("STOPPING=1")
