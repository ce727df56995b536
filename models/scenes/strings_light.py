"""Strings as a camera sees them: blurred over their swing, glowing as they ring."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.scenes.strings_board import StringLine

WIDEST = 0.040  # swing of a string at full strength, in picture heights
PULL = 0.030  # how far a finger pulls a string, likewise
_REACH = 0.058  # a string's light ends this far from its rest
_SECOND = 0.30  # the second harmonic's share at the pluck; it dies away twice as fast
_METAL = np.array([0.66, 0.56, 0.44])
_LOW_GLOW = np.array([1.00, 0.42, 0.12])
_HIGH_GLOW = np.array([0.46, 0.86, 0.88])


@dataclass(frozen=True)
class StringMotion:
    """One string at one moment.

    Args:
        swing: 0 to 1.
        phase: radians, of the swing that the eye follows inside the blur.
        pull: 0 to 1, how far the finger pulls it.
        pull_x: where the finger is, in picture heights.
    """

    swing: float
    phase: float
    pull: float = 0.0
    pull_x: float = 0.0


class StringPainter:
    """Draws one string into a layer of light.

    Args:
        line: where it lies at rest.
        width, height: picture size in pixels.
        tint: 0 the lowest string's colour, 1 the highest's.
    """

    def __init__(self, line: StringLine, *, width: int, height: int, tint: float) -> None:
        self._height = height
        self._gain = 0.80 + 0.40 * tint  # high strings are thinner; their blur would be dim
        middle_tint = np.array([1.0, 0.74, 0.36])
        halves = (_LOW_GLOW, middle_tint, _HIGH_GLOW)
        self._glow = np.stack([np.interp(tint, (0, 0.5, 1), [h[c] for h in halves]) for c in range(3)])
        first = max(0, int(np.ceil(line.left[0] * height)))
        last = min(width - 1, int(line.right[0] * height))
        self._x = (np.arange(first, last + 1) + 0.5) / height
        self._along = (self._x - line.left[0]) / (line.right[0] - line.left[0])
        rest = line.left[1] + self._along * (line.right[1] - line.left[1])
        top = max(0, int((rest.min() - _REACH) * height))
        bottom = min(height, int((rest.max() + _REACH) * height) + 1)
        self._box = (slice(top, bottom), slice(first, last + 1))
        rows = np.arange(top, bottom)[:, None] + 0.5
        self._offset = np.asarray(rows - rest * height, dtype=np.float32)  # pixels from rest
        # A string thinner than a pixel covers part of one: draw it a pixel wide and dimmer.
        thick = line.thickness * height
        self._wide = float(np.hypot(thick, 1.0))
        self._cover = thick / self._wide
        self._first = np.sin(np.pi * self._along)
        self._second = np.sin(2 * np.pi * self._along)
        still = self._coverage(StringMotion(0.0, 0.0))
        self._still = [still * np.float32(metal) for metal in _METAL]

    def add(self, light: NDArray[np.float32], motion: StringMotion) -> None:
        """Add the string's light.

        Args:
            light: float32, one plane for each of red, green and blue, shape (3, height, width);
                added to in place. Planes, because three adds along rows are far quicker than
                one over pixels of three.
            motion: the string now.
        """
        if motion.swing < 0.004 and motion.pull == 0.0:
            for plane, still in zip(light, self._still, strict=True):
                plane[self._box] += still
            return
        cover = self._coverage(motion)
        # The eye sees a ringing string brighter than its blur is: lift thin coverage, and colour it.
        glow = np.sqrt(cover) * np.float32(self._gain * min(1.0, motion.swing * 1.4))
        for plane, metal, colour in zip(light, _METAL, self._glow, strict=True):
            plane[self._box] += cover * np.float32(metal) + glow * np.float32(colour)

    def _coverage(self, motion: StringMotion) -> NDArray[np.float32]:
        """Share of the exposure that each pixel of the strip is covered by the string."""
        widest = motion.swing * WIDEST * self._height
        second = _SECOND * motion.swing
        near = self._line(
            widest * (self._first * np.cos(motion.phase) + second * self._second * np.cos(2 * motion.phase))
            + self._pulled(motion)
        )
        if widest < 0.3:
            return near
        reach = widest * np.hypot(self._first, second * self._second) + 0.35
        blur = self._blurred(reach.astype(np.float32))
        return np.asarray(0.68 * blur + 0.32 * near, dtype=np.float32)

    def _pulled(self, motion: StringMotion) -> NDArray[np.float64]:
        """The kink under the finger, in pixels."""
        if motion.pull == 0.0:
            return np.zeros_like(self._along)
        apex = float(np.interp(motion.pull_x, self._x, self._along))
        return motion.pull * PULL * self._height * np.minimum(self._along / apex, (1 - self._along) / (1 - apex))

    def _line(self, offset: NDArray[np.float64]) -> NDArray[np.float32]:
        """A sharp string `offset` pixels below its rest."""
        away = np.abs(self._offset - offset.astype(np.float32))
        return np.asarray(np.clip(0.5 * self._wide + 0.5 - away, 0.0, 1.0) * self._cover, dtype=np.float32)

    def _blurred(self, reach: NDArray[np.float32]) -> NDArray[np.float32]:
        """A string swinging as a sine by `reach` pixels: its time in each pixel, by arc sines."""
        half = np.float32(0.5 * self._wide)
        upper = np.arcsin(np.clip((self._offset + half) / reach, -1.0, 1.0))
        lower = np.arcsin(np.clip((self._offset - half) / reach, -1.0, 1.0))
        return np.asarray((upper - lower) * np.float32(self._cover / np.pi), dtype=np.float32)


def bloom(light: NDArray[np.float32]) -> NDArray[np.float32]:
    """What bright light spills around itself.

    Args:
        light: float32 RGB, shape (height, width, 3).

    Returns:
        The spill, same shape: a near halo and a faint wide one.
    """
    height, width = light.shape[:2]
    small = cv2.resize(light, (max(1, width // 4), max(1, height // 4)), interpolation=cv2.INTER_AREA)
    smaller = cv2.resize(small, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    halo = 0.75 * cv2.GaussianBlur(small, (0, 0), 0.014 * small.shape[0])
    wide = cv2.GaussianBlur(smaller, (0, 0), 0.075 * smaller.shape[0])
    halo += 0.9 * cv2.resize(wide, small.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.resize(halo, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)
