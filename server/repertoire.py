"""Several textures in one server: one plays, another takes its place when it is asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from server.channel import Channel
from server.errors import BusyError, NoTextureError
from stream.player import Player

OpenPlayer = Callable[[Path], AbstractContextManager[Player]]


@dataclass(frozen=True)
class Listed:
    """One texture of several.

    Attributes:
        name: by which it is asked for.
        playing: whether it is shown now.
    """

    name: str
    playing: bool


class Repertoire:
    """What can be played, and the player of what is. A context manager: leaving closes that player.

    Attributes:
        paths: the folders, by name, in the order in which they were given.
        playing: the name of the texture that is shown; "" before the first.
    """

    def __init__(self, paths: Mapping[str, Path], open_player: OpenPlayer) -> None:
        """Prepare.

        Args:
            open_player: opens a texture and all that plays it; may take seconds, and is called from threads.
        """
        self.paths = dict(paths)
        self.playing = ""
        self._open_player = open_player
        self._opened = ExitStack()
        self._changing = asyncio.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()

    def begin(self, name: str) -> Player:
        """Open what is played first.

        Raises:
            NoTextureError: there is none of this name.
            TextureError: it cannot be played.
        """
        player = self._opened.enter_context(self._open_player(self._path(name)))
        self.playing = name
        return player

    def listed(self) -> list[Listed]:
        """All of them."""
        return [Listed(name, name == self.playing) for name in self.paths]

    async def change(self, channel: Channel, name: str) -> None:
        """Go over to another texture; returns when it is shown. The one that is shown already stays.

        Raises:
            NoTextureError: there is none of this name.
            BusyError: it is just going over to one.
            TextureError: it cannot be played; what is shown stays.
        """
        path = self._path(name)
        if self._changing.locked():
            raise BusyError("it is just changing to another texture; ask again in a second")
        async with self._changing:
            if name == self.playing:
                return
            opened = ExitStack()
            try:
                player = await asyncio.to_thread(lambda: opened.enter_context(self._open_player(path)))
                await channel.change_to(player)
            except BaseException:
                await asyncio.to_thread(opened.close)
                raise
            left, self._opened, self.playing = self._opened, opened, name
        await asyncio.to_thread(left.close)

    def _path(self, name: str) -> Path:
        if name not in self.paths:
            raise NoTextureError(f"there is no texture {name!r}, expected one of {', '.join(self.paths)}")
        return self.paths[name]
