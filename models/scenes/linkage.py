"""Random machines and puppets: trees of rods, wheels, pistons and blobs, driven by a few motions."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from models.scenes.drivers import Driver, random_drivers
from models.scenes.ink import Colour
from models.scenes.jointed import Figure, JointedScene

_Points = NDArray[np.complex128]


class Linkage(JointedScene):
    """A planar machine that nobody has built.

    It grows from one to three pivots. At each step something is hung on a joint that is there already: a rod,
    a wheel, a piston, a blob. Each follows one of the drivers: it goes round with it or swings with it.

    Args:
        shot: how it is filmed.
    """

    def _figure(self) -> Figure:
        random = self.random
        self._drivers = random_drivers(random, self.shot)
        self._colours = self.ground.inks(random, int(random.integers(2, 7)))
        self._thick = random.uniform(0.02, 0.09)
        self._tapered = bool(random.random() < 0.4)
        figure = Figure(self._drivers[0].period_s)
        pivots = int(random.choice([1, 2, 3], p=[0.5, 0.3, 0.2]))
        joints: list[tuple[_Points, NDArray[np.float64]]] = []  # where, and the angle of what it sits on
        for place in np.cumsum(random.uniform(0.3, 0.9, pivots)):
            here = np.full(self.frame_count, place + 1j * random.normal(0, 0.25), np.complex128)
            joints.append((here, np.zeros(self.frame_count)))
        self._stand(figure, [place for place, _ in joints])
        kinds: list[Callable[[Figure, _Points, NDArray[np.float64]], tuple[_Points, NDArray[np.float64]]]]
        kinds = [self._rod, self._rod, self._rod, self._wheel, self._piston, self._blob, self._plate]
        for step in range(int(random.integers(3, 11))):
            # Each pivot gets something first; then what was added last is the likeliest to be added to.
            ages = np.arange(len(joints)) + 1.0
            which = step if step < pivots else int(random.choice(len(joints), p=ages / ages.sum()))
            joints.append(kinds[random.integers(len(kinds))](figure, *joints[which]))
        return figure

    def _colour(self) -> Colour:
        return self._colours[self.random.integers(len(self._colours))]

    def _driver(self) -> Driver:
        """Mostly the first one, so that a whole is seen."""
        weights = 0.5 ** np.arange(len(self._drivers))
        return self._drivers[self.random.choice(len(self._drivers), p=weights / weights.sum())]

    def _angle(self, carried: NDArray[np.float64]) -> NDArray[np.float64]:
        """A new part's angle: some rest angle, and turning or swinging; most ride on what carries them."""
        random, driver = self.random, self._driver()
        rest = random.uniform(0, 2 * np.pi) + (carried if random.random() < 0.7 else 0)
        if driver.round and random.random() < 0.5:
            return np.asarray(rest + random.choice([-2, -1, 1, 1, 1]) * driver.turn)
        swing = random.uniform(0.3, 1.1) * driver.swing(float(random.uniform(0, 2 * np.pi)))
        return np.asarray(rest + (swing if random.random() < 0.85 else 0 * swing))

    def _stand(self, figure: Figure, pivots: list[_Points]) -> None:
        """What the pivots sit on, which does not move."""
        random, colour = self.random, self._colour()
        style = random.integers(3)
        for pivot in pivots:
            if style == 1:
                figure.rod(pivot, pivot + 1j * random.uniform(0.3, 0.9), (self._thick, self._thick * 1.6), colour)
            elif style == 2:
                foot = random.uniform(0.3, 0.8) * 1j
                figure.patch(
                    [pivot - self._thick, pivot + self._thick, pivot + foot + 0.25, pivot + foot - 0.25], colour
                )
            figure.disc(pivot, 1.3 * self._thick, colour)

    def _rod(self, figure: Figure, joint: _Points, carried: NDArray[np.float64]) -> tuple[_Points, NDArray[np.float64]]:
        """A rod, perhaps striped or with a knob at its end."""
        random, angle = self.random, self._angle(carried)
        along = random.uniform(0.25, 0.75) * np.exp(1j * angle)
        thick = self._thick * random.uniform(0.7, 1.6)
        end, thin = joint + along, thick * (0.45 if self._tapered else 1)
        figure.rod(joint, end, (thick, thin), self._colour())
        for share in np.linspace(0.3, 0.7, int(random.choice([0, 0, 1, 2]))):
            aside = 0.8j * thick * along / np.abs(along)
            figure.rod(joint + share * along - aside, joint + share * along + aside, (0.018, 0.018), self._colour())
        if random.random() < 0.5:
            figure.disc(end, thick * random.uniform(0.8, 2.5), self._colour())
        return end, angle

    def _wheel(
        self, figure: Figure, joint: _Points, carried: NDArray[np.float64]
    ) -> tuple[_Points, NDArray[np.float64]]:
        """A wheel with teeth or spokes, one of them marked, so that each angle looks different."""
        random, angle = self.random, self._angle(carried)
        radius, teeth = random.uniform(0.12, 0.35), int(random.integers(3, 8))
        colour, marked, hub = self._colour(), self._colour(), self._colour()
        spokes = [np.exp(1j * (angle + turn)) for turn in np.linspace(0, 2 * np.pi, teeth, endpoint=False)]
        wide = radius * random.uniform(0.08, 0.2)
        if random.random() < 0.5:
            for spoke in spokes:
                figure.rod(joint, joint + 1.15 * radius * spoke, (wide, wide), colour)
            figure.disc(joint, 0.85 * radius, colour)
        else:
            figure.disc(joint, radius, colour)
            for spoke in spokes:
                figure.disc(joint + 0.65 * radius * spoke, wide, hub)
        figure.rod(joint, joint + 0.75 * radius * spokes[0], (1.5 * wide, wide), marked)
        figure.disc(joint, 1.5 * wide, hub)
        return joint + 0.8 * radius * spokes[0], angle

    def _piston(
        self, figure: Figure, joint: _Points, carried: NDArray[np.float64]
    ) -> tuple[_Points, NDArray[np.float64]]:
        """A crank, its rod, and a slider on a straight line."""
        random, angle = self.random, self._angle(carried)
        crank = random.uniform(0.12, 0.28)
        pin = crank * np.exp(1j * angle)
        way = np.exp(1j * (random.uniform(0, 2 * np.pi) + (carried if random.random() < 0.3 else 0 * carried)))
        length = crank * random.uniform(1.5, 3)
        reach = pin / way  # crank in the slider's own axes
        slider = joint + way * (reach.real + np.sqrt(length**2 - reach.imag**2))
        thick, colour = self._thick * random.uniform(0.6, 1.2), self._colour()
        block = random.uniform(0.05, 0.14)
        corners = [slider + way * block * corner for corner in (-1.4 - 1j, 1.4 - 1j, 1.4 + 1j, -1.4 + 1j)]
        figure.rod(joint, joint + pin, (thick, thick), colour)
        figure.rod(joint + pin, slider, (0.7 * thick, 0.7 * thick), self._colour())
        figure.patch(corners, self._colour())
        figure.disc(joint + pin, 0.9 * thick, colour)
        return slider, carried

    def _blob(
        self, figure: Figure, joint: _Points, carried: NDArray[np.float64]
    ) -> tuple[_Points, NDArray[np.float64]]:
        """A soft body that leans and swells, with eyes or spots."""
        random, angle = self.random, self._angle(carried)
        radius = random.uniform(0.12, 0.3)
        swell = 1 + random.uniform(0, 0.25) * self._driver().swing(float(random.uniform(0, 2 * np.pi)))
        turns = np.linspace(0, 2 * np.pi, 12, endpoint=False)
        lobes = 1 + random.uniform(0, 0.25) * np.cos(random.integers(2, 5) * turns + random.uniform(0, 6))
        ahead = np.exp(1j * angle)
        middle = joint + 0.6 * radius * ahead
        outline = radius * lobes * np.exp(1j * turns)
        figure.patch(
            [middle + ahead * (spot.real * swell + 1j * spot.imag / swell) for spot in outline], self._colour()
        )
        light, dark = self._colour(), self._colour()
        for aside in (-0.4j, 0.4j)[: random.integers(1, 3)]:
            eye = middle + radius * ahead * (0.35 * swell + aside)
            figure.disc(eye, 0.22 * radius, light)
            figure.disc(eye + 0.08 * radius * ahead, 0.1 * radius, dark)
        return middle + 0.8 * radius * ahead * swell, angle

    def _plate(
        self, figure: Figure, joint: _Points, carried: NDArray[np.float64]
    ) -> tuple[_Points, NDArray[np.float64]]:
        """A flat plate of a few corners, with a stripe."""
        random, angle = self.random, self._angle(carried)
        count = int(random.integers(3, 6))
        turns = 2 * np.pi * (np.arange(count) + random.uniform(-0.2, 0.2, count)) / count
        corners = random.uniform(0.15, 0.35) * random.uniform(0.6, 1, count) * np.exp(1j * turns)
        offset, ahead = random.uniform(0, 0.25), np.exp(1j * angle)
        places = [joint + ahead * (corner + offset) for corner in corners]
        figure.patch(places, self._colour())
        figure.rod(joint, (places[0] + places[1]) / 2, (0.5 * self._thick, 0.3 * self._thick), self._colour())
        return places[0], angle
