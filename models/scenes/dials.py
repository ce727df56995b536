"""Drawn scenes as a careless amateur would film them, by dials."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from models.scenes.dial_levels import DIALS, Dials
from models.scenes.drawn import DrawnScene
from models.scenes.filming import Filming, stream
from models.scenes.passers import moving_background

__all__ = ["DIALS", "DialledScene", "Dials"]


class DialledScene:
    """A drawn scene, badly filmed; a `models.scenes.scene.Scene`.

    What the dials do follows from `seed` alone and knows nothing of the scene's state, which stays as it is.
    With all dials off the frames are the scene's own.

    Args:
        scene: what is filmed.
        dials: how badly.
        seed: of everything random in the filming, at least 0.
    """

    def __init__(self, scene: DrawnScene, dials: Dials, seed: int) -> None:
        self.scene, self.dials = scene, dials
        shot = replace(scene.shot, seed=seed)
        self._filming = Filming(dials, shot)
        self._background = None
        if dials.background:
            self._background = moving_background(dials.background, shot, stream(seed, "background"))

    @property
    def width(self) -> int:
        """Picture width in pixels, even."""
        return self.scene.width

    @property
    def height(self) -> int:
        """Picture height in pixels, even."""
        return self.scene.height

    @property
    def rate_hz(self) -> Fraction:
        """Frames per second, exact."""
        return self.scene.rate_hz

    @property
    def frame_count(self) -> int:
        """How many frames the scene has."""
        return self.scene.frame_count

    @property
    def state_names(self) -> tuple[str, ...]:
        """One name per column of `state()`."""
        return self.scene.state_names

    def state(self) -> NDArray[np.float32]:
        """The scene's own state, see `DrawnScene.state`."""
        return self.scene.state()

    def frame(self, index: int) -> NDArray[np.uint8]:
        """One frame as filmed, see `DrawnScene.frame`."""
        if self._background is None or not 0 <= index < self.frame_count:
            return self.filmed(self.scene.frame(index), index)
        behind = self._background.behind(self.scene.backdrop, index)
        return self.filmed(self.scene.layer(index).over(behind), index)

    def filmed(self, picture: NDArray[np.uint8], index: int) -> NDArray[np.uint8]:
        """Any picture of the scene's size under all dials but `background`; see `Filming.filmed`."""
        return self._filming.filmed(picture, index)
