"""A clip's time: from the time stamps that a file carries to one time that goes on, for pictures and sound alike.

Two recordings joined by `cat` begin again at the same time, clocks are set while a camera records, a stamp of 33 bits
begins at 0 again every 26.5 hours, and broken muxers write one stamp for many pictures. The picture track decides
where time breaks: behind a break it goes on one picture after the last, and the sound is moved by the same amount, so
that both stay together.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

from av.packet import Packet

MOST_BACK_S = 0.5  # stamps that go back by more have jumped
LONGEST_HOLD_S = 10.0  # a picture may stand so long; FFmpeg's own limit for a gap (`-dts_delta_threshold`)
ALIKE_S = 1.0  # jumps of pictures and of sound are the same one if they differ by less
OUTSIDE_S = 10.0  # sound may begin, or end, so far outside of its pictures


@dataclass(frozen=True)
class Run:
    """Packets of the picture track whose stamps belong together.

    Attributes:
        first: which packet of the track it begins with, counted as the file holds them, from 0.
        begins_s, ends_s: where its pictures begin and end, in the file's time.
        shift_s: what makes the clip's time of the file's: 0 at the clip's first picture.
        clip_ends_s: where its last picture ends, in the clip's time.
        position: where in the file it begins, in bytes; -1 if unknown.
        stored_s: the file's time of its first packet, which may be of a picture that is not shown.
        counts: whether all its stamps are alike, so that its pictures are counted instead.
        is_cut: whether what it shows may differ from what was before.
    """

    first: int
    begins_s: float
    ends_s: float
    shift_s: float
    clip_ends_s: float
    position: int
    stored_s: float
    counts: bool = False
    is_cut: bool = True

    @property
    def clip_begins_s(self) -> float:
        """Where it begins in the clip."""
        return self.begins_s + self.shift_s


@dataclass(frozen=True)
class Timeline:
    """How a file's time becomes the clip's.

    Attributes:
        runs: at least one, in the order of the file.
        frame_s: how long a picture usually stands.
        shown: how many packets of the picture track are of pictures that are shown.
        last_stands_s: how long the last one that is drawn stands.
        usual_rate_hz: how many come in a second, but for those that stand for long; 0 if their stamps do not say.
        file_ends_s: the file's time at which the last of all tracks ends, as far as the file can be read.
        notes: what was changed, a line each, for the user.
    """

    runs: tuple[Run, ...]
    frame_s: float = 0.04
    shown: int = 0
    last_stands_s: float = 0.0
    usual_rate_hz: float = 0.0
    file_ends_s: float = 0.0
    notes: tuple[str, ...] = ()

    @classmethod
    def starting_at(cls, starts_s: float) -> Timeline:
        """Of a file whose time never breaks, and whose first picture stands at `starts_s`."""
        return cls((Run(0, starts_s, float("inf"), -starts_s, float("inf"), -1, starts_s),))

    @property
    def duration_s(self) -> float:
        """How long all its pictures stand."""
        return self.runs[-1].clip_ends_s - self.runs[0].clip_begins_s

    @property
    def cuts_s(self) -> list[float]:
        """The clip's times at which time broke, and so the picture may have."""
        return [run.clip_begins_s for run in self.runs[1:] if run.is_cut]

    def aligned(self, first_picture_s: float) -> Timeline:
        """The same, so that the picture that stands at `first_picture_s` in the file's time stands at 0."""
        by_s = -(first_picture_s + self.runs[0].shift_s)
        return replace(
            self,
            runs=tuple(
                replace(run, shift_s=run.shift_s + by_s, clip_ends_s=run.clip_ends_s + by_s) for run in self.runs
            ),
        )


class PictureClock:
    """Gives the picture track's packets stamps that go on, before they are decoded; ask it in the file's order.

    They are in the time of the first run.
    """

    def __init__(self, timeline: Timeline) -> None:
        self._runs, self._frame_s = timeline.runs, timeline.frame_s
        self._count = self._run = 0

    def set(self, packet: Packet[Any]) -> None:
        """Change a packet's stamps."""
        if not holds_picture(packet):
            return
        while self._run + 1 < len(self._runs) and self._count >= self._runs[self._run + 1].first:
            self._run += 1
        run = self._runs[self._run]
        if self._run and self._is_late(packet, self._runs[self._run - 1], run):
            run = self._runs[self._run - 1]
        place, self._count = self._count - run.first, self._count + 1
        move_s = run.shift_s - self._runs[0].shift_s
        if run.counts:
            packet.pts = packet.dts = round((run.begins_s + move_s + place * self._frame_s) / time_base_of(packet))
        elif self._run:
            _move(packet, move_s)

    def _is_late(self, packet: Packet[Any], before: Run, run: Run) -> bool:
        """Whether a packet is of the run before a leap, stored behind the first of the run after it."""
        time_s = time_of(packet)
        return time_s is not None and before.ends_s < run.begins_s and time_s < (before.ends_s + run.begins_s) / 2


