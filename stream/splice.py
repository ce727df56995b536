"""Steps of a walk into packets: GOPs and bridges one behind the other, with the sound that belongs to them.

Pure: reads no clock. Both lanes count integers in their own time base, from 0, without gaps. Video
decides; the sound follows on its grid of 20 ms, and is laid anew at each jump to within half a packet.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from stream.sound import PACKET_S, PACKET_SAMPLES, TIME_BASE
from stream.texture import Texture
from stream.walk import Step

SHORTEST_FADE_PACKETS = 3  # where a jump has no bridge to fade under


@dataclass(frozen=True, slots=True)
class MediaPacket:
    """One encoded picture, or 20 ms of sound.

    Attributes:
        kind: which lane.
        data: H.264 access unit (Annex B), or Opus packet.
        pts, time_base: when it is shown; dts is the same, for there are no B-frames.
        duration: in units of time_base.
        is_keyframe: whether decoding can begin here; always so for sound.
        clip_frame: the clip's frame that is shown, None on a bridge and for sound.
        step: the step that begins with this packet, else None.
    """

    kind: Literal["video", "audio"]
    data: bytes
    pts: int
    time_base: Fraction
    duration: int
    is_keyframe: bool
    clip_frame: int | None = None
    step: Step | None = None

    @property
    def time_s(self) -> Fraction:
        """When it is shown, in seconds from the start."""
        return self.pts * self.time_base


class Splicer:
    """Lays steps one behind the other."""

    def __init__(self, texture: Texture) -> None:
        self._texture = texture
        self._frame_s = texture.manifest.video_format().time_base
        self._frames = 0
        self._packets = 0
        self._offset: int | None = None  # the clip's sound packet that is heard, less the stream's own number

    def splice(self, step: Step, bridge: list[bytes]) -> list[MediaPacket]:
        """The packets of one step, in the order in which they are to be sent.

        Args:
            bridge: the access units to play before the segment, empty for none.
        """
        bridge_begins = self._frames
        video = self._video(step, bridge)
        if self._texture.track is None:
            return video
        sound = self._sound(step, is_first=bridge_begins == 0, segment_begins=bridge_begins + len(bridge))
        return sorted([*video, *sound], key=lambda packet: packet.time_s)

    def _video(self, step: Step, bridge: list[bytes]) -> list[MediaPacket]:
        first_frame = self._texture.segments.first_appended_frame(step.segment)
        units = [(unit, index == 0, None) for index, unit in enumerate(bridge)]
        gop = self._texture.gop(step.segment)
        frames = [(unit, index == 0, first_frame + index) for index, unit in enumerate(gop)]
        packets = []
        for place, (unit, is_keyframe, clip_frame) in enumerate([*units, *frames]):
            packets.append(
                MediaPacket(
                    "video", unit, self._frames, self._frame_s, 1, is_keyframe, clip_frame,
                    step if place == 0 else None,
                )
            )  # fmt: skip
            self._frames += 1
        return packets

    def _sound(self, step: Step, *, is_first: bool, segment_begins: int) -> list[MediaPacket]:
        """Sound up to the end of the video so far."""
        track = self._texture.track
        assert track is not None
        clip_time_s = self._texture.segments.first_appended_frame(step.segment) * self._frame_s
        offset = round((clip_time_s - segment_begins * self._frame_s) / PACKET_S)
        packets = []
        if is_first:
            self._offset = offset
        elif step.is_jump:
            assert self._offset is not None
            until = max(math.ceil(segment_begins * self._frame_s / PACKET_S), self._packets + SHORTEST_FADE_PACKETS)
            faded = track.cross_fade(self._packets + self._offset, self._packets + offset, count=until - self._packets)
            packets += [self._packet(data) for data in faded]
            self._offset = offset
        assert self._offset is not None
        while self._packets * PACKET_S < self._frames * self._frame_s:
            packets.append(self._packet(track.packet(self._packets + self._offset)))
        return packets

    def _packet(self, data: bytes) -> MediaPacket:
        packet = MediaPacket("audio", data, self._packets * PACKET_SAMPLES, TIME_BASE, PACKET_SAMPLES, is_keyframe=True)
        self._packets += 1
        return packet
