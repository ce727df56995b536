"""Open Sound Control: every parameter under an address of its own, which says itself what it takes.

    /videotexture/NAME value     turns a parameter (jumps_per_minute too); without a value, its own is sent back
    /videotexture/NAME/?         what it is and takes is sent back
    /videotexture/?              the same of all
    /videotexture/tap            a beat is now
    /videotexture/hit            hit now

Buttons of control surfaces send 1 when pressed and 0 when let go: tap and hit take that 0 for nothing.
"""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from pythonosc.osc_message_builder import BuildError, build_msg
from pythonosc.osc_packet import OscPacket, ParseError

from server.controls import JUMPS, Controls
from server.errors import ServerError
from server.hosts import is_loopback
from stream.performance import PARAMETERS, Kind, Parameter, Value

log = logging.getLogger(__name__)

HOST, PORT = "127.0.0.1", 9000
ROOT = "/videotexture"
ACTIONS = {"tap": "a beat is now", "hit": "hit now, whatever the cooldown"}
ASK = "?"
MOST_TOLD = 5  # bad messages that are logged one by one
WRITE, BOTH = 2, 3  # OSCQuery's ACCESS

Address = tuple[str, int]


class OscServer:
    """Listens on a UDP port while its context lasts.

    Attributes:
        messages: how many were obeyed.
        bad: how many were not understood.
    """

    def __init__(self, controls: Controls, *, host: str = HOST, port: int = PORT) -> None:
        """Prepare to listen; port 0 takes any free one."""
        self.messages = self.bad = 0
        self._controls = controls
        self._where = (host, port)
        self._transport: asyncio.DatagramTransport | None = None

    @property
    def address(self) -> Address:
        """Where it listens."""
        if self._transport is None:
            return self._where
        host, port = self._transport.get_extra_info("sockname")[:2]
        return host, port

    async def __aenter__(self) -> OscServer:
        """Listen.

        Raises:
            ServerError: the port is in use, or not ours to take.
        """
        host, port = self._where
        try:
            transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: _Protocol(self), local_addr=self._where
            )
        except (OSError, OverflowError) as error:
            reason = "is in use" if getattr(error, "errno", None) == errno.EADDRINUSE else f"cannot be taken ({error})"
            raise ServerError(f"OSC: UDP port {port} of {host} {reason}; say another --osc PORT") from error
        self._transport = transport
        if not is_loopback(host):
            log.warning("OSC listens on %s: whoever reaches this machine can turn the performance", host)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._transport is not None:
            self._transport.close()

    def received(self, datagram: bytes, sender: Address) -> None:
        """Obey a packet; what is wrong in it is told and counted, and never stops anything."""
        try:
            messages = [timed.message for timed in OscPacket(datagram).messages]
        except (ParseError, ValueError, ArithmeticError, RecursionError) as error:
            self._refuse(sender, f"{len(datagram)} bytes that are no OSC: {error}")
            return
        for message in messages:
            try:
                self._obey(message.address, list(message.params), sender)
                self.messages += 1
            except ValueError as error:
                self._refuse(sender, str(error))

    def _obey(self, address: str, arguments: Sequence[object], sender: Address) -> None:
        """Do what one message says.

        Raises:
            ValueError: it cannot be understood.
        """
        if not f"{address}/".startswith(f"{ROOT}/"):
            raise ValueError(f"{address[:60]} is not ours; {ROOT}/{ASK} tells what is")
        name = address.removeprefix(ROOT).strip("/")
        if name in ("", ASK):
            for entry in address_list(self._controls)["CONTENTS"].values():
                self._describe(entry, sender)
        elif name in ACTIONS:
            self._act(name, arguments)
        elif (entry := address_list(self._controls)["CONTENTS"].get(name.removesuffix(f"/{ASK}"))) and (
            name.endswith(ASK) or not arguments
        ):
            if name.endswith(ASK):
                self._describe(entry, sender)
            else:
                self._reply(sender, entry["FULL_PATH"], entry["VALUE"])
        elif len(arguments) > 1:
            raise ValueError(f"{address} takes one value, got {len(arguments)}")
        elif name == JUMPS.name:
            self._controls.want_jumps(arguments[0])
        else:
            self._controls.change({name: arguments[0] if arguments else None})

    def _act(self, name: str, arguments: Sequence[object]) -> None:
        if arguments and arguments[0] in (0, False):
            return  # a button was let go
        if name == "hit":
            self._controls.hit()
        elif not self._controls.tap():
            raise ValueError(f"{ROOT}/tap: nothing listens to a beat; serve with --mic")

    def _describe(self, entry: Mapping[str, Any], sender: Address) -> None:
        arguments = [entry["DESCRIPTION"], entry.get("EXPECTED", "")]
        self._reply(sender, f"{entry['FULL_PATH']}/{ASK}", [*arguments, *entry.get("VALUE", [])])

    def _reply(self, sender: Address, address: str, arguments: list[Value]) -> None:
        assert self._transport is not None
        try:
            self._transport.sendto(build_msg(address, arguments).dgram, sender)
        except (BuildError, OSError) as error:
            log.warning("OSC: no answer could be sent to %s port %d (%s)", *sender[:2], error)

    def _refuse(self, sender: Address, reason: str) -> None:
        self.bad += 1
        if self.bad <= MOST_TOLD:
            log.warning("OSC from %s port %d: %s", *sender[:2], reason)
        if self.bad == MOST_TOLD:
            log.warning("OSC: further messages that cannot be understood are only counted")


class _Protocol(asyncio.DatagramProtocol):
    def __init__(self, server: OscServer) -> None:
        self._server = server

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        self._server.received(data, addr)

    def error_received(self, exc: Exception) -> None:
        log.debug("OSC: an answer did not arrive: %s", exc)  # whoever asked has gone


def address_list(controls: Controls) -> dict[str, Any]:
    """All addresses, in the JSON of the OSCQuery proposal, with what is expected in words besides."""
    contents: dict[str, Any] = {
        name: _entry(parameter, getattr(controls.performance, name)) for name, parameter in PARAMETERS.items()
    }
    contents[JUMPS.name] = _entry(JUMPS, controls.jumps_per_minute)
    for name, doc in ACTIONS.items():
        contents[name] = {"FULL_PATH": f"{ROOT}/{name}", "ACCESS": WRITE, "TYPE": "", "DESCRIPTION": doc}
    return {"FULL_PATH": ROOT, "ACCESS": 0, "DESCRIPTION": "a video texture while it plays", "CONTENTS": contents}


def _entry(parameter: Parameter, value: Value) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "FULL_PATH": f"{ROOT}/{parameter.name}", "ACCESS": BOTH, "DESCRIPTION": parameter.doc,
        "EXPECTED": parameter.expected, "VALUE": [value], "TYPE": _type_tag(value),
    }  # fmt: skip
    if parameter.kind is Kind.NUMBER:
        entry["RANGE"] = [{"MIN": parameter.minimum, "MAX": parameter.maximum}]
    elif parameter.kind is Kind.CHOICE:
        entry["RANGE"] = [{"VALS": list(parameter.choices)}]
    if parameter.unit:
        entry["UNIT"] = [parameter.unit]
    return entry


def _type_tag(value: Value) -> str:
    if isinstance(value, bool):
        return "T" if value else "F"
    return "s" if isinstance(value, str) else "f"
