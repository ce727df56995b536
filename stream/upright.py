"""Display matrices: how a picture that was stored turned or mirrored is to be shown.

A file says so by nine numbers beside its pictures (ISO/IEC 14496-12, 8.2.2; FFmpeg's `libavutil/display.h`). Phones
write quarter turns, front cameras mirror, and H.264 and HEVC may say either in a message of their own.
"""

from __future__ import annotations

import contextlib
import math
import struct
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

import av
import av.error
import av.filter
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame

ONE = 1 << 16  # the matrix' numbers are of 16.16 bits, but for the last column
IDENTITY = (1.0, 0.0, 0.0, 1.0)


MOST_SIDE_DATA_TYPES = 48  # numbers that are tried, of `AVFrameSideDataType`


@dataclass(frozen=True)
class Upright:
    """What makes a picture upright.

    Attributes:
        matrix: (a, b, c, d) of the display matrix: a stored place (x, y) is shown at (a x + c y, b x + d y).
    """

    matrix: tuple[float, float, float, float] = IDENTITY

    @classmethod
    def of(cls, picture: VideoFrame) -> Upright:
        """As a decoded picture says."""
        said: list[Any]
        try:
            said = list(picture.side_data)
        except ValueError:  # one of the things that it says is newer than PyAV, such as EXIF in each JPEG
            said = list(_with_known_side_data(picture).side_data)
        data = next((each for each in said if each.type is Type.DISPLAYMATRIX), None)
        if data is None:
            return cls()
        a, b, _, c, d, *_ = struct.unpack("=9i", bytes(data)[:36])
        return cls((a / ONE, b / ONE, c / ONE, d / ONE))

    @property
    def angle(self) -> float:
        """By how much it is to be turned clockwise, in degrees, from 0 up to 360; 0 for a matrix that shows nothing."""
        a, b, c, d = self.matrix
        across, down = math.hypot(a, c), math.hypot(b, d)
        if across == 0 or down == 0:
            return 0.0
        turned = float(round(math.degrees(math.atan2(b / down, a / across))))
        return turned - 360 * math.floor(turned / 360 + 0.9 / 360)

    @property
    def swaps_sides(self) -> bool:
        """Whether width and height change places."""
        return self._is_near(90) or self._is_near(270)

    def filters(self) -> list[tuple[str, str]]:
        """FFmpeg's filters for it, as its own command line chooses them (`-autorotate`).

        The size that a matrix may also give is left out, and what is neither a quarter turn nor mirrored is turned
        within its own frame, as there.
        """
        a, _, c, d = self.matrix
        if self._is_near(90):
            return [("transpose", "cclock_flip" if c > 0 else "clock")]
        if self._is_near(180):
            return [(name, "") for name, number in (("hflip", a), ("vflip", d)) if number < 0]
        if self._is_near(270):
            return [("transpose", "clock_flip" if c < 0 else "cclock")]
        if self.angle > 1:
            return [("rotate", f"{math.radians(self.angle)}")]
        return [("vflip", "")] if d < 0 else []

    def _is_near(self, degrees: float) -> bool:
        return abs(self.angle - degrees) < 1


def _with_known_side_data(picture: VideoFrame) -> VideoFrame:
    """The same picture without what PyAV cannot name: asked for one thing, it reads all, and fails at the first."""
    graph = av.filter.Graph()
    previous = graph.add_buffer(
        width=picture.width, height=picture.height, format=picture.format, time_base=Fraction(1, 1000)
    )
    for number in _unknown_side_data():
        step = graph.add("sidedata", f"mode=delete:type={number}")
        previous.link_to(step)
        previous = step
    previous.link_to(graph.add("buffersink"))
    graph.configure()
    graph.vpush(picture)
    return graph.vpull()


@cache
def _unknown_side_data() -> tuple[int, ...]:
    """The types that this FFmpeg knows, and PyAV does not."""
    named, found = {kind.value for kind in list[Any](Type)}, list[int]()
    for number in range(MOST_SIDE_DATA_TYPES):
        if number not in named:
            with contextlib.suppress(av.error.FFmpegError):
                av.filter.Graph().add("sidedata", f"mode=delete:type={number}")
                found.append(number)
    return tuple(found)
