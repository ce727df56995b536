"""How lively a channel is, turned while it plays: each change is solved beside the event loop, one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from server.controls import MOST_JUMPS_PER_MINUTE
from server.picture import matrix_png
from stream.liveliness import Liveliness
from stream.player import Player
from stream.transitions import Transitions

LOWEST_WANTED_RATE = 0.5  # asks the matrix for its calmest walk


@dataclass(frozen=True)
class Settings:
    """What can be turned while it plays: jumps per minute as they are, and between what they can be set."""

    jumps_per_minute: float
    minimum: float
    maximum: float


class Steering:
    """Solves for what is wanted.

    Args:
        player: gives what plays.
        tell: told the settings after each change.
    """

    def __init__(self, player: Callable[[], Player], tell: Callable[[Settings], None]) -> None:
        self._player, self._tell = player, tell
        self._turn = asyncio.Lock()  # one solve at a time: each takes a core
        self._wanted_jumps: float | None = None  # the latest; what came before it and is not solved yet is skipped
        self._solving: asyncio.Task[None] | None = None
        self._calmest: float | None = None
        self._picture: tuple[Transitions, bytes] | None = None

    async def settings(self) -> Settings:
        """As they are now."""
        async with self._turn:
            return await self._settings()

    async def set_jumps_per_minute(self, jumps_per_minute: float) -> Settings:
        """Walk on with this liveliness, and tell everyone."""
        async with self._turn:
            self._player().set_liveliness(await self._solve(jumps_per_minute))
            settings = await self._settings()
        self._tell(settings)
        return settings

    def want(self, jumps_per_minute: float) -> None:
        """The same soon: while one is solved for, only the latest is remembered. On the loop's thread."""
        self._wanted_jumps = jumps_per_minute
        if self._solving is None or self._solving.done():
            self._solving = asyncio.create_task(self._solve_wanted(), name="jumps per minute")

    async def matrix_png(self) -> bytes:
        """The transition matrix as a picture; drawn once for each liveliness."""
        async with self._turn:
            transitions = self._player().liveliness.transitions
            if self._picture is None or self._picture[0] is not transitions:
                graph = self._player().texture.graph
                self._picture = (transitions, await asyncio.to_thread(matrix_png, graph, transitions))
            return self._picture[1]

    def forget(self) -> None:
        """Another texture plays."""
        self._calmest = self._picture = None

    def close(self) -> None:
        """Solve no more."""
        if self._solving is not None:
            self._solving.cancel()

    async def _solve_wanted(self) -> None:
        while self._wanted_jumps is not None:
            wanted, self._wanted_jumps = self._wanted_jumps, None
            await self.set_jumps_per_minute(wanted)

    async def _settings(self) -> Settings:
        if self._calmest is None:
            self._calmest = (await self._solve(LOWEST_WANTED_RATE)).jumps_per_minute
        now = self._player().liveliness.jumps_per_minute
        return Settings(round(now, 2), round(min(now, self._calmest), 2), MOST_JUMPS_PER_MINUTE)

    async def _solve(self, jumps_per_minute: float) -> Liveliness:
        return await asyncio.to_thread(self._player().texture.liveliness, jumps_per_minute)
