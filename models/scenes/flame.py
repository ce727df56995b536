"""Flames: candles, fires and torches, that lean, stretch and flicker, and what glows around them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from models.scenes.backdrops import Backdrop, random_colours
from models.scenes.drawn import DrawnScene, Layer, Shot
from models.scenes.drivers import random_driver, random_drivers
from models.scenes.looks import look_state, velocity_time_s

_DIMS = 6
_ALONG = np.linspace(0, 1, 14)  # from a tongue's root to its tip
_SHIFT = 4  # fractional bits of the coordinates that OpenCV is given
_SHELLS = ((1.0, 1.0, 105), (0.72, 0.80, 175), (0.42, 0.55, 255))  # width, height, heat: outer, middle, core
_AGLOW = 60  # heat up to which things only glow
_FINE_PX = 40_000  # pictures of up to so many pixels are drawn at twice the size
_PALETTES = (  # outer edge, body, core
    ((190, 40, 5), (255, 150, 20), (255, 245, 190)),
    ((150, 25, 10), (240, 90, 20), (255, 200, 90)),
    ((200, 90, 20), (255, 200, 80), (255, 255, 240)),
    ((20, 40, 160), (60, 140, 255), (220, 245, 255)),
    ((10, 110, 60), (80, 220, 110), (235, 255, 220)),
    ((110, 20, 130), (220, 80, 220), (255, 225, 250)),
)


@dataclass(frozen=True)
class Tongues:
    """All tongues of a fire; each field float64 (T,), lengths in shares of the picture's short side.

    Attributes:
        root: where they stand, complex.
        height: at rest.
        width: half of the thickest place's, at rest.
        lag: radians by which one is behind the others.
        answer: how much it does of what all do.
    """

    root: NDArray[np.complex128]
    height: NDArray[np.float64]
    width: NDArray[np.float64]
    lag: NDArray[np.float64]
    answer: NDArray[np.float64]


class Flame(DrawnScene):
    """One candle, several, or a fire of many tongues.

    What is seen follows from: what bends and stretches them (one or two drivers) and the phase of the bulges
    that run up along them.

    Args:
        shot: how it is filmed.
    """

    state_names = tuple(f"{what} {axis}" for what in ("place", "velocity") for axis in range(_DIMS))

    def __init__(self, shot: Shot) -> None:
        super().__init__(shot)
        random = self.random
        self._short = min(shot.width, shot.height)
        self.ground = Backdrop.chosen(random).at_night(random)
        drivers = random_drivers(random, shot)[:2]
        self._period_s = drivers[0].period_s
        runs = random_driver(random, shot, float(random.uniform(0.6, 1.6)), "round")
        self._phase = runs.turn
        self._bend, self._stretch = drivers[0].place, drivers[-1].place * np.exp(1j * random.uniform(0, 6))
        self._lean = random.uniform(0.25, 0.75)  # of its height, that the tip goes aside
        self._grow = random.uniform(0.1, 0.4)
        self._bulge, self._wave = random.uniform(0.05, 0.35), random.uniform(0.02, 0.10)
        self._turns = random.uniform(0.6, 1.6)  # of bulges and waves along a tongue
        self._fat = random.uniform(0.35, 0.9)  # profile: small is round below, large is like a spindle
        self._glow, self._soft = random.uniform(0.2, 1.2), random.uniform(0.05, 0.3)
        self._smoke = float(random.uniform(25, 80)) if random.random() < 0.3 else 0.0
        self.tongues = self._chosen()
        self._table = _heat_table(random)
        self._body_seed = int(random.integers(2**31))

    def _chosen(self) -> Tongues:
        """Where the tongues stand, and how large they are."""
        random = self.random
        wide, high = self.width / self._short, self.height / self._short
        kind = random.choice(["candle", "candles", "fire"], p=[0.45, 0.2, 0.35])
        count = {"candle": 1, "candles": int(random.integers(2, 4)), "fire": int(random.integers(4, 8))}[str(kind)]
        height = random.uniform(0.3, 0.6) * (1 if kind == "candle" else random.uniform(0.65, 1, count))
        tall = np.broadcast_to(height, count) * high**0.5
        spread = {"candle": 0.0, "candles": 0.28 * wide, "fire": random.uniform(0.12, 0.35)}[str(kind)]
        across = wide * (0.5 if count > 1 else random.uniform(0.38, 0.62)) + spread * np.linspace(-1, 1, count)
        if kind == "fire":
            tall = tall * (1.15 - 0.5 * np.abs(np.linspace(-1, 1, count)))
        foot = high * random.uniform(0.72, 0.95) + (random.normal(0, 0.02, count) if count > 1 else 0)
        lag = random.uniform(0.2, 1.2) * np.linspace(-1, 1, count) if kind == "fire" else random.uniform(0, 1, count)
        return Tongues(
            root=np.asarray(across + 1j * foot, np.complex128),
            height=tall,
            width=tall * random.uniform(0.12, 0.24 if kind == "fire" else 0.2),
            lag=lag,
            answer=random.uniform(0.7, 1.15, count),
        )

    def layer(self, index: int) -> Layer:
        """The flames and their glow in frame `index`."""
        left, right = self._outlines(np.array([index]))[0]
        heat = cv2.add(self._drawn(left, right), self._halo(index, left, right))
        table = self._table
        colour = cv2.LUT(cv2.merge([heat] * 3), table[None, :, :3])
        cover = cv2.LUT(heat, table[:, 3])
        flames = Layer(np.asarray(colour, np.uint8), np.asarray(cover, np.uint8))
        return self._smoking(flames, index, ((left + right) / 2)[:, -1].mean()) if self._smoke else flames

    def _outlines(self, frames: NDArray[np.int64]) -> NDArray[np.complex128]:
        """Left edges, then right edges, of all tongues: complex (M, 2, T, along), in shares of the short side."""
        tongues = self.tongues
        turned = np.exp(1j * tongues.lag)
        answer = tongues.answer
        lean = (self._bend[frames, None] * turned).imag * self._lean * answer
        tall = tongues.height * (1 + self._grow * answer * (self._stretch[frames, None] * turned).real)
        run = 2 * np.pi * self._turns * _ALONG - (self._phase[frames, None, None] + 2 * tongues.lag[:, None])
        profile = (_ALONG + 0.02) ** self._fat * (1.0 - _ALONG) ** 0.8
        profile = profile / profile.max() * (1 + self._bulge * _ALONG * np.sin(run))
        middle = lean[..., None] * _ALONG**1.6 + self._wave * 2 * _ALONG * np.sin(run + 1.3)
        centre = tongues.root[:, None] + tall[..., None] * (middle - 1j * _ALONG)
        half = tongues.width[:, None] * profile
        return np.stack([centre - half, centre + half], axis=1)

    def _drawn(self, left: NDArray[np.complex128], right: NDArray[np.complex128]) -> NDArray[np.uint8]:
        """Heat of the flames themselves, uint8 (height, width), from their edges (T, along)."""
        scale = 2 if self.width * self.height <= _FINE_PX else 1
        sheet = np.zeros((self.height * scale, self.width * scale), np.uint8)
        root = self.tongues.root[:, None]
        centre, half = (left + right) / 2 - root, (right - left) / 2
        for wide, high, heat in _SHELLS:
            middle = root + high * centre
            rings = np.concatenate([middle - wide * half, (middle + wide * half)[:, ::-1]], axis=1)
            rings *= self._short * scale * (1 << _SHIFT)
            corners = np.stack([rings.real, rings.imag], axis=-1).astype(np.int32)
            for ring in corners:
                cv2.fillPoly(sheet, [ring], heat, cv2.LINE_AA, _SHIFT)
        soft = max(0.6, self._soft * float(self.tongues.width.mean()) * self._short) * scale
        sheet = np.asarray(cv2.GaussianBlur(sheet, (0, 0), soft), np.uint8)
        if scale == 1:
            return sheet
        return np.asarray(cv2.resize(sheet, (self.width, self.height), interpolation=cv2.INTER_AREA), np.uint8)

    def _brightness(self, frames: NDArray[np.int64]) -> NDArray[np.float64]:
        """How bright the glow is, (M,), 0 to 1: a taller flame is brighter, and each bulge is felt."""
        return np.asarray(
            0.55 + 0.6 * self._grow * self._stretch[frames].real + 0.3 * self._bulge * np.sin(self._phase[frames])
        ).clip(0, 1)

    def _halo(self, index: int, left: NDArray[np.complex128], right: NDArray[np.complex128]) -> NDArray[np.uint8]:
        """Heat that makes things around glow, uint8 (height, width), about `_AGLOW` at most; it leans along."""
        aside = ((left + right) / 2 - self.tongues.root[:, None]).real.mean() * self._short
        shift = np.array([[1, 0, aside], [0, 1, 0]], np.float64)
        gain = float(self._brightness(np.array([index]))[0]) * self._glow
        moved = cv2.warpAffine(self._halo_map, shift, (self.width, self.height), borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(cv2.convertScaleAbs(moved, alpha=gain * _AGLOW / 255), np.uint8)

    @cached_property
    def _halo_map(self) -> NDArray[np.uint8]:
        """How much light reaches each place, uint8 (height, width)."""
        down, across = np.mgrid[: self.height, : self.width].astype(np.float32) / np.float32(self._short)
        tongues = self.tongues
        light = np.zeros(down.shape, np.float32)
        for root, tall in zip(tongues.root, tongues.height, strict=True):
            away = ((across - root.real) ** 2 + (down - root.imag + 0.45 * tall) ** 2) / (1.1 * tall) ** 2
            light += 1 / (1 + 2.2 * away) ** np.float32(1.6)
        low, high = float(light.min()), float(light.max())
        return ((light - low) * (255 / (high - low))).astype(np.uint8)

    def _smoking(self, flames: Layer, index: int, tip: complex) -> Layer:
        """The same with a thread of smoke above its tip, that waves as the flame does."""
        up = np.linspace(0, 1, 16)
        run = 2 * np.pi * self._turns * (1 + up) - self._phase[index] + 1.3
        thread = tip + 0.12 * up * np.sin(run) + self._bend[index].imag * 0.25 * up - 1j * tip.imag * up
        wide = 0.015 + 0.07 * up
        ring = np.concatenate([thread - wide, (thread + wide)[::-1]]) * (self._short * (1 << _SHIFT))
        smoke = np.zeros(flames.cover.shape, np.uint8)
        corners = np.stack([ring.real, ring.imag], axis=1).astype(np.int32)
        cv2.fillPoly(smoke, [corners], self._smoke, cv2.LINE_AA, _SHIFT)
        smoke = np.asarray(cv2.GaussianBlur(smoke, (0, 0), 0.02 * self._short), np.uint8)
        cover = np.asarray(cv2.max(smoke, flames.cover), np.uint8)
        share = cv2.divide(flames.cover, cover, scale=255)  # of what is seen, that is flame
        return Layer(Layer(flames.colour, np.asarray(share, np.uint8)).over(np.full_like(flames.colour, 150)), cover)

    def _backdrop(self) -> NDArray[np.uint8]:
        picture = np.ascontiguousarray(self.ground.paint(self.width, self.height))
        random = np.random.default_rng(self._body_seed)
        if random.random() < 0.2:
            return picture  # a flame without anything to burn: a torch out of sight
        wax = tuple(map(int, random_colours(random, 1)[0] * random.uniform(0.3, 0.9)))
        thick = float(random.uniform(0.7, 2.5))
        for root, width in zip(self.tongues.root * self._short, self.tongues.width * self._short, strict=True):
            half = width * thick
            stump = np.array([root - half, root + half, root.real + half + 1j * self.height])
            stump = np.append(stump, root.real - half + 1j * self.height) + 0.03j * self._short
            corners = np.stack([stump.real, stump.imag], axis=1) * (1 << _SHIFT)
            cv2.fillPoly(picture, [corners.astype(np.int32)], wax, cv2.LINE_AA, _SHIFT)
            wick = np.array([root + 0.05j * self._short, root - 0.2j * width])
            ends = (np.stack([wick.real, wick.imag], axis=1) * (1 << _SHIFT)).astype(np.int32)
            cv2.line(picture, ends[0].tolist(), ends[1].tolist(), (30, 22, 18), 1, cv2.LINE_AA, _SHIFT)
        return picture

    def _state(self) -> NDArray[np.float32]:
        frames = np.arange(self.frame_count)
        edges = self._outlines(frames)[..., ::2]
        area = np.repeat(np.tile(self.tongues.height, 2), edges.shape[-1])
        glow = 0.15 * self._glow * self._brightness(frames)  # a third brighter is as plain as 0.05 aside
        points = np.hstack([edges.reshape(self.frame_count, -1), glow[:, None]])
        return look_state(
            points,
            np.append(area / area.sum(), 0.5),
            dims=_DIMS,
            rate_hz=float(self.rate_hz),
            time_s=velocity_time_s(self._period_s),
        )


def _heat_table(random: np.random.Generator) -> NDArray[np.uint8]:
    """Colour and cover for each heat, uint8 (256, 4)."""
    weights = [0.35, 0.2, 0.2, 0.1, 0.08, 0.07]
    palette = np.array(_PALETTES[random.choice(len(_PALETTES), p=weights)], np.float64)
    palette = (palette + random.normal(0, 18, palette.shape)).clip(0, 255)
    heats = (0, 90, 175, 250)
    rows = np.vstack([0.3 * palette[0] + 0.7 * palette[1], palette])  # the glow, then the flame from its edge
    steps = np.arange(256)
    colour = np.stack([np.interp(steps, heats, rows[:, c]) for c in range(3)], axis=1)
    thin = random.uniform(0.6, 1.0)  # cover of the outer shell: some see-through
    cover = np.interp(steps, (0, _AGLOW, 105, 175, 255), (0, 0.55 * thin, 0.85 * thin, 1.0, 1.0))
    return np.hstack([colour, cover[:, None] * 255]).astype(np.uint8)
