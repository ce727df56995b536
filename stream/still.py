"""A picture that stands still, and a black one, as access units that may follow any other.

An inter picture in which each macroblock is skipped repeats the last picture whatever that is: all that it says of
itself is its `frame_num`, which counts from the last IDR and wraps at 16. So those of one black GOP, encoded once with
the texture's own parameters, hold any picture of the texture, from the very next frame on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from av.video.frame import VideoFrame

from stream.errors import TextureError
from stream.h264 import VideoFormat, decode_gop, encode_gop
from stream.reel import Unit, gop_units
from stream.renditions import encode_units

FRAME_NUMBERS = 16  # x264's log2_max_frame_num is 4 without B-frames
MOST_HOLD_BYTES = 64  # one that repeats all of a picture takes some ten
FINER_CRF = 4  # of a frozen picture: there is time to look at it
BLACK_LUMA, NO_CHROMA = 16, 128


@dataclass(frozen=True)
class Stills:
    """What stands still, in all renditions of a texture.

    Attributes:
        black: an IDR.
        holds: for each `frame_num`, 0 to 15, what repeats the picture before it.
    """

    black: Unit
    holds: tuple[Unit, ...]
    _formats: tuple[VideoFormat, ...]

    @classmethod
    def encode(cls, formats: Sequence[VideoFormat], parameter_sets: Sequence[bytes]) -> Stills:
        """Encode them for a texture: some 30 ms, once.

        Args:
            formats: of its renditions, the full one first.
            parameter_sets: SPS and PPS of their own GOPs, Annex B.

        Raises:
            TextureError: they were encoded by another x264, whose inter pictures these could not stand beside.
        """
        gops = [_still_gop(form, sets) for form, sets in zip(formats, parameter_sets, strict=True)]
        black, *inter = gop_units(*gops)
        return cls(black, (inter[-1], *inter[:-1]), tuple(formats))

    def hold(self, since_idr: int, clip_frame: int | None = None) -> Unit:
        """What repeats the picture that was the `since_idr`-th after its IDR, 0 for the IDR itself.

        Args:
            clip_frame: the clip's frame that this is.
        """
        return replace(self.holds[(since_idr + 1) % FRAME_NUMBERS], clip_frame=clip_frame)

    def gop(self, idr: Unit, clip_frame: int | None = None) -> list[Unit]:
        """One GOP, as long as the texture's, of one picture: whoever joins sees it within a stride."""
        inter = (self.hold(index, clip_frame) for index in range(self._formats[0].gop_frames - 1))
        return [replace(idr, clip_frame=clip_frame), *inter]

    def black_gop(self) -> list[Unit]:
        """One GOP of black."""
        return self.gop(self.black)

    def frozen(self, units: Sequence[bytes]) -> Unit:
        """The last picture of some units of the full rendition that begin with an IDR, as an IDR of its own.

        Takes some 20 ms.

        Raises:
            TextureError: they cannot be decoded.
        """
        pictures = decode_gop(units)
        if not pictures:
            raise TextureError("the picture to be frozen cannot be decoded; fit the texture again")
        finer = [replace(form, crf=max(1, form.crf - FINER_CRF)) for form in self._formats]
        return encode_units([pictures[-1]], finer)[0]


def _still_gop(video_format: VideoFormat, parameter_sets: bytes) -> list[bytes]:
    """A black picture, and what repeats it so often that every `frame_num` was there."""
    long = replace(video_format, gop_frames=FRAME_NUMBERS + 1)
    units = encode_gop([_black(video_format) for _ in range(FRAME_NUMBERS + 1)], long)
    if not units[0].startswith(parameter_sets):
        raise TextureError("this texture was encoded by another x264; fit it again to freeze or black it out")
    if max(map(len, units[1:])) > MOST_HOLD_BYTES:
        raise TextureError("this x264 does not skip what stands still; pictures cannot be frozen with it")
    return units


def _black(video_format: VideoFormat) -> VideoFrame:
    height, width = video_format.height, video_format.width
    packed = np.full((height * 3 // 2, width), NO_CHROMA, np.uint8)
    packed[:height] = BLACK_LUMA
    return VideoFrame.from_ndarray(packed, format="yuv420p")
