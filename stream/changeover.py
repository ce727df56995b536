"""From one texture to another within a stream: pictures dissolve while both move, the sound cross-fades beneath.

The dissolve is made of what the old walk would have shown next and of what comes before the new walk's first segment
in its own clip. It is encoded as GOPs of the new texture, so that it is a bridge like any other to whoever watches.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import cv2
import numpy as np
from av.video.frame import VideoFrame

from stream.h264 import decode_gop
from stream.interpolation.planes import Plane, picture_of, planes_of
from stream.reel import Entrance, Reel, Unit
from stream.renditions import encode_units
from stream.sound import PACKET_S, SPARE_PACKETS, cross_fade
from stream.splice import sound_offset
from stream.texture import Texture

DISSOLVE_S = 0.6  # about; whole GOPs of the new texture


@dataclass(frozen=True)
class Exit:
    """Where a texture was left.

    Attributes:
        ends_s: when its last picture is over, in seconds of the stream.
        sounds: the number of the first packet of sound that it does not send.
        offset: of its sound, as the reel counts it.
    """

    ends_s: Fraction
    sounds: int
    offset: int

    @classmethod
    def of(cls, reel: Reel, frame_s: Fraction) -> Exit:
        """Of a reel whose last pictures are laid."""
        return cls(reel.ends * frame_s, reel.first_sound_at(max(0, reel.ends - 1)), reel.offset or 0)


def dissolve(old: Texture, last: int, new: Texture, first: int) -> list[Unit]:
    """The pictures between a segment of one texture and one of another, of the new one's size and rate.

    Args:
        last: the segment after which the old texture is left.
        first: the segment to which the new one goes first.

    Raises:
        TextureError: one of them cannot be decoded.
    """
    form = new.manifest.video_format()
    strides = max(1, math.ceil(DISSOLVE_S * float(form.rate_hz) / form.gop_frames))
    count = strides * form.gop_frames
    entering = _before(new, first, strides)
    leaving = _after(old, last, math.ceil(count * form.time_base / old.manifest.video_format().time_base))
    pictures = []
    for place in range(count):
        then = min(len(leaving) - 1, int(place * form.time_base * old.manifest.video_format().rate_hz))
        share = (place + 1) / (count + 1)
        shown = entering[max(0, place - count + len(entering))]
        pictures.append(_mixed(leaving[then], shown, share * share * (3 - 2 * share)))  # eased at both ends
    gops = [pictures[at : at + form.gop_frames] for at in range(0, count, form.gop_frames)]
    return [unit for gop in gops for unit in encode_units(gop, new.formats)]


def entrance(left: Exit, old: Texture, new: Texture, first: int, units: Sequence[Unit]) -> Entrance:
    """Where the new texture's stream begins, and what is heard until its first step's own pictures are seen.

    Args:
        left: where the old one ended.
        first: the segment to which the new one goes first.
        units: of the dissolve; none for a plain cut.
    """
    form = new.manifest.video_format()
    frames = math.ceil(left.ends_s / form.time_base)
    begin = Entrance(frames, left.sounds, tuple(units))
    if new.track is None:
        return begin
    until = math.ceil((frames + len(units)) * form.time_base / PACKET_S)
    offset = sound_offset(new, first, frames + len(units))
    fade = cross_fade(
        old.track, left.sounds + left.offset, new.track, left.sounds + offset,
        count=max(1, until - left.sounds), spare=SPARE_PACKETS,
    )  # fmt: skip
    return replace(begin, fade=tuple(fade))


def _before(texture: Texture, segment: int, strides: int) -> list[VideoFrame]:
    """What the clip shows before a segment's own pictures; the first one, where nothing does."""
    earlier = range(max(0, segment - strides), segment)
    pictures = [picture for each in earlier for picture in decode_gop(texture.gop(each))]
    return pictures or decode_gop(texture.gop(segment)[:1])


def _after(texture: Texture, segment: int, frames: int) -> list[VideoFrame]:
    """What the clip shows after a segment; its last picture, where nothing does."""
    pictures: list[VideoFrame] = []
    for each in range(segment + 1, texture.segments.count):
        if len(pictures) >= frames:
            break
        pictures += decode_gop(texture.gop(each))
    return pictures or decode_gop(texture.gop(segment))[-1:]


def _mixed(leaving: VideoFrame, entering: VideoFrame, share: float) -> VideoFrame:
    pairs = zip(planes_of(leaving), planes_of(entering), strict=True)
    return picture_of(
        [np.asarray(cv2.addWeighted(_covering(old, new), 1 - share, new, share, 0), np.uint8) for old, new in pairs],
        like=entering,
    )


def _covering(plane: Plane, like: Plane) -> Plane:
    """A plane scaled to cover all of another's size, its middle cut out."""
    (height, width), (wanted_height, wanted_width) = plane.shape, like.shape
    if (height, width) == (wanted_height, wanted_width):
        return plane
    scale = max(wanted_height / height, wanted_width / width)
    size = max(wanted_width, round(width * scale)), max(wanted_height, round(height * scale))
    scaled = cv2.resize(plane, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    top, left = (scaled.shape[0] - wanted_height) // 2, (scaled.shape[1] - wanted_width) // 2
    return np.ascontiguousarray(scaled[top : top + wanted_height, left : left + wanted_width], np.uint8)
