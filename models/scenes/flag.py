"""A flag or a hanging cloth: waves run along it, stronger when a gust comes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from models.scenes.backdrops import Backdrop, noise, pattern
from models.scenes.drawn import DrawnScene, Layer, Shot
from models.scenes.drivers import random_period_s
from models.scenes.ink import Ink, layer_of
from models.scenes.looks import PLAINLY, velocity_time_s
from models.scenes.motion import cycle, gestures, wander

_WAVES = 2
_EDGE = 2  # transparent pixels around the print, for soft edges
_Map = NDArray[np.float32]


@dataclass(frozen=True)
class Wave:
    """One wave that runs along the cloth, away from the pole.

    Attributes:
        phase: radians, (F,).
        size: of the swing at the free end, as a share of the cloth's breadth, (F,).
        long: waves along the cloth.
        slant: radians by which the lower edge comes after the upper.
        stiff: the swing grows along the cloth with this power of the way from the pole.
    """

    phase: NDArray[np.float64]
    size: NDArray[np.float64]
    long: float
    slant: float
    stiff: float


class Flag(DrawnScene):
    """A printed cloth fixed along one side: at a pole to its left or right, or hung from above.

    Args:
        shot: how it is filmed.
    """

    state_names = (
        *(f"{part} of wave {wave}" for wave in range(_WAVES) for part in ("cosine", "sine")),
        *("gust", "rise of the gust"),
    )

    def __init__(self, shot: Shot) -> None:
        super().__init__(shot)
        random = self.random
        self.ground = Backdrop.chosen(random)
        self.side = str(random.choice(["left", "right", "top"], p=[0.4, 0.4, 0.2]))
        self._print_seed, self._pole_ink = int(random.integers(2**63)), self.ground.inks(random, 1)[0]
        self._period_s = random_period_s(random)
        self.gust = self._gusts()
        first_s = self._period_s
        self.waves = [self._wave(first_s, largest=0.2), self._wave(first_s * random.uniform(0.45, 0.8), largest=0.06)]
        self._sag = float(random.uniform(0, 0.25)) if self.side != "top" else 0.0
        self._drawn_in = float(random.uniform(0, 0.25))
        self._shade = float(random.uniform(0.08, 0.35))
        self._place(random)

    def _gusts(self) -> NDArray[np.float64]:
        """Strength of the wind, (F,), 0 to 1: it wanders, or goes from level to level."""
        random, rate_hz = self.random, float(self.rate_hz)
        slow_s = float(random.uniform(2.5, 6))
        if random.random() < 0.5:
            levels = np.linspace(0, 1, int(random.integers(2, 4)))[:, None]
            return gestures(random, self.frame_count, rate_hz, levels, slow_s / 2)[:, 0]
        return np.asarray(0.5 + 0.5 * np.clip(wander(random, self.frame_count, rate_hz, slow_s)[:, 0], -1, 1))

    def _wave(self, period_s: float, largest: float) -> Wave:
        """Any wave of about that period."""
        random = self.random
        calm = random.uniform(0.25, 0.7)  # what is left of it without wind
        size = largest * random.uniform(0.5, 1) * (calm + (1 - calm) * self.gust)
        wobble = float(random.uniform(0.05, 0.2))
        phase = cycle(random, self.frame_count, float(self.rate_hz), period_s, wobble=wobble)
        long = random.uniform(0.5, 1.5) * (1 if largest > 0.1 else 1.7)
        return Wave(phase, size, float(long), float(random.normal(0, 0.6)), float(random.uniform(0.5, 1.2)))

    def _place(self, random: np.random.Generator) -> None:
        """Where the cloth hangs: all lengths in pixels, its box wide enough for all that the waves do."""
        along, across = (self.height, self.width) if self.side == "top" else (self.width, self.height)
        swing = sum(float(wave.size.max()) for wave in self.waves) + self._sag
        self._long = along * random.uniform(0.5, 0.88)
        self._broad = min(across * random.uniform(0.45, 0.9) / (1 + 2 * swing), 1.2 * self._long)
        self._start = random.uniform(0.04, 0.96) * (along - self._long)
        room = across - self._broad * (1 + 2 * swing)
        self._upper = random.uniform(0, 1) * room + self._broad * swing

    @cached_property
    def _maps(self) -> tuple[_Map, _Map, list[tuple[_Map, _Map, _Map, _Map]]]:
        """Where each pixel lies along and across the cloth at rest, and each wave's swing and slope, sine and cosine.

        A wave at any phase is a sum of two still pictures, so that no sine is taken per frame.
        """
        rows, columns = np.mgrid[: self.height, : self.width].astype(np.float32) + np.float32(0.5)
        if self.side == "top":
            rows, columns = columns, rows
        elif self.side == "right":
            columns = self.width - columns
        along = (columns - np.float32(self._start)) / np.float32(self._long)
        across = (rows - np.float32(self._upper)) / np.float32(self._broad)
        waves = []
        for wave in self.waves:
            rising = np.clip(along, 0, None) ** np.float32(wave.stiff)
            angle = np.float32(2 * np.pi * wave.long) * along + np.float32(wave.slant) * across
            sine, cosine = rising * np.sin(angle), rising * np.cos(angle)
            waves.append((sine, cosine, np.float32(wave.long) * cosine, np.float32(wave.long) * sine))
        return along, across, waves

    @cached_property
    def _print(self) -> NDArray[np.uint8]:
        """What is printed on it, RGBA with colours multiplied by cover, its edges transparent."""
        random = np.random.default_rng(self._print_seed)
        half = (max(8, round(self._long)), max(8, round(self._broad)))
        long, broad = 2 * half[0], 2 * half[1]  # drawn twice as large, for even edges
        inks = np.array(self.ground.inks(random, 4), np.float32)
        kind = int(random.integers(5))
        if kind == 0:
            share = pattern(random, long, broad)
            picture = inks[0] + share[..., None] * (inks[1] - inks[0])
        elif kind == 1:
            share = noise(random, long, broad, float(random.uniform(0.4, 0.8)))
            picture = inks[0] + share[..., None] * (inks[1] - inks[0])
        else:
            picture = inks[_bands(random, long, broad)]
        picture = np.ascontiguousarray(picture, np.float32)
        if kind >= 3:
            middle = (int(long * random.uniform(0.25, 0.6)), broad // 2)
            ink = tuple(map(float, inks[3]))
            if kind == 3:
                cv2.circle(picture, middle, int(0.3 * min(long, broad)), ink, -1, cv2.LINE_AA)
            else:
                thick = max(1, int(0.15 * min(long, broad)))
                cv2.line(picture, (middle[0], 0), (middle[0], broad), ink, thick)
                cv2.line(picture, (0, middle[1]), (long, middle[1]), ink, thick)
        picture = cv2.resize(picture, half, interpolation=cv2.INTER_AREA)
        whole = np.dstack([picture, np.full(half[::-1], 255, np.float32)]).clip(0, 255).astype(np.uint8)
        edged = cv2.copyMakeBorder(whole, _EDGE, _EDGE, _EDGE, _EDGE, cv2.BORDER_CONSTANT, value=(0, 0, 0, 0))
        return np.asarray(edged, np.uint8)

    def layer(self, index: int) -> Layer:
        """The cloth in frame `index`."""
        along, across, waves = self._maps
        calm = 1 - float(self.gust[index])
        steep = np.ones_like(along)
        up = across - np.float32(self._sag * calm) * along * np.abs(along)
        for wave, (sine, cosine, along_cosine, along_sine) in zip(self.waves, waves, strict=True):
            # sin(x - phase), and its slope cos(x - phase)
            sin, cos = np.float32(np.sin(wave.phase[index])), np.float32(np.cos(wave.phase[index]))
            size = np.float32(wave.size[index])
            up = up - size * (cos * sine - sin * cosine)
            steep += np.float32(2 * np.pi * self._shade) * size * (cos * along_cosine + sin * along_sine)
        high, long = (side - 2 * _EDGE for side in self._print.shape[:2])
        shift = np.float32(_EDGE - 0.5)
        columns = along * np.float32(long * (1 + self._drawn_in * calm)) + shift
        sheet = cv2.remap(self._print, columns, up * np.float32(high) + shift, cv2.INTER_LINEAR)
        layer = layer_of(np.asarray(sheet, np.uint8))
        light = cv2.merge([steep.clip(0.3, 1.7)] * 3)
        return Layer(np.asarray(cv2.multiply(layer.colour, light, dtype=cv2.CV_8U), np.uint8), layer.cover)

    def _backdrop(self) -> NDArray[np.uint8]:
        """The ground with the pole that holds the cloth."""
        ink = Ink(self.width, self.height)
        thick = 0.012 * min(self.width, self.height) + 0.4
        reach = 0.06 * self._broad
        first, last = (
            self._upper - reach,
            (self._upper + self._broad + reach if self.side == "top" else 2 * self.height),
        )
        at = self._start - thick
        ends = np.array([complex(at, first), complex(at, last)])
        if self.side == "top":
            ends = 1j * ends.conj()
        elif self.side == "right":
            ends = self.width - ends.conj()
        ink.rods(ends[None], np.full((1, 2), thick), [self._pole_ink])
        return ink.layer().over(self.ground.paint(self.width, self.height))

    def _state(self) -> NDArray[np.float32]:
        """Phases as cosine and sine, times how far the wave moves the cloth on average; and the wind."""
        unit = self._broad / min(self.width, self.height) / PLAINLY
        columns: list[NDArray[np.float64]] = []
        for wave in self.waves:
            weight = unit * wave.size / np.sqrt(2 * wave.stiff + 1)  # root mean square of the way along, to that power
            columns += [weight * np.cos(wave.phase), weight * np.sin(wave.phase)]
        drawn_in = self._drawn_in * self._long / self._broad / np.sqrt(3)
        weight = unit * float(np.hypot(self._sag / np.sqrt(5), drawn_in))
        rise = np.gradient(self.gust) * float(self.rate_hz) * velocity_time_s(self._period_s)
        return np.stack([*columns, weight * self.gust, weight * rise], axis=1).astype(np.float32)


def _bands(random: np.random.Generator, long: int, broad: int) -> NDArray[np.intp]:
    """Two to five bands, along, across or aslant: which of three inks each pixel has, (broad, long)."""
    down, right = np.mgrid[:broad, :long]
    share = [down / broad, right / long, (down / broad + right / long) / 2][random.integers(3)]
    bands = int(random.integers(2, 6))
    order = np.array([band % 3 if random.random() < 0.8 else 0 for band in range(bands)])
    return np.asarray(order[np.minimum((share * bands).astype(int), bands - 1)], np.intp)
