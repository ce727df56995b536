"""The instrument behind the strings: drawn once, by lamplight."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_FINE = 2  # drawn this much larger, then shrunk
_SHIFT = 4  # OpenCV draws at 1/16 pixel
_WOOD = np.array([0.52, 0.275, 0.130])
_LAMP = np.array([1.0, 0.93, 0.84])
_BRASS = (0.78, 0.58, 0.30)
_EBONY = (0.060, 0.045, 0.040)


@dataclass(frozen=True)
class StringLine:
    """Where a string lies, in picture heights from the top left, and its thickness likewise."""

    left: tuple[float, float]
    right: tuple[float, float]
    thickness: float

    def y_at(self, x: float) -> float:
        """Height of the resting string at `x`."""
        share = (x - self.left[0]) / (self.right[0] - self.left[0])
        return self.left[1] + share * (self.right[1] - self.left[1])


def string_lines(strings: int, aspect: float) -> tuple[StringLine, ...]:
    """Lay the strings out as a fan, the lowest on top and longest.

    Args:
        strings: how many, at least 2.
        aspect: picture width over height.
    """
    lines = []
    for share in np.linspace(0.0, 1.0, strings):
        left = (aspect * (0.085 + 0.085 * share), 0.245 + 0.545 * share)
        right = (aspect * (0.935 - 0.035 * share), 0.150 + 0.590 * share)
        lines.append(StringLine(left, right, 0.0080 - 0.0042 * float(share)))
    return tuple(lines)


def draw_board(width: int, height: int, lines: tuple[StringLine, ...], rng: np.random.Generator) -> NDArray[np.float32]:
    """Draw soundboard, sound hole, bridges and pins; everything that never moves.

    Args:
        width, height: picture size in pixels.
        lines: the strings, for their bridges, pins and shadows.
        rng: the wood's grain.

    Returns:
        float32 RGB, 0 to 1, shape (height, width, 3), with under one grey step of noise
        against banding.
    """
    size = (width * _FINE, height * _FINE)
    unit = size[1]  # pixels in one picture height
    light = _lamp_light(size)
    board = (_grain(size, rng) * light)[..., None] * _WOOD * _LAMP
    board = np.ascontiguousarray(board, dtype=np.float32)
    _draw_hole(board, unit)
    _draw_string_shadows(board, unit, lines)
    for end in ("left", "right"):
        _draw_bridge(board, unit, [getattr(line, end) for line in lines], light)
    _draw_pins(board, unit, lines, light)
    small = cv2.resize(board, (width, height), interpolation=cv2.INTER_AREA)
    small += rng.normal(0.0, 0.6 / 255, small.shape[:2])[..., None]
    return np.ascontiguousarray(small, dtype=np.float32)


def _lamp_light(size: tuple[int, int]) -> NDArray[np.float32]:
    """A pool of light left of the middle, falling off to a dark edge."""
    x, y = np.meshgrid(np.linspace(0, 1, size[0]), np.linspace(0, 1, size[1]))
    pool = np.exp(-(((x - 0.40) / 0.42) ** 2) - ((y - 0.36) / 0.50) ** 2)
    edge = (16 * x * (1 - x) * y * (1 - y)) ** 0.22
    return np.asarray((0.10 + 0.90 * pool) * (0.25 + 0.75 * edge), dtype=np.float32)


def _grain(size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
    """Spruce: fine year rings along the strings, a little wavy, and some broad cloudiness."""
    x, y = np.meshgrid(np.linspace(0, 1, size[0]), np.linspace(0, 1, size[1]))
    bend = cv2.resize(rng.normal(size=(4, 5)), size, interpolation=cv2.INTER_CUBIC)
    across = y + 0.05 * x + 0.010 * bend
    rings = np.cumsum(rng.uniform(0.4, 1.6, 240))
    phase = np.interp(across * 170 + 20, np.arange(240), rings)
    ring = (phase % 1.0) ** 3
    fibre = cv2.resize(rng.normal(size=(360, 24)), size, interpolation=cv2.INTER_CUBIC)
    cloud = cv2.resize(rng.normal(size=(5, 7)), size, interpolation=cv2.INTER_CUBIC)
    return np.asarray(1.0 - 0.30 * ring + 0.06 * fibre + 0.05 * cloud, dtype=np.float32)


def _points(places: list[tuple[float, float]], unit: int) -> NDArray[np.int32]:
    """Places in picture heights as OpenCV's fixed-point pixels."""
    return np.round(np.array(places) * unit * (1 << _SHIFT)).astype(np.int32)


def _disc(
    board: NDArray[np.float32],
    unit: int,
    centre: tuple[float, float],
    radius: float,
    colour: tuple[float, ...],
    thickness: float = -1.0,
) -> None:
    """A disc, or a ring where `thickness` (picture heights) is given."""
    middle = tuple(int(value) for value in _points([centre], unit)[0])
    width = -1 if thickness < 0 else max(1, round(thickness * unit))
    cv2.circle(board, middle, round(radius * unit * (1 << _SHIFT)), colour, width, cv2.LINE_AA, _SHIFT)


