"""The plucking hand: a few dozen rounded limbs, lit from the lamp's side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

_UNIT = 0.245  # picture heights in one hand unit (about a finger's length)
_TURN = np.deg2rad(-27.0)  # the fingers point up and left
_POSES = 16
_WIDE, _HIGH = 1.02, 1.30  # sprite size in picture heights; the arm runs out of it
_TIP = (0.22, 0.14)  # where the stretched index finger's tip is in the sprite
_SKIN = np.array([0.92, 0.57, 0.37])
_CLOTH = np.array([0.17, 0.20, 0.27])

Joint = tuple[float, float, float, float]  # x right, y towards the arm, z towards the eye, radius


def _limbs(curl: float) -> list[list[Joint]]:
    """Chains of joints for the hand with its index finger bent by `curl`, in hand units."""
    c = curl
    return [
        # Index finger, the one that plucks.
        [(0.08, 1.00, 0.40, 0.140), (-0.05 * c, 0.50 + 0.05 * c, 0.50 + 0.10 * c, 0.120),
         (-0.01 - 0.01 * c, 0.22 + 0.20 * c, 0.30 + 0.05 * c, 0.108),
         (0.06 * c, 0.03 + 0.33 * c, 0.05, 0.088)],
        # Middle, ring and little finger follow it a little.
        [(0.34, 0.93, 0.44, 0.142), (0.33, 0.46 + 0.03 * c, 0.52, 0.122),
         (0.31, 0.24 + 0.09 * c, 0.32, 0.108), (0.32, 0.12 + 0.14 * c, 0.10, 0.090)],
        [(0.58, 0.98, 0.42, 0.135), (0.64, 0.55 + 0.02 * c, 0.50, 0.117),
         (0.64, 0.34 + 0.06 * c, 0.32, 0.103), (0.65, 0.24 + 0.09 * c, 0.12, 0.086)],
        [(0.78, 1.10, 0.36, 0.118), (0.91, 0.76, 0.43, 0.100), (0.95, 0.58 + 0.03 * c, 0.30, 0.090),
         (0.97, 0.46 + 0.05 * c, 0.14, 0.076)],
        # Thumb, leaning away.
        [(0.12, 1.72, 0.24, 0.200), (-0.20, 1.34, 0.22, 0.150), (-0.36, 0.98 + 0.02 * c, 0.16, 0.118),
         (-0.39, 0.74 + 0.03 * c, 0.06, 0.092)],
        # Back of the hand.
        [(0.08, 1.00, 0.38, 0.145), (0.28, 1.95, 0.30, 0.215)],
        [(0.34, 0.93, 0.42, 0.150), (0.38, 1.95, 0.32, 0.225)],
        [(0.58, 0.98, 0.40, 0.145), (0.46, 1.95, 0.30, 0.220)],
        [(0.78, 1.10, 0.34, 0.128), (0.54, 1.95, 0.27, 0.200)],
        [(0.12, 1.72, 0.24, 0.200), (0.10, 1.15, 0.30, 0.130)],
        [(0.40, 1.95, 0.30, 0.250), (0.44, 2.45, 0.28, 0.250)],
    ]  # fmt: skip


_SLEEVE: list[Joint] = [(0.43, 2.38, 0.34, 0.335), (0.62, 4.6, 0.40, 0.46)]


@dataclass
class HandPainter:
    """Draws the hand at any place of a picture, in one of a few poses.

    Args:
        height: picture height in pixels; the hand scales with it.
    """

    height: int
    _sprites: dict[int, NDArray[np.uint8]] = field(default_factory=dict)

    def draw(
        self,
        picture: NDArray[np.float32],
        *,
        tip: tuple[float, float],
        curl: float,
        lift: float,
        travel: tuple[float, float],
    ) -> None:
        """Lay the hand and its shadow over a picture.

        Args:
            picture: float32 RGB, 0 to 1, shape (height, width, 3), changed in place; or with a fourth channel,
                the share of what lies behind the picture that shows through it.
            tip: the stretched index finger's tip, in picture heights.
            curl: 0 stretched to 1 bent.
            lift: 0 on the strings to 1 well above; moves the shadow away.
            travel: how far the hand moves while the shutter is open, in picture heights.
        """
        sprite = self._sprite(round(float(np.clip(curl, 0, 1)) * (_POSES - 1)))
        exact = (np.array(tip) - _TIP) * self.height
        corner = np.floor(exact)
        # Only what is in the picture is worth moving; nothing outside casts its shadow into it.
        inside, part = _overlap(picture.shape, sprite.shape, corner)
        if inside[0].start >= inside[0].stop or inside[1].start >= inside[1].stop:
            return
        seen = _shifted(sprite[part], exact - corner)
        _blur_along(seen, np.array(travel) * self.height)
        shadow = np.round(np.array([0.030, 0.050]) * (0.45 + lift) * self.height)
        self._darken(picture, seen[..., 3], (inside[1].start + shadow[0], inside[0].start + shadow[1]))
        region = picture[inside]
        region *= _grey(seen[..., 3], -1.0, 1.0, channels=picture.shape[2])
        region[..., :3] += seen[..., :3].astype(np.float32) * np.float32(1 / 255)

    def _darken(self, picture: NDArray[np.float32], alpha: NDArray[np.uint8], corner: tuple[float, float]) -> None:
        """The hand's soft shadow on the board."""
        small = cv2.resize(alpha, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (0, 0), max(0.6, 0.0055 * self.height))
        soft = cv2.resize(small, (alpha.shape[1], alpha.shape[0]), interpolation=cv2.INTER_LINEAR)
        inside, part = _overlap(picture.shape, soft.shape, corner)
        region = picture[inside]
        region *= _grey(np.asarray(soft[part], dtype=np.uint8), -0.62, 1.0, channels=picture.shape[2])

    def _sprite(self, pose: int) -> NDArray[np.uint8]:
        """The hand in one pose: premultiplied RGBA, uint8, drawn when first wanted."""
        if pose not in self._sprites:
            self._sprites[pose] = _draw_hand(pose / (_POSES - 1), self.height)
        return self._sprites[pose]


