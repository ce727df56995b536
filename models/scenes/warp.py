"""Pictures under a chain of warps: sheets that slide, turn, shear and curl; drums that roll; tunnels that draw in."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from models.scenes.backdrops import Backdrop, noise, pattern, random_colours
from models.scenes.drawn import DrawnScene, Layer, Shot
from models.scenes.drivers import FASTEST_S, Driver, random_driver, random_drivers
from models.scenes.looks import look_state, velocity_time_s

_DIMS = 6
_FINE_PX = 40_000  # pictures of up to so many pixels are warped pixel by pixel
_SLOWER = 2.5  # a drum that goes all the way round in the shortest time there is would only be a blur
_OPERATIONS = ("slide", "turn", "zoom", "shear", "tilt", "swirl", "lens", "bend", "wave")
_Places = NDArray[np.complex64]  # x + iy from the middle of what is warped, in shares of the short side
_Warp = Callable[[_Places, NDArray[np.int64]], _Places]  # where in the picture is what is seen at (M, P) in M frames


class Warp(DrawnScene):
    """A textured picture, whole or cut out, warped by one to three drivers.

    Args:
        shot: how it is filmed.
    """

    state_names = tuple(f"{what} {axis}" for what in ("place", "velocity") for axis in range(_DIMS))

    def __init__(self, shot: Shot) -> None:
        super().__init__(shot)
        random = self.random
        self._short = min(shot.width, shot.height)
        wide, high = shot.width / self._short, shot.height / self._short
        self.ground = Backdrop.chosen(random)
        self.kind = str(random.choice(["sheet", "drum", "tunnel"], p=[0.6, 0.25, 0.15]))
        self._whole = bool(random.random() < (0.25 if self.kind == "sheet" else 0.4))
        self._middle = complex(wide / 2, high / 2)
        if not self._whole:
            self._middle += complex(*(random.uniform(-0.12, 0.12, 2) * (wide, high)))
        self._reach = np.array([0.5 * wide, 0.5 * high] if self._whole else random.uniform(0.22, 0.4, 2))
        drivers = random_drivers(random, shot)
        if len(drivers) == 1 and (self.kind != "sheet" or random.random() < 0.5):
            drivers.append(random_driver(random, shot, drivers[0].period_s * random.uniform(0.7, 1.4)))
        self._period_s = drivers[0].period_s
        self._turn = self._rolling() if self.kind != "sheet" else np.zeros(self.frame_count)
        self._warps = [self._operation(driver) for driver in drivers for _ in range(1 if len(drivers) > 1 else 2)]
        # Sheets bend smoothly: in large pictures a place in 16 tells enough.
        self._coarse = 4 if self.kind == "sheet" and shot.width * shot.height > _FINE_PX else 1
        self._lanes = int(random.integers(1, 4))  # how often the texture goes round a drum or a tunnel
        self._texture_seed = int(random.integers(2**31))

    def _rolling(self) -> NDArray[np.float64]:
        """How far a drum or tunnel is turned, radians, (F,)."""
        random = self.random
        slower = max(1.0, _SLOWER * FASTEST_S / self._period_s)
        return random_driver(random, self.shot, self._period_s * slower * random.uniform(0.9, 1.6)).turn

    def _operation(self, driver: Driver) -> _Warp:
        """Any warp that a driver drives."""
        random = self.random
        names = _OPERATIONS if self.kind == "sheet" else ("slide", "turn", "zoom", "swirl", "lens", "wave")
        name = str(random.choice(names))
        size = float(random.uniform(0.5, 1.0)) * (1.0 if self.kind == "sheet" else 0.6)
        way = complex(np.exp(1j * random.uniform(0, 2 * np.pi)))
        course = (driver.place * np.exp(1j * random.uniform(0, 2 * np.pi)))[:, None].astype(np.complex64)
        if name == "turn" and self.kind == "sheet" and driver.round and random.random() < 0.5:
            spin = np.exp(-1j * driver.turn)[:, None].astype(np.complex64)
            return lambda u, frames: u * spin[frames]
        return _warp(name, course, size, way, float(random.uniform(0.12, 0.35)), float(random.uniform(4, 14)))

    def _seen(self, places: _Places, frames: NDArray[np.int64]) -> _Places:
        """Where on the flat picture, from its middle, is what is seen at (M, P) in M frames."""
        for warp in self._warps:
            places = warp(places, frames)
        return places

    def _seen_everywhere(self, index: int) -> _Places:
        """Where on the flat picture is what is seen at each pixel, (height, width)."""
        seen = self._seen(self._grid.reshape(1, -1), np.array([index])).reshape(self._grid.shape)
        if self._coarse == 1:
            return seen
        share = np.array([[1 / self._coarse, 0, 0], [0, 1 / self._coarse, 0]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        spread = cv2.warpAffine(_pairs(seen), share, (self.width, self.height), flags=flags)
        return np.ascontiguousarray(spread, np.float32).view(np.complex64)[..., 0]

    def layer(self, index: int) -> Layer:
        """The warped picture in frame `index`."""
        seen = self._seen_everywhere(index)
        flat, cover = self._painted
        if self.kind == "sheet":
            at, border = (seen + np.complex64(self._middle)) * np.float32(self._short), cv2.BORDER_REFLECT_101
        else:
            at, border = self._rolled(seen, index), cv2.BORDER_WRAP
        picture = cv2.remap(flat, _pairs(at), None, cv2.INTER_LINEAR, borderMode=border)  # type: ignore[call-overload]
        if self._whole:
            return Layer(np.asarray(picture, np.uint8), cover)
        straight = (seen + np.complex64(self._middle)) * np.float32(self._short)
        cut = cv2.remap(cover, _pairs(straight), None, cv2.INTER_LINEAR)  # type: ignore[call-overload]
        return Layer(np.asarray(picture, np.uint8), np.asarray(cut, np.uint8))

    def _rolled(self, seen: _Places, index: int) -> _Places:
        """Where on a texture that goes round for ever is what is seen; in pixels of it."""
        height, width = self._painted[0].shape[:2]
        turned = np.float32(self._turn[index] % (2 * np.pi))
        if self.kind == "drum":
            angle = np.arcsin(np.clip(seen.real / np.float32(self._reach[0] * 1.02), -1, 1))
            return np.asarray(
                (angle - turned) * np.float32(width / (2 * np.pi)) + 1j * (seen.imag * self._short + height / 2)
            )
        depth = np.log(np.abs(seen) + np.float32(0.02))
        along = np.angle(seen) * np.float32(self._lanes * width / (2 * np.pi))
        return np.asarray(along + 1j * (depth + turned / np.float32(2 * np.pi)) * np.float32(height))

    @cached_property
    def _grid(self) -> _Places:
        """Places of all pixels, or of some and beyond, for those between to be interpolated."""
        over = self._coarse - 1
        down, across = np.mgrid[: self.height + over : self._coarse, : self.width + over : self._coarse]
        return np.asarray((across + 1j * down) / self._short - self._middle, np.complex64)

    @cached_property
    def _painted(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """The flat picture, and its cover."""
        random = np.random.default_rng(self._texture_seed)
        width, height = self.width, self.height
        shade = noise(random, width, height, float(random.uniform(0.3, 0.9)))
        if random.random() < 0.6:
            shade = 0.35 * shade + 0.65 * pattern(random, width, height)
        if self.kind != "sheet":
            shade = _endless(shade)
        one = np.array(self.ground.inks(random, 1)[0], np.float32)
        others = random_colours(random, 5).astype(np.float32)
        other = others[np.abs(others - one).mean(axis=1).argmax()]
        flat = one + shade[..., None] * np.float32(random.uniform(0.4, 1.0)) * (other - one)
        flat = self._spotted(random, flat.clip(0, 255).astype(np.uint8))
        return flat, self._outline(random)

    def _spotted(self, random: np.random.Generator, flat: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A few marks on it, so that one place of a pattern is not like another."""
        flat = np.ascontiguousarray(flat)
        for colour in random_colours(random, int(random.integers(1, 10))):
            at = random.uniform(0.1, 0.9, 2) * (self.width, self.height)
            if self.kind == "sheet":
                middle = np.array([self._middle.real, self._middle.imag])
                at = (middle + random.uniform(-0.9, 0.9, 2) * self._reach) * self._short
            sides = int(random.integers(3, 8))
            turns = random.uniform(0, 2 * np.pi) + 2 * np.pi * np.arange(sides) / sides
            corners = np.exp(1j * turns) * random.uniform(0.04, 0.12) * self._short
            points = np.stack([corners.real, corners.imag], axis=1) + at
            cv2.fillPoly(flat, [points.astype(np.int32)], tuple(map(int, colour)), cv2.LINE_AA)
        return flat

    def _outline(self, random: np.random.Generator) -> NDArray[np.uint8]:
        """How far the unwarped picture hides what is behind it."""
        if self._whole:
            return np.full((self.height, self.width), 255, np.uint8)
        down, across = np.mgrid[: self.height, : self.width].astype(np.float32) / np.float32(self._short)
        x, y = (across - self._middle.real) / self._reach[0], (down - self._middle.imag) / self._reach[1]
        corner = (
            float(random.choice([2.0, 4.0, 12.0])) if self.kind == "sheet" else 12.0 if self.kind == "drum" else 2.0
        )
        edge = (1 - (np.abs(x) ** corner + np.abs(y) ** corner) ** (1 / corner)) * self._reach.min() * self._short
        return np.asarray(np.clip(edge / random.uniform(1, 4) + 0.5, 0, 1) * 255, np.float32).astype(np.uint8)

    def _backdrop(self) -> NDArray[np.uint8]:
        return self.ground.paint(self.width, self.height)

    def _state(self) -> NDArray[np.float32]:
        frames = np.arange(self.frame_count)
        x, y = np.meshgrid(np.linspace(-0.8, 0.8, 5) * self._reach[0], np.linspace(-0.8, 0.8, 5) * self._reach[1])
        nodes = (x + 1j * y).astype(np.complex64).reshape(1, -1)
        points = self._seen(nodes, frames).astype(np.complex128)
        if self.kind != "sheet":
            around = self._reach[0] if self.kind == "drum" else 0.25 * self._reach.mean()
            points = np.hstack([points, np.repeat(around * np.exp(1j * self._turn)[:, None], points.shape[1], axis=1)])
        return look_state(
            points,
            np.ones(points.shape[1]),
            dims=_DIMS,
            rate_hz=float(self.rate_hz),
            time_s=velocity_time_s(self._period_s),
        )


