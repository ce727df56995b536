"""An endless texture as packets: `packets` offline, as fast as they are pulled; `play` in real time, for ever."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from stream.bridges import Bridges
from stream.liveliness import Liveliness
from stream.pacing import Pacer
from stream.splice import MediaPacket, Splicer
from stream.texture import Texture
from stream.walk import Step, Walk

JUMPS_PER_MINUTE = 15.0
LOOK_AHEAD_S = 1.0  # how long before it plays a step is drawn, so that its bridge can be made


class Player:
    """One endless walk over one texture; owns two threads; a context manager.

    Attributes:
        jumps: how many jumps were taken so far.
        pacer: how punctual `play` was.
    """

    def __init__(self, texture: Texture, liveliness: Liveliness, *, seed: int | None = None) -> None:
        self.texture = texture
        self.liveliness = liveliness
        self.bridges = Bridges(texture)
        self.pacer = Pacer()
        self.jumps = 0
        self._walk = Walk(liveliness.transitions, np.random.default_rng(seed))
        self._splicer = Splicer(texture)
        self._layer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="player")
        self._planned: deque[Step] = deque()
        self._look_ahead_steps = max(1, round(LOOK_AHEAD_S / texture.tempo.stride_s))

    def __enter__(self) -> Player:
        return self

    def __exit__(self, *exc: object) -> None:
        self._layer.shutdown(wait=True, cancel_futures=True)
        self.bridges.close()

    def set_liveliness(self, liveliness: Liveliness) -> None:
        """Walk differently from the next step on that is not planned yet."""
        self.liveliness = liveliness
        self._walk.transitions = liveliness.transitions

    def packets(self) -> Iterator[MediaPacket]:
        """Every packet for ever, each bridge waited for."""
        while True:
            step = self._next_step()
            bridge = self.bridges.wait((step.previous, step.segment)) if step.is_jump else []
            self.jumps += step.is_jump
            yield from self._splicer.splice(step, bridge)

    async def play(self) -> AsyncGenerator[MediaPacket]:
        """Every packet for ever, each when it is due. Consume it with `contextlib.aclosing`, once per player.

        While a step plays, a thread lays the next one: a cross-fade's Opus would hold up the event loop.
        """
        loop = asyncio.get_running_loop()
        upcoming = loop.run_in_executor(self._layer, self._lay_next)
        while True:
            packets = await upcoming
            upcoming = loop.run_in_executor(self._layer, self._lay_next)
            for packet in packets:
                delay_s = self.pacer.delay_s(float(packet.time_s), time.monotonic())
                if delay_s > 0:
                    await asyncio.sleep(delay_s)
                self.jumps += packet.step is not None and packet.step.is_jump
                yield packet

    def _lay_next(self) -> list[MediaPacket]:
        step = self._next_step()
        # A step is laid a stride before it plays: half of that may go into waiting for a bridge.
        patience_s = self.texture.tempo.stride_s / 2
        bridge = self.bridges.wait((step.previous, step.segment), patience_s) if step.is_jump else []
        return self._splicer.splice(step, bridge)

    def _next_step(self) -> Step:
        while len(self._planned) <= self._look_ahead_steps:
            step = self._walk.step()
            if step.is_jump:
                self.bridges.request((step.previous, step.segment))
            self._planned.append(step)
        return self._planned.popleft()
