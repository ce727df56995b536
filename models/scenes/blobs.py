"""Soft things: blobs that melt into each other as in a lava lamp, and plants that sway in water."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from models.scenes.backdrops import Backdrop
from models.scenes.drawn import DrawnScene, Layer, Shot
from models.scenes.drivers import Driver, random_driver, random_drivers
from models.scenes.ink import Colour, Ink
from models.scenes.looks import look_state, velocity_time_s

_DIMS = 6
_JOINTS = 6  # of a plant
_Points = NDArray[np.complex128]


class Blobs(DrawnScene):
    """Melting blobs or swaying plants, under two or three drivers.

    Args:
        shot: how it is filmed.
    """

    state_names = tuple(f"{what} {axis}" for what in ("place", "velocity") for axis in range(_DIMS))

    def __init__(self, shot: Shot) -> None:
        super().__init__(shot)
        random = self.random
        self.ground = Backdrop.chosen(random)
        drivers = random_drivers(random, shot)
        if len(drivers) == 1:
            drivers.append(random_driver(random, shot, drivers[0].period_s * random.uniform(0.7, 1.4)))
        self._period_s = drivers[0].period_s
        self.kind = str(random.choice(["melting", "plants"], p=[0.55, 0.45]))
        self._things = _Melting(self, drivers) if self.kind == "melting" else _Plants(self, drivers)

    def layer(self, index: int) -> Layer:
        """The soft things in frame `index`."""
        return self._things.layer(index)

    def _backdrop(self) -> NDArray[np.uint8]:
        return self.ground.paint(self.width, self.height)

    def _state(self) -> NDArray[np.float32]:
        points, weights = self._things.truth()
        return look_state(
            points,
            weights,
            dims=_DIMS,
            rate_hz=float(self.rate_hz),
            time_s=velocity_time_s(self._period_s),
        )


class _Melting:
    """Round blobs that flow together where they meet."""

    def __init__(self, scene: Blobs, drivers: list[Driver]) -> None:
        random = scene.random
        self._size = (scene.width, scene.height)
        self._short = min(self._size)
        room = np.array(self._size) / self._short
        count = int(random.integers(3, 9))
        radius = random.uniform(0.10, 0.21) * (4 / count) ** 0.35 * random.uniform(0.6, 1.3, count)
        upright = random.random() < 0.4  # they rise and sink, as in a lamp
        places, radii = [], []
        for blob in range(count):
            driver = drivers[blob % len(drivers)]
            swing = driver.place * np.exp(1j * random.uniform(0, 2 * np.pi))
            reach = random.uniform(0.08, 0.28, 2) * room
            reach[0] *= 0.2 if upright else 1.0
            reach = np.minimum(reach, room / 2 - 0.1)
            middle = room / 2 + random.uniform(-1, 1, 2) * np.maximum(room / 2 - 0.05 - reach, 0) * 0.8
            bent = random.uniform(-0.5, 0.5) * (swing.real**2 - 0.5)
            places.append(complex(*middle) + reach[0] * (swing.imag + bent) + 1j * reach[1] * swing.real)
            radii.append(radius[blob] * (1 + random.uniform(0, 0.3) * (swing * np.exp(1j)).real))
        self._places, self._radii = np.stack(places, axis=1), np.stack(radii, axis=1)
        self._rows = (np.arange(scene.height, dtype=np.float32) + 0.5)[:, None] / self._short
        self._columns = (np.arange(scene.width, dtype=np.float32) + 0.5)[:, None] / self._short
        self._colours, self._covers = _tables(random, scene.ground.inks(random, 2), soft=random.uniform(0.04, 0.5))

    def layer(self, index: int) -> Layer:
        """The blobs in one frame."""
        place, radius = self._places[index], self._radii[index]
        thin = (1 / (radius * np.sqrt(2))).astype(np.float32)
        # A round Gaussian is one factor along rows, one along columns: their sum is a product of matrices.
        down = np.exp(-(((self._rows - place.imag.astype(np.float32)) * thin) ** 2))
        across = np.exp(-(((self._columns - place.real.astype(np.float32)) * thin) ** 2))
        depth = np.minimum(down @ across.T * np.float32(150), np.float32(255)).astype(np.uint8)
        colour = cv2.LUT(cv2.merge([depth] * 3), self._colours)
        return Layer(np.asarray(colour, np.uint8), np.asarray(cv2.LUT(depth, self._covers), np.uint8))

    def truth(self) -> tuple[_Points, NDArray[np.float64]]:
        """Middles and sizes, (F, P), and how much each is seen."""
        area = self._radii.mean(axis=0) ** 2
        return np.hstack([self._places, self._radii]), np.concatenate([area, area])


def _tables(
    random: np.random.Generator, inks: list[Colour], *, soft: float
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Colours (1, 256, 3) and cover (256,) for each depth into a blob; its outline lies at 90."""
    depth = np.arange(256)
    rim, core = np.array(inks, float)
    core = rim + random.uniform(0.2, 1.0) * (core - rim)
    share = np.clip((depth - 90) / random.uniform(30, 120), 0, 1)[:, None]
    if random.random() < 0.3:
        share = np.round(share * 3) / 3  # rings
    half = 6 + 60 * soft
    cover = np.clip((depth - 90) / (2 * half) + 0.5, 0, 1) * random.choice([255, random.uniform(150, 255)])
    return (rim + share * (core - rim)).clip(0, 255).astype(np.uint8)[None], cover.astype(np.uint8)