def _warp(name: str, course: NDArray[np.complex64], size: float, way: complex, radius: float, waves: float) -> _Warp:
    """One warp.

    Args:
        name: one of slide, turn, zoom, shear, tilt, swirl, lens, bend, wave.
        course: what drives it, (F, 1), about 1 in size.
        size: how much of it, 0 to 1.
        way: its direction, of size 1.
        radius: how far from its middle it reaches, where it does not concern all.
        waves: radians per short side, for a wave.
    """
    one, both, way = course.real * np.float32(size), course * np.complex64(size), complex(np.complex64(way))
    # Python numbers keep the arrays' 32 bits.
    spread = 1 / radius**2
    turned = way.conjugate()

    def near(u: _Places) -> NDArray[np.float32]:
        return np.exp(-(u.real * u.real + u.imag * u.imag) * np.float32(spread))

    warps: dict[str, _Warp] = {
        "slide": lambda u, t: u - both[t] * (0.14 * way),
        "turn": lambda u, t: u * np.exp(-0.7j * one[t]),
        "zoom": lambda u, t: u * np.exp(-0.3 * one[t]),
        "shear": lambda u, t: u - (0.4 * way) * one[t] * (u * turned).imag,
        "tilt": lambda u, t: u / (1 + 0.9 * one[t] * (u * turned).real),
        "swirl": lambda u, t: u * np.exp(-1.1j * one[t] * near(u)),
        "lens": lambda u, t: u * (1 - 0.42 * one[t] * near(u * 0.7)),
        "bend": lambda u, t: u - (0.7j * way) * one[t] * ((u * turned).real ** 2 - 0.05),
        "wave": lambda u, t: u - (0.05j * way) * (np.exp(1j * waves * (u * turned).real) * both[t]).real,
    }
    return warps[name]


def _endless(shade: NDArray[np.float32]) -> NDArray[np.float32]:
    """The same without seams where its ends meet, (height, width)."""
    for axis in (0, 1):
        length = shade.shape[axis]
        share = (np.minimum(np.arange(length) / (0.3 * length), 1) ** 2).astype(np.float32)
        share = share[:, None] if axis == 0 else share
        shade = share * shade + (1 - share) * np.flip(shade, axis)
    return shade


def _pairs(places: _Places) -> NDArray[np.float32]:
    """Places as OpenCV takes them, float32 (height, width, 2)."""
    return np.ascontiguousarray(places, np.complex64).view(np.float32).reshape(*places.shape, 2)
