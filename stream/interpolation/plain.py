"""The two ways to join two pictures that look at neither: a cross-fade and a cut."""

from __future__ import annotations

import cv2
import numpy as np
from av.video.frame import VideoFrame

from stream.interpolation.interpolator import Interpolator, times_of
from stream.interpolation.planes import picture_of, planes_of


class CrossFade(Interpolator):
    """Each picture the mean of both ends, weighted by how near they are."""

    name = "crossfade"

    def between(self, first: VideoFrame, last: VideoFrame, count: int) -> list[VideoFrame]:
        """See `Interpolator`."""
        ends = list(zip(planes_of(first), planes_of(last), strict=True))
        return [
            picture_of([np.asarray(cv2.addWeighted(a, 1 - time, b, time, 0), np.uint8) for a, b in ends], like=first)
            for time in times_of(count)
        ]


class Cut(Interpolator):
    """Nothing in between, however many are asked for."""

    name = "cut"

    @property
    def cuts(self) -> bool:
        """See `Interpolator`."""
        return True

    def between(self, first: VideoFrame, last: VideoFrame, count: int) -> list[VideoFrame]:
        """See `Interpolator`."""
        return []
