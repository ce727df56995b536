"""Corners of one picture, followed to others, and the motion that most of them share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from models.steadying.affine import Motions, Places, moved

PARTS = 4  # of the picture, each way
CORNERS = 12  # of each part, at most
LEAST_CORNERS = 12  # of all, to begin with
LEAST_AGREEING = 8
CORNER_QUALITY, CORNERS_APART_PX, CORNER_BLOCK_PX = 0.02, 4.0, 5
MARGIN_PX = 3  # at the border, where nothing can be followed
FOLLOWED = {
    "winSize": (11, 11),
    "maxLevel": 2,
    "flags": cv2.OPTFLOW_USE_INITIAL_FLOW,
    "criteria": (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 15, 0.03),
}
AGREES_PX = 1.0
MOST_SAMPLES = 500  # of corners by chance

Grey: TypeAlias = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Agreement:
    """What most corners of a reference did on their way to another frame.

    Attributes:
        motion: (2, 3), from the reference to the frame.
        share: of the corners, that did so.
        parts: of the picture, in which most did so.
    """

    motion: Motions
    share: float
    parts: int


class Reference:
    """A frame whose corners are followed to others."""

    def __init__(self, picture: Grey) -> None:
        self._levels = _levels(picture)
        self._corners, self._part = _corners(self._levels)

    @property
    def is_usable(self) -> bool:
        """Whether it has corners enough."""
        return len(self._corners) >= LEAST_CORNERS

    def followed(self, picture: Grey, guess: Motions) -> Agreement:
        """Follow the corners to another frame, where they are guessed to be."""
        guessed = moved(self._corners, guess)
        there, known, _ = cv2.calcOpticalFlowPyrLK(  # type: ignore[call-overload]
            self._levels, _levels(picture), self._corners[:, None], guessed[:, None].copy(), **FOLLOWED
        )
        which = np.flatnonzero(known[:, 0])
        motion, agrees = None, np.zeros(len(guessed), np.bool_)
        if len(which) >= LEAST_AGREEING:
            motion, inliers = cv2.estimateAffinePartial2D(
                self._corners[which],
                there[which, 0],
                method=cv2.RANSAC,
                ransacReprojThreshold=AGREES_PX,
                maxIters=MOST_SAMPLES,
            )
            if motion is not None:
                agrees[which[inliers[:, 0] > 0]] = True
        limits = np.array([picture.shape[1], picture.shape[0]]) - MARGIN_PX
        inside = ((guessed >= MARGIN_PX - 1) & (guessed < limits)).all(axis=1)
        agrees &= inside
        of_part, agreeing = (np.bincount(self._part[some], minlength=PARTS * PARTS) for some in (inside, agrees))
        parts = int(((2 * agreeing >= of_part) & (of_part >= 3)).sum())
        motion = guess if motion is None else np.asarray(motion, np.float64)
        return Agreement(motion, agrees.sum() / max(1, inside.sum()), parts)


def _corners(levels: Grey) -> tuple[Places, npt.NDArray[np.int64]]:
    """The best corners of each part of a picture, (K, 2), and of which part they are, (K,)."""
    height, width = levels.shape
    rows, columns = (np.linspace(0, length, PARTS + 1).astype(int) for length in (height, width))
    corners: list[Places] = []
    parts: list[int] = []
    for part in range(PARTS * PARTS):
        row, column = divmod(part, PARTS)
        inside = levels[rows[row] : rows[row + 1], columns[column] : columns[column + 1]]
        found = cv2.goodFeaturesToTrack(
            inside, CORNERS, CORNER_QUALITY, CORNERS_APART_PX, blockSize=CORNER_BLOCK_PX
        )  # fmt: skip
        own = np.array([] if found is None else found, np.float32).reshape(-1, 2)  # none where it is plain
        own += np.array([columns[column], rows[row]], np.float32)
        own = own[((own > MARGIN_PX) & (own < np.array([width, height]) - MARGIN_PX - 1)).all(axis=1)]
        corners.append(own)
        parts += [part] * len(own)
    return np.concatenate([np.zeros((0, 2), np.float32), *corners]), np.array(parts, np.int64)


def _levels(picture: Grey) -> Grey:
    """A picture without its light: each place as far above its surroundings as they are rough."""
    grey = picture.astype(np.float32)
    reach = picture.shape[0] / 16
    apart = grey - cv2.GaussianBlur(grey, (0, 0), reach)
    rough = np.sqrt(cv2.GaussianBlur(apart * apart, (0, 0), reach))
    return np.asarray(np.clip(128 + 48 * apart / (rough + 4), 0, 255), np.uint8)
