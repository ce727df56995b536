"""A pendulum: at each place but the outermost it may be on its way there or back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.scenes.drivers import random_period_s
from models.scenes.jointed import Figure, JointedScene
from models.scenes.looks import PLAINLY
from models.scenes.motion import cycle, wander

_KINDS = ("steady", "changing", "double")
_LOOKS = ("hung", "clock", "metronome", "swing")
_LOWER = np.sqrt(2)  # swing of the lower bob beside the upper one's, in both modes of the double pendulum
_FASTER = 1 + np.sqrt(2)  # the second mode's frequency beside the first's


@dataclass(frozen=True)
class Mode:
    """One way of swinging.

    Attributes:
        place: angle in radians, (F,).
        ahead: the angle a quarter of a cycle later: the velocity, scaled to the same amplitude, (F,).
    """

    place: NDArray[np.float64]
    ahead: NDArray[np.float64]


class Pendulum(JointedScene):
    """A pendulum with one bob or two.

    Two bobs of equal mass on equal strings swing in two modes (small swings; Goldstein, Classical Mechanics,
    chapter 6): together, the lower one √2 times as far as the upper, and 1 + √2 times as fast against each other.
    We let the tempo and the amplitudes wander.

    Args:
        shot: how it is filmed.
    """

    state_names = ("place", "velocity", "second place", "second velocity")

    def _figure(self) -> Figure:
        random = self.random
        self.kind = str(random.choice(_KINDS, p=[0.3, 0.35, 0.35]))
        self.look = str(random.choice(_LOOKS)) if self.kind != "double" else "hung"
        period_s = max(0.8, random_period_s(random))
        figure = Figure(period_s)
        widest = random.uniform(0.25, 0.9)
        if self.kind == "double":
            share = random.uniform(0.3, 0.6)
            self.modes = [self._mode(widest * (1 - share), period_s), self._mode(widest * share, period_s / _FASTER)]
            self._draw_double(figure, *(mode.place for mode in self.modes))
        else:
            self.modes = [self._mode(widest, period_s)]
            self._draw_single(figure, self.modes[0].place)
        return figure

    def _mode(self, widest: float, period_s: float) -> Mode:
        """Swinging at about this period, at most `widest` radians to each side."""
        random, rate_hz = self.random, float(self.rate_hz)
        slow = np.clip(wander(random, self.frame_count, rate_hz, 5 * period_s)[:, 0], -1, 1)
        depth = random.uniform(0.25, 0.4) if self.kind == "changing" else random.uniform(0.03, 0.12)
        phase = cycle(random, self.frame_count, rate_hz, period_s, wobble=float(random.uniform(0.02, 0.1)))
        size = widest * (1 - depth + depth * slow)
        return Mode(size * np.sin(phase), size * np.cos(phase))

    def _draw_single(self, figure: Figure, angle: NDArray[np.float64]) -> None:
        """A bob on a rod: hanging free, in a clock's case, upside down as a metronome, or a board on two ropes."""
        random = self.random
        case, rod, bob, mark = self.ground.inks(random, 4)
        thick, radius = random.uniform(0.008, 0.03), random.uniform(0.07, 0.2)
        down = (-1j if self.look == "metronome" else 1j) * np.exp(1j * angle)
        aside = -1j * down
        pivot = np.zeros(self.frame_count, np.complex128)
        self._bobs = [(1.0, radius)]
        if self.look == "clock":
            wide = np.sin(np.abs(angle).max()) + radius + 0.05
            corners = [pivot + complex(x * wide, y) for x, y in ((-1, -0.1), (1, -0.1), (1, 1.25), (-1, 1.25))]
            figure.patch(corners, case)
        elif self.look == "metronome":
            figure.patch([pivot - 0.1 - 0.5j, pivot + 0.1 - 0.5j, pivot + 0.35 + 0.15j, pivot - 0.35 + 0.15j], case)
        else:
            figure.rod(pivot - 0.25, pivot + 0.25, (thick, thick), case)
        if self.look == "swing":
            figure.rod(pivot - 0.12, down - 0.6 * radius * aside, (thick / 2, thick / 2), rod)
            figure.rod(pivot + 0.12, down + 0.6 * radius * aside, (thick / 2, thick / 2), rod)
            figure.rod(down - radius * aside, down + radius * aside, (0.3 * radius, 0.3 * radius), bob)
            figure.rod(down, 0.8 * down, (0.35 * radius, 0.2 * radius), mark)
            return
        figure.rod(pivot, down * random.choice([1.0, 1.15]), (thick, thick), rod)
        if random.random() < 0.3:
            corners = [
                down * (1 + radius * y) + radius * x * aside for x, y in ((-0.6, -1), (0.6, -1), (1, 1), (-1, 1))
            ]
            figure.patch(corners, bob)
        else:
            figure.disc(down, radius, bob)
        figure.disc(down + 0.3 * radius * (aside - down), 0.35 * radius, mark)
        figure.disc(pivot, 2 * thick, rod)

    def _draw_double(self, figure: Figure, first: NDArray[np.float64], second: NDArray[np.float64]) -> None:
        """Two bobs, one hanging from the other."""
        random = self.random
        case, rod, upper, lower, mark = self.ground.inks(random, 5)
        thick = random.uniform(0.008, 0.025)
        radii = random.uniform(0.06, 0.14, 2)
        pivot = np.zeros(self.frame_count, np.complex128)
        elbow = 0.5j * np.exp(1j * (first + second))
        end = elbow + 0.5j * np.exp(1j * _LOWER * (first - second))
        self._bobs = [(0.5, float(radii[0])), (0.5, float(radii[1]))]
        figure.rod(pivot - 0.25, pivot + 0.25, (thick, thick), case)
        figure.rod(pivot, elbow, (thick, thick), rod)
        figure.rod(elbow, end, (thick, thick), rod)
        figure.disc(elbow, float(radii[0]), upper)
        figure.disc(end, float(radii[1]), lower)
        figure.disc(end + 0.3 * radii[1] * (1 + 1j), 0.35 * float(radii[1]), mark)

    def _state(self) -> NDArray[np.float32]:
        """The phase plane of each mode; a radian weighs as far as it moves the bobs on average."""
        unit = self._unit / min(self.width, self.height) / PLAINLY
        area = np.array([radius**2 for _, radius in self._bobs])
        state = np.zeros((self.frame_count, len(self.state_names)), np.float32)
        for column, mode in enumerate(self.modes):
            # How far a radian of this mode moves each bob, the lower one carried by the upper.
            sign = (1, -1)[column] * _LOWER
            moved = np.cumsum([length * turn for (length, _), turn in zip(self._bobs, (1, sign), strict=False)])
            weight = unit * np.sqrt((area * moved**2).sum() / area.sum())
            state[:, 2 * column] = weight * mode.place
            state[:, 2 * column + 1] = weight * mode.ahead
        return state
