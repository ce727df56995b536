"""A bad link, made in this process: for machines whose kernel has no `netem`.

It delays, loses, and lets no more through than so many bits a second; what does not fit into its queue is dropped, as
the buffer of a router would.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

import numpy as np

from server.ice import LOOPBACK


@dataclass(frozen=True)
class LinkSettings:
    """How bad it is; by default as issue-tracker stories of "one viewer on a train" are.

    Attributes:
        loss: share of packets that vanish, 0 to 1.
        delay_s: of each packet, one way.
        rate_bit_s: what gets through.
        queue_s: how much waits for its turn; more is dropped.
    """

    loss: float = 0.01
    delay_s: float = 0.2
    rate_bit_s: float = 500e3
    queue_s: float = 0.5

    def netem(self) -> list[str]:
        """The same for `tc qdisc add dev DEVICE root ...` (tc-netem(8))."""
        packets = max(2, round(self.queue_s * self.rate_bit_s / 8 / 1250))
        return [
            "netem", "loss", f"{100 * self.loss:g}%", "delay", f"{1e3 * self.delay_s:g}ms",
            "rate", f"{self.rate_bit_s:.0f}bit", "limit", str(packets),
        ]  # fmt: skip


class Link:
    """When a packet arrives at the other end. Pure: reads no clock.

    Args:
        rng: decides what is lost.
    """

    def __init__(self, settings: LinkSettings, rng: np.random.Generator) -> None:
        self._settings, self._rng = settings, rng
        self._free_s = 0.0  # when all that was accepted is through
        self.dropped = 0

    def change(self, settings: LinkSettings) -> None:
        """From now on it is like this."""
        self._settings = settings

    def arrival_s(self, size_bytes: int, now_s: float) -> float | None:
        """When a packet that is sent now arrives; None if it never does."""
        settings = self._settings
        begins_s = max(now_s, self._free_s)
        if begins_s - now_s > settings.queue_s or self._rng.random() < settings.loss:
            self.dropped += 1
            return None
        self._free_s = begins_s + 8 * size_bytes / settings.rate_bit_s
        return self._free_s + settings.delay_s


class Relay:
    """Stands between a viewer and its server; what comes from the server goes over a link. Open with `between`."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._viewer: tuple[str, int] | None = None
        self._inside: asyncio.DatagramTransport | None = None
        self._outside: asyncio.DatagramTransport | None = None

    @property
    def port(self) -> int:
        """Where the viewer finds it."""
        assert self._inside is not None
        return int(self._inside.get_extra_info("sockname")[1])

    async def open(self, server: tuple[str, int]) -> None:
        """Listen, and hand on to `server`."""
        loop = asyncio.get_running_loop()
        self._outside, _ = await loop.create_datagram_endpoint(lambda: _Taking(self._down), remote_addr=server)
        self._inside, _ = await loop.create_datagram_endpoint(lambda: _Taking(self._up), local_addr=(LOOPBACK, 0))

    def close(self) -> None:
        """Let go of its sockets."""
        for transport in (self._inside, self._outside):
            if transport is not None:
                transport.close()

    def _up(self, data: bytes, sender: tuple[str, int]) -> None:
        self._viewer = sender
        assert self._outside is not None
        self._outside.sendto(data)

    def _down(self, data: bytes, sender: tuple[str, int]) -> None:
        loop = asyncio.get_running_loop()
        arrival_s = self._link.arrival_s(len(data), loop.time())
        if arrival_s is not None:
            loop.call_at(arrival_s, self._deliver, data)

    def _deliver(self, data: bytes) -> None:
        if self._viewer is not None and self._inside is not None and not self._inside.is_closing():
            self._inside.sendto(data, self._viewer)


class _Taking(asyncio.DatagramProtocol):
    def __init__(self, take: object) -> None:
        self.datagram_received = take  # type: ignore[method-assign, assignment]


def without_candidates(offer: str) -> str:
    """The offer without addresses: who answers it learns whence it is called only by being called."""
    return re.sub(r"^a=(candidate:|end-of-candidates)[^\r\n]*\r\n", "", offer, flags=re.MULTILINE)


def server_of(answer: str) -> tuple[str, int]:
    """The first address in an answer."""
    found = re.search(r"^a=candidate:\S+ \d+ \S+ \d+ (\S+) (\d+) ", answer, flags=re.MULTILINE)
    if found is None:
        raise ValueError("the answer has no candidate in it")
    return found[1], int(found[2])


def over(answer: str, port: int) -> str:
    """The answer with a relay's port on loopback as its only address."""
    first, *others = re.findall(r"^a=candidate:[^\r\n]*\r\n", answer, flags=re.MULTILINE)
    words = first.split(" ")
    words[4:6] = LOOPBACK, str(port)
    changed = answer.replace(first, " ".join(words))
    for other in {*others} - {first}:
        changed = changed.replace(other, "")
    return changed
