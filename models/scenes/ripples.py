"""Running waves, and what a picture looks like through or in rippling water."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.scenes.drawn import Layer, Shot
from models.scenes.drivers import random_driver, random_drivers

_GAIN_ONE = 128  # in the 8-bit map of what ripples lighten and darken


@dataclass(frozen=True)
class Waves:
    """A few sines that run, stand still and run back.

    Attributes:
        way: across the crests, radians per short side, complex (M,).
        swell: size and phase per frame, complex (F, M), sizes about 1 in all.
        period_s: of the first one.
    """

    way: NDArray[np.complex128]
    swell: NDArray[np.complex128]
    period_s: float

    @classmethod
    def chosen(cls, random: np.random.Generator, shot: Shot, *, lengths: tuple[float, float], level: bool) -> Waves:
        """Any waves.

        Args:
            random: draws them.
            shot: how many frames they are for.
            lengths: shortest and longest, from crest to crest, in shares of the short side.
            level: whether crests lie along the picture's rows, more or less.
        """
        drivers = random_drivers(random, shot)
        while len(drivers) < 2:
            drivers.append(random_driver(random, shot, drivers[0].period_s * random.uniform(0.7, 1.4)))
        count = len(drivers)
        size = random.dirichlet(np.full(count, 4.0))
        length = np.exp(random.uniform(np.log(lengths[0]), np.log(lengths[1]), count))
        turn = np.pi / 2 + random.normal(0, 0.15, count) if level else random.uniform(0, 2 * np.pi, count)
        swell = [
            part * (0.8 + 0.2 * np.abs(driver.place)) * np.exp(1j * driver.turn)
            for part, driver in zip(size, drivers, strict=True)
        ]
        return cls(2 * np.pi / length * np.exp(1j * turn), np.stack(swell, axis=1), drivers[0].period_s)

    def points(self) -> NDArray[np.complex128]:
        """Points, (F, M), as far apart as what the waves do to a picture is unlike; see `looks.look_state`."""
        return np.asarray(0.15 * np.sqrt(self.swell.shape[1]) * self.swell)


class Rippled:
    """A picture seen through, or mirrored in, rippling water.

    Args:
        flat: what is seen when the water is calm, uint8 (height, width, 3).
        cover: where there is water, uint8 (height, width).
        waves: on it.
        bend: how far the waves move what is seen, in shares of the short side.
        shade: how much they lighten and darken it, 0 to 1.
        glint: likewise at the very crests, 0 to 1.
        near: how much the waves do at each row, float32 (height,).
    """

    def __init__(
        self,
        flat: NDArray[np.uint8],
        cover: NDArray[np.uint8],
        waves: Waves,
        *,
        bend: float,
        shade: float,
        glint: float,
        near: NDArray[np.float32],
    ) -> None:
        height, width = flat.shape[:2]
        short = min(width, height)
        self._flat, self._cover, self._swell = flat, cover, waves.swell.astype(np.complex64)
        # Crests of a plane wave: one factor along rows, one along columns, so the sum is a product of matrices.
        # Where the water is farther away, it is seen flatter.
        depth = np.cumsum(1 / np.maximum(near, 0.12)) * float(near.mean()) / short
        self._along = np.exp(1j * np.outer(waves.way.real, np.arange(width) / short)).astype(np.complex64)
        rows = np.exp(1j * np.outer(depth, waves.way.imag)) * near[:, None]
        slope = bend * short * waves.way / np.abs(waves.way)
        self._rows = np.concatenate([rows, rows * slope.real, rows * slope.imag]).astype(np.complex64)
        down, across = np.mgrid[:height, :width].astype(np.float32)
        self._places = np.stack([across, down])
        steps = np.linspace(-1, 1, 256)
        gains = 1 + shade * steps + 2 * glint * np.clip((steps - 0.45) / 0.55, 0, 1) ** 2
        self._gains = (gains * _GAIN_ONE).clip(0, 255).astype(np.uint8)

    def layer(self, index: int) -> Layer:
        """The water in frame `index`."""
        height = len(self._cover)
        swell = np.conj(self._swell[index])[:, None]
        fields = self._rows @ (self._along * swell)
        where = cv2.merge(
            [self._places[0] + fields.real[height : 2 * height], self._places[1] + fields.real[2 * height :]]
        )
        seen = cv2.remap(self._flat, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)  # type: ignore[call-overload]
        rise = cv2.LUT((fields.imag[:height] * 127 + 128).astype(np.uint8), self._gains)
        lit = cv2.multiply(seen, cv2.merge([rise] * 3), scale=1 / _GAIN_ONE)
        return Layer(np.asarray(lit, np.uint8), self._cover)
