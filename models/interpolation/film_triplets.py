"""Triplets of real video: pictures of a clip, whose middle one is known because it was filmed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import av.error
import numpy as np
import numpy.typing as npt

from models.errors import FitError
from models.interpolation.optical_flow import LONG_SIDE_PX
from models.interpolation.triplets import LONGEST_GAP_S, SIDE_PX, Picture, Triplet, cut
from models.media import open_media, reason
from models.tracks import picture_track

MOST_PICTURES = 900  # of a clip, from its start: 155 MB
A_CUT = 8.0  # times the usual difference of neighbouring pictures
TRIES = 50  # at a place without a hard cut


@dataclass(frozen=True)
class Film:
    """A clip's pictures.

    Attributes:
        pictures: RGB, uint8 (F, h, w, 3), at most 320 px on the longer side, both sides at least 128.
        is_cut: whether a hard cut lies before each, bool (F,).
        longest_gap: pictures from the first to the last of a triplet, at most.
    """

    pictures: npt.NDArray[np.uint8]
    is_cut: npt.NDArray[np.bool_]
    longest_gap: int

    @classmethod
    def read(cls, path: Path) -> Film:
        """Decode a clip.

        Raises:
            FitError: it cannot be read, is smaller than a triplet, shorter, or all cuts.
        """
        pictures: list[Picture] = []
        try:
            with open_media(path) as container:
                chosen = picture_track(container, path)
                if chosen is None:
                    raise FitError(f"{path}: there is no video in it; check --clip")
                stream = chosen.stream
                rate_hz = float(stream.average_rate or 25)
                scale = min(1.0, LONG_SIDE_PX / max(stream.width, stream.height))
                width, height = round(stream.width * scale), round(stream.height * scale)
                for _, frame in zip(range(MOST_PICTURES), container.decode(stream), strict=False):
                    small = frame.reformat(width, height, format="rgb24", interpolation="AREA")
                    pictures.append(np.asarray(small.to_ndarray(), np.uint8))
        except (av.error.FFmpegError, OSError) as error:
            raise FitError(f"{path}: not a video that FFmpeg can read ({reason(error)}); check --clip") from error
        if min(width, height) < SIDE_PX or len(pictures) < 3:
            raise FitError(
                f"{path}: {len(pictures)} pictures of {width}x{height} px at most {LONG_SIDE_PX} px long; at least 3 "
                f"of {SIDE_PX} px on both sides are needed"
            )
        apart = np.array([np.abs(a.astype(np.int16) - b).mean() for a, b in pairwise(pictures)])
        is_cut = np.append(False, apart > A_CUT * max(1.0, float(np.median(apart))))
        if not (~is_cut[1:-1] & ~is_cut[2:]).any():
            raise FitError(f"{path}: a hard cut before every other picture; nothing can be learnt of what lies between")
        return cls(np.stack(pictures), is_cut, min(len(pictures) - 1, max(2, round(LONGEST_GAP_S * rate_hz))))

    def triplets(self, random: np.random.Generator, count: int) -> list[Triplet]:
        """Some, each a square of `SIDE_PX` where something moves; fewer where cuts leave hardly a place."""
        found: list[Triplet] = []
        for _ in range(TRIES * count):
            if len(found) == count:
                break
            gap = int(random.integers(2, self.longest_gap + 1))
            start, within = int(random.integers(len(self.pictures) - gap)), int(random.integers(1, gap))
            if not self.is_cut[start + 1 : start + gap + 1].any():
                three = [self.pictures[start + offset] for offset in (0, within, gap)]
                found.append(cut(random, three, within / gap, is_jump=False))
        return found
