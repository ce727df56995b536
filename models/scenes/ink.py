"""Drawing of what moves: anti-aliased shapes on a transparent sheet."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from models.scenes.drawn import Layer

Colour = tuple[int, int, int]
_SHIFT = 4  # fractional bits of the coordinates that OpenCV is given
_FINE_PX = 40_000  # pictures of up to so many pixels are drawn at twice the size, where jagged edges would tell
_END = np.exp(0.5j * np.pi * np.linspace(-1, 1, 8))  # half a circle, opening to the right


class Ink:
    """A transparent sheet; what is drawn later hides what was drawn before.

    Args:
        width: in pixels.
        height: in pixels.
    """

    def __init__(self, width: int, height: int) -> None:
        self._size = (width, height)
        self._scale = 2 if width * height <= _FINE_PX else 1
        # Colours multiplied by cover: anti-aliased edges then mix as they should in all four channels.
        self._sheet = np.zeros((height * self._scale, width * self._scale, 4), np.uint8)

    def polygon(self, corners: NDArray[np.complex128], colour: Colour) -> None:
        """Fill a simple polygon.

        Args:
            corners: (N,), in pixels, x + iy, the picture's corner at 0.
            colour: RGB.
        """
        cv2.fillPoly(self._sheet, [self._fixed(corners)], (*colour, 255), cv2.LINE_AA, _SHIFT)

    def polygons(self, outlines: NDArray[np.complex128], colours: list[Colour]) -> None:
        """Fill many simple polygons of as many corners each.

        Args:
            outlines: (N, corners), in pixels, x + iy.
            colours: N of RGB.
        """
        for outline, colour in zip(self._fixed(outlines), colours, strict=True):
            cv2.fillPoly(self._sheet, [outline], (*colour, 255), cv2.LINE_AA, _SHIFT)

    def rods(self, ends: NDArray[np.complex128], radii: NDArray[np.float64], colours: list[Colour]) -> None:
        """Draw round-ended rods that may taper; one with both ends at the same place is a disc.

        Args:
            ends: (N, 2), in pixels, x + iy.
            radii: (N, 2), in pixels, at those ends.
            colours: N of RGB.
        """
        along = ends[:, 1] - ends[:, 0]
        length = np.abs(along)
        way = np.where(length > 1e-6, along, 1) / np.maximum(length, 1e-6) * (length > 1e-6) + (length <= 1e-6)
        far = ends[:, 1:] + (radii[:, 1] * way)[:, None] * _END
        near = ends[:, :1] - (radii[:, 0] * way)[:, None] * _END
        outlines = self._fixed(np.hstack([far, near]))
        for outline, colour in zip(outlines, colours, strict=True):
            cv2.fillConvexPoly(self._sheet, outline, (*colour, 255), cv2.LINE_AA, _SHIFT)

    def picture(self, cut: NDArray[np.uint8], corners: NDArray[np.complex128]) -> None:
        """Lay a small picture on the sheet as a parallelogram.

        Args:
            cut: RGBA, uint8 (h, w, 4), colours multiplied by cover.
            corners: (3,), where its top left, top right and bottom left go, in pixels, x + iy.
        """
        fine = corners * self._scale
        last = fine[1] + fine[2] - fine[0]
        xs, ys = np.array([*fine.real, last.real]), np.array([*fine.imag, last.imag])
        high, wide = self._sheet.shape[:2]
        left, top = max(0, int(xs.min()) - 1), max(0, int(ys.min()) - 1)
        right, bottom = min(wide, int(xs.max()) + 2), min(high, int(ys.max()) + 2)
        if left >= right or top >= bottom:
            return
        across, down = (fine[1] - fine[0]) / cut.shape[1], (fine[2] - fine[0]) / cut.shape[0]
        # OpenCV counts from the middle of the first pixel, we from its corner.
        start = fine[0] + 0.5 * (across + down) - (0.5 + 0.5j) - complex(left, top)
        turn = np.array([[across.real, down.real, start.real], [across.imag, down.imag, start.imag]])
        laid = cv2.warpAffine(cut, turn, (right - left, bottom - top), flags=cv2.INTER_LINEAR)
        part = self._sheet[top:bottom, left:right]
        left_over = cv2.bitwise_not(laid[:, :, 3])
        cv2.add(laid, cv2.multiply(part, cv2.merge([left_over] * 4), scale=1 / 255), dst=part)

    def layer(self) -> Layer:
        """What has been drawn, at the size asked for."""
        sheet = self._sheet
        if self._scale != 1:
            return layer_of(np.asarray(cv2.resize(sheet, self._size, interpolation=cv2.INTER_AREA), np.uint8))
        return layer_of(sheet)

    def _fixed(self, places: NDArray[np.complex128]) -> NDArray[np.int32]:
        """Places as OpenCV takes them: (..., 2) in sixteenths of a pixel, counted from a pixel's middle."""
        fixed = np.empty((*places.shape, 2), np.int32)
        scale = self._scale << _SHIFT
        half = 1 << (_SHIFT - 1)
        fixed[..., 0] = places.real * scale - half
        fixed[..., 1] = places.imag * scale - half
        return fixed


def layer_of(sheet: NDArray[np.uint8]) -> Layer:
    """A sheet of RGBA with colours multiplied by cover, as a layer."""
    red, green, blue, cover = cv2.split(sheet)
    colour = cv2.divide(cv2.merge([red, green, blue]), cv2.merge([cover] * 3), scale=255)
    return Layer(np.asarray(colour, np.uint8), np.asarray(cover, np.uint8))