def _shifted(sprite: NDArray[np.uint8], fraction: NDArray[np.float64]) -> NDArray[np.uint8]:
    """A copy moved right and down by a fraction of a pixel."""
    shift = np.hstack([np.eye(2), fraction[:, None]])
    size = (sprite.shape[1], sprite.shape[0])
    moved = cv2.warpAffine(sprite, shift, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, dtype=np.uint8)


def _grey(alpha: NDArray[np.uint8], gain: float, offset: float, *, channels: int) -> NDArray[np.float32]:
    """`gain` times the alpha (0 to 1) plus `offset`, the same in so many channels."""
    factor = alpha.astype(np.float32) * np.float32(gain / 255) + np.float32(offset)
    return np.asarray(cv2.merge([factor] * channels), dtype=np.float32)


def _blur_along(sprite: NDArray[np.uint8], travel_px: NDArray[np.float64]) -> None:
    """Motion blur, in place: a box along each axis is close enough to a line at this length."""
    wide, high = (1 + 2 * int(abs(value) / 2 + 0.25) for value in travel_px)
    if wide > 1 or high > 1:
        cv2.blur(sprite, (wide, high), dst=sprite, borderType=cv2.BORDER_REPLICATE)


def _overlap(
    picture: tuple[int, ...], sprite: tuple[int, ...], corner: Sequence[float] | NDArray[np.float64]
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """The rectangle that both share, as slices of the picture and of the sprite."""
    x, y = int(corner[0]), int(corner[1])
    left, right = (min(max(edge, 0), picture[1]) for edge in (x, x + sprite[1]))
    top, bottom = (min(max(edge, 0), picture[0]) for edge in (y, y + sprite[0]))
    return (slice(top, bottom), slice(left, right)), (slice(top - y, bottom - y), slice(left - x, right - x))


def _draw_hand(curl: float, height: int) -> NDArray[np.uint8]:
    """Shade the hand in one pose: premultiplied RGBA, uint8."""
    unit = _UNIT * height  # pixels in one hand unit
    shape = (round(_HIGH * height), round(_WIDE * height))
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    x, y = (x - _TIP[0] * height) / unit, (y - _TIP[1] * height) / unit
    across, along = np.cos(_TURN) * x + np.sin(_TURN) * y, np.cos(_TURN) * y - np.sin(_TURN) * x
    skin = _relief(shape, height, _limbs(curl))
    sleeve = _relief(shape, height, [_SLEEVE])
    cloth = np.clip((along - 2.30 - 0.05 * np.cos(4 * across)) * unit * 0.5 + 0.5, 0, 1) * sleeve[1]
    colour = _shade(skin[0], _SKIN, unit) * (1 - cloth[..., None])
    colour += _shade(sleeve[0], _CLOTH, unit) * cloth[..., None]
    alpha = np.clip(skin[1] * (along < 2.5) + cloth, 0, 1)
    rgba = np.dstack([np.clip(colour, 0, 1) * alpha[..., None], alpha])
    return np.asarray(np.round(rgba * 255), dtype=np.uint8)


def _relief(
    shape: tuple[int, int], height: int, limbs: list[list[Joint]]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Height of the limbs' union in hand units, and its coverage 0 to 1, over a sprite."""
    unit = _UNIT * height
    top = np.full(shape, -0.25, dtype=np.float32)
    edge = np.full(shape, -1.0, dtype=np.float32)
    for limb in limbs:
        for first, last in pairwise(limb):
            _add_limb(top, edge, _in_sprite(first), _in_sprite(last))
    return top, np.clip(edge * unit + 0.5, 0, 1)


def _in_sprite(joint: Joint) -> Joint:
    """Turn a joint as the hand is turned, and move it into the sprite; still in hand units."""
    x, y, z, radius = joint
    turned_x = np.cos(_TURN) * x - np.sin(_TURN) * y
    turned_y = np.sin(_TURN) * x + np.cos(_TURN) * y
    return float(turned_x) + _TIP[0] / _UNIT, float(turned_y) + _TIP[1] / _UNIT, z, radius


def _add_limb(top: NDArray[np.float32], edge: NDArray[np.float32], first: Joint, last: Joint) -> None:
    """Raise relief and edge distance (hand units) by one tapering rounded limb, in place."""
    (ax, ay, az, ar), (bx, by, bz, br) = first, last
    unit = top.shape[0] * _UNIT / _HIGH
    margin = max(ar, br) + 2 / unit
    low_x, high_x = (round(v * unit) for v in (min(ax, bx) - margin, max(ax, bx) + margin))
    low_y, high_y = (round(v * unit) for v in (min(ay, by) - margin, max(ay, by) + margin))
    box = (slice(max(0, low_y), max(0, high_y)), slice(max(0, low_x), max(0, high_x)))
    tile = top[box]
    y = (np.arange(tile.shape[0], dtype=np.float32)[:, None] + box[0].start) / np.float32(unit) - ay
    x = (np.arange(tile.shape[1], dtype=np.float32) + box[1].start) / np.float32(unit) - ax
    dx, dy = bx - ax, by - ay
    share = np.clip((x * dx + y * dy) / (dx**2 + dy**2), 0, 1)
    away = (x - share * dx) ** 2 + (y - share * dy) ** 2
    radius = ar + share * (br - ar)
    dome = az + share * (bz - az) + np.sqrt(np.maximum(radius**2 - away, 0)) - 0.4 * (away > radius**2)
    np.maximum(tile, dome, out=tile)
    np.maximum(edge[box], radius - np.sqrt(away), out=edge[box])


def _shade(relief: NDArray[np.float32], albedo: NDArray[np.float64], unit: float) -> NDArray[np.float32]:
    """Lamp from the upper left, a faint cool rim from the right, warm light through the edges."""
    smooth = cv2.GaussianBlur(relief, (0, 0), 0.026 * unit) * unit
    slope_x = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=3) / 8
    slope_y = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=3) / 8
    steep = 1 / np.sqrt(1 + slope_x**2 + slope_y**2)
    lamp = np.clip((0.62 * slope_x + 0.52 * slope_y + 0.58) * steep, 0, None)
    rim = np.clip((-0.9 * slope_x + 0.3 * slope_y) * steep - 0.35, 0, None)
    through = (1 - steep) * 0.10
    broad = cv2.GaussianBlur(relief, (0, 0), 0.16 * unit)
    crease = np.clip(1.0 + 2.2 * (relief - broad), 0.45, 1.08)
    lit = albedo * (0.10 + 0.80 * lamp * crease)[..., None]
    lit = lit + rim[..., None] * np.array([0.16, 0.20, 0.30]) + through[..., None] * np.array([0.6, 0.16, 0.08])
    return np.asarray(lit, dtype=np.float32)
