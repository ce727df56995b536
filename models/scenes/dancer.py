"""A dancer: an articulated figure that goes from pose to pose by a few gestures, in any order and tempo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.scenes.drivers import random_period_s
from models.scenes.ink import Colour
from models.scenes.jointed import Figure, JointedScene
from models.scenes.motion import cycle, gestures, wander

_Points = NDArray[np.complex128]
_Angles = NDArray[np.float64]
_ANGLES = (
    *("lean", "head", "left arm", "left elbow", "right arm", "right elbow"),
    *("left leg", "left knee", "right leg", "right knee", "aside"),
)
_LEAST = np.array([-0.35, -0.4, -0.2, -0.3, -0.2, -0.3, -0.1, -0.9, -0.1, -0.9, -0.25])
_MOST = np.array([0.35, 0.4, 2.8, 2.0, 2.8, 2.0, 0.7, 0.1, 0.7, 0.1, 0.25])
_SKINS = ((141, 85, 36), (198, 134, 66), (224, 172, 105), (241, 194, 125), (255, 219, 172), (80, 50, 30))


@dataclass(frozen=True)
class _Body:
    """Lengths and thicknesses in body heights, and colours."""

    trunk: float
    shoulders: float
    hips: float
    arm: float
    leg: float
    thick: float
    head: float
    skin: Colour
    shirt: Colour
    trousers: Colour
    hair: Colour
    trim: Colour


class Dancer(JointedScene):
    """An articulated figure of twelve joints, seen from the front, its feet on the ground.

    Args:
        shot: how it is filmed.
    """

    def _figure(self) -> Figure:
        random = self.random
        period_s = max(0.8, random_period_s(random))
        body = self._body()
        angle = dict(zip(_ANGLES, self._angles(period_s).T, strict=True))
        figure = Figure(period_s)
        trunk = 1j * np.exp(1j * angle["lean"])  # along the trunk, downwards
        legs = [self._leg(body, angle, side) for side in ("left", "right")]
        lowest = np.max([leg[2].imag for leg in legs], axis=0)
        beat = random.uniform(0, 0.025) * np.abs(np.sin(cycle(random, len(trunk), float(self.rate_hz), 2 * period_s)))
        pelvis = angle["aside"] - 1j * (lowest - beat)
        chest = pelvis - body.trunk * trunk
        behind = bool(random.random() < 0.5)
        arms = [self._arm(body, angle, side, chest, trunk) for side in ("left", "right")]
        if behind:
            self._draw_arm(figure, body, arms[0])
        self._draw_legs(figure, body, [tuple(pelvis + part for part in leg) for leg in legs])
        self._draw_trunk(figure, body, pelvis, chest, trunk)
        self._draw_head(figure, body, chest, angle)
        for arm in arms[behind:]:
            self._draw_arm(figure, body, arm)
        return figure

    def _body(self) -> _Body:
        """Any build and dress."""
        random = self.random
        shirt, trousers, hair, trim, strange = self.ground.inks(random, 5)
        skin = _SKINS[random.integers(len(_SKINS))]
        return _Body(
            trunk=random.uniform(0.24, 0.36),
            shoulders=random.uniform(0.08, 0.15),
            hips=random.uniform(0.05, 0.10),
            arm=random.uniform(0.32, 0.48),
            leg=random.uniform(0.40, 0.56),
            thick=random.uniform(0.018, 0.042),
            head=random.uniform(0.06, 0.11),
            skin=skin if random.random() < 0.7 and self.ground.contrast(skin) > 0.12 else strange,
            shirt=shirt,
            trousers=trousers if random.random() < 0.7 else shirt,
            hair=hair,
            trim=trim,
        )

    def _angles(self, period_s: float) -> _Angles:
        """The course of all angles, (F, 11): gestures between a few poses, and sway."""
        random, count, rate_hz = self.random, self.frame_count, float(self.rate_hz)
        poses = random.uniform(_LEAST, _MOST, (int(random.integers(3, 6)), len(_ANGLES)))
        calm = random.uniform(0.2, 1, len(_ANGLES))  # not everybody moves everything
        poses = poses.mean(axis=0) + calm * (poses - poses.mean(axis=0))
        course = gestures(random, count, rate_hz, poses, period_s / 2)
        sway = wander(random, count, rate_hz, 2.5 * period_s, 2) * random.uniform(0.01, 0.04)
        course[:, 0] += sway[:, 0]
        course[:, 1] -= sway[:, 0]
        course[:, 10] += sway[:, 1]
        return course

    def _leg(self, body: _Body, angle: dict[str, _Angles], side: str) -> tuple[_Points, _Points, _Points]:
        """Hip, knee and ankle from the pelvis."""
        out = 1 if side == "left" else -1
        hip = np.full(self.frame_count, -out * body.hips, np.complex128)
        knee = hip + 0.5 * body.leg * 1j * np.exp(1j * out * angle[f"{side} leg"])
        ankle = knee + 0.5 * body.leg * 1j * np.exp(1j * out * (angle[f"{side} leg"] + angle[f"{side} knee"]))
        return hip, knee, ankle

    def _arm(
        self, body: _Body, angle: dict[str, _Angles], side: str, chest: _Points, trunk: _Points
    ) -> tuple[_Points, _Points, _Points]:
        """Shoulder, elbow and wrist in the picture."""
        out = 1 if side == "left" else -1
        shoulder = chest + out * 1j * body.shoulders * trunk
        upper = trunk * np.exp(1j * out * angle[f"{side} arm"])
        elbow = shoulder + 0.5 * body.arm * upper
        wrist = elbow + 0.5 * body.arm * upper * np.exp(1j * out * angle[f"{side} elbow"])
        return shoulder, elbow, wrist

    def _draw_arm(self, figure: Figure, body: _Body, arm: tuple[_Points, _Points, _Points]) -> None:
        """A sleeve, a forearm, a hand, sometimes a cuff."""
        shoulder, elbow, wrist = arm
        thick = body.thick
        figure.rod(elbow, wrist, (0.85 * thick, 0.65 * thick), body.skin)
        figure.rod(shoulder, elbow, (1.1 * thick, 0.95 * thick), body.shirt)
        figure.rod(elbow, elbow + 0.15 * (elbow - shoulder), (thick, thick), body.trim)
        figure.disc(wrist, 1.1 * thick, body.skin)

    def _draw_legs(self, figure: Figure, body: _Body, legs: list[tuple[_Points, ...]]) -> None:
        """Trousers, shoes, sometimes bare shins."""
        thick = 1.25 * body.thick
        shin = body.trousers if self.random.random() < 0.6 else body.skin
        for out, (hip, knee, ankle) in zip((-1, 1), legs, strict=True):
            figure.rod(knee, ankle, (thick, 0.7 * thick), shin)
            figure.rod(hip, knee, (1.25 * thick, thick), body.trousers)
            figure.rod(ankle, ankle + out * 1.6 * thick, (0.7 * thick, 0.55 * thick), body.trim)

    def _draw_trunk(self, figure: Figure, body: _Body, pelvis: _Points, chest: _Points, trunk: _Points) -> None:
        """A shirt with stripes across it, and sometimes a skirt."""
        random, across = self.random, -1j * trunk
        figure.rod(pelvis - across * body.hips, pelvis + across * body.hips, (body.thick, body.thick), body.trousers)
        waist, wide = body.hips * 1.1, body.shoulders
        corners = [
            chest - across * wide - trunk * body.thick,
            chest + across * wide - trunk * body.thick,
            pelvis + across * waist,
            pelvis - across * waist,
        ]
        figure.patch(corners, body.shirt)
        for share in np.linspace(0.15, 0.85, int(random.integers(0, 4))):
            left = corners[0] + share * (corners[3] - corners[0])
            right = corners[1] + share * (corners[2] - corners[1])
            figure.rod(left, right, (0.012, 0.012), body.trim)
        if random.random() < 0.35:
            hem, flare = pelvis + 1j * 0.45 * body.leg, body.hips * random.uniform(1.6, 3)
            swing = 0.25 * np.gradient(pelvis.real) * float(self.rate_hz)  # the hem comes after
            top = [corners[2], corners[3]]
            figure.patch([*top, hem - flare - swing, hem + flare - swing], body.trim)

    def _draw_head(self, figure: Figure, body: _Body, chest: _Points, angle: dict[str, _Angles]) -> None:
        """A neck, a head, hair to one side or a hat."""
        up = -1j * np.exp(1j * (angle["lean"] + angle["head"]))
        middle = chest + up * (body.head + 0.05)
        figure.rod(chest, middle, (0.8 * body.thick, 0.8 * body.thick), body.skin)
        figure.disc(middle + up * 0.25 * body.head, 1.02 * body.head, body.hair)
        figure.disc(middle, 0.92 * body.head, body.skin)
        if self.random.random() < 0.3:
            brim, high = 1j * up * 1.4 * body.head, up * 0.55 * body.head
            figure.rod(middle + high - brim, middle + high + brim, (0.02, 0.02), body.trim)
            figure.rod(middle + high, middle + 1.8 * high, (0.7 * body.head, 0.5 * body.head), body.trim)