class SoundClock:
    """Gives the sound track's packets the clip's time, before they are decoded; ask it in the file's order.

    Attributes:
        run: that of the last packet.
    """

    def __init__(self, timeline: Timeline) -> None:
        self._runs = timeline.runs
        # Fragments of MP4 may name places in the file that they were cut from.
        self._in_order = all(one.position < other.position for one, other in pairwise(self._runs))
        self._index = 0
        self._due_s: float | None = None
        self.run = self._runs[0]

    def set(self, packet: Packet[Any]) -> None:
        """Change a packet's stamps."""
        time_s = time_of(packet)
        if time_s is not None and packet.size:
            position = -1 if packet.pos is None else packet.pos
            self._follow(time_s, seconds_of(packet, packet.duration or 0), position)
        _move(packet, self.run.shift_s)

    def _follow(self, time_s: float, duration_s: float, position: int) -> None:
        leaps_s = 0.0 if self._due_s is None else time_s - self._due_s
        if len(self._runs) > 1:
            if self._due_s is None or leaps_s < -MOST_BACK_S or leaps_s > LONGEST_HOLD_S:
                self._index = self._behind_leap(time_s, leaps_s, position)
            while self._goes_on_into_next(time_s):
                self._index += 1
        self._due_s, self.run = time_s + duration_s, self._runs[self._index]

    def _goes_on_into_next(self, time_s: float) -> bool:
        """Whether sound that did not leap has left its run's pictures for those of the next, in the same time."""
        if self._index + 1 == len(self._runs):
            return False
        run, following = self._runs[self._index : self._index + 2]
        margin_s = 2 * (run.ends_s - run.begins_s) if run.counts else MOST_BACK_S
        return following.begins_s >= run.ends_s - margin_s and time_s >= min(run.ends_s, following.begins_s)

    def _behind_leap(self, time_s: float, leaps_s: float, position: int) -> int:
        """The run that sound belongs to that leapt, or has only begun."""
        later = range(self._index, len(self._runs))
        if self._due_s is not None:
            for index in later[1:]:
                pictures_leap_s = self._runs[index].stored_s - self._runs[index - 1].ends_s
                if abs(pictures_leap_s - leaps_s) < ALIKE_S:
                    return index
        placed = self._index
        if self._in_order:
            placed = max((index for index in later if 0 <= self._runs[index].position <= position), default=placed)
        by_distance = sorted(later, key=lambda index: abs(index - placed))
        return next((index for index in by_distance if self._holds(index, time_s)), placed)

    def _holds(self, index: int, time_s: float) -> bool:
        return self._runs[index].begins_s - OUTSIDE_S <= time_s < self._runs[index].ends_s + OUTSIDE_S


def holds_picture(packet: Packet[Any]) -> bool:
    """Whether a picture track's packet is one of the file's, and not there to flush the decoder."""
    return packet.size > 0 or packet.pts is not None


def repeats_picture(packet: Packet[Any]) -> bool:
    """Whether a packet says, by holding nothing, that the picture before it stands on (Theora, AVI)."""
    return holds_picture(packet) and not packet.size


def time_base_of(packet: Packet[Any]) -> Fraction:
    """What a packet's stamps count, in s."""
    return packet.time_base or Fraction(1, 90_000)


def seconds_of(packet: Packet[Any], stamp: int) -> float:
    """A packet's stamp in seconds. It is asked of each, and arithmetic with fractions takes ten times as long."""
    base = time_base_of(packet)
    return stamp * base.numerator / base.denominator


def time_of(packet: Packet[Any]) -> float | None:
    """When a packet is shown or heard, in the file's time in s; None where it does not say."""
    stamp = packet.dts if packet.pts is None else packet.pts
    return None if stamp is None else seconds_of(packet, stamp)


def _move(packet: Packet[Any], by_s: float) -> None:
    by = round(by_s / time_base_of(packet))
    packet.pts = None if packet.pts is None else packet.pts + by
    packet.dts = None if packet.dts is None else packet.dts + by
