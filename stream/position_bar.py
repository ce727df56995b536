"""A thin bar at the bottom of the pictures: where in its clip an endless video is, and where it jumps.

The whole width is the clip, from its first frame to its last. White is the playhead; blue, while a bridge is shown, on
its way from where the walk left to where it lands. The upper half of the bar marks a jump, in orange from one place to
the other, for half a second; the lower half is grey from where the walk last landed. Hard cuts are thin grey lines.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.segments import Segments
from stream.splice import MediaPacket

MARKED_S = 0.5  # for how long a jump is marked, from its first picture on

Colour = tuple[int, int, int]  # Y, U, V, limited range; the two matrices of BT.601 and BT.709 hardly differ on these
GROUND: Colour = (28, 128, 128)
CUT: Colour = (90, 128, 128)
RUN: Colour = (125, 128, 128)
JUMP: Colour = (157, 65, 179)
BRIDGE: Colour = (165, 175, 70)
PLAYHEAD: Colour = (235, 128, 128)


@dataclass(frozen=True)
class Position:
    """What the bar shows on one picture.

    Attributes:
        frame: the clip's frame; on a bridge a place between those that it joins.
        is_bridge: whether it is one.
        run_from: the frame that the walk last landed on, or began with.
        jump: the frames that the jump which is marked leads from and to, None without one.
    """

    frame: float
    is_bridge: bool
    run_from: int
    jump: tuple[int, int] | None


class Tracker:
    """Follows a walk by its video packets, from the first one on."""

    def __init__(self, segments: Segments, *, rate_hz: float) -> None:
        self._segments = segments
        self._bridge_frames = 0
        self._marked_frames = max(1, round(MARKED_S * rate_hz))
        self._run_from: int | None = None
        self._jump: tuple[int, int] | None = None
        self._since_jump = 0

    def follow(self, packet: MediaPacket) -> Position:
        """Where the next packet is; to be called with each one, in order."""
        self._since_jump += 1
        if packet.step is not None and (packet.step.is_jump or self._run_from is None):
            self._run_from = self._segments.first_appended_frame(packet.step.segment)
        if packet.step is not None and packet.step.is_jump:
            left = self._segments.first_appended_frame(packet.step.previous) + self._segments.stride_frames - 1
            self._bridge_frames = packet.bridge_frames
            self._jump, self._since_jump = (left, self._segments.first_appended_frame(packet.step.segment)), 0
        if self._run_from is None:
            raise ValueError("the first packet must be one that a step begins with")
        marked = self._jump if self._since_jump < self._marked_frames else None
        if packet.clip_frame is not None:
            return Position(packet.clip_frame, False, self._run_from, marked)
        assert self._jump is not None  # nothing else has a bridge
        begin, end = self._jump
        share = (self._since_jump + 1) / (self._bridge_frames + 1)
        return Position(begin + share * (end - begin), True, self._run_from, marked)


class PositionBar:
    """Draws the bar.

    Attributes:
        height_px: of the bar, a multiple of 4: of two halves, each of whole rows of chroma.
        playhead_px: its width, even.
    """

    def __init__(self, width_px: int, height_px: int, segments: Segments) -> None:
        """For pictures of a size, both even."""
        self._width_px = width_px
        self._picture_height_px = height_px
        self._segments = segments
        self.height_px = max(4, 4 * round(height_px / 180))
        self.playhead_px = max(2, 2 * round(width_px / 320))

    def left_px(self, frame: float) -> int:
        """The column at which the playhead begins on a frame of the clip."""
        last = max(1, self._segments.frame_count - 1)
        return round(frame / last * (self._width_px - self.playhead_px))

    def draw(self, picture: npt.NDArray[np.uint8], position: Position) -> None:
        """Draw on a yuv420p picture as libav packs it, (height * 3 / 2, width) uint8, in place."""
        half = self.height_px // 2
        every = slice(0, self.height_px)
        self._fill(picture, every, 0, self._width_px, GROUND)
        if position.jump is not None:
            self._span(picture, slice(0, half), *position.jump, JUMP)
        if not position.is_bridge:
            self._span(picture, slice(half, self.height_px), position.run_from, position.frame, RUN)
        for cut in self._segments.cuts:
            left = self.left_px(cut)
            self._fill(picture, every, left, left + 1, CUT)
        left = self.left_px(position.frame)
        self._fill(picture, every, left, left + self.playhead_px, BRIDGE if position.is_bridge else PLAYHEAD)

    def _span(self, picture: npt.NDArray[np.uint8], rows: slice, begin: float, end: float, colour: Colour) -> None:
        left, right = sorted((self.left_px(begin), self.left_px(end)))
        self._fill(picture, rows, left, right + self.playhead_px, colour)

    def _fill(self, picture: npt.NDArray[np.uint8], rows: slice, left: int, right: int, colour: Colour) -> None:
        """Fill a rectangle of the bar; `rows` counts from its top."""
        top = self._picture_height_px - self.height_px
        picture[top + rows.start : top + rows.stop, left:right] = colour[0]
        half_size = (self._picture_height_px // 2, self._width_px // 2)
        chroma = picture[self._picture_height_px :].reshape(2, *half_size)  # a view: U, then V
        where = (slice((top + rows.start) // 2, (top + rows.stop + 1) // 2), slice(left // 2, (right + 1) // 2))
        chroma[0][where], chroma[1][where] = colour[1:]
