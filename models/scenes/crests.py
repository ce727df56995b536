"""Crests of waves, one before the other, each hiding what is behind and below it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.scenes.ink import Colour
from models.scenes.ripples import Waves

_COLUMNS = 48  # at which the outline of a crest is known
_SEEN = slice(4, _COLUMNS - 4, 6)  # of those, what the state looks at: none out of sight


class Crests:
    """Rows of crests that the same waves run along. All lengths are in shares of the picture's short side.

    Args:
        waves: what runs along them.
        along: length of the rows.
        below: where what they hide ends, for sure out of sight.
        steep: how far a crest's water goes to and fro.
        sideways: whether the rows go down instead of across.
        flipped: whether what they hide is above instead of below.
    """

    def __init__(
        self, waves: Waves, *, along: float, below: float, steep: float, sideways: bool = False, flipped: bool = False
    ) -> None:
        self._waves, self._below, self._steep = waves, below, steep
        self._sideways, self._flipped = sideways, flipped
        self._x = np.linspace(-0.15, 1.15, _COLUMNS) * along
        self._levels: list[NDArray[np.float64]] = []
        self._sizes: list[float] = []
        self._shifts: list[float] = []
        self.colours: list[Colour] = []

    def add(self, level: NDArray[np.float64], size: float, shift: float, colour: Colour) -> None:
        """Add a row before all others.

        Args:
            level: where it is when the water is calm, per frame, (F,).
            size: how high its crests are.
            shift: by how much its waves are ahead of the others', in radians.
            colour: of all that it hides.
        """
        self._levels.append(level)
        self._sizes.append(size)
        self._shifts.append(shift)
        self.colours.append(colour)

    def _edges(self, row: int, frames: NDArray[np.int64], columns: slice) -> NDArray[np.complex128]:
        """Upper edge of a row, complex (M, columns)."""
        x = self._x[columns]
        number = np.arange(1, len(self._waves.way) + 1)[:, None]
        phase = np.abs(self._waves.way)[:, None] * x + self._shifts[row] * number
        moved = self._waves.swell[frames] @ np.exp(-1j * phase)
        down = self._levels[row][frames, None] + self._sizes[row] * moved.imag
        return np.asarray(x + self._steep * moved.real + 1j * down)

    def _turned(self, places: NDArray[np.complex128]) -> NDArray[np.complex128]:
        """Places as they are in the picture."""
        if self._flipped:
            places = places.real + 1j * (self._below - places.imag)
        return np.asarray(places.imag + 1j * places.real if self._sideways else places)

    def outlines(self, index: int) -> NDArray[np.complex128]:
        """What each row hides in frame `index`, complex (rows, corners)."""
        frames = np.array([index])
        edges = np.concatenate([self._edges(row, frames, slice(None)) for row in range(len(self.colours))])
        floor = 1j * (self._below + 0.3)
        return self._turned(np.hstack([edges, edges[:, -1:].real + floor, edges[:, :1].real + floor]))

    def points(self) -> NDArray[np.complex128]:
        """Some points of all crests in all frames, complex (F, P)."""
        frames = np.arange(len(self._waves.swell))
        return np.hstack([self._edges(row, frames, _SEEN) for row in range(len(self.colours))])
