"""Which positive pairs a fit learns from, and which stretches of the timeline it is judged on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.segments import Segments

Indices = npt.NDArray[np.int64]

HELD_OUT_SHARE = 0.2
BLOCKS = 5
LEAST_PAIRS = 60  # with fewer, a fifth of them says nothing


def overlap_span(segments: Segments) -> int:
    """How many segments apart two windows may be and still share a frame."""
    return (segments.window_frames - 1) // segments.stride_frames


def positive_pairs(segments: Segments) -> Indices:
    """Segments i for which (i, i + 1) is a positive pair: both clean, so no pair crosses a hard cut."""
    clean = segments.clean
    return np.flatnonzero(clean[:-1] & clean[1:]).astype(np.int64)


@dataclass(frozen=True)
class Split:
    """Positive pairs (i, i + 1), named by i.

    Attributes:
        fitted: pairs to learn from, int64; no window of theirs shares a frame with a held-out one.
        held_out: pairs to be judged on, int64, in contiguous blocks of the timeline; may be empty.
    """

    fitted: Indices
    held_out: Indices


def split(segments: Segments, random: np.random.Generator) -> Split:
    """Hold out about a fifth of the timeline in five blocks, one at a random place in each fifth of it."""
    pairs = positive_pairs(segments)
    if len(pairs) < LEAST_PAIRS:
        return Split(fitted=pairs, held_out=np.empty(0, dtype=np.int64))
    held_out = np.zeros(segments.count, dtype=np.bool_)
    for part in np.array_split(pairs, BLOCKS):
        length = max(1, round(len(part) * HELD_OUT_SHARE))
        first = int(random.integers(0, len(part) - length + 1))
        held_out[part[first : first + length]] = True
    margin = overlap_span(segments) + 1  # pair i holds windows i and i + 1
    near = np.convolve(held_out, np.ones(2 * margin + 1), mode="same")[: segments.count] > 0.5
    return Split(fitted=pairs[~near[pairs]], held_out=pairs[held_out[pairs]])
