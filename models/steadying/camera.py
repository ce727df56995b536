"""Where the camera looked in each frame, and the frames as if it had stood still. No torch.

A shaking camera moves everything in the picture, so that moments that are alike look different. Corners are followed
from one frame of a shot to all others (B. D. Lucas and T. Kanade, 1981; J. Shi and C. Tomasi, 1994), and the turn,
shift and zoom that most of them share is found by random sampling (M. A. Fischler and R. C. Bolles, 1981). What moves
may also be the one thing that there is to see; so a shot is steadied only if

- corners agree in several parts of the picture;
- two other frames, as references, find the same motion: what bends or walks does not move as one, a camera's picture
  does;
- it is a shake, and no pan;
- the picture stands stiller afterwards, and most of it no less still: where one thing moves before what hardly has a
  corner, everything else would move instead.

On drawn scenes, where the truth is known, nothing passed that was off by over 3 % of the picture's height
(docs/log.md, 2026-11-23).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from models.progress import Progress, silent
from models.segments import Segments
from models.steadying.affine import Motions, carried, inverse, joined, rms_share, scaled
from models.steadying.corners import PARTS, Agreement, Grey, Reference
from models.windows import UInt8Frames

SHORT_SIDE_PX = 96  # of the pictures in which corners are followed
LEAST_SHARE = 0.2  # of the corners that agree, in the median frame
LEAST_PARTS = 3  # of the picture where most corners agree, likewise
CHECKED_FRAMES = 16  # between frames that are followed from other references too
MOST_APART = 0.01  # of the height, between what two references find, in the median
LEAST_SHAKE, MOST_SHAKE = 0.005, 0.12  # of the height, RMS: less is not worth another picture, more is no shake
STILLNESS_FRAMES = 100
UNSEEN_LEVELS = 0.5  # of 255, that a pixel may vary by and nobody sees it
MOST_STIRRED = 1.1  # times what most of the picture varied by before
PLACE_SHARES = (0.6, 0.75, 0.85)  # of a similarity that is the camera's place: the less, the truer jumps land
NEAR_SHARE = 0.1  # of the height: places this far apart are fairly unlike

Embeddings = npt.NDArray[np.float32]


@dataclass(frozen=True)
class CameraMotion:
    """How the camera moved.

    Attributes:
        motions: from places in the steadied picture to places in each frame, in pixels of `size`, float64 (F, 2, 3);
            the identity in shots that are left as they are.
        size: (width, height) of the pictures in which it was found.
        shake: by how much it moved the picture where it is steadied, RMS, as a share of the height.
    """

    motions: Motions
    size: tuple[int, int]
    shake: float

    def steadied(self, frames: UInt8Frames, out: UInt8Frames | None = None) -> UInt8Frames:
        """The frames as if the camera had stood still; what it did not see at the border repeats what it did.

        Args:
            frames: of the same clip, of any size, uint8 (F, h, w, 3).
            out: where to put them; a new array by default.
        """
        out = np.empty_like(frames) if out is None else out
        size = (frames.shape[2], frames.shape[1])
        for index, motion in enumerate(scaled(self.motions, self.size, size)):
            out[index] = _seen_through(frames[index], motion)
        return out

    def placed(
        self, query: Embeddings, target: Embeddings, segments: Segments, share: float = PLACE_SHARES[0]
    ) -> tuple[Embeddings, Embeddings]:
        """Embeddings of steadied segments, with where the camera was: a jump between its places is seen as a jerk.

        Similarities become (1 - `share`) · theirs + `share` · that of where the camera was as the one segment ended
        and before the other one goes on.

        Args:
            query: (N, D), norm 1.
            target: (N, D), norm 1.
            segments: of the clip.
            share: how much the place counts, 0 to 1.

        Returns:
            The same with more columns, norm 1.
        """
        places = carried(self.motions, self.size) / self.size[1]
        places = (places - places.mean(axis=0)).reshape(len(places), -1) / math.sqrt(places.shape[1])
        lift = np.full((len(places), 1), NEAR_SHARE)
        raised = np.concatenate([places, lift], axis=1)
        raised /= np.linalg.norm(raised, axis=1, keepdims=True)
        left = np.minimum(segments.starts + segments.window_frames - 1, len(raised) - 1)
        entered = segments.starts + segments.overlap_frames - 1
        return _side_by_side(query, raised[left], share), _side_by_side(target, raised[entered], share)


def _side_by_side(embeddings: Embeddings, places: npt.NDArray[np.float64], share: float) -> Embeddings:
    parts = (math.sqrt(1 - share) * embeddings, math.sqrt(share) * places)
    return np.concatenate(parts, axis=1, dtype=np.float32)


def picture_size(width_px: int, height_px: int) -> tuple[int, int]:
    """(width, height) of the pictures that `camera_motion` wants of a clip of this size."""
    scale = SHORT_SIDE_PX / min(width_px, height_px)
    return round(width_px * scale), round(height_px * scale)


def camera_motion(pictures: Grey, segments: Segments, progress: Progress = silent) -> CameraMotion | None:
    """Find out how a clip's camera moved.

    Args:
        pictures: the clip in grey, uint8 (F, h, w), of `picture_size`.
        segments: the clip's, which know its cuts.
        progress: told how far it is, shot by shot.

    Returns:
        None where it stood still, or nobody can tell.
    """
    motions = np.tile(np.eye(2, 3), (len(pictures), 1, 1))
    steadied = np.zeros(len(pictures), np.bool_)
    for shot in _shots(segments):
        found = _of_shot(pictures[shot])
        if found is not None:
            motions[shot], steadied[shot] = found, True
        progress("", shot.stop / len(pictures))
    if not steadied.any():
        return None
    size = (pictures.shape[2], pictures.shape[1])
    return CameraMotion(motions, size, rms_share(motions[steadied], size))


def _shots(segments: Segments) -> Iterator[slice]:
    """Those that hold a segment."""
    ends = [0, *segments.cuts, segments.frame_count]
    for begin, end in pairwise(ends):
        if end - begin >= segments.window_frames:
            yield slice(begin, end)


def _of_shot(pictures: Grey) -> Motions | None:
    """From the mean place of the camera to each frame; None where it should be left as it is."""
    count, size = len(pictures), (pictures.shape[2], pictures.shape[1])
    middle = count // 2
    reference = Reference(pictures[middle])
    if not reference.is_usable:
        return None
    found = {middle: Agreement(np.eye(2, 3), 1.0, PARTS * PARTS)}
    for order in (range(middle + 1, count), range(middle - 1, -1, -1)):
        last = np.eye(2, 3)
        for index in order:
            found[index] = reference.followed(pictures[index], last)
            last = found[index].motion
    agreements = [found[index] for index in range(count)]
    motions = np.stack([each.motion for each in agreements])
    share, parts = (float(np.median([getattr(each, name) for each in agreements])) for name in ("share", "parts"))
    if share < LEAST_SHARE or parts < LEAST_PARTS:
        return None
    height = pictures.shape[1]
    if any(_apart(pictures, motions, other) > MOST_APART * height for other in (count // 6, count - 1 - count // 6)):
        return None
    motions = joined(motions, inverse(motions.mean(axis=0)))
    if not LEAST_SHAKE <= rms_share(motions, size) <= MOST_SHAKE or not _is_stiller(pictures, motions):
        return None
    return motions


def _apart(pictures: Grey, motions: Motions, other: int) -> float:
    """How far what another reference finds is from these motions, in the median, in pixels."""
    size, reference = (pictures.shape[2], pictures.shape[1]), Reference(pictures[other])
    if not reference.is_usable:
        return np.inf
    from_other = inverse(motions[other])
    some = np.arange(0, len(pictures), CHECKED_FRAMES)
    guesses = joined(motions[some], from_other)
    seen = np.stack(
        [reference.followed(pictures[index], guess).motion for index, guess in zip(some, guesses, strict=True)]
    )
    difference = carried(joined(seen, motions[other]), size) - carried(motions[some], size)
    return float(np.median(np.linalg.norm(difference, axis=2).mean(axis=1)))


def _is_stiller(pictures: Grey, motions: Motions) -> bool:
    """Whether the picture varies less over time once it is steadied, light apart, and most of it no more."""
    some = np.arange(0, len(pictures), max(1, len(pictures) // STILLNESS_FRAMES))
    before = _restlessness(list(pictures[some]))
    after = _restlessness([_seen_through(pictures[index], motions[index]) for index in some])
    usual_before = max(float(np.median(before)), UNSEEN_LEVELS)
    return bool(after.mean() < before.mean() and np.median(after) < MOST_STIRRED * usual_before)


def _restlessness(pictures: Sequence[Grey]) -> npt.NDArray[np.float32]:
    """How far each pixel is from its usual level, in the median, (h, w)."""
    levels = np.stack(pictures).astype(np.float32)
    levels -= np.median(levels, axis=(1, 2), keepdims=True)
    return np.asarray(np.median(np.abs(levels - np.median(levels, axis=0)), axis=0), np.float32)


def _seen_through(frame: npt.NDArray[np.uint8], motion: Motions) -> npt.NDArray[np.uint8]:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size = (frame.shape[1], frame.shape[0])
    return np.asarray(cv2.warpAffine(frame, motion, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.uint8)
