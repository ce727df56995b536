"""Overlapping segments of a clip: where each window starts, and which windows a hard cut spoils.

Segment j is the window of `window_frames` frames that starts at `j * stride_frames`. Its *appended* frames,
the ones that are played when the walk steps to j, are its last `stride_frames`; the frames before them are
the overlap with its true predecessor j - 1 (paper, section 3.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

WINDOW_S = 0.5  # the paper's segment length
STRIDE_S = 0.2  # and the part of it that is appended


@dataclass(frozen=True)
class Segments:
    """The segments of one clip, in frames of the clip's own rate.

    Attributes:
        frame_count: frames in the clip.
        window_frames: frames in a segment (W).
        stride_frames: frames between the starts of two neighbours (s); also the frames that one step plays.
        cuts: indices of the first frame after each hard cut, ascending.
    """

    frame_count: int
    window_frames: int
    stride_frames: int
    cuts: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not 2 <= self.stride_frames < self.window_frames:
            raise ValueError(
                f"a stride of {self.stride_frames} frames does not fit a window of {self.window_frames}: "
                "it takes at least 2, and fewer than the window's"
            )

    @classmethod
    def of_clip(cls, frame_count: int, rate_hz: Fraction, cuts: tuple[int, ...] = ()) -> Segments:
        """The paper's 0.5 s windows every 0.2 s, rounded to whole frames of the clip's rate."""
        stride_frames = max(2, round(float(rate_hz) * STRIDE_S))
        window_frames = max(stride_frames + 1, round(float(rate_hz) * WINDOW_S))
        return cls(frame_count, window_frames, stride_frames, cuts)

    @property
    def count(self) -> int:
        """How many whole windows the clip holds (N)."""
        return max(0, (self.frame_count - self.window_frames) // self.stride_frames + 1)

    @property
    def overlap_frames(self) -> int:
        """Frames that a segment shares with its true successor."""
        return self.window_frames - self.stride_frames

    @property
    def starts(self) -> npt.NDArray[np.int64]:
        """First frame of each window, shape (N,)."""
        return np.arange(self.count, dtype=np.int64) * self.stride_frames

    def first_appended_frame(self, segment: int) -> int:
        """The clip's frame that is shown first when the walk steps to `segment`."""
        return segment * self.stride_frames + self.overlap_frames

    @property
    def clean(self) -> npt.NDArray[np.bool_]:
        """Which windows no hard cut runs through, shape (N,): the others are never played nor fitted on.

        Two clean neighbours always lie in one shot, because their windows overlap.
        """
        clean = np.ones(self.count, dtype=np.bool_)
        for cut in self.cuts:
            clean &= ~((self.starts < cut) & (cut < self.starts + self.window_frames))
        return clean
