"""Silent drawn scenes, in families: everything random about one follows from its shot's seed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Shot:
    """How a scene is filmed.

    Attributes:
        seed: of everything random in the scene: looks, sizes, tempo, course.
        seconds: its length.
        rate_hz: frames per second, exact.
        width: picture width in pixels, even.
        height: picture height in pixels, even.
    """

    seed: int = 0
    seconds: float = 40.0
    rate_hz: Fraction = Fraction(25)
    width: int = 160
    height: int = 96

    @property
    def frame_count(self) -> int:
        """How many frames it has."""
        return round(self.seconds * float(self.rate_hz))


@dataclass(frozen=True)
class Layer:
    """What moves, without what lies behind it.

    Attributes:
        colour: RGB, uint8 (height, width, 3), not multiplied by `cover`.
        cover: how far it hides what lies behind, uint8 (height, width).
    """

    colour: NDArray[np.uint8]
    cover: NDArray[np.uint8]

    def over(self, backdrop: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The layer on a backdrop of its size, uint8 (height, width, 3), a new array."""
        share = cv2.merge([self.cover] * 3)
        front = cv2.multiply(self.colour, share, scale=1 / 255)
        behind = cv2.multiply(backdrop, cv2.bitwise_not(share), scale=1 / 255)
        return np.asarray(cv2.add(front, behind), np.uint8)


class DrawnScene(ABC):
    """A short silent film whose true state is known at each frame.

    A scene is fixed once made: the same shot gives the same frames and state, in whatever order they are
    asked for. Making one is cheap (milliseconds); what is costly is done per frame, and any frame can be
    drawn without those before it.

    Args:
        shot: how it is filmed.
    """

    state_names: tuple[str, ...]

    def __init__(self, shot: Shot) -> None:
        self.shot = shot
        self.random = np.random.default_rng([shot.seed, *type(self).__name__.encode()])

    @abstractmethod
    def layer(self, index: int) -> Layer:
        """What moves in frame `index`, drawn without its backdrop."""

    @abstractmethod
    def _state(self) -> NDArray[np.float32]:
        """The state, float32 (frame_count, K); see `state`."""

    @abstractmethod
    def _backdrop(self) -> NDArray[np.uint8]:
        """What stands still behind, uint8 (height, width, 3)."""

    @property
    def width(self) -> int:
        """Picture width in pixels, even."""
        return self.shot.width

    @property
    def height(self) -> int:
        """Picture height in pixels, even."""
        return self.shot.height

    @property
    def rate_hz(self) -> Fraction:
        """Frames per second, exact."""
        return self.shot.rate_hz

    @property
    def frame_count(self) -> int:
        """How many frames the scene has."""
        return self.shot.frame_count

    @cached_property
    def backdrop(self) -> NDArray[np.uint8]:
        """What stands still behind what moves, uint8 (height, width, 3), read-only."""
        backdrop = self._backdrop()
        backdrop.setflags(write=False)
        return backdrop

    @cached_property
    def _states(self) -> NDArray[np.float32]:
        state = np.ascontiguousarray(self._state(), np.float32)
        if state.shape != (self.frame_count, len(self.state_names)):
            raise AssertionError(f"{type(self).__name__}: {state.shape} for {len(self.state_names)} names")
        state.setflags(write=False)
        return state

    def state(self) -> NDArray[np.float32]:
        """The truth behind each frame, direction and speed of what moves included.

        Returns:
            float32 (frame_count, K), read-only, weighted as `models.scenes.scene.Scene.state` says.
        """
        return self._states

    def frame(self, index: int) -> NDArray[np.uint8]:
        """Draw one frame.

        Args:
            index: 0 to `frame_count - 1`.

        Returns:
            RGB, uint8 (height, width, 3), contiguous, the caller's own.

        Raises:
            ValueError: `index` is outside the scene.
        """
        if not 0 <= index < self.frame_count:
            raise ValueError(f"frame {index} of a scene of {self.frame_count}: expected 0 to {self.frame_count - 1}")
        return self.layer(index).over(self.backdrop)
