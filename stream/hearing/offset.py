"""Takes out what no ear hears: the constant offset of a cheap converter, and what is slower than any tone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, sosfilt, sosfilt_zi

from stream.hearing.source import BLOCK_SAMPLES, SAMPLE_RATE_HZ

CUTOFF_HZ = 15.0  # 20 Hz loses 1.2 dB, 30 Hz 0.3, 60 Hz, where the lowest band begins, nothing
_SECTIONS = butter(2, CUTOFF_HZ, "highpass", fs=SAMPLE_RATE_HZ, output="sos")
_SETTLED = sosfilt_zi(_SECTIONS)

Samples = npt.NDArray[np.float32]


class OffsetFilter:
    """A high-pass filter, sample by sample, without a delay: Butterworth's of second order.

    It begins as if the mean of the first samples that it is given had always been there, so that an offset is gone from
    the first one on and nothing is heard that settles. One that changes later is down by
    30 dB within 50 ms, one that drifts is followed.
    """

    def __init__(self) -> None:
        self._state: npt.NDArray[np.float64] | None = None

    def process(self, samples: Samples) -> Samples:
        """Filter samples (n,), mono at 16 kHz, all finite; returns new ones of the same shape."""
        if not len(samples):
            return samples.copy()
        if self._state is None:
            self._state = _SETTLED * float(samples[:BLOCK_SAMPLES].mean())
        filtered, self._state = sosfilt(_SECTIONS, samples, zi=self._state)
        return np.asarray(filtered, np.float32)

    def forget(self) -> None:
        """Begin again, as on another source, whose offset is another."""
        self._state = None


def centred(samples: Samples) -> Samples:
    """Take the mean out of a whole sound (n,), in place, and give it back: what is known as a whole needs no filter."""
    if len(samples):
        samples -= np.float32(samples.mean(dtype=np.float64))
    return samples
