"""A playlist by time of day: which texture is due. Pure, but for the task that follows it."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from pathlib import Path

from server.channel import Channel
from server.errors import BusyError, ServerError
from server.repertoire import Repertoire
from stream.errors import TextureError
from stream.texture_folder import texture_name

log = logging.getLogger(__name__)

LOOKED_AT_S = 2.0  # how often the clock is looked at: it may be set, or the machine have slept


@dataclass(frozen=True)
class Schedule:
    """From which time of day on which texture is played, every day.

    Attributes:
        cues: (from when, name), in the order of the day; at least one.
    """

    cues: tuple[tuple[time, str], ...]

    @classmethod
    def parse(cls, entries: Sequence[str], names: Sequence[str]) -> Schedule:
        """Of entries like `18:30=fireplace`.

        Args:
            names: of the textures that can be played.

        Raises:
            ServerError: an entry is of another form, names a time that is none or no texture, or two are at one time.
        """
        cues: dict[time, str] = {}
        for entry in entries:
            found = re.fullmatch(r"(\d{1,2}):(\d{2})=(.+)", entry.strip())
            if found is None or int(found[1]) > 23 or int(found[2]) > 59:
                raise ServerError(f"--play-at {entry}: expected a time of day and a texture, like 18:30={names[0]}")
            at, name = time(int(found[1]), int(found[2])), found[3].strip()
            if name not in names:
                name = texture_name(Path(name))  # it may be said by its folder
            if name not in names:
                raise ServerError(
                    f"--play-at {entry}: there is no texture {name!r}, expected one of {', '.join(names)}"
                )
            if at in cues:
                raise ServerError(f"--play-at {entry}: {cues[at]} is to be played from then on already")
            cues[at] = name
        return cls(tuple(sorted(cues.items())))

    def due(self, now: time) -> str:
        """What is to be played at a time of day; before the first cue, what the last one of yesterday said."""
        return next((name for at, name in reversed(self.cues) if at <= now), self.cues[-1][1])


async def follow(
    schedule: Schedule, repertoire: Repertoire, channel: Channel, now: Callable[[], datetime] = datetime.now
) -> None:
    """Change textures as it is due, until cancelled. One that was chosen by hand stays until the next cue."""
    done = repertoire.playing
    while True:
        due = schedule.due(now().time())
        if due != done:
            try:
                await repertoire.change(channel, due)
                done = due
            except BusyError:
                pass  # asked again in a moment
            except TextureError as error:
                log.error("the playlist wants %s, which cannot be played: %s", due, error)
                done = due
        await asyncio.sleep(LOOKED_AT_S)
