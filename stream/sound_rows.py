"""Values that `stream.conditioning` deals in: how it weighs, what is heard, and the rows of Ta that follow."""

from __future__ import annotations

import math
from dataclasses import dataclass

from stream.ways import Floats, Indices, Mask

MOST_TARGETS = 256  # of the segments that sound most right, which are compared by their looks


@dataclass(frozen=True)
class SoundWeighting:
    """How likeness of sound, and of looks, becomes probabilities.

    Attributes:
        temperature: τ of the softmax, in cosine of sound.
        threshold: t; jumps less likely than (1 - t) times the best are not taken.
        margin: in cosine of sound: it goes on as the clip does while that is no worse than the best jump by more.
        look_share: a jump that looks worse by this share of how unlike a random jump is, is e times less likely.
    """

    temperature: float = 0.03
    threshold: float = 0.5
    margin: float = 0.15
    look_share: float = 0.1

    def __post_init__(self) -> None:
        if not (self.temperature > 0 and self.look_share > 0):
            raise ValueError(f"temperature and look_share must be above 0, got {self.temperature}, {self.look_share}")
        if not 0 <= self.threshold < 1 or not self.margin >= 0:
            raise ValueError(
                f"threshold must be 0 or more and below 1, margin 0 at least, got {self.threshold}, {self.margin}"
            )


@dataclass(frozen=True)
class Hearing:
    """What is heard at one moment, against the clip.

    Attributes:
        scores: how right it sounds to play each segment next, cosine, float32 (N,); -inf where none may be played.
        targets: those that sound most right, ascending, int32 (at most `MOST_TARGETS`,).
        ends: how alike each segment sounds as it ends, likewise: what it will have shown by then.
        at_s: when what is heard ended, monotonic; -inf where nobody said.
    """

    scores: Floats
    targets: Indices
    ends: Floats
    at_s: float = -math.inf


@dataclass(frozen=True)
class SoundRows:
    """Some rows of Ta.

    Attributes:
        stays: which of them go on as the clip does, and nowhere else, bool (B,).
        targets: where the others jump to, int32 (M,).
        jumps: how likely to each, float32 (B, M): a row sums to 1, or to 0 if it stays or can go nowhere by sound.
    """

    stays: Mask
    targets: Indices
    jumps: Floats
