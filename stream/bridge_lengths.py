"""How many pictures a bridge has, by how far apart its ends are; known in advance, and to everyone alike.

The distance of two pictures is the root mean square of their luma's difference, seen small. In multiples of what one
frame of the clip changes just there, it says how many frames the clip itself would take from one to the other. A good
jump's ends are 2 apart: those get 4 pictures, the paper's number (section 4.1); nearer ones fewer, farther ones more.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file

from models.segments import Segments
from stream.arrays import write_arrays
from stream.errors import TextureError

BRIDGE_FRAMES = 4  # the paper's number, where all are to be alike
STEPS = ((1.2, 0), (1.6, 2), (3.0, 4), (4.5, 6))  # distances up to which so many pictures will do
FAR_FRAMES = 8
LOOK_WIDTH_PX, LOOK_HEIGHT_PX = 32, 18
LEAST_PACE_LEVELS = 0.5  # per frame: rounding and grain change as much in a still clip

Looks = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class BridgeLengths:
    """What the ends of all segments look like, small.

    Attributes:
        lasts: the last picture that each segment shows, luma, uint8 (N, P).
        firsts: the first one, uint8 (N, P).
        paces: how much one frame changes at the end, and at the beginning of each, levels, float32 (N, 2).
    """

    lasts: Looks
    firsts: Looks
    paces: npt.NDArray[np.float32]

    @classmethod
    def of_frames(cls, frames: npt.NDArray[np.uint8], segments: Segments) -> BridgeLengths:
        """Of a clip's frames, small, RGB (F, h, w, 3)."""
        ends = segments.starts + segments.window_frames - 1
        begins = segments.starts + segments.overlap_frames
        lasts, before, firsts, after = (_looks(frames, places) for places in (ends, ends - 1, begins, begins + 1))
        paces = np.stack([_distances(lasts, before), _distances(firsts, after)], axis=1)
        usual = max(float(np.median(paces)), LEAST_PACE_LEVELS)
        return cls(lasts, firsts, np.maximum(paces, usual).astype(np.float32))

    @classmethod
    def read(cls, path: Path, count: int) -> BridgeLengths:
        """Read those of `count` segments.

        Raises:
            TextureError: they are missing, damaged, or of another number.
        """
        mend = "copy the texture again, or fit it again"
        try:
            arrays = load_file(path)
            found = cls(arrays["lasts"], arrays["firsts"], arrays["paces"])
        except (OSError, SafetensorError, KeyError) as error:
            raise TextureError(f"{path}: not readable ({error}); {mend}") from error
        fits = (
            found.lasts.shape == found.firsts.shape == (count, LOOK_WIDTH_PX * LOOK_HEIGHT_PX)
            and found.lasts.dtype == found.firsts.dtype == np.uint8
            and found.paces.shape == (count, 2)
            and bool((found.paces > 0).all())
        )
        if not fits:
            raise TextureError(f"{path}: is not for {count} segments; {mend}")
        return found

    def write(self, path: Path) -> None:
        """Store them."""
        write_arrays({"lasts": self.lasts, "firsts": self.firsts, "paces": self.paces}, path)

    def distances(self, leaves: npt.ArrayLike, lands: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """How far apart the ends of jumps are, in multiples of what a frame changes there, (M,)."""
        leaves, lands = np.asarray(leaves, np.int64), np.asarray(lands, np.int64)
        pace = (self.paces[leaves, 0].astype(np.float64) + self.paces[lands, 1]) / 2
        return np.asarray(_distances(self.lasts[leaves], self.firsts[lands]) / pace, np.float64)

    def frames(self, leaves: npt.ArrayLike, lands: npt.ArrayLike) -> Counts:
        """How many pictures the bridges of jumps have, (M,)."""
        limits, counts = np.array([limit for limit, _ in STEPS]), np.array([count for _, count in STEPS] + [FAR_FRAMES])
        return np.asarray(counts[np.searchsorted(limits, self.distances(leaves, lands))], np.int64)


def _looks(frames: npt.NDArray[np.uint8], places: npt.NDArray[np.int64]) -> Looks:
    size = LOOK_WIDTH_PX, LOOK_HEIGHT_PX
    looks = [
        cv2.resize(cv2.cvtColor(frames[place], cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA).ravel()
        for place in places
    ]
    return np.array(looks, np.uint8)


def _distances(ones: Looks, others: Looks) -> npt.NDArray[np.float64]:
    """Root mean square differences, row by row; of whole numbers, so that every machine finds the same."""
    apart = ones.astype(np.int64) - others
    return np.asarray(np.sqrt((apart * apart).sum(axis=1) / apart.shape[1]), np.float64)
