"""What every drawn scene offers: pictures and the truth behind them, and what those with sound offer besides."""

from __future__ import annotations

from fractions import Fraction
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


class Scene(Protocol):
    """A short film whose true state is known at each frame.

    Frame `i` is on screen from `i / rate_hz` to `(i + 1) / rate_hz` seconds and shows the
    middle of that time. A scene is fixed once made: the same settings give the same frames
    and state, and sound if it has any, in whatever order they are asked for.
    """

    @property
    def width(self) -> int:
        """Picture width in pixels, even."""

    @property
    def height(self) -> int:
        """Picture height in pixels, even."""

    @property
    def rate_hz(self) -> Fraction:
        """Frames per second, exact."""

    @property
    def frame_count(self) -> int:
        """How many frames the scene has."""

    @property
    def state_names(self) -> tuple[str, ...]:
        """One name per column of `state()`."""

    def frame(self, index: int) -> NDArray[np.uint8]:
        """Draw one frame.

        Args:
            index: 0 to `frame_count - 1`.

        Returns:
            RGB picture, uint8, shape (height, width, 3), contiguous, the caller's own.

        Raises:
            ValueError: `index` is outside the scene.
        """

    def state(self) -> NDArray[np.float32]:
        """The truth behind each frame.

        Returns:
            float32, shape (frame_count, K), read-only. The columns are weighted so that the
            Euclidean distance between two rows says how unlike the two moments are: about
            0.1 is hard to see, 1 is plainly another moment.
        """


@runtime_checkable
class SoundingScene(Scene, Protocol):
    """A scene that can also be heard."""

    @property
    def sample_rate_hz(self) -> int:
        """Sound samples per second and channel."""

    def sound(self) -> NDArray[np.float32]:
        """The whole scene's sound.

        Returns:
            float32 in -1 to 1, shape (samples, 2), read-only, as long as all frames together
            to the nearest sample.
        """
