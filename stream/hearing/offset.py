"""Takes out what no ear hears: the constant offset of a cheap converter, and what is slower than any tone."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from stream.hearing.source import BLOCK_SAMPLES, SAMPLE_RATE_HZ

CUTOFF_HZ = 15.0  # 20 Hz loses 1.2 dB, 30 Hz 0.3, 60 Hz, where the lowest band begins, nothing

Samples = npt.NDArray[np.float32]


def _block_filter() -> tuple[npt.NDArray[np.float64], ...]:
    """Butterworth's high-pass of second order as matrices for a whole block, by the bilinear transform.

    A recursion sample by sample is slow in Python, and `scipy.signal`, which has one, takes 0.6 s to import.

    Returns:
        What of a block (n,) gives its output (n, n); what of the state (2,) does (n, 2); what of a block gives the
        state behind each of its samples (n, 2, n); what of the state does (n, 2, 2); the state that an offset of 1
        settles to (2,).
    """
    warped = math.tan(math.pi * CUTOFF_HZ / SAMPLE_RATE_HZ)
    gain = 1 / (1 + math.sqrt(2) * warped + warped**2)
    first, second = 2 * (warped**2 - 1) * gain, (1 - math.sqrt(2) * warped + warped**2) * gain
    step = np.array([[-first, 1.0], [-second, 0.0]])
    entering = np.array([-2 * gain - first * gain, gain - second * gain])
    powers = [np.eye(2)]
    for _ in range(BLOCK_SAMPLES):
        powers.append(step @ powers[-1])
    responses = np.array(powers[:-1]) @ entering  # (n, 2)
    ages = np.subtract.outer(np.arange(BLOCK_SAMPLES), np.arange(BLOCK_SAMPLES))
    states = np.where((ages >= 0)[..., None], responses[ages], 0.0).transpose(0, 2, 1)
    passed = gain * np.eye(BLOCK_SAMPLES)
    passed[1:] += states[:-1, 0]
    return (
        passed, np.array([power[0] for power in powers[:-1]]), states, np.array(powers[1:]), np.array([-gain, gain]),
    )  # fmt: skip


_PASSED, _RINGING, _STATES, _DECAY, _SETTLED = _block_filter()


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
        filtered = np.empty(len(samples), np.float32)
        for first in range(0, len(samples), BLOCK_SAMPLES):
            block = samples[first : first + BLOCK_SAMPLES].astype(np.float64)
            count = len(block)
            filtered[first : first + count] = _PASSED[:count, :count] @ block + _RINGING[:count] @ self._state
            self._state = _STATES[count - 1, :, :count] @ block + _DECAY[count - 1] @ self._state
        return filtered

    def forget(self) -> None:
        """Begin again, as on another source, whose offset is another."""
        self._state = None


def centred(samples: Samples) -> Samples:
    """Take the mean out of a whole sound (n,), in place, and give it back: what is known as a whole needs no filter."""
    if len(samples):
        samples -= np.float32(samples.mean(dtype=np.float64))
    return samples
