"""What stands still behind drawn scenes: plain, graded, textured or cluttered; and colours that show on it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from models.scenes.ink import Colour

_KINDS = ("plain", "graded", "textured", "patterned", "cluttered")


def random_colours(random: np.random.Generator, count: int) -> NDArray[np.float64]:
    """Any colours, float64 (count, 3), 0 to 255."""
    hsv = np.stack(
        [random.uniform(0, 360, count), random.beta(1.2, 1.5, count), random.uniform(0.06, 1.0, count)], axis=1
    ).astype(np.float32)
    return np.asarray(cv2.cvtColor(hsv[None], cv2.COLOR_HSV2RGB)[0] * 255.0, np.float64)


@dataclass(frozen=True)
class Backdrop:
    """A random backdrop; painting it takes milliseconds, choosing it none.

    Attributes:
        kind: one of plain, graded, textured, patterned, cluttered.
        colours: main, second and third, float64 (3, 3), 0 to 255.
        seed: of its details.
    """

    kind: str
    colours: NDArray[np.float64]
    seed: int

    @classmethod
    def chosen(cls, random: np.random.Generator) -> Backdrop:
        """Any backdrop."""
        main, *others = random_colours(random, 3)
        depth = random.uniform(0.15, 0.8)  # how far its colours are apart
        colours = np.stack([main, *(main + depth * (other - main) for other in others)])
        return cls(str(random.choice(_KINDS)), colours, int(random.integers(2**63)))

    def at_night(self, random: np.random.Generator) -> Backdrop:
        """The same, mostly darker: for what is bright of itself."""
        dark = float(random.choice([random.uniform(0.0, 0.3), random.uniform(0.3, 0.7), 1.0], p=[0.55, 0.35, 0.1]))
        return Backdrop(self.kind, self.colours * dark, self.seed)

    def inks(self, random: np.random.Generator, count: int) -> list[Colour]:
        """Colours of things that stand out against it: mostly clearly, in one scene of five hardly."""
        inks: list[Colour] = []
        hardly = random.random() < 0.2
        for _ in range(count):
            tries = random_colours(random, 12)
            if hardly:
                way = tries - self.colours[0]
                tries = self.colours[0] + way * random.uniform(22, 45) / (np.linalg.norm(way, axis=1)[:, None] + 1)
                away = np.abs(tries.clip(0, 255) - self.colours[0]).mean(axis=1)
            else:
                away = np.abs(tries[:, None] - self.colours).mean(axis=2).min(axis=1) + random.uniform(0, 60, 12)
            red, green, blue = tries[away.argmax()].clip(0, 255)
            inks.append((int(red), int(green), int(blue)))
        return inks

    def contrast(self, ink: Colour) -> float:
        """How well a colour shows on the main one: about 0.1 hardly, 0.5 well, 1 at most."""
        return float(np.abs(np.asarray(ink) - self.colours[0]).mean() / 255)

    def paint(self, width: int, height: int) -> NDArray[np.uint8]:
        """The picture, uint8 (height, width, 3)."""
        random = np.random.default_rng(self.seed)
        if self.kind == "plain":
            picture = np.broadcast_to(self.colours[0], (height, width, 3)).astype(np.float32)
        elif self.kind == "textured":
            picture = self._mixed(noise(random, width, height, float(random.uniform(0.4, 0.8))))
        elif self.kind == "patterned":
            picture = self._mixed(pattern(random, width, height))
        else:
            picture = self._mixed(_slope(random, width, height))
        whole = np.clip(picture, 0, 255).astype(np.uint8)
        return self._cluttered(random, whole) if self.kind == "cluttered" else whole

    def _mixed(self, share: NDArray[np.float32]) -> NDArray[np.float32]:
        """Its colours mixed: main at 0, second at 1/2, third at 1; float32 (h, w, 3)."""
        steps = np.linspace(0, 1, 256)
        table = np.stack([np.interp(steps, (0, 0.5, 1), self.colours[:, c]) for c in range(3)], axis=1)
        return np.asarray(table.astype(np.float32)[(share * 255).astype(np.uint8)])

    def _cluttered(self, random: np.random.Generator, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Things of all sorts standing about, in or out of focus."""
        height, width = picture.shape[:2]
        size = float(np.hypot(width, height))
        picture = np.ascontiguousarray(picture)
        for _ in range(int(random.integers(8, 40))):
            mixed = random.dirichlet((1, 1, 1)) @ self.colours + random.normal(0, 25, 3)
            colour = tuple(map(int, mixed.clip(0, 255)))
            middle = random.uniform(0, 1, 2) * (width, height)
            turn, sides = random.uniform(0, 2 * np.pi), int(random.choice([3, 4, 4, 4, 5, 16]))
            corners = np.exp(1j * (turn + 2 * np.pi * (np.arange(sides) + random.normal(0, 0.1, sides)) / sides))
            reach = size * random.uniform(0.02, 0.16, 2)
            points = np.stack([corners.real * reach[0], corners.imag * reach[1]], axis=1) + middle
            cv2.fillPoly(picture, [(points * 16).astype(np.int32)], colour, cv2.LINE_AA, 4)
        if random.random() < 0.4:
            blur = float(random.uniform(0.003, 0.015)) * size
            picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), blur), np.uint8)
        return picture


