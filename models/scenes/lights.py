"""Lamps, windows and screens that grow bright and dim in turn, while something small moves."""

from __future__ import annotations

from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from models.scenes.backdrops import Backdrop, random_colours
from models.scenes.drawn import DrawnScene, Layer, Shot
from models.scenes.drivers import random_driver, random_drivers
from models.scenes.ink import Colour, layer_of
from models.scenes.looks import look_state, velocity_time_s

_DIMS = 6
_SHIFT = 4  # fractional bits of the coordinates that OpenCV is given
_LAYOUTS = ("scattered", "row", "ring", "panel")
_ON_OFF = 0.2  # all lamps from off to full count as much as everything moved by so much of the short side
_MOVER = 0.3  # what moves counts as much as so much of all lamps together
_ROUND = np.exp(2j * np.pi * np.arange(14) / 14)


class Lights(DrawnScene):
    """3 to 16 lamps that follow one another, and a disc, a hand or a card that moves in front of them.

    Args:
        shot: how it is filmed.
    """

    state_names = tuple(f"{what} {axis}" for what in ("place", "velocity") for axis in range(_DIMS))

    def __init__(self, shot: Shot) -> None:
        super().__init__(shot)
        random = self.random
        self._short = min(shot.width, shot.height)
        self._wide, self._high = shot.width / self._short, shot.height / self._short
        self.ground = Backdrop.chosen(random).at_night(random)
        drivers = random_drivers(random, shot)
        if len(drivers) == 1:
            drivers.append(random_driver(random, shot, drivers[0].period_s * random.uniform(0.7, 1.4)))
        self._period_s = drivers[0].period_s
        self._arrange()
        self._shine(drivers[0].turn, drivers[-1].place)
        self._move(drivers[1].place)
        self._map_seed = int(random.integers(2**31))

    def _arrange(self) -> None:
        """Where the lamps are, and how large."""
        random = self.random
        layout = str(random.choice(_LAYOUTS, p=[0.3, 0.2, 0.25, 0.25]))
        middle = complex(self._wide / 2, self._high / 2)
        self._square = layout == "panel" or random.random() < 0.3
        if layout == "panel":
            columns, rows = int(random.integers(2, 5)), int(random.integers(1, 5))
            x = (np.arange(columns) + 0.5) / columns - 0.5
            y = (np.arange(rows) + 0.5) / rows - 0.5
            reach = random.uniform(0.5, 0.95)
            self._lamps = middle + reach * np.add.outer(y * 1j * self._high, x * self._wide).ravel()
            half = reach * np.array([self._wide / columns, self._high / rows]) / 2 * random.uniform(0.7, 1)
            self._half = np.tile(half, (columns * rows, 1))
            return
        count = int(random.integers(3, 11))
        along = (np.arange(count) + 0.5) / count
        if layout == "row":
            slant = random.uniform(-0.4, 0.4)
            place = (along - 0.5) * 0.9 * self._wide + 1j * (slant * (along - 0.5) + random.uniform(-0.25, 0.25))
        elif layout == "ring":
            place = random.uniform(0.24, 0.4) * np.exp(2j * np.pi * along)
        else:
            place = (
                random.uniform(-0.42, 0.42, count) * self._wide + 1j * random.uniform(-0.42, 0.42, count) * self._high
            )
        self._lamps = middle + place
        self._half = random.uniform(0.03, 0.12) * random.uniform(0.7, 1.3, (count, 1)) * np.ones(2)

    def _shine(self, turn: NDArray[np.float64], place: NDArray[np.complex128]) -> None:
        """How bright each lamp is, (F, lamps), 0 to 1, and of which of two colours, likewise."""
        random, count = self.random, len(self._lamps)
        way = np.exp(1j * random.uniform(0, 2 * np.pi))
        if random.random() < 0.6:  # one after the other, along some direction or around
            off = self._lamps - complex(self._wide / 2, self._high / 2)
            lag = random.uniform(1, 6) * (off * way).real if random.random() < 0.6 else np.angle(off * way)
        else:
            lag = np.pi / 2 * random.integers(0, 4, count)
        narrow = random.uniform(0.8, 4)
        pulse = np.exp(narrow * (np.cos(turn[:, None] - lag) - 1))
        least = random.uniform(0, 0.4)
        slow = 0.75 + 0.25 * place.imag if random.random() < 0.5 else np.ones(len(place))
        self._bright = np.clip((least + (1 - least) * pulse) * slow[:, None] * random.uniform(0.7, 1, count), 0, 1)
        shift = random.choice([0.0, 1.0, np.pi / 2]) * np.arange(count)
        self._mix = 0.5 + random.uniform(0, 0.5) * (place[:, None] * np.exp(1j * shift)).real
        lit = random_colours(random, 2 * count if random.random() < 0.4 else 2)
        lit = lit / lit.max(axis=1, keepdims=True) * random.uniform(170, 255)
        self._lit = np.broadcast_to(lit.reshape(2, -1, 3), (2, count, 3))

    def _move(self, place: NDArray[np.complex128]) -> None:
        """The outline of what moves, complex (F, corners), in shares of the short side, and its colour."""
        random = self.random
        swing = place * np.exp(1j * random.uniform(0, 2 * np.pi))
        room = np.array([self._wide, self._high])
        middle = complex(*(room * random.uniform(0.35, 0.65, 2)))
        size = random.uniform(0.04, 0.10)
        kind = int(random.integers(3))
        if kind == 0:
            reach = random.uniform(0.1, 0.28, 2) * room
            bent = swing.real * reach[0] + 1j * reach[1] * (swing.imag if random.random() < 0.5 else swing.real**2)
            outline = (middle + bent)[:, None] + size * _ROUND
        elif kind == 1:
            hand = np.array([-0.3j, 1.0, 0.3j, -1.0]) * np.array([1, 6, 1, 0.5]) * size
            outline = middle + hand * np.exp(1j * random.uniform(0.4, 1.2) * swing.imag - 0.5j * np.pi)[:, None]
        else:
            card = np.array([1 + 0.6j, -1 + 0.6j, -1 - 0.6j, 1 - 0.6j]) * size * 1.4
            slid = random.uniform(0.15, 0.3) * room[0] * swing.real
            outline = (middle + slid)[:, None] + card * np.exp(0.6j * swing.imag)[:, None]
        self._mover = outline
        self._mover_ink: Colour = self.ground.inks(random, 1)[0]

    @cached_property
    def _maps(self) -> NDArray[np.float32]:
        """How far each lamp lights each pixel at its brightest, float32 (height * width, lamps), 0 to 1."""
        random = np.random.default_rng(self._map_seed)
        halo, reach = float(random.uniform(0.1, 0.6)), float(random.uniform(1.5, 4))
        halo *= min(1.0, 3 / len(self._lamps))  # many halos add up
        floor = self._high * float(random.choice([2.0, random.uniform(0.6, 0.8)]))  # below it is a shiny floor
        down, across = np.mgrid[: self.height, : self.width].astype(np.float32) / np.float32(self._short)
        mirrored = down > floor
        down = np.where(mirrored, 2 * floor - down, down)
        edge = np.float32(self._short)
        maps = []
        for lamp, half in zip(self._lamps, self._half.astype(np.float32), strict=True):
            x, y = np.abs(across - np.float32(lamp.real)), np.abs(down - np.float32(lamp.imag))
            away = np.maximum(x - half[0], y - half[1]) if self._square else np.hypot(x, y) - half[0]
            core = np.clip(0.5 - away * edge, 0, 1)
            glow = halo / (1 + (np.maximum(away, 0) / min(0.3, reach * half.mean())) ** 2) ** 1.5
            maps.append(np.maximum(core, glow) * np.where(mirrored, 0.45, 1))
        return np.stack([one.ravel() for one in maps], axis=1).astype(np.float32)

    def layer(self, index: int) -> Layer:
        """The light, and what moves, in frame `index`."""
        mix = self._mix[index][:, None]
        colours = (1 - mix) * self._lit[0] + mix * self._lit[1]
        shining = np.hstack([colours, np.full((len(colours), 1), 255.0)]) * self._bright[index][:, None]
        light = np.minimum(self._maps @ shining.astype(np.float32), np.float32(255)).astype(np.uint8)
        sheet = light.reshape(self.height, self.width, 4)
        outline = self._mover[index] * (self._short << _SHIFT)
        corners = np.stack([outline.real, outline.imag], axis=1).astype(np.int32)
        cv2.fillPoly(sheet, [corners], (*self._mover_ink, 255), cv2.LINE_AA, _SHIFT)
        return layer_of(sheet)

    def _backdrop(self) -> NDArray[np.uint8]:
        """The backdrop with the lamps, off."""
        picture = self.ground.paint(self.width, self.height).astype(np.float32)
        off = 0.25 * self._lit.mean(axis=0).astype(np.float32)
        for lamp in range(len(self._lamps)):
            core = (self._maps[:, lamp].reshape(picture.shape[:2]) > 0.9)[..., None]
            picture = np.where(core, 0.5 * picture + off[lamp], picture)
        return np.clip(picture, 0, 255).astype(np.uint8)

    def _state(self) -> NDArray[np.float32]:
        lamps = _ON_OFF * self._bright * (1 + 0.5j * self._mix)
        mover = self._mover[:, ::3]
        lamp_area = self._half.prod(axis=1)
        weights = np.append(lamp_area / lamp_area.sum(), np.full(mover.shape[1], _MOVER / mover.shape[1]))
        return look_state(
            np.hstack([lamps, mover]),
            weights,
            dims=_DIMS,
            rate_hz=float(self.rate_hz),
            time_s=velocity_time_s(self._period_s),
        )
