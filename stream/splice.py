"""Steps of a walk into packets: GOPs and bridges one behind the other, with the sound that belongs to them.

Pure: reads no clock. The sound is laid anew at each jump, to within half a packet of the pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from stream.reel import SILENCE, Entrance, Laid, MediaPacket, Reel, Turn, Unit
from stream.sound import PACKET_S, SPARE_PACKETS
from stream.texture import Texture
from stream.walk import Step

__all__ = ["SHORTEST_FADE_PACKETS", "MediaPacket", "Splicer"]

SHORTEST_FADE_PACKETS = 6  # where a jump has no bridge to fade under; in four of them both sounds are heard
FADE_LEAD_PACKETS = 2  # that sound on after a cut, while its cross-fade is made: it takes some 10 ms of a core

Fader = Callable[[int, int, int], Callable[[], Sequence[bytes] | None]]


class Splicer:
    """Lays steps one behind the other.

    Attributes:
        reel: what is laid, and how much of it has left.
        frame_s: how long a picture is shown.
    """

    def __init__(self, texture: Texture) -> None:
        self._texture = texture
        self.frame_s = texture.manifest.video_format().time_base
        self.reel = Reel(self.frame_s, texture.track)
        self._entrance: Entrance | None = None

    def enter(self, entrance: Entrance) -> None:
        """Go on where another texture was left. Only before anything is laid."""
        self._entrance = entrance
        self.reel.frames, self.reel.sounds = entrance.frames, entrance.sounds

    def splice(self, step: Step, bridge: Sequence[Unit]) -> list[MediaPacket]:
        """The packets of one step, in the order in which they are to be sent.

        Args:
            bridge: the pictures to play before the segment, empty for none.
        """
        reel = self.reel
        reel.start(self.lay(step, bridge, begins=reel.ends, outgoing=reel.offset))
        packets = []
        while not (reel.is_empty and reel.is_picture_next):
            packets.append(reel.pop())
        return packets

    def lay(self, step: Step, bridge: Sequence[Unit], *, begins: int, outgoing: int | None) -> Laid:
        """A step, with its cross-fade if it jumps. Changes nothing here, so that a thread may do it ahead of time.

        Args:
            bridge: the pictures to play before the segment, empty for none.
            begins: the number of the picture with which it begins.
            outgoing: the reel's offset at that moment, None if it is the first step of all.
        """
        if outgoing is None and self._entrance is not None:
            return self._entered(step, begins, self._entrance)
        segment_begins = begins + len(bridge)
        offset = sound_offset(self._texture, step.segment, segment_begins)
        turn = None
        if outgoing is None:
            turn = Turn(0, offset, tuple)
        elif step.is_jump and self._texture.track is not None:
            first = self.reel.first_sound_at(begins)
            until = max(self.reel.first_sound_at(segment_begins), first + SHORTEST_FADE_PACKETS)
            faded = self._texture.track.cross_fade(first + outgoing, first + offset, until - first, spare=SPARE_PACKETS)
            turn = Turn(first, offset, lambda: faded)
        return Laid(self.units(step.segment, bridge), turn, step)

    def _entered(self, step: Step, begins: int, entrance: Entrance) -> Laid:
        """The first step of all, where another texture was shown before."""
        offset = sound_offset(self._texture, step.segment, begins + len(entrance.units))
        units = [*entrance.units, *self.units(step.segment, [])]
        return Laid(units, Turn(0, offset, lambda: entrance.fade), step)

    def cut(self, step: Step, bridge: Sequence[Unit], fader: Fader, *, is_hit: bool = False) -> Laid:
        """A step that begins with the very next picture, wherever in its GOP the last one was.

        Args:
            fader: begins to make a cross-fade (outgoing, incoming, count), and gives what tells whether it is there.
        """
        offset = sound_offset(self._texture, step.segment, self.reel.frames + len(bridge))
        return Laid(self.units(step.segment, bridge), self._turn_to(offset, fader), step, is_hit)

    def fall_silent(self, units: Sequence[Unit], fader: Fader) -> Laid:
        """Pictures that begin with the very next one, while the sound fades out."""
        return Laid(units, None if self.reel.offset == SILENCE else self._turn_to(SILENCE, fader))

    def units(self, segment: int, bridge: Sequence[Unit]) -> list[Unit]:
        """The pictures of a step."""
        return [*bridge, *self._texture.units(segment)]

    def _turn_to(self, offset: int, fader: Fader) -> Turn | None:
        if self._texture.track is None:
            return None
        first = self.reel.first_sound_at(self.reel.frames) + FADE_LEAD_PACKETS
        outgoing = self.reel.offset
        if outgoing is None:
            return Turn(0, offset, tuple)
        return Turn(first, offset, fader(first + outgoing, first + offset, SHORTEST_FADE_PACKETS))


def sound_offset(texture: Texture, segment: int, begins: int) -> int:
    """The clip's packet of sound less the stream's own number, if a segment's pictures begin with picture `begins`."""
    frame_s = texture.manifest.video_format().time_base
    clip_time_s = texture.segments.first_appended_frame(segment) * frame_s
    return round((clip_time_s - begins * frame_s) / PACKET_S)