def noise(random: np.random.Generator, width: int, height: int, roughness: float) -> NDArray[np.float32]:
    """Clouds: smooth noise of several sizes, float32 (height, width), 0 to 1.

    Args:
        random: draws it.
        width: in pixels.
        height: in pixels.
        roughness: how strong each size is beside the next larger one, 0 to 1.
    """
    total = np.zeros((height, width), np.float32)
    cells = random.uniform(1.5, 4)
    for octave in range(5):
        across = max(2, round(cells * width / min(width, height)))
        down = max(2, round(cells * height / min(width, height)))
        grid = random.uniform(-1, 1, (down, across)).astype(np.float32) * np.float32(roughness**octave)
        total += cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
        cells *= 2
        if cells > min(width, height):
            break
    return _spread(total)


def pattern(random: np.random.Generator, width: int, height: int) -> NDArray[np.float32]:
    """Stripes, checks, dots or waves, float32 (height, width), 0 to 1."""
    turn = np.exp(1j * random.uniform(0, 2 * np.pi))
    per_side = random.uniform(2, 9)
    down, across = np.mgrid[:height, :width].astype(np.float32) / np.float32(min(width, height))
    along = (across * turn.real + down * turn.imag) * per_side * 2 * np.pi
    aside = (down * turn.real - across * turn.imag) * per_side * 2 * np.pi
    kind = int(random.integers(4))
    if kind == 0:
        wave = np.sin(along)
    elif kind == 1:
        wave = np.sin(along) * np.sin(aside)
    elif kind == 2:
        wave = np.sin(along) + np.sin(aside) - np.float32(random.uniform(-0.8, 0.8))
    else:
        wave = np.sin(along + np.float32(random.uniform(0.5, 3)) * np.sin(aside * np.float32(0.5)))
    sharp = np.float32(random.choice([0.5, 1.5, 4.0]))
    return np.asarray(0.5 + 0.5 * np.tanh(sharp * wave) / np.tanh(2 * sharp), np.float32).clip(0, 1)


def _slope(random: np.random.Generator, width: int, height: int) -> NDArray[np.float32]:
    """An even or curved slope of brightness in some direction, float32 (height, width), 0 to 1."""
    way = np.exp(1j * random.uniform(0, 2 * np.pi))
    down, across = np.mgrid[:height, :width].astype(np.float32)
    slope = across / width * np.float32(way.real) + down / height * np.float32(way.imag)
    return np.asarray(_spread(slope) ** np.float32(random.uniform(0.5, 2)), np.float32)


def _spread(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Values from 0, the least, to 1, the most."""
    least, most = values.min(), values.max()
    return np.asarray((values - least) / max(most - least, np.float32(1e-6)), np.float32)
