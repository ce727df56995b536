"""A cartoon head that turns, nods, blinks, talks and lifts its brows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.scenes.backdrops import random_colours
from models.scenes.drivers import random_period_s
from models.scenes.face_motion import random_mimic
from models.scenes.ink import Colour
from models.scenes.jointed import Figure, JointedScene, Patch, Rod

_Points = NDArray[np.complex128]
_Size = float | NDArray[np.float64]
_SKINS = ((141, 85, 36), (198, 134, 66), (224, 172, 105), (241, 194, 125), (255, 219, 172), (90, 56, 37))
_ROUND = np.exp(2j * np.pi * np.arange(18) / 18)
_OVAL = np.exp(2j * np.pi * np.arange(12) / 12)


@dataclass(frozen=True)
class _Head:
    """Sizes in head breadths, places on the head in radians, and colours."""

    high: float
    eye: float
    apart: float
    brow: float
    mouth: float
    nose: float
    skin: Colour
    hair: Colour
    iris: Colour
    lips: Colour
    shirt: Colour


class Face(JointedScene):
    """A head and shoulders. What lies on the face slides over it as it turns; what is beside it does not.

    Args:
        shot: how it is filmed.
    """

    _every = 3  # its many outlines are known by every third corner

    def _figure(self) -> Figure:
        random = self.random
        period_s = max(0.8, random_period_s(random))
        self._head, self.mimic = self._any_head(), random_mimic(random, self.shot, period_s)
        figure = Figure(period_s)
        upright = np.exp(1j * self.mimic.tilt)
        self._upright, self._middle = upright, 0.12 * self.mimic.turn + 0.1j * self.mimic.nod
        self._glasses = bool(random.random() < 0.25)
        self._draw_shoulders(figure)
        self._draw_behind(figure)
        figure.patch(
            [self._flat(0.5 * spot.real + 0.5j * self._head.high * spot.imag) for spot in _ROUND], self._head.skin
        )
        self._on_face = len(figure.parts)
        if random.random() < 0.4:
            for side in (-1, 1):
                figure.disc(self._at(0.65 * side, -0.25), 0.07, self._mixed(self._head.skin, self._head.lips, 0.4))
        for side in (-1, 1):
            self._draw_eye(figure, side)
        self._draw_nose(figure)
        self._draw_mouth(figure)
        self._draw_fringe(figure)
        return figure

    def _contrast(self, number: int, part: Rod | Patch) -> float:
        """What lies on the face shows against the skin, not against the backdrop."""
        if number < self._on_face:
            return super()._contrast(number, part)
        return 0.3 + 3 * float(np.abs(np.subtract(part.colour, self._head.skin)).mean() / 255)

    def _any_head(self) -> _Head:
        """Any head."""
        random = self.random
        strange, hair, shirt, iris, lips = self.ground.inks(random, 5)
        skin = _SKINS[random.integers(len(_SKINS))]
        if random.random() < 0.3 or self.ground.contrast(skin) < 0.12:
            skin = strange
        red, green, blue = random_colours(random, 1)[0]
        return _Head(
            high=random.uniform(0.95, 1.5),
            eye=random.uniform(0.07, 0.14),
            apart=random.uniform(0.32, 0.5),
            brow=random.uniform(0.012, 0.04),
            mouth=random.uniform(0.12, 0.24),
            nose=random.uniform(0.03, 0.09),
            skin=skin,
            hair=hair,
            iris=(int(red / 3), int(green / 3), int(blue / 3)) if random.random() < 0.6 else iris,
            lips=self._mixed(skin, (170, 20, 40), 0.6) if random.random() < 0.6 else lips,
            shirt=shirt,
        )

    @staticmethod
    def _mixed(one: Colour, other: Colour, share: float) -> Colour:
        red, green, blue = (int(a + share * (b - a)) for a, b in zip(one, other, strict=True))
        return red, green, blue

    def _flat(self, place: complex | NDArray[np.inexact]) -> _Points:
        """A place of the head's outline: it tilts and shifts a little, but does not turn."""
        return np.asarray(self._middle + self._upright * place)

    def _at(self, aside: float, up: float | NDArray[np.float64], out: float = 1.0) -> _Points:
        """A place on the head, by two angles from the middle of the face, `out` half head breadths from its centre."""
        mimic = self.mimic
        lift = up - mimic.nod
        right = np.sin(aside + mimic.turn) * np.cos(lift)
        return self._flat(0.5 * out * (right - 1j * self._head.high * np.sin(lift)))

    def _oval(self, middle: _Points, aside: float, wide: _Size, high: _Size, bend: _Size = 0.0) -> list[_Points]:
        """The outline of something flat on the face, narrower where the face is seen aslant; its ends bend down."""
        right = self._upright * np.cos(aside + self.mimic.turn) * wide
        down = 1j * self._upright
        middle, high = middle - 0.5 * bend * down, down * high
        ends = bend * down
        return [middle + spot.real * right + spot.imag * high + spot.real**2 * ends for spot in _OVAL]

    def _draw_shoulders(self, figure: Figure) -> None:
        random, low = self.random, 0.5j * self._head.high
        still = np.zeros(self.frame_count, np.complex128) + 0.3 * self._middle
        wide, neck = random.uniform(0.55, 0.9), random.uniform(0.12, 0.22)
        below = low + 0.75j
        corners = [-0.35 * wide + low + 0.2j, 0.35 * wide + low + 0.2j, wide + low + 0.4j, wide + below]
        outline = [*corners, -wide + below, -wide + low + 0.4j]
        figure.patch([still + corner for corner in outline], self._head.shirt)
        shade = self._mixed(self._head.skin, (0, 0, 0), 0.2)
        figure.rod(self._flat(0.3 * low), still + low + 0.2j, (neck, neck), shade)

    def _draw_behind(self, figure: Figure) -> None:
        """Hair behind the head, ears beside or on top of it."""
        random, head = self.random, self._head
        if random.random() < 0.5:
            wide, long = random.uniform(0.52, 0.68), random.uniform(0.5, 0.9)
            spots = [complex(wide * s.real, head.high * (long if s.imag > 0 else 0.56) * s.imag) for s in _ROUND]
            figure.patch([self._flat(spot - 0.06 * np.sin(self.mimic.turn)) for spot in spots], head.hair)
        if random.random() < 0.3:  # an animal's
            reach = random.uniform(0.12, 0.22)
            for side in (-1, 1):
                figure.disc(self._at(0.7 * side, 0.75, 1.05), reach, head.skin)
                figure.disc(self._at(0.7 * side, 0.75, 1.1), 0.6 * reach, head.hair)
            return
        for side in (-1, 1):
            figure.disc(self._flat(side * 0.5 - 0.10 * np.sin(self.mimic.turn)), 0.09, head.skin)

    def _draw_eye(self, figure: Figure, side: int) -> None:
        """White, iris and brow, perhaps behind glasses. The lids shut by squeezing it."""
        head, mimic = self._head, self.mimic
        aside, middle = side * head.apart, self._at(side * head.apart, 0.2)
        open_ = np.maximum(1 - mimic.shut, 0.06)
        if self._glasses:
            for size, colour in ((1.65, head.shirt), (1.45, self._mixed(head.skin, (255, 255, 255), 0.3))):
                figure.patch(self._oval(middle, aside, size * head.eye, size * head.eye), colour)
        figure.patch(self._oval(middle, aside, head.eye, head.eye * open_), (245, 245, 240))
        iris = 0.55 * head.eye
        looking = middle + 0.4 * head.eye * self._upright * (mimic.gaze + 0.5j * mimic.nod)
        figure.patch(self._oval(looking, aside, iris, iris * open_), head.iris)
        lift = 0.35 + head.eye + 0.13 * mimic.brow
        slope = 0.06 * mimic.smile
        inner, outer = self._at(0.4 * aside, lift - slope), self._at(1.5 * aside, lift + 0.3 * slope)
        figure.rod(inner, outer, (head.brow, 0.7 * head.brow), head.hair)

    def _draw_nose(self, figure: Figure) -> None:
        head, out = self._head, 1 + 2 * self._head.nose
        shade = self._mixed(head.skin, (0, 0, 0), 0.25)
        tip = self._at(0.0, -0.12, out)
        if self.random.random() < 0.5:
            figure.rod(self._at(0.0, 0.1), tip, (0.4 * head.nose, 0.8 * head.nose), shade)
        else:
            figure.disc(tip, head.nose, self._mixed(head.skin, head.lips, 0.5))

    def _draw_mouth(self, figure: Figure) -> None:
        """Lips around a dark opening; the corners go up in a smile, together in an o."""
        head, mimic = self._head, self.mimic
        middle = self._at(0.0, -0.5)
        wide = head.mouth * (1 - 0.45 * mimic.round + 0.15 * mimic.smile)
        bend = -0.07 * mimic.smile  # y grows downwards
        dark = self._mixed(head.lips, (20, 0, 0), 0.85)
        figure.patch(self._oval(middle, 0.0, wide, 0.034 + 0.13 * mimic.mouth, bend), head.lips)
        figure.patch(self._oval(middle, 0.0, 0.85 * wide, 0.004 + 0.13 * mimic.mouth, bend), dark)

    def _draw_fringe(self, figure: Figure) -> None:
        """Hair on the forehead, or none."""
        random, head = self.random, self._head
        if random.random() < 0.65:
            line = random.uniform(0.55, 0.9)  # where the hair begins
            parting = random.uniform(-0.5, 0.5)
            turns = np.linspace(np.pi, 2 * np.pi, 9)
            top = [self._flat(0.52 * np.cos(t) + 0.54j * head.high * np.sin(t)) for t in turns]
            front = [
                self._at(a, line + 0.3 * abs(a - parting) * random.uniform(-0.8, 0.6)) for a in (0.8, 0.3, -0.3, -0.8)
            ]
            figure.patch([*top, *front], head.hair)
