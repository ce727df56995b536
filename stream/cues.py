"""What other threads tell a player: hits, what is heard, and what the performer turned. Everything returns at once."""

from __future__ import annotations

import heapq
import math
import threading
from enum import Enum
from typing import NamedTuple

from stream.performance import Performance
from stream.sound_rows import Hearing

MOST_HITS = 16  # that wait for their beat; the policy beyond is drop_newest, counted


class Mode(Enum):
    """What is shown."""

    PLAYING = "playing"
    FROZEN = "frozen"
    BLACK = "black"


class Hit(NamedTuple):
    """A hit that is wanted; all times monotonic.

    Attributes:
        due_s: when it is to be shown.
        told_s: when it was told.
        sounded_s: when the sound began that it answers; inf for one by hand.
    """

    due_s: float
    told_s: float
    sounded_s: float = math.inf


class Cues:
    """A box that any thread may put into, and the player looks into before each picture.

    Attributes:
        performance: what the performer turned last.
        heard: what was heard last, against the clip; None for silence, or no source.
        dropped: hits for which there was no room.
    """

    def __init__(self) -> None:
        self.performance = Performance()
        self.heard: Hearing | None = None
        self.dropped = 0
        self._lock = threading.Lock()
        self._hits: list[Hit] = []  # the earliest due first

    @property
    def mode(self) -> Mode:
        """What is wanted: black is stronger than frozen."""
        if self.performance.blackout:
            return Mode.BLACK
        return Mode.FROZEN if self.performance.freeze else Mode.PLAYING

    def hit(self, hit: Hit) -> None:
        """A hit is wanted."""
        with self._lock:
            if len(self._hits) == MOST_HITS:
                self.dropped += 1
            else:
                heapq.heappush(self._hits, hit)

    def take_hit(self, until_s: float) -> Hit | None:
        """The earliest hit that is due until then; all others that are due are one with it."""
        with self._lock:
            first = None
            while self._hits and self._hits[0].due_s <= until_s:
                taken = heapq.heappop(self._hits)
                first = first or taken
            return first
