"""A picture on rubber, bent by a few smooth modes: what flames, cloth, faces and water have in common."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from models.scenes.backdrops import Backdrop, noise, pattern, random_colours
from models.scenes.drawn import DrawnScene, Layer, Shot
from models.scenes.drivers import random_driver, random_drivers
from models.scenes.looks import look_state, velocity_time_s

_DIMS = 6
_CELLS = 16  # modes are computed on a grid of so many nodes a side, and spread smoothly
_KINDS = ("slide", "bend", "swirl", "breathe", "wave", "bulge")
_Field = NDArray[np.complex128]  # displacement at the nodes, x + iy in shares of the short side


class Rubber(DrawnScene):
    """A random picture, whole or cut out, under one to four modes of bending.

    Args:
        shot: how it is filmed.
    """

    state_names = tuple(f"{what} {axis}" for what in ("place", "velocity") for axis in range(_DIMS))

    def __init__(self, shot: Shot) -> None:
        super().__init__(shot)
        random = self.random
        self.ground = Backdrop.chosen(random)
        self._texture_seed = int(random.integers(2**31))
        self._across, self._down = shot.width / min(shot.width, shot.height), shot.height / min(shot.width, shot.height)
        x, y = np.meshgrid(np.linspace(0, self._across, _CELLS), np.linspace(0, self._down, _CELLS))
        self._nodes = x + 1j * y
        self._middle = complex(self._across * random.uniform(0.35, 0.65), self._down * random.uniform(0.35, 0.65))
        self._radius = float(random.uniform(0.22, 0.45))
        self._whole = bool(random.random() < 0.35)  # fills the picture: nothing behind it is seen
        drivers = random_drivers(random, shot)
        self._period_s = drivers[0].period_s
        if len(drivers) < 3 and random.random() < 0.5:
            drivers.append(random_driver(random, shot, self._period_s))
        size = random.uniform(0.05, 0.14) / len(drivers) ** 0.5
        # Each mode has two parts a quarter of a cycle apart, or a wave could not run.
        self._modes = [
            (part * size * random.uniform(0.6, 1.3), course)
            for driver in drivers
            for part, course in zip(self._mode(), (driver.place.real, driver.place.imag), strict=True)
        ]

    def _mode(self) -> tuple[_Field, _Field]:
        random = self.random
        kind = str(random.choice(_KINDS))
        way = np.exp(1j * random.uniform(0, 2 * np.pi))
        off = self._nodes - self._middle
        near = np.exp(-(np.abs(off - self._radius * random.uniform(0, 0.8) * way) ** 2) / self._radius**2)
        if kind == "slide":
            return np.full_like(off, way), np.full_like(off, 0.5j * way)
        if kind == "bend":
            height = np.clip((off * np.exp(-1j * np.angle(way) / 4)).imag / self._radius, -1.5, 1.5)
            return (1 - height) ** 2 * 0.4 + 0j, 0.3j * (1 - height)
        if kind == "swirl":
            return 1j * off * near / self._radius * 1.5, off * near / self._radius * 0.5
        if kind == "breathe":
            return off / self._radius * 0.8, 1j * off / self._radius * 0.25
        if kind == "wave":
            phase = (off * np.conj(way)).real * random.uniform(1, 3) * np.pi / self._radius / 2
            aside = 1j * way * (0.4 + 0.6 * near)
            return aside * np.cos(phase), aside * np.sin(phase)
        return way * near * 1.4, 1j * way * near * 0.7

    def _displaced(self, frames: NDArray[np.int64]) -> NDArray[np.complex128]:
        """(M, nodes, nodes): by how much the nodes are displaced in some frames."""
        courses = np.stack([course[frames] for _, course in self._modes], axis=1)
        return np.tensordot(courses, np.stack([field for field, _ in self._modes]), axes=1)

    def _paint(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """The flat picture and its cover."""
        random = np.random.default_rng(self._texture_seed)
        width, height = self.width, self.height
        shade = noise(random, width, height, float(random.uniform(0.3, 0.9)))
        if random.random() < 0.5:
            shade = 0.5 * shade + 0.5 * pattern(random, width, height)
        one, other, third = random_colours(random, 3).astype(np.float32)
        contrast = float(random.uniform(0.25, 1.0))
        other = one + contrast * (other - one)
        picture = one + shade[:, :, None] * (other - one)
        spots = noise(random, width, height, 0.5) > random.uniform(0.55, 0.8)
        picture[spots] = picture[spots] * 0.4 + third * 0.6
        down, across = np.mgrid[:height, :width].astype(np.float32) / np.float32(min(width, height))
        off = across + 1j * down - self._middle
        lobes = 1 + random.uniform(0, 0.35) * np.cos(int(random.integers(2, 6)) * np.angle(off) + random.uniform(0, 6))
        edge = (self._radius * lobes - np.abs(off)) * min(width, height)
        cover = (
            np.full((height, width), 255.0) if self._whole else np.clip(edge / random.uniform(1, 6) + 0.5, 0, 1) * 255
        )
        return np.clip(picture, 0, 255).astype(np.uint8), cover.astype(np.uint8)

    def layer(self, index: int) -> Layer:
        """The bent picture in frame `index`."""
        if not hasattr(self, "_flat"):
            picture, cover = self._paint()
            self._flat = np.ascontiguousarray(np.dstack([picture, cover]))
        moved = self._displaced(np.array([index]))[0]
        size = (self.width, self.height)
        short = min(size)
        fields = np.dstack([moved.real, moved.imag]).astype(np.float32) * np.float32(short)
        spread = cv2.resize(fields, size, interpolation=cv2.INTER_LINEAR)
        where = self._grid() - spread
        bent = cv2.remap(self._flat, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)  # type: ignore[call-overload]
        return Layer(np.ascontiguousarray(bent[:, :, :3]), np.ascontiguousarray(bent[:, :, 3]))

    def _grid(self) -> NDArray[np.float32]:
        if not hasattr(self, "_places"):
            down, across = np.mgrid[: self.height, : self.width].astype(np.float32)
            self._places = np.dstack([across, down])
        return self._places

    def _backdrop(self) -> NDArray[np.uint8]:
        return self.ground.paint(self.width, self.height)

    def _state(self) -> NDArray[np.float32]:
        seen = np.ones(self._nodes.shape) if self._whole else np.abs(self._nodes - self._middle) < self._radius
        points = self._displaced(np.arange(self.frame_count))[:, seen.astype(bool)][:, ::4]
        return look_state(
            points,
            np.ones(points.shape[1]),
            dims=_DIMS,
            rate_hz=float(self.rate_hz),
            time_s=velocity_time_s(self._period_s),
        )
