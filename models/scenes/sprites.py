"""Textured shapes that move, turn, grow and shear along paths that keep coming back."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.scenes.backdrops import Backdrop, noise, pattern, random_colours
from models.scenes.drawn import DrawnScene, Layer, Shot
from models.scenes.drivers import Driver, random_drivers
from models.scenes.ink import Ink
from models.scenes.looks import look_state, velocity_time_s

_DIMS = 8
_Points = NDArray[np.complex128]
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ234567&?!"
_BOX = np.array([-1 - 1j, 1 - 1j, -1 + 1j])  # top left, top right, bottom left


@dataclass(frozen=True)
class Sprite:
    """One shape.

    Attributes:
        cut: RGBA with colours multiplied by cover, uint8 (side, side, 4).
        corners: per frame where its top left, top right and bottom left are, complex (F, 3), in pixels.
        seen: how much it stands out: the share of its box that it covers, times its contrast.
    """

    cut: NDArray[np.uint8]
    corners: _Points
    seen: float


class Sprites(DrawnScene):
    """One to four textured shapes, driven by one to three motions.

    Args:
        shot: how it is filmed.
    """

    state_names = tuple(f"{what} {axis}" for what in ("place", "velocity") for axis in range(_DIMS))

    def __init__(self, shot: Shot) -> None:
        super().__init__(shot)
        random = self.random
        self.ground = Backdrop.chosen(random)
        self._drivers = random_drivers(random, shot)
        count = int(random.choice([1, 2, 3, 4], p=[0.35, 0.3, 0.2, 0.15]))
        self.sprites = [self._sprite(count) for _ in range(count)]

    def layer(self, index: int) -> Layer:
        """The shapes in frame `index`."""
        ink = Ink(self.width, self.height)
        for sprite in self.sprites:
            ink.picture(sprite.cut, sprite.corners[index])
        return ink.layer()

    def _backdrop(self) -> NDArray[np.uint8]:
        return self.ground.paint(self.width, self.height)

    def _state(self) -> NDArray[np.float32]:
        short = min(self.width, self.height)
        points, weights = [], []
        for sprite in self.sprites:
            top_left, top_right, bottom_left = (sprite.corners / short).T
            points += [top_left, top_right, bottom_left, top_right + bottom_left - top_left]
            area = np.abs(top_right - top_left).mean() * np.abs(bottom_left - top_left).mean()
            weights += [sprite.seen * area] * 4
        return look_state(
            np.stack(points, axis=1),
            np.array(weights),
            dims=_DIMS,
            rate_hz=float(self.rate_hz),
            time_s=velocity_time_s(self._drivers[0].period_s),
        )

    def _sprite(self, count: int) -> Sprite:
        """Any shape on any path, always inside the picture."""
        random, short = self.random, min(self.width, self.height)
        half = short * random.uniform(0.09, 0.30 if count < 3 else 0.22)
        driver = self._driver()
        across, down = self._axes(half, driver)
        extent = np.abs(across[:, None] * _BOX.real + down[:, None] * _BOX.imag).max()
        path = self._path(driver)
        room = np.array([self.width, self.height]) / 2 - extent
        room = np.maximum(room, 0.04 * short)
        share = np.sqrt(random.uniform(0.15, 1, 2))  # of the room, that it moves through
        middle = complex(*(random.uniform(-1, 1, 2) * room * (1 - share) + (self.width / 2, self.height / 2)))
        place = middle + share[0] * room[0] * path.real + 1j * share[1] * room[1] * path.imag
        corners = place[:, None] + across[:, None] * _BOX.real + down[:, None] * _BOX.imag
        side = int(np.clip(2 * half * (2 if self.width * self.height <= 40_000 else 1), 8, 256))
        cut = self._cut(side)
        return Sprite(cut, corners, self._seen(cut))

    def _driver(self) -> Driver:
        """Mostly the first one."""
        weights = 0.6 ** np.arange(len(self._drivers))
        return self._drivers[self.random.choice(len(self._drivers), p=weights / weights.sum())]

    def _path(self, driver: Driver) -> _Points:
        """A path inside the unit square, (F,): along a line, a bend, a loop or a figure of eight."""
        random = self.random
        shift, kind = float(random.uniform(0, 2 * np.pi)), int(random.integers(4))
        first = driver.swing(shift)
        if kind == 0:  # the same places in both directions
            second = random.uniform(-1, 1) * first + random.uniform(-0.5, 0.5) * first**2
        elif kind == 1:
            second = driver.swing(shift + random.uniform(0.3, np.pi - 0.3))
        elif kind == 2:
            second = 2 * first * driver.swing(shift + np.pi / 2) + random.uniform(-0.3, 0.3) * first
        else:
            first, second = first * random.uniform(0, 0.15), driver.swing(shift + random.uniform(0, 1))
        both = first + 1j * second if random.random() < 0.5 else second + 1j * first
        return np.asarray(both / max(1.0, np.abs(both.real).max(), np.abs(both.imag).max()))

    def _axes(self, half: float, own: Driver) -> tuple[_Points, _Points]:
        """Half its side across and down per frame: turning, growing, shearing."""
        random = self.random
        driver = own if random.random() < 0.7 else self._driver()
        shift = float(random.uniform(0, 2 * np.pi))
        angle = np.full(self.frame_count, random.normal(0, 0.3))
        style = random.random()
        if style < 0.3 and driver.round:
            angle += random.choice([-1, 1]) * driver.turn
        elif style < 0.7:
            angle += random.uniform(0.2, 1.2) * driver.swing(shift)
        size = half * (1 + (random.uniform(0, 0.4) * driver.swing(shift + 1) if random.random() < 0.5 else 0))
        stretch = 1 + (random.uniform(0, 0.35) * driver.swing(shift + 2) if random.random() < 0.4 else 0)
        shear = random.uniform(0, 0.5) * driver.swing(shift + 3) if random.random() < 0.3 else 0
        across = size * np.exp(1j * angle) / stretch
        return np.asarray(across), np.asarray(size * stretch * np.exp(1j * angle) * (1j + shear))

    def _seen(self, cut: NDArray[np.uint8]) -> float:
        """How much a shape stands out against the backdrop's main colour."""
        *colour, cover = cv2.mean(cut)[:4]
        mean = np.array(colour) / max(cover / 255, 1e-3)
        return float(cover / 255 * (0.15 + np.abs(mean - self.ground.colours[0]).mean() / 255))

    def _cut(self, side: int) -> NDArray[np.uint8]:
        """A shape filled with some texture, uint8 (side, side, 4)."""
        random = self.random
        inks = np.array(self.ground.inks(random, 2), np.float64)
        if random.random() < 0.2:
            inks[1] = random_colours(random, 1)[0]
        kind = int(random.integers(4))
        share = pattern(random, side, side) if kind < 2 else noise(random, side, side, float(random.uniform(0.4, 0.9)))
        if kind == 3:  # nearly plain, its lighter end shows how it is turned
            share = np.broadcast_to(np.linspace(0, 0.7, side, dtype=np.float32), (side, side))
        filled = inks[0] + share[..., None] * (inks[1] - inks[0])
        cover = _shape(random, side)
        return np.dstack([filled * (cover[..., None] / 255), cover]).round().astype(np.uint8)


