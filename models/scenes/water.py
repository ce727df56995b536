"""Water: ripples over a ground, mirrored shores, layered waves at sea, and surf that comes and goes."""

from __future__ import annotations

from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from models.scenes.backdrops import Backdrop, noise, pattern
from models.scenes.crests import Crests
from models.scenes.drawn import DrawnScene, Layer, Shot
from models.scenes.drivers import random_driver
from models.scenes.ink import Colour, Ink
from models.scenes.looks import look_state, velocity_time_s
from models.scenes.ripples import Rippled, Waves

_DIMS = 6
_KINDS = ("ripples", "mirror", "sea", "surf")


class Water(DrawnScene):
    """Two or three waves that run this way or that, and what they do to a picture.

    Args:
        shot: how it is filmed.
    """

    state_names = tuple(f"{what} {axis}" for what in ("place", "velocity") for axis in range(_DIMS))

    def __init__(self, shot: Shot) -> None:
        super().__init__(shot)
        random = self.random
        self._short = min(shot.width, shot.height)
        self._wide, self._high = shot.width / self._short, shot.height / self._short
        self.kind = str(random.choice(_KINDS, p=[0.35, 0.25, 0.2, 0.2]))
        self.ground = Backdrop.chosen(random)
        lengths = (0.25, 1.2) if self.kind == "ripples" else (0.12, 0.6) if self.kind == "mirror" else (0.4, 1.8)
        self.waves = Waves.chosen(random, shot, lengths=lengths, level=self.kind == "mirror")
        self._line = float(random.uniform(0.3, 0.6))  # where the water begins, as a share of the height
        self._texture_seed = int(random.integers(2**31))
        self._crests = self._sea() if self.kind == "sea" else self._surf() if self.kind == "surf" else None

    def layer(self, index: int) -> Layer:
        """The water in frame `index`."""
        if self._crests is None:
            return self._rippled.layer(index)
        ink = Ink(self.width, self.height)
        ink.polygons(self._crests.outlines(index) * self._short, self._crests.colours)
        return ink.layer()

    @cached_property
    def _rippled(self) -> Rippled:
        """The water that a picture is seen through or mirrored in."""
        random = np.random.default_rng(self._texture_seed)
        if self.kind == "ripples":
            flat, cover = self._bed(random)
            near = np.ones(self.height, np.float32)
            bend = random.uniform(0.02, 0.08)
        else:
            flat, cover, near = self._mirrored(random)
            bend = random.uniform(0.03, 0.10)
        shade = random.uniform(0.05, 0.5)
        glint = float(random.choice([0.0, random.uniform(0.2, 0.8)]))
        return Rippled(flat, cover, self.waves, bend=bend, shade=shade, glint=glint, near=near)

    def _bed(self, random: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """What lies under water, all over the picture or in a pool."""
        size = (self.width, self.height)
        shade = noise(random, *size, float(random.uniform(0.4, 0.9)))
        if random.random() < 0.5:
            shade = 0.4 * shade + 0.6 * pattern(random, *size)
        one, other = (np.array(ink, np.float32) for ink in self.ground.inks(random, 2))
        flat = one + shade[..., None] * float(random.uniform(0.4, 1.0)) * (other - one)
        cover = np.full((self.height, self.width), 255, np.uint8)
        if random.random() < 0.3:
            cover[:] = 0
            reach = (int(self.width * random.uniform(0.32, 0.48)), int(self.height * random.uniform(0.32, 0.48)))
            cv2.ellipse(cover, (self.width // 2, self.height // 2), reach, 0, 0, 360, 255, -1, cv2.LINE_AA)
        return flat.clip(0, 255).astype(np.uint8), cover

    def _mirrored(
        self, random: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float32]]:
        """What stands above the water's line, upside down and tinted; where; and how near each row is."""
        line = round(self._line * self.height)
        rows = np.abs(2 * line - 1 - np.arange(self.height)) % self.height
        tint = np.array(self.ground.inks(random, 1)[0], np.float32)
        share = np.float32(random.uniform(0.1, 0.5))
        flat = (1 - share) * self.backdrop[rows] + share * tint
        below = np.clip((np.arange(self.height, dtype=np.float32) - line) / (self.height - line), 0, 1)
        cover = np.repeat(((below > 0) * 255).astype(np.uint8)[:, None], self.width, axis=1)
        return flat.clip(0, 255).astype(np.uint8), cover, (0.2 + 0.8 * below).astype(np.float32)

    def _sea(self) -> Crests:
        """Rows of waves, the nearest last."""
        random = self.random
        count = int(random.integers(3, 7))
        near, far = (np.array(ink, float) for ink in self.ground.inks(random, 2))
        swell = random.uniform(0.05, 0.14)
        crests = Crests(self.waves, along=self._wide, below=self._high, steep=0.4 * swell)
        for row, share in enumerate(np.linspace(0.15, 1, count)):
            level = np.full(self.frame_count, self._high * (self._line + (0.95 - self._line) * row / count))
            colour = far + share * (near - far) + random.normal(0, 8, 3)
            shift, size = float(random.uniform(0, 6)), swell * float(0.4 + 0.6 * share)
            if random.random() < 0.3 or share == 1:
                crests.add(level - 0.02, size, shift, _ink(0.5 * colour + 125))
            crests.add(level, size, shift, _ink(colour))
        return crests

    def _surf(self) -> Crests:
        """Water that comes up a beach and goes back, with foam at its edge; from any side."""
        random = self.random
        sideways, flipped = bool(random.random() < 0.4), bool(random.random() < 0.5)
        along, reach = (self._high, self._wide) if sideways else (self._wide, self._high)
        tide = random_driver(random, self.shot, self.waves.period_s * random.uniform(1, 1.6))
        level = reach * (random.uniform(0.45, 0.6) + random.uniform(0.08, 0.22) * tide.place.real)
        size = random.uniform(0.03, 0.09)
        water, foam = self.ground.inks(random, 2)
        foam = foam if random.random() < 0.4 else _ink(225 + random.normal(0, 20, 3))
        crests = Crests(self.waves, along=along, below=reach, steep=0.02, sideways=sideways, flipped=flipped)
        crests.add(level, size, 0.0, foam)
        crests.add(level + random.uniform(0.015, 0.05), size, 0.0, water)
        if random.random() < 0.5:
            lag = random.uniform(0.08, 0.2)
            crests.add(level + lag, size, 0.0, foam)
            crests.add(level + lag + random.uniform(0.01, 0.03), size, 0.0, _ink(np.array(water) * 0.85))
        return crests

    def _backdrop(self) -> NDArray[np.uint8]:
        return self.ground.paint(self.width, self.height)

    def _state(self) -> NDArray[np.float32]:
        points, weights = self.waves.points(), np.ones(self.waves.swell.shape[1])
        if self._crests is not None:
            points = self._crests.points()
            weights = np.ones(points.shape[1])
        return look_state(
            points,
            weights,
            dims=_DIMS,
            rate_hz=float(self.rate_hz),
            time_s=velocity_time_s(self.waves.period_s),
        )


def _ink(colour: NDArray[np.float64]) -> Colour:
    """A colour as whole numbers."""
    red, green, blue = colour.clip(0, 255)
    return int(red), int(green), int(blue)
