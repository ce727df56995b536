"""The TLS certificate of a server that runs for longer than the certificate is good for.

Whatever renews it, certbot say, replaces files; the new pair is taken for every handshake from then on, and who is
connected stays so. A pair that does not go together is not taken: one file may have been written and the other not yet.

Source: RFC 5280 4.1.2.5 (validity); Python's `SSLContext.sni_callback`, which is called in every handshake, with a name
or without.
"""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509

from server.access import Tls
from server.errors import ServerError

log = logging.getLogger(__name__)

LOOK_S = 1.0
LOOKS_BEFORE_TROUBLE = 3  # that a pair which does not fit must be the same, before it is told of
SOON_S = 14 * 24 * 3600.0  # before its end; a quarter of its life, where that is less
REMIND_S = 24 * 3600.0


@dataclass(frozen=True)
class Validity:
    """From when to when a certificate is good, in Unix time."""

    begins_s: float
    ends_s: float

    @staticmethod
    def of(path: Path) -> Validity:
        """That of the first certificate of a PEM file, which is the server's own.

        Raises:
            ServerError: there is none.
        """
        try:
            found = x509.load_pem_x509_certificates(path.read_bytes())[0]
        except (OSError, ValueError) as error:
            raise ServerError(f"{path}: no certificate can be read from it ({error}); expected PEM") from error
        return Validity(found.not_valid_before_utc.timestamp(), found.not_valid_after_utc.timestamp())

    def trouble(self, now_s: float) -> str:
        """Why browsers refuse it, or soon will; empty where all is well."""
        day = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(self.ends_s))
        if now_s >= self.ends_s:
            return f"has expired on {day}"
        if now_s < self.begins_s:
            return "is not valid yet: the clock of this machine may be wrong"
        if self.ends_s - now_s < min(SOON_S, (self.ends_s - self.begins_s) / 4):
            return f"expires soon, on {day}"
        return ""


class Certificate:
    """A certificate and its key, which are read again when they change.

    Args:
        tls: the files.

    Attributes:
        validity: of the pair that is in use.

    Raises:
        ServerError: the certificate cannot be read.
    """

    def __init__(self, tls: Tls) -> None:
        self.tls = tls
        self.validity = Validity.of(tls.certificate)
        self._read = self._seen = _state(tls)
        self._looks = 0
        self._current: ssl.SSLContext | None = None
        self._make: Callable[[], ssl.SSLContext] | None = None
        self._reminded_s = float("-inf")

    def first_context(self, _config: object, make: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
        """What connections begin with, and are taken from to the context of the pair that is in use by then.

        A `ssl_context_factory`, as uvicorn takes it.

        Args:
            make: a context of the files as they are, with all that a server sets.
        """
        self._make, self._current = make, make()

        def choose(connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
            if self._current is not None:
                connection.context = self._current

        first = self._current
        first.sni_callback = choose
        return first

    async def watch(self) -> None:
        """Take what is renewed, and tell in good time of what is not; until cancelled."""
        while True:
            self.remind(time.time())
            await asyncio.sleep(LOOK_S)
            await asyncio.to_thread(self.look)

    def look(self) -> None:
        """Take the files if they have changed since they were read, and go together."""
        state = _state(self.tls)
        if state == self._read or self._make is None:
            return
        self._looks = self._looks + 1 if state == self._seen else 1
        self._seen = state
        try:
            files = Tls(self.tls.certificate, self.tls.key)
            validity = Validity.of(files.certificate)
            context = self._make()
        except (ServerError, OSError) as error:
            if self._looks == LOOKS_BEFORE_TROUBLE:
                log.warning("the TLS certificate has changed and cannot be taken; the old one is kept: %s", error)
            return
        self._read, self.validity, self._current = state, validity, context
        self._reminded_s = float("-inf")
        log.info("the TLS certificate was renewed: it is valid until %.0f", validity.ends_s)

    def remind(self, now_s: float) -> None:
        """Log, once a day, that it is about to expire or has.

        Args:
            now_s: Unix time.
        """
        trouble = self.validity.trouble(now_s)
        if trouble and now_s - self._reminded_s >= REMIND_S:
            self._reminded_s = now_s
            log.warning("the TLS certificate %s %s; a new one is taken without a stop", self.tls.certificate, trouble)


def _state(tls: Tls) -> tuple[tuple[int, ...], ...]:
    """What changes when a file is written, replaced, or is a link that is turned to another."""
    states: list[tuple[int, ...]] = []
    for path in (tls.certificate, tls.key):
        try:
            told = os.stat(path)
        except OSError:
            states.append(())
        else:
            states.append((told.st_dev, told.st_ino, told.st_size, told.st_mtime_ns, told.st_ctime_ns))
    return tuple(states)
