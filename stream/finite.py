"""Sound without samples that are no numbers, which files and drivers of floating-point sound may hold.

One of them would reach every level, gain and embedding behind it: what is NaN or infinite once stays so in a running
mean. So each place at which sound comes in has it pass here, before it is resampled: a resampler's filter would
spread one such sample over its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame

LOUDEST = 1e4  # 80 dB above full scale; float files may go above 1, but no recorder or mixer up to there
_WHAT = f"samples of its sound that are not numbers, infinite or beyond {LOUDEST:g} times full scale are silenced"
_FLOATS: dict[str, type[np.floating]] = {"flt": np.float32, "fltp": np.float32, "dbl": np.float64, "dblp": np.float64}


class FiniteSound:
    """Puts silence where a sample is not a number, infinite, or beyond `LOUDEST`.

    Those between full scale and `LOUDEST` are left as they are.

    Args:
        tell: told of it the first time, for sound that never ends.

    Attributes:
        silenced: how many samples it has silenced, each channel's counted.
    """

    def __init__(self, tell: Callable[[str], None] = lambda what: None) -> None:
        self.silenced = 0
        self._tell = tell

    def frame(self, frame: AudioFrame) -> AudioFrame:
        """The same frame, mended in place. About 10 µs for a frame of AAC that needs no mending."""
        dtype = _FLOATS.get(frame.format.name)
        if dtype is None:
            return frame
        count = frame.samples if frame.format.is_planar else frame.samples * frame.layout.nb_channels
        if not all(_is_sound(_samples(plane, dtype, count)) for plane in frame.planes):
            frame.make_writable()  # the decoder may go by it still
            for plane in frame.planes:
                self._silence(_samples(plane, dtype, count))
        return frame

    def array(self, samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The same samples, or a mended copy, of the same shape."""
        if _is_sound(samples):
            return samples
        mended = samples.copy()
        self._silence(mended)
        return mended

    @property
    def note(self) -> str:
        """What was done, for the user; empty if nothing had to be."""
        return f"{_WHAT} ({self.silenced} of them)" if self.silenced else ""

    def _silence(self, samples: npt.NDArray[np.floating]) -> None:
        if not self.silenced:
            self._tell(_WHAT)
        bad = ~(np.abs(samples) <= LOUDEST)
        samples[bad] = 0
        self.silenced += int(np.count_nonzero(bad))


def _samples(plane: Any, dtype: type[np.floating], count: int) -> npt.NDArray[np.floating]:
    """A plane's own memory, but for the padding behind it, whose content is anything."""
    return np.frombuffer(plane, dtype, count)


def _is_sound(samples: npt.NDArray[np.floating]) -> bool:
    """Whether all are within bounds: a minimum and a maximum, which are NaN where any is."""
    return samples.size == 0 or bool(samples.min() >= -LOUDEST and samples.max() <= LOUDEST)
