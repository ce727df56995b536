"""Two poses of a picture and all poses between them: turned, shifted, scaled, bent. No torch."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

CELLS = 4  # of the field that bends, along the shorter side
SHIFT, TURN, SCALE, BEND = 0.05, 0.12, 0.05, 0.03  # standard deviations at full strength; lengths of the shorter side


@dataclass(frozen=True)
class Pose:
    """How a picture is moved at both ends.

    Attributes:
        shift: complex (2,), pixels, to the right and down.
        turn: radians, (2,).
        scale: logarithm, (2,).
        bend: where each place comes from besides, complex (2, cells, cells), pixels.
        size: of the picture, (width, height) in pixels.
    """

    shift: npt.NDArray[np.complex128]
    turn: npt.NDArray[np.float64]
    scale: npt.NDArray[np.float64]
    bend: npt.NDArray[np.complex128]
    size: tuple[int, int]

    @classmethod
    def pair(cls, random: np.random.Generator, size: tuple[int, int], strength: float) -> Pose:
        """Two poses.

        Args:
            random: draws them.
            size: of the picture, (width, height).
            strength: how far they are apart, 0 to 1.
        """
        short = min(size)

        def drawn(deviation: float, *shape: int) -> npt.NDArray[np.complex128]:
            both = random.normal(0, strength * deviation, (2, 2, *shape))
            return np.asarray(both[0] + 1j * both[1])

        bend = drawn(BEND * short * random.uniform(0, 1), CELLS, CELLS)
        turned, scaled = drawn(TURN).real, drawn(SCALE).real
        return cls(drawn(SHIFT * short), turned, scaled, bend, size)

    def moved(self, picture: npt.NDArray[np.uint8], share: float) -> npt.NDArray[np.uint8]:
        """The picture (h, w, C) in the pose at a share of the way, 0 to 1; beyond its edges it is mirrored."""
        width, height = self.size
        shift, turn, scale, bend = (
            (1 - share) * each[0] + share * each[1] for each in (self.shift, self.turn, self.scale, self.bend)
        )
        middle = complex(width, height) / 2
        down, across = np.mgrid[:height, :width]
        places = (across + 1j * down - middle - shift) * np.exp(-(float(scale) + 1j * float(turn))) + middle
        parts = [
            cv2.resize(part.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
            for part in (np.asarray(bend).real, np.asarray(bend).imag)
        ]
        x, y = (places.real + parts[0]).astype(np.float32), (places.imag + parts[1]).astype(np.float32)
        moved = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
        return np.asarray(moved, np.uint8)
