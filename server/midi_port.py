"""A MIDI input that may come later, go, and come again. An extra: `pip install videotexture[midi]`."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from enum import StrEnum
from types import TracebackType
from typing import Any

from server.errors import ServerError
from stream.device_names import lasting, meant

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
CLOSE_LIMIT_S = 5.0
_THROUGH = "midi through"  # ALSA's own loop, which is there before any controller and never says anything by itself


class PortState(StrEnum):
    """How an input is."""

    WAITING = "waiting"
    LIVE = "live"
    LOST = "lost"


class MidiInput:
    """Listens to a MIDI input while its context lasts.

    A controller that is not there is waited for; one that is unplugged is lost, and waited for again. One that is
    unplugged and plugged back within a second is not noticed where it gets its old number back.

    Attributes:
        state: how it is now.
        name: of the port that is open, or was; "" before the first.
    """

    def __init__(
        self, heard: Callable[[Any], object], wanted: str | None = None, *, look_every_s: float = LOOK_EVERY_S
    ) -> None:
        """Prepare.

        Args:
            heard: called with each `mido.Message`, on a thread of the port's.
            wanted: the name of a port or a part of it, as `stream.device_names.meant` takes it; empty for the first.
            look_every_s: how often it is looked which ports there are.
        """
        self.state, self.name = PortState.WAITING, ""
        self._heard, self._wanted, self._look_every_s = heard, (wanted or "").strip(), look_every_s
        self._port: Any = None
        self._trouble = ""
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> MidiInput:
        """Open it if it is there, and watch.

        Raises:
            ServerError: the extra is not installed, or this machine has no MIDI at all.
        """
        self._look()
        if self.state is PortState.WAITING and not self._trouble:
            there = ", ".join(map(repr, input_ports())) or "none"
            log.warning("MIDI: %s is waited for; there are: %s", self._called(), there)
        self._thread = threading.Thread(target=self._watch, name="MIDI watch", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        if self._thread is not None:
            self._thread.join(CLOSE_LIMIT_S)  # a driver that hangs is left to itself: the thread is a daemon
        self._close()

    def _watch(self) -> None:
        while not self._closing.wait(self._look_every_s):
            try:
                self._look()
            except ServerError as error:
                self._worry(str(error))
            except Exception as error:  # the thread ends here, and nobody else would say why
                log.exception("MIDI: looking for %s failed", self._called())
                self._worry(f"{error}; the lines above tell where")

    def _look(self) -> None:
        """Open what is wanted, or see that it is still there.

        Raises:
            ServerError: see `input_ports`.
        """
        ports = input_ports()
        if self._port is not None:
            if self.name in ports:
                return
            self._close()
            self.state = PortState.LOST
            log.warning("MIDI: %s was unplugged; it is waited for", self.name)
        chosen = self._choose(ports)
        if chosen:
            self._open(chosen[0], chosen[1:])

    def _choose(self, ports: list[str]) -> list[str]:
        """Those that may be meant, the likeliest first; the one that was open is likelier than its like."""
        if not self._wanted:
            found = [name for name in ports if not name.casefold().startswith(_THROUGH)][:1]
        else:
            found = [ports[index] for index in meant(self._wanted, [[name] for name in ports])]
        return sorted(found, key=lambda name: lasting(name) != lasting(self.name)) if self.name else found

    def _open(self, name: str, others: list[str]) -> None:
        import mido

        try:
            self._port = mido.open_input(name, callback=self._heard)
        except _errors() as error:  # gone again, or taken by another program
            self._worry(f"{name} cannot be opened ({error})")
            return
        if others:
            log.warning("MIDI: %s may be any of %d inputs, %s is taken; the others: %s",
                        self._called(), 1 + len(others), name, ", ".join(others))  # fmt: skip
        came_later = self.name != "" or self._thread is not None
        self.state, self.name, self._trouble = PortState.LIVE, name, ""
        log.log(logging.WARNING if came_later else logging.INFO, "MIDI: %s is here", name)

    def _worry(self, why: str) -> None:
        if why != self._trouble:
            log.warning("MIDI: %s; it is tried again", why)
        self._trouble = why

    def _close(self) -> None:
        port, self._port = self._port, None
        if port is None:
            return
        try:
            port.close()
        except _errors() as error:  # it went with its device
            log.debug("MIDI: %s was not closed: %s", self.name, error)

    def _called(self) -> str:
        return repr(self._wanted) if self._wanted else "an input"


def input_ports() -> list[str]:
    """The names of the MIDI inputs there are.

    Raises:
        ServerError: the extra is not installed, or this machine has no MIDI at all.
    """
    try:
        import mido
        import rtmidi  # noqa: F401 - mido loads it only when asked for ports
    except ImportError as error:
        raise ServerError("MIDI needs two more packages: pip install 'videotexture[midi]'") from error
    try:
        return list(mido.get_input_names())
    except _errors() as error:
        raise ServerError(f"this machine offers no MIDI ({error}); on Linux, load the kernel's snd-seq") from error


def _errors() -> tuple[type[Exception], ...]:
    """What mido and python-rtmidi raise where a port or the whole system is amiss."""
    import rtmidi

    return (OSError, RuntimeError, SystemError, rtmidi.RtMidiError)
