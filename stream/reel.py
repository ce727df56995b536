"""The two lanes of a stream as they leave: pictures one behind the other, and 20 ms of sound at a time.

Pure: reads no clock. Both lanes count integers in their own time base, from 0, without gaps, whatever is laid in
and wherever it is cut off. Video decides; the sound follows on its grid of 20 ms, never more than half a packet off.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from stream.sound import PACKET_S, PACKET_SAMPLES, TIME_BASE, Track
from stream.walk import Step

SILENCE = -(1 << 40)  # an offset at which no clip has sound
LONGEST_GOP = 64  # that is kept; none is longer but while a picture stands still


@dataclass(frozen=True, slots=True)
class MediaPacket:
    """One encoded picture, or 20 ms of sound.

    Attributes:
        kind: which lane.
        data: H.264 access unit (Annex B), or Opus packet.
        pts, time_base: when it is shown; dts is the same, for there are no B-frames.
        duration: in units of time_base.
        is_keyframe: whether decoding can begin here; always so for sound.
        clip_frame: the clip's frame that is shown, None on a bridge, in a blackout, and for sound.
        step: the step that begins with this packet, else None.
        is_hit: whether that step was not walked to, but hit.
        bridge_frames: of that step, the pictures before its segment's own.
        lighter: the same picture in the texture's lighter renditions, none for sound.
    """

    kind: Literal["video", "audio"]
    data: bytes
    pts: int
    time_base: Fraction
    duration: int
    is_keyframe: bool
    clip_frame: int | None = None
    step: Step | None = None
    is_hit: bool = False
    bridge_frames: int = 0
    lighter: tuple[bytes, ...] = ()

    @property
    def time_s(self) -> Fraction:
        """When it is shown, in seconds from the start."""
        return self.pts * self.time_base


@dataclass(frozen=True, slots=True)
class Unit:
    """One picture to come.

    Attributes:
        data: its access unit.
        clip_frame: the clip's frame that it shows, if it is one of them.
        lighter: its access units in the texture's lighter renditions.
    """

    data: bytes
    is_keyframe: bool
    clip_frame: int | None = None
    lighter: tuple[bytes, ...] = ()


def gop_units(full: Sequence[bytes], *lighter: Sequence[bytes], first_frame: int | None = None) -> list[Unit]:
    """The pictures of one GOP, of its access units in each rendition.

    Args:
        first_frame: which of the clip's the first one shows; None if they are none of the clip's.
    """
    return [
        Unit(units[0], index == 0, None if first_frame is None else first_frame + index, units[1:])
        for index, units in enumerate(zip(full, *lighter, strict=True))
    ]


@dataclass(frozen=True, slots=True)
class Turn:
    """Where the sound leaves one place of the clip for another.

    Attributes:
        first: the number of the stream's sound packet from which on it does.
        offset: the clip's sound packet that is heard after it, less the stream's own number.
        fade: gives the packets to send first, or None while they are not there: then it is a hard change.
    """

    first: int
    offset: int
    fade: Callable[[], Sequence[bytes] | None]


@dataclass(frozen=True, slots=True)
class Laid:
    """What is shown next.

    Attributes:
        units: the pictures; the first may only follow anything if it is an IDR.
        turn: of the sound, None where it goes on.
        step: the step that begins with it.
        is_hit: whether it was hit.
    """

    units: Sequence[Unit]
    turn: Turn | None = None
    step: Step | None = None
    is_hit: bool = False

    @property
    def bridge_frames(self) -> int:
        """How many pictures of a step come before its segment's own."""
        if self.step is None:
            return 0
        return next((place for place, unit in enumerate(self.units) if unit.clip_frame is not None), 0)


@dataclass(frozen=True)
class Entrance:
    """How a stream goes on with another texture.

    Attributes:
        frames, sounds: the numbers of the first picture and packet of sound, in the new texture's time bases.
        units: pictures before the first step's own.
        fade: packets of sound that are heard first.
    """

    frames: int
    sounds: int
    units: tuple[Unit, ...] = ()
    fade: tuple[bytes, ...] = ()


class Reel:
    """Takes what is laid, gives packets.

    Attributes:
        frames: how many pictures have left.
        sounds: how many packets of sound have left.
        offset: the clip's sound packet that is heard, less the stream's own number, as of the last turn; None before
            anything was laid.
        gop: the access units since the last IDR, that one included, as they left; the first 64 of them.
        shown: the clip's frame that left last, None if it was none of the clip's.
        since_idr: how many pictures after its IDR the last one was.
        hard_turns: turns of the sound whose fade was not there in time.
    """

    def __init__(self, frame_s: Fraction, track: Track | None) -> None:
        self.frames = 0
        self.sounds = 0
        self.offset: int | None = None
        self.gop: list[bytes] = []
        self.since_idr = 0
        self.shown: int | None = None
        self.hard_turns = 0
        self._frame_s = frame_s
        self._track = track
        self._laid: Laid | None = None
        self._units: deque[Unit] = deque()
        self._turn: Turn | None = None
        self._faded: deque[bytes] = deque()
        self._heard = 0  # the offset that is in force now; `offset` may be that of a turn to come

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to show."""
        return not self._units

    @property
    def ends(self) -> int:
        """The number of the picture behind the last that is laid."""
        return self.frames + len(self._units)

    @property
    def is_picture_next(self) -> bool:
        """Whether the next packet is a picture."""
        return self._track is None or self.sounds * PACKET_S >= self.frames * self._frame_s

    @property
    def next_time_s(self) -> Fraction:
        """When the next packet is shown."""
        return self.frames * self._frame_s if self.is_picture_next else self.sounds * PACKET_S

    def first_sound_at(self, frame: int) -> int:
        """The number of the first packet of sound that does not begin before a picture."""
        return math.ceil(frame * self._frame_s / PACKET_S)

    def start(self, laid: Laid) -> None:
        """Show this from the next picture on; what was left of the last is dropped."""
        self._laid, self._units = laid, deque(laid.units)
        if laid.turn is not None:
            self._turn, self.offset = laid.turn, laid.turn.offset

    def pop(self) -> MediaPacket:
        """The next packet; a picture only if it is not empty."""
        return self._pop_picture() if self.is_picture_next else self._pop_sound()

    def _pop_picture(self) -> MediaPacket:
        assert self._laid is not None
        begins = len(self._units) == len(self._laid.units)
        unit, laid = self._units.popleft(), self._laid
        packet = MediaPacket(
            "video", unit.data, self.frames, self._frame_s, 1, unit.is_keyframe, unit.clip_frame,
            laid.step if begins else None, laid.is_hit and begins, laid.bridge_frames if begins else 0, unit.lighter,
        )  # fmt: skip
        self.since_idr = 0 if unit.is_keyframe else self.since_idr + 1
        if unit.is_keyframe:
            self.gop.clear()
        if len(self.gop) < LONGEST_GOP:
            self.gop.append(unit.data)
        self.shown = unit.clip_frame
        self.frames += 1
        return packet

    def _pop_sound(self) -> MediaPacket:
        assert self._track is not None
        if self._turn is not None and self.sounds >= self._turn.first:
            fade = self._turn.fade()
            self.hard_turns += fade is None
            self._faded, self._heard, self._turn = deque(fade or ()), self._turn.offset, None
        data = self._faded.popleft() if self._faded else self._track.packet(self.sounds + self._heard)
        packet = MediaPacket("audio", data, self.sounds * PACKET_SAMPLES, TIME_BASE, PACKET_SAMPLES, is_keyframe=True)
        self.sounds += 1
        return packet
