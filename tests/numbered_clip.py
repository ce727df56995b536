"""A drawn clip that says in each picture which one it is, and in its sound at which time it is.

Two rows of black and white cells along the top are the frame's number in Gray code (so that next to nothing
changes from one picture to the next) and, below it, its inverse: whatever is not exactly one picture of the
clip fails to read. Under them a disc goes round, so that there are likenesses to jump along. The sound is one
tone that rises evenly all through the clip, so that its pitch is the time.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

BITS = 10
CELL_WIDTH_PX, CELL_HEIGHT_PX = 32, 16  # whole macroblocks: no cell bleeds into another
BLACK_BELOW, WHITE_ABOVE = 32, 224  # a bridge's first picture is a fifth of the way already
LOWEST_PITCH_HZ, RISE_HZ_PER_S = 600.0, 160.0
PITCH_WINDOW_SAMPLES = 2048  # 43 ms: the tone rises by 7 Hz meanwhile
LEAST_LEVEL = 0.05  # of the tone, RMS of a full scale of 1; it is written with 0.21
PERIOD_S = 4.0

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True)
class NumberedClip:
    """A `models.scenes.scene.SoundingScene`."""

    seconds: float = 24.0
    width: int = BITS * CELL_WIDTH_PX
    height: int = 240
    rate_hz: Fraction = Fraction(30)
    sample_rate_hz: int = 48000
    state_names: tuple[str, ...] = ("across", "down")

    @property
    def frame_count(self) -> int:
        return round(self.seconds * self.rate_hz)

    def frame(self, index: int) -> npt.NDArray[np.uint8]:
        cells = np.repeat(np.repeat(cells_of(index), CELL_HEIGHT_PX, axis=0), CELL_WIDTH_PX, axis=1)
        rows, columns = np.mgrid[: self.height, : self.width]
        across, down = self.state()[index]
        distance = np.hypot(rows - 136 - 60 * down, columns - 160 - 90 * across)
        grey = 90 + 30 * np.sin(rows / 17 + columns / 29) + 110 / (1 + np.exp(distance - 24))
        grey[: len(cells)] = cells
        return np.repeat(grey.astype(np.uint8)[..., None], 3, axis=2)

    def sound(self) -> Samples:
        time_s = np.arange(round(self.seconds * self.sample_rate_hz)) / self.sample_rate_hz
        tone = 0.3 * np.sin(2 * np.pi * (LOWEST_PITCH_HZ + RISE_HZ_PER_S * time_s / 2) * time_s)
        return np.repeat(tone.astype(np.float32)[:, None], 2, axis=1)

    def state(self) -> npt.NDArray[np.float32]:
        turn = 2 * np.pi * np.arange(self.frame_count) / float(self.rate_hz * Fraction(PERIOD_S))
        return np.stack([np.cos(turn), np.sin(turn)], axis=1).astype(np.float32)


def cells_of(number: int) -> npt.NDArray[np.uint8]:
    """The brightness of each cell, (2, BITS): the Gray code, least bit first, and its inverse."""
    code = number ^ (number >> 1)
    bits = np.array([code >> bit & 1 for bit in range(BITS)], np.uint8) * 255
    return np.stack([bits, 255 - bits])


def read_number(cells: npt.NDArray[Any]) -> int | None:
    """The number that cells (2, BITS) say, None where any of them is neither black nor white or belies another."""
    white, black = cells > WHITE_ABOVE, cells < BLACK_BELOW
    if not (white | black).all() or not (white[0] ^ white[1]).all():
        return None
    number = 0
    for bit in range(BITS - 1, -1, -1):
        number |= (int(white[0, bit]) ^ (number >> (bit + 1) & 1)) << bit
    return number


def heard_time_s(sound: npt.NDArray[Any], sample_rate_hz: float) -> float | None:
    """The clip's time in the middle of `PITCH_WINDOW_SAMPLES` samples; None where there is no sound."""
    if np.sqrt(np.mean(np.square(sound))) < LEAST_LEVEL:
        return None
    spectrum = np.log(np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) + 1e-9)
    peak = int(np.clip(spectrum.argmax(), 1, len(spectrum) - 2))
    left, middle, right = spectrum[peak - 1 : peak + 2]
    peak_at = peak + 0.5 * (left - right) / (left - 2 * middle + right)  # of the parabola through the three
    return float((peak_at * sample_rate_hz / len(sound) - LOWEST_PITCH_HZ) / RISE_HZ_PER_S)
