"""Scenes of rods, discs and patches that hang on moving points."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from models.scenes.backdrops import Backdrop
from models.scenes.drawn import DrawnScene, Layer, Shot
from models.scenes.ink import Colour, Ink
from models.scenes.looks import look_state, velocity_time_s

_DIMS = 10  # main axes kept in the state
_Points = NDArray[np.complex128]


@dataclass(frozen=True)
class Rod:
    """A round-ended rod between two points; a disc where they are the same.

    Attributes:
        ends: which points.
        radii: at these ends, in the figure's unit.
        colour: RGB.
    """

    ends: tuple[int, int]
    radii: tuple[float, float]
    colour: Colour


@dataclass(frozen=True)
class Patch:
    """A polygon.

    Attributes:
        corners: which points, in order.
        colour: RGB.
    """

    corners: tuple[int, ...]
    colour: Colour


@dataclass
class Figure:
    """What moves, in its own unit: points, and what is drawn between them, first the rearmost.

    Attributes:
        period_s: of its main motion.
        courses: where each point is per frame, each complex (F,), x + iy, y down.
        parts: rods and patches.
    """

    period_s: float
    courses: list[_Points] = field(default_factory=list)
    parts: list[Rod | Patch] = field(default_factory=list)

    def point(self, course: _Points) -> int:
        """Take in a point; its number."""
        self.courses.append(course)
        return len(self.courses) - 1

    def rod(self, start: _Points, end: _Points, radii: tuple[float, float], colour: Colour) -> None:
        """A rod between two courses."""
        self.parts.append(Rod((self.point(start), self.point(end)), radii, colour))

    def disc(self, middle: _Points, radius: float, colour: Colour) -> None:
        """A disc on a course."""
        number = self.point(middle)
        self.parts.append(Rod((number, number), (radius, radius), colour))

    def patch(self, corners: list[_Points], colour: Colour) -> None:
        """A polygon between courses."""
        self.parts.append(Patch(tuple(self.point(corner) for corner in corners), colour))


class JointedScene(DrawnScene):
    """A figure somewhere in the picture. A family says what it is like in `_figure`.

    Args:
        shot: how it is filmed.
    """

    state_names = tuple(f"{what} {axis}" for what in ("place", "velocity") for axis in range(_DIMS))

    _every = 1  # of a patch's corners, how many count in the state

    def __init__(self, shot: Shot) -> None:
        super().__init__(shot)
        self.ground = Backdrop.chosen(self.random)
        self.figure = self._figure()
        self._reach = _reach(self.figure)
        self._points, self._unit = self._placed(np.stack(self.figure.courses, axis=1))
        self._runs = tuple(_runs(self.figure.parts, self._unit))

    @abstractmethod
    def _figure(self) -> Figure:
        """The figure, in its own unit, drawn from `self.random`."""

    def layer(self, index: int) -> Layer:
        """The figure in frame `index`."""
        ink, points = Ink(self.width, self.height), self._points[index]
        for run in self._runs:
            if isinstance(run, Patch):
                ink.polygon(points[list(run.corners)], run.colour)
            else:
                ink.rods(points[run.ends], run.radii, run.colours)
        return ink.layer()

    def _backdrop(self) -> NDArray[np.uint8]:
        return self.ground.paint(self.width, self.height)

    def _placed(self, points: _Points) -> tuple[_Points, float]:
        """The points in pixels, all inside the picture at all times, and the figure's unit in pixels."""
        low = complex((points.real - self._reach).min(), (points.imag - self._reach).min())
        high = complex((points.real + self._reach).max(), (points.imag + self._reach).max())
        size = high - low
        fitting = min(self.width / size.real, self.height / size.imag)
        unit = float(fitting * self.random.uniform(0.55, 0.98))
        room = complex(self.width, self.height) - unit * size
        corner = complex(room.real * self.random.uniform(), room.imag * self.random.uniform())
        return (points - low) * unit + corner, unit

    @cached_property
    def weights(self) -> NDArray[np.float64]:
        """How much each point is seen: area and contrast of what hangs on it, (P,), in any unit."""
        weights = np.zeros(len(self.figure.courses))
        first = self._points[0] / self._unit
        for number, part in enumerate(self.figure.parts):
            seen = self._contrast(number, part)
            if isinstance(part, Patch):
                corners = first[list(part.corners)]
                area = abs((corners * np.roll(corners, 1).conj()).imag.sum()) / 2
                known = list(part.corners[:: self._every])
                weights[known] += seen * area / len(known)
            else:
                start, end = part.ends
                for point, radius in zip(part.ends, part.radii, strict=True):
                    weights[point] += seen * radius * (abs(first[end] - first[start]) + np.pi / 2 * radius)
        return weights

    def _contrast(self, number: int, part: Rod | Patch) -> float:
        """How well part `number` shows against what is behind it, above 0."""
        return 0.15 + self.ground.contrast(part.colour)

    def _state(self) -> NDArray[np.float32]:
        return look_state(
            self._points / min(self.width, self.height),
            self.weights,
            dims=_DIMS,
            rate_hz=float(self.rate_hz),
            time_s=velocity_time_s(self.figure.period_s),
        )


@dataclass(frozen=True)
class _Rods:
    """Rods that are drawn one after the other: ends (N, 2), radii in pixels (N, 2), colours."""

    ends: NDArray[np.intp]
    radii: NDArray[np.float64]
    colours: list[Colour]


def _runs(parts: list[Rod | Patch], unit: float) -> list[_Rods | Patch]:
    """The parts in order, rods that follow each other taken together: their outlines are made at one go."""
    runs: list[_Rods | Patch] = []
    rods: list[Rod] = []
    for part in [*parts, None]:
        if isinstance(part, Rod):
            rods.append(part)
            continue
        if rods:
            ends, radii = np.array([rod.ends for rod in rods]), np.array([rod.radii for rod in rods]) * unit
            runs.append(_Rods(ends, np.maximum(radii, 0.4), [rod.colour for rod in rods]))
            rods = []
        if part is not None:
            runs.append(part)
    return runs


def _reach(figure: Figure) -> NDArray[np.float64]:
    """How far what hangs on each point reaches beyond it, (P,)."""
    reach = np.zeros(len(figure.courses))
    for part in figure.parts:
        if isinstance(part, Rod):
            reach[list(part.ends)] = np.maximum(reach[list(part.ends)], part.radii)
    return reach
