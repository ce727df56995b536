"""The plucked strings as a silent family: the instrument lies on something, the hand reaches in from outside."""

from __future__ import annotations

from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from models.scenes.backdrops import Backdrop
from models.scenes.drawn import DrawnScene, Layer, Shot
from models.scenes.strings import Strings, StringsSettings

_BODY = ((0.02, 0.10), (0.98, 0.03), (0.96, 0.87), (0.05, 0.93))  # corners, in picture widths and heights
_SHIFT = 4  # OpenCV draws at 1/16 pixel


class StringsPicture(DrawnScene):
    """`Strings` without sound, cut out of its wooden ground along the instrument's edge.

    Inside the instrument's outline the frames are those of `Strings` with the shot's seed. Outside lies any
    backdrop, over which only the hand, its shadow and the strings' glow fall.

    Args:
        shot: how it is filmed; at least 3 seconds and 64 x 64 pixels.
    """

    def __init__(self, shot: Shot) -> None:
        super().__init__(shot)
        settings = StringsSettings(shot.seconds, shot.width, shot.height, shot.rate_hz, seed=shot.seed)
        self._strings = Strings(settings)
        self.state_names = self._strings.state_names

    def layer(self, index: int) -> Layer:
        """Instrument, strings and hand in frame `index`."""
        drawn = cv2.convertScaleAbs(self._strings.drawn_on(self._cut_out, index), alpha=255.0)
        red, green, blue, seen_through = cv2.split(drawn)
        cover = cv2.bitwise_not(seen_through)
        # Over what it hides only in part, such as a shadow, a colour is divided by how far it does.
        colour = cv2.divide(cv2.merge([red, green, blue]), cv2.merge([cover] * 3), scale=255)
        return Layer(np.asarray(colour, np.uint8), np.asarray(cover, np.uint8))

    def _state(self) -> NDArray[np.float32]:
        return self._strings.state()

    def _backdrop(self) -> NDArray[np.uint8]:
        return Backdrop.chosen(self.random).paint(self.width, self.height)

    @cached_property
    def _cut_out(self) -> NDArray[np.float32]:
        """The instrument multiplied by its cover, and the share that shows through, float32 (height, width, 4)."""
        corners = np.array(_BODY) * (self.width, self.height) * (1 << _SHIFT)
        mask = np.zeros((self.height, self.width), np.uint8)
        cv2.fillPoly(mask, [corners.round().astype(np.int32)], 255, cv2.LINE_AA, _SHIFT)
        cover = mask.astype(np.float32)[..., None] / np.float32(255)
        return np.dstack([self._strings.board * cover, 1 - cover])