def _draw_hole(board: NDArray[np.float32], unit: int) -> None:
    """The sound hole with its rosette, lit like the wood around it."""
    aspect = board.shape[1] / board.shape[0]
    centre, radius = (0.405 * aspect, 0.475), 0.215
    lit = board.copy()
    for ring, width, colour in (
        (1.30, 0.006, (0.22, 0.11, 0.05)),
        (1.22, 0.022, (0.10, 0.045, 0.022)),
        (1.22, 0.004, (0.62, 0.42, 0.19)),
        (1.12, 0.003, (0.62, 0.42, 0.19)),
        (1.07, 0.010, (0.17, 0.08, 0.04)),
    ):
        _disc(lit, unit, centre, radius * ring, colour, width)
    for angle in np.arange(48) * (2 * np.pi / 48):
        bead = (centre[0] + 1.22 * radius * np.cos(angle), centre[1] + 1.22 * radius * np.sin(angle))
        _disc(lit, unit, bead, 0.0058, (0.66, 0.46, 0.22))
    board[:] = lit
    y, x = np.mgrid[0 : board.shape[0], 0 : board.shape[1]].astype(np.float32) / unit
    away = np.hypot(x - centre[0], y - centre[1])
    inside = np.clip((radius - away) * unit / 1.5 + 0.5, 0, 1)[..., None]
    # Light from the upper left reaches only the hole's lower right wall.
    wall = np.clip((away / radius) ** 6 * ((x - centre[0]) + (y - centre[1])) / radius, 0, 1)
    depth = 0.012 + 0.13 * wall[..., None] * np.array([1.0, 0.55, 0.28], dtype=np.float32)
    board[:] = board * (1 - inside) + depth * inside


def _draw_string_shadows(board: NDArray[np.float32], unit: int, lines: tuple[StringLine, ...]) -> None:
    """Soft dark lines beside the resting strings."""
    shade = np.zeros(board.shape[:2], dtype=np.float32)
    for line in lines:
        ends = [(x + 0.012, y + 0.026) for x, y in (line.left, line.right)]
        cv2.polylines(shade, [_points(ends, unit)], False, 1.0, max(1, round(0.010 * unit)), cv2.LINE_AA, _SHIFT)
    soft = cv2.GaussianBlur(shade, (0, 0), 0.008 * unit)
    board *= 1 - 0.55 * soft[..., None]


def _draw_bridge(
    board: NDArray[np.float32], unit: int, ends: list[tuple[float, float]], light: NDArray[np.float32]
) -> None:
    """An ebony bar under the strings' ends, with a bone saddle and its shadow."""
    (x0, y0), (x1, y1) = ends[0], ends[-1]
    slope = (x1 - x0) / (y1 - y0)
    top, bottom = y0 - 0.085, y1 + 0.085

    def bar(half: float, shift: float = 0.0) -> NDArray[np.int32]:
        low, high = x0 + slope * (top - y0) + shift, x0 + slope * (bottom - y0) + shift
        corners = [(low - half, top), (low + half, top), (high + half, bottom), (high - half, bottom)]
        return _points(corners, unit)

    shade = np.zeros(board.shape[:2], dtype=np.float32)
    cv2.fillPoly(shade, [bar(0.036, 0.022)], 1.0, cv2.LINE_AA, _SHIFT)
    board *= 1 - 0.75 * cv2.GaussianBlur(shade, (0, 0), 0.016 * unit)[..., None]
    mask = np.zeros(board.shape[:2], dtype=np.float32)
    for half, shift, colour in (
        (0.034, 0.0, _EBONY),
        (0.003, -0.030, (0.20, 0.15, 0.12)),
        (0.0075, 0.0, (0.80, 0.70, 0.54)),
        (0.0025, -0.0035, (1.0, 0.93, 0.78)),
    ):
        mask[:] = 0
        cv2.fillPoly(mask, [bar(half, shift)], 1.0, cv2.LINE_AA, _SHIFT)
        lit = np.array(colour, dtype=np.float32) * np.clip(0.25 + light, 0, 1)[..., None]
        board[:] = board * (1 - mask[..., None]) + lit * mask[..., None]


def _draw_pins(
    board: NDArray[np.float32], unit: int, lines: tuple[StringLine, ...], light: NDArray[np.float32]
) -> None:
    """Brass pins beyond both bridges, and the strings' ends that lead to them."""
    for index, line in enumerate(lines):
        slope = (line.right[1] - line.left[1]) / (line.right[0] - line.left[0])
        for (x, y), away in ((line.left, -0.085 - 0.03 * (index % 2)), (line.right, 0.062)):
            pin = (x + away, y + slope * away)
            here = light[
                min(max(int(pin[1] * unit), 0), light.shape[0] - 1),
                min(int(max(pin[0], 0) * unit), light.shape[1] - 1),
            ]
            glow = float(np.clip(0.30 + here, 0, 1))
            brass = tuple(glow * value for value in _BRASS)
            tail = _points([(x, y), pin], unit)
            cv2.polylines(board, [tail], False, brass, max(1, round(line.thickness * unit)), cv2.LINE_AA, _SHIFT)
            _disc(board, unit, (pin[0] + 0.006, pin[1] + 0.008), 0.0175, tuple(0.12 * value for value in brass))
            _disc(board, unit, pin, 0.0165, tuple(0.55 * value for value in brass))
            _disc(board, unit, (pin[0] - 0.002, pin[1] - 0.002), 0.0125, brass)
            _disc(board, unit, (pin[0] - 0.005, pin[1] - 0.005), 0.0042, (glow, 0.95 * glow, 0.8 * glow))