class _Plants:
    """Stems that stand on the bottom or hang from above; a current bends them one after the other."""

    def __init__(self, scene: Blobs, drivers: list[Driver]) -> None:
        random = scene.random
        self._size = (scene.width, scene.height)
        self._short = min(self._size)
        wide, high = np.array(self._size) / self._short
        count = int(random.integers(3, 13))
        across = wide * (np.arange(count) + random.uniform(0.2, 0.8, count)) / count
        hanging = bool(random.random() < 0.25)
        length = high * random.uniform(0.4, 0.85) * random.uniform(0.6, 1.1, count)
        lag = random.uniform(0.2, 1.5) * across * random.choice([-1, 1]) + random.normal(0, 0.2, count)
        trail = random.uniform(0.0, 1.6) * np.linspace(0, 1, _JOINTS)  # the tips follow the roots
        bend = random.uniform(0.25, 0.9) / len(drivers) ** 0.5
        angle = random.normal(0, 0.08, (1, count, 1)) * np.ones(_JOINTS)
        for driver in drivers:
            swung = driver.place[:, None, None] * np.exp(-1j * (lag[:, None] + trail))
            angle = angle + bend * random.uniform(0.6, 1.2) * np.linspace(0.2, 1.2, _JOINTS) * swung.imag
        steps = -1j * np.exp(1j * angle) * (length[:, None] / _JOINTS)
        self._joints = (across + 1j * (high + 0.02))[:, None] + np.cumsum(steps, axis=2)
        self._joints = np.concatenate([self._joints[:, :, :1] - steps[:, :, :1], self._joints], axis=2)
        if hanging:
            self._joints = self._joints.real + 1j * (high - self._joints.imag)
        thick = random.uniform(0.012, 0.05) * random.uniform(0.7, 1.3, (count, 1))
        radii = thick * np.linspace(1, random.uniform(0.3, 1.2), _JOINTS + 1) * self._short
        self._radii = np.stack([radii[:, :-1], radii[:, 1:]], axis=-1).reshape(-1, 2)
        inks = scene.ground.inks(random, 3)
        which = random.integers(0, 2, count)
        self._colours = [inks[plant] for plant in which for _ in range(_JOINTS)]
        self._leaf = float(random.uniform(0.04, 0.12)) if count < 8 and random.random() < 0.7 else 0.0
        self._leaves = [inks[2]] * (2 * count * (_JOINTS - 1))

    def layer(self, index: int) -> Layer:
        """The plants in one frame."""
        ink = Ink(*self._size)
        joints = self._joints[index] * self._short
        if self._leaf:
            ink.rods(self._leaf_rods(joints), self._leaf_radii(), self._leaves)
        ends = np.stack([joints[:, :-1], joints[:, 1:]], axis=-1).reshape(-1, 2)
        ink.rods(ends, self._radii, self._colours)
        return ink.layer()

    def _leaf_rods(self, joints: _Points) -> _Points:
        """Leaves on both sides of the joints, (leaves, 2), in pixels."""
        along = np.diff(joints, axis=1)[:, 1:]
        way = along / np.maximum(np.abs(along), 1e-6) * self._leaf * self._short
        foot = joints[:, 1:-1]
        sides = [np.stack([foot, foot + way * np.exp(side * 0.8j)], axis=-1) for side in (-1, 1)]
        return np.concatenate(sides).reshape(-1, 2)

    def _leaf_radii(self) -> NDArray[np.float64]:
        """Thickness of the leaves, (leaves, 2), in pixels."""
        return np.tile([0.35 * self._leaf * self._short, 0.1 * self._leaf * self._short], (len(self._leaves), 1))

    def truth(self) -> tuple[_Points, NDArray[np.float64]]:
        """The joints, (F, P), and how much each is seen."""
        points = self._joints[:, :, 1::2].reshape(len(self._joints), -1)
        return points, np.ones(points.shape[1])
