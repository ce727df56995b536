"""Light and colour led over a bridge: the ends are brought to one light, and what lies between back to its own.

Without it a piece that is taken from one end keeps that end's exposure, next to pieces of the other's: it flashes.
The light of an end is mean and spread of each plane, over the pixels that both ends show alike; those that moved or
changed do not count as light.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

from stream.interpolation.interpolator import Interpolator, times_of
from stream.interpolation.planes import Plane, picture_of, planes_of

LOOKED_AT_PX = 96  # of the longer side: light is the same at any size
ALIKE_DEVIATIONS, LEAST_ALIKE_LEVELS = 2.5, 2.0  # from the median difference, for a pixel to count as unmoved
LEAST_SPREAD_LEVELS = 2.0  # of a plane, for its spread to say anything
GAINS = (0.5, 2.0)  # beyond, two pictures have nothing to do with each other
NOTICED_LEVELS = 0.75  # of change anywhere in a plane; what is less is left alone: rounding would be as much

LEVELS = np.arange(256, dtype=np.float64)


@dataclass(frozen=True)
class Light:
    """Mean and spread of the pixels that two pictures' planes share, in levels; each (first's, last's)."""

    means: tuple[float, float]
    spreads: tuple[float, float]

    @classmethod
    def between(cls, first: Plane, last: Plane) -> Light:
        """Of one plane of two pictures."""
        a, b = (_small(plane) for plane in (first, last))
        difference = b - a
        middle = np.median(difference)
        deviation = np.abs(difference - middle)
        limit = max(LEAST_ALIKE_LEVELS, ALIKE_DEVIATIONS * 1.4826 * float(np.median(deviation)))
        alike = deviation <= limit
        means = float(a[alike].mean()), float(b[alike].mean())
        spreads = float(a[alike].std()), float(b[alike].std())
        if min(spreads) < LEAST_SPREAD_LEVELS or not GAINS[0] <= spreads[1] / spreads[0] <= GAINS[1]:
            spreads = 1.0, 1.0
        return cls(means, spreads)

    @property
    def is_noticed(self) -> bool:
        """Whether leading it over changes anything that could be seen."""
        moved = self._moved(0.0, 1.0)
        return bool(np.abs(moved - LEVELS)[16:240].max() > NOTICED_LEVELS)

    def relit(self, plane: Plane, begin: float, end: float) -> Plane:
        """A plane that is under the light at one time of the bridge, 0 to 1, under that at another."""
        table = np.clip(np.rint(self._moved(begin, end)), 0, 255).astype(np.uint8)
        return np.asarray(cv2.LUT(plane, table), np.uint8)

    def _moved(self, begin: float, end: float) -> npt.NDArray[np.float64]:
        (mean, spread), (wanted, wide) = self._at(begin), self._at(end)
        return wanted + (LEVELS - mean) * wide / spread

    def _at(self, time: float) -> tuple[float, float]:
        mean, spread = ((1 - time) * pair[0] + time * pair[1] for pair in (self.means, self.spreads))
        return mean, spread


def led(interpolator: Interpolator, first: VideoFrame, last: VideoFrame, count: int) -> list[VideoFrame]:
    """What an interpolator makes of two ends under one light, each picture under the light that it should have.

    Args:
        count: of pictures, evenly between both ends; none of an interpolator that cuts.
    """
    if not count:
        return []
    ends = planes_of(first), planes_of(last)
    lights = [Light.between(a, b) for a, b in zip(*ends, strict=True)]
    if not any(light.is_noticed for light in lights):
        return interpolator.between(first, last, count)
    alike = [
        picture_of([light.relit(plane, at, 0.5) for light, plane in zip(lights, end, strict=True)], like=picture)
        for at, end, picture in ((0.0, ends[0], first), (1.0, ends[1], last))
    ]
    pictures = interpolator.between(alike[0], alike[1], count)
    return [
        picture_of(
            [light.relit(plane, 0.5, time) for light, plane in zip(lights, planes_of(picture), strict=True)],
            like=first,
        )
        for time, picture in zip(times_of(len(pictures)), pictures, strict=True)
    ]


def _small(plane: Plane) -> npt.NDArray[np.float64]:
    scale = min(1.0, LOOKED_AT_PX / max(plane.shape))
    size = max(1, round(plane.shape[1] * scale)), max(1, round(plane.shape[0] * scale))
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_AREA), np.float64)
