"""Finding where a file's time breaks: among the stamps of its picture track, without decoding them."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream

from stream.timeline import (
    LONGEST_HOLD_S,
    MOST_BACK_S,
    Run,
    Timeline,
    holds_picture,
    repeats_picture,
    seconds_of,
    time_of,
)

MOST_BACK_FRAMES = 5  # that stamps for decoding go back in Matroska, which keeps none: pictures stored out of order
LONG_STAND_S = 0.5  # a picture that stands longer says nothing of the rate at which the others come
WRAP_S = 2**33 / 90_000  # when the stamps of a transport stream begin at 0 again
# Leaps that are none: that, and FLV's stamps, which FFmpeg's muxer gives 31 bits, and its demuxer takes for 32.
TURNS_S = (-WRAP_S, 2**31 / 1000)


def read_timeline(container: InputContainer, track: Stream, frame_s: float) -> Timeline:
    """The timeline of an open file, which is read to its end.

    Args:
        track: of the pictures.
        frame_s: how long a picture usually stands.
    """
    reader, file_ends_s = _Reader(frame_s), 0.0
    for packet in _packets(container):
        time_s = time_of(packet)
        if time_s is not None:
            file_ends_s = max(file_ends_s, time_s + seconds_of(packet, packet.duration or 0))
        if packet.stream_index == track.index:
            reader.take(packet, time_s, None if packet.dts is None else seconds_of(packet, packet.dts))
            reader.see_standing(packet, time_s)
    return reader.timeline(file_ends_s)


@dataclass
class _Open:
    """A run that is being read; as in `Run`."""

    first: int
    position: int
    begins_s: float
    latest_s: float
    shift_s: float
    counts: bool = False
    is_cut: bool = True
    count: int = 0
    latest_decoded_s: float = 0.0  # the same as `latest_s`, of the stamps for decoding
    stored_s: float = 0.0


@dataclass
class _Reader:
    """Finds runs among the picture track's stamps."""

    frame_s: float
    packets: int = 0
    shown: int = 0
    runs: list[_Open] = field(default_factory=list)
    standing: int = 0  # packets since the last stamp that was later than all before it
    hidden: tuple[int, int, float] | None = None  # the first of the packets since then that are not shown
    back: int = 0
    gaps: int = 0
    stuck: int = 0
    times_s: array[float] = field(default_factory=lambda: array("d"))  # of those that say it, in the first run's time
    last_s: float = -math.inf  # the last one's
    last_drawn_s: float = -math.inf  # the last one's that does not repeat the one before
    stands_s: float = 0.0  # how long the last one stands

    def take(self, packet: Packet[Any], time_s: float | None, decoded_s: float | None) -> None:
        """Look at the next packet.

        Args:
            time_s: when it is shown.
            decoded_s: when it is decoded: stamps that are in order, so that a jump is a jump.
        """
        index, self.packets = self.packets, self.packets + 1
        self.shown += not packet.is_discard
        if time_s is None:
            return
        position = -1 if packet.pos is None else packet.pos
        if packet.is_discard:
            self.hidden = self.hidden or (index, position, time_s)
            return
        decoded_s = time_s if decoded_s is None else decoded_s
        first, position, stored_s = self.hidden or (index, position, time_s)
        self.hidden = None
        begun = _Open(first, position, time_s, time_s, 0.0, latest_decoded_s=decoded_s, stored_s=stored_s)
        if not self.runs:
            self.runs.append(begun)
            return
        run = self.runs[-1]
        ahead_s, shown_ahead_s = decoded_s - run.latest_decoded_s, time_s - run.latest_s
        if run.counts and abs(shown_ahead_s) < self.frame_s / 4:
            run.count += 1
        elif turn_s := next((turn_s for turn_s in TURNS_S if abs(ahead_s - turn_s) < LONGEST_HOLD_S), None):
            begun.is_cut = False
            self._begin(begun, shown_ahead_s - turn_s)
        elif ahead_s < -max(MOST_BACK_S, MOST_BACK_FRAMES * self.frame_s):
            self.back += 1
            self._begin(begun, self.frame_s)
        elif shown_ahead_s > LONGEST_HOLD_S + MOST_BACK_FRAMES * self.frame_s:
            self.gaps += 1
            self._begin(begun, self.frame_s)
        elif run.counts:
            begun.is_cut = False
            self._begin(begun, self.frame_s)
        else:
            run.latest_decoded_s = max(run.latest_decoded_s, decoded_s)
            self._go_on(run, begun, shown_ahead_s)

    def _go_on(self, run: _Open, begun: _Open, ahead_s: float) -> None:
        """Take a picture of the run, unless its stamp has been the same for too long."""
        if ahead_s > 0:
            run.latest_s, self.standing = begun.latest_s, 0
        elif ahead_s > -self.frame_s / 4:
            self.standing += 1
            if self.standing > max(MOST_BACK_S / self.frame_s, MOST_BACK_FRAMES):
                self.stuck += 1
                begun.first, begun.count = begun.first - self.standing + 1, self.standing
                begun.counts, begun.is_cut = True, False
                self._begin(begun, self.frame_s)

    def see_standing(self, packet: Packet[Any], time_s: float | None) -> None:
        """Look at how long the packet that was taken last stands."""
        if time_s is None or packet.is_discard:
            return
        run = self.runs[-1]
        shown_s = self._last_s(run) if run.counts else time_s + run.shift_s
        if not run.counts:
            self.times_s.append(shown_s)
        if shown_s >= self.last_s:
            self.last_s, self.stands_s = shown_s, seconds_of(packet, packet.duration or 0)
        if not repeats_picture(packet):
            self.last_drawn_s = max(self.last_drawn_s, shown_s)

    def _more_s(self) -> float:
        """How much longer than usual the last picture stands; for too long is a gap behind which nothing comes."""
        if self.stands_s > LONGEST_HOLD_S + MOST_BACK_FRAMES * self.frame_s:
            self.gaps += 1
            return 0.0
        return max(0.0, self.stands_s - self.frame_s)

    def _usual_rate_hz(self) -> float:
        gaps_s = np.diff(np.sort(self.times_s))
        short_s = gaps_s[(gaps_s > 0) & (gaps_s <= max(LONG_STAND_S, MOST_BACK_FRAMES * self.frame_s))]
        return len(short_s) / float(short_s.sum()) if short_s.any() else 0.0

    def _begin(self, run: _Open, after_s: float) -> None:
        """Begin a run whose first picture stands `after_s` behind the last picture before it."""
        self.standing = 0
        run.shift_s = self._last_s(self.runs[-1]) + after_s - run.begins_s
        self.runs.append(run)

    def _last_s(self, run: _Open) -> float:
        """When a run's last picture begins, in the clip's time."""
        if run.counts:
            return run.begins_s + run.shift_s + (run.count - 1) * self.frame_s
        return run.latest_s + run.shift_s

    def timeline(self, file_ends_s: float) -> Timeline:
        opened = self.runs or [_Open(0, -1, 0.0, max(0, self.packets - 1) * self.frame_s, 0.0)]
        runs = tuple(
            Run(
                run.first, run.begins_s, run.latest_s + self.frame_s, run.shift_s, self._last_s(run) + self.frame_s,
                run.position, run.stored_s, run.counts, run.is_cut,
            )
            for run in opened
        )  # fmt: skip
        more_s = self._more_s()
        last = replace(runs[-1], ends_s=runs[-1].ends_s + more_s, clip_ends_s=runs[-1].clip_ends_s + more_s)
        stands_s = self.frame_s + more_s + (self.last_s - self.last_drawn_s if self.times_s else 0)
        timeline = Timeline(
            (*runs[:-1], last), self.frame_s, self.shown, stands_s, self._usual_rate_hz(), file_ends_s,
            tuple(self._notes()),
        )  # fmt: skip
        return timeline.aligned(runs[0].begins_s)

    def _notes(self) -> Iterator[str]:
        if self.back:
            yield f"its time begins again {_times(self.back)}, as in joined recordings; the clip goes on, as a cut"
        if self.gaps:
            yield f"its time leaps by more than {LONGEST_HOLD_S:g} s {_times(self.gaps)}; the gap is closed, as a cut"
        if self.stuck:
            yield f"its time stands still {_times(self.stuck)} while pictures go on; they are counted there"


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _packets(container: InputContainer) -> Iterator[Packet[Any]]:
    try:
        yield from filter(holds_picture, container.demux())
    except FFmpegError:
        return  # it cannot be read on, as whoever decodes it will find too
