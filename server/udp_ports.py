"""UDP ports out of a range, for media that must come through a firewall or out of a container."""

from __future__ import annotations

import asyncio
import itertools
import re
import socket
from collections.abc import Iterator
from dataclasses import dataclass

from aioice import Candidate, Connection
from aioice.candidate import candidate_foundation, candidate_priority
from aioice.ice import StunProtocol

from server.errors import NoPortError, ServerError
from stream.network_address import pasted

LOWEST, HIGHEST = 1024, 65535
RANGE = re.compile(r"([0-9]{1,5})(?:\s*[-:\u2013]\s*([0-9]{1,5}))?(?:/udp)?", re.ASCII)
RECEIVE_BUFFER_BYTES = 1 << 20


@dataclass(frozen=True)
class PortRange:
    """Ports from `first` to `last`, both included.

    Raises:
        ServerError: there are none such.
    """

    first: int
    last: int

    def __post_init__(self) -> None:
        if not LOWEST <= self.first <= self.last <= HIGHEST:
            raise ServerError(f"{self} are no UDP ports to use; expected two numbers from {LOWEST} to {HIGHEST}")

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"

    def __len__(self) -> int:
        return self.last - self.first + 1

    @staticmethod
    def parse(text: str) -> PortRange:
        """From text like "50000-50100"; firewalls and containers write 50000:50100 and 50000-50100/udp.

        Raises:
            ServerError: it is no range.
        """
        found = RANGE.fullmatch(pasted(text))
        if found is None:
            raise ServerError(f"{text!r} is no range of UDP ports; expected one like 50000-50100")
        return PortRange(int(found[1]), int(found[2] or found[1]))


def connection_within(ports: PortRange) -> type[Connection]:
    """The class of ICE connections whose own sockets take their ports out of a range.

    aioice takes any port and has no setting for that (0.13). Ports are tried in turn, each viewer's after the last
    one's, so that one that has just been left is not met by what is still on its way to it.
    """
    turns = itertools.count()

    class WithinRange(Connection):
        async def get_component_candidates(
            self,
            component: int,
            addresses: list[str],
            timeout: int = 5,  # noqa: ASYNC109 (aioice's own)
        ) -> list[Candidate]:
            begin = next(turns) % len(ports)
            order = [ports.first + (begin + step) % len(ports) for step in range(len(ports))]
            candidates = []
            for address in addresses:
                protocol = await _bind(self, address, iter(order), ports)
                protocol.local_candidate = _candidate(component, protocol)
                self._protocols.append(protocol)
                candidates.append(protocol.local_candidate)
            return candidates + await super().get_component_candidates(component, [], timeout)

    return WithinRange


async def _bind(connection: Connection, address: str, ports: Iterator[int], all_ports: PortRange) -> StunProtocol:
    loop = asyncio.get_running_loop()
    for port in ports:
        try:
            transport, protocol = await loop.create_datagram_endpoint(
                lambda: StunProtocol(connection), local_addr=(address, port)
            )
        except OSError:
            continue  # another viewer has it
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        return protocol
    raise NoPortError(f"all UDP ports {all_ports} of {address} are in use; each viewer takes one, give more of them")


def _candidate(component: int, protocol: StunProtocol) -> Candidate:
    host, port = protocol.transport.get_extra_info("sockname")[:2]
    return Candidate(
        foundation=candidate_foundation("host", "udp", host), component=component, transport="udp",
        priority=candidate_priority(component, "host"), host=host, port=port, type="host",
    )  # fmt: skip