def _shape(random: np.random.Generator, side: int) -> NDArray[np.uint8]:
    """How far each pixel is covered by some shape that fills its box, uint8 (side, side)."""
    large = 4 * side
    mask = np.zeros((large, large), np.uint8)
    kind = int(random.choice(5, p=[0.3, 0.2, 0.2, 0.15, 0.15]))
    if kind == 0:
        count = int(random.integers(3, 8))
        turns = 2 * np.pi * (np.arange(count) + random.uniform(-0.25, 0.25, count)) / count
        sizes = random.uniform(0.35 if random.random() < 0.5 else 0.85, 1, count)
        corners = (np.stack([np.cos(turns), np.sin(turns)], axis=1) * sizes[:, None] + 1) * large / 2
        cv2.fillPoly(mask, [corners.astype(np.int32)], 255)
    elif kind == 1:
        axes = (large // 2 - 2, int(large / 2 * random.uniform(0.4, 0.95)))
        cv2.ellipse(mask, (large // 2, large // 2), axes, random.uniform(0, 180), 0, 360, 255, -1)
    elif kind == 2:
        _letter(mask, str(random.choice(list(_LETTERS))))
    elif kind == 3:
        wide, high = (large * random.uniform(0.35, 1, 2) / 2).astype(int)
        cv2.rectangle(mask, (large // 2 - wide, large // 2 - high), (large // 2 + wide, large // 2 + high), 255, -1)
    else:
        turns = np.linspace(0, 2 * np.pi, 60, endpoint=False)
        radius = 1 + sum(random.normal(0, 0.3 / k) * np.cos(k * turns + random.uniform(0, 6)) for k in range(2, 6))
        corners = np.stack([np.cos(turns), np.sin(turns)], axis=1) * np.abs(radius)[:, None]
        corners = (corners / np.abs(corners).max() + 1) * large / 2
        cv2.fillPoly(mask, [corners.astype(np.int32)], 255)
    return np.asarray(cv2.resize(mask, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


def _letter(mask: NDArray[np.uint8], letter: str) -> None:
    """Draw a thick letter as large as the mask, in place."""
    side = mask.shape[0]
    thick = max(2, side // 6)
    (wide, high), _ = cv2.getTextSize(letter, cv2.FONT_HERSHEY_SIMPLEX, 1.0, 1)
    scale = (side - thick - 2) / max(wide, high)
    (wide, high), _ = cv2.getTextSize(letter, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    cv2.putText(mask, letter, ((side - wide) // 2, (side + high) // 2), cv2.FONT_HERSHEY_SIMPLEX, scale, 255, thick)
