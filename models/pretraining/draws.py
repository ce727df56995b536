"""What pre-training looks at: windows of random scenes, and how unlike their true continuations are. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np
import numpy.typing as npt

from models.scene_slowfast import SAMPLED_FRAMES, SIDE_PX
from models.scenes.dial_levels import MOST
from models.scenes.dials import DIALS, DialledScene, Dials
from models.scenes.drawn import Shot
from models.scenes.families import FAMILIES, UNSEEN, create_scene
from models.segments import Segments

TRAINED = tuple(family for family in FAMILIES if family not in UNSEEN)
WINDOWS = 48  # per draw
ANCHORS = 16  # windows drawn at random; the others are chosen near them, so that there is something to tell apart
POOL = 400  # places of a scene among which windows are chosen
NEAREST = 12  # of an anchor, in true state, of which two are taken
RATES_HZ = (Fraction(24), Fraction(25), Fraction(30), Fraction(30), Fraction(50))
DIALS_UP = 1600  # draws over which the dials go up from a tenth: features come first, then what not to heed
CLEAN_SHARE = 0.2  # of draws, with all dials off: by chance that happened once in four thousand
SINGLE_SHARE = 0.35  # with one dial up
HEIGHTS_PX = (64, 72, 80)
ASPECTS = (1.0, 1.2, 1.5)  # further ones cost pixels that are averaged away


@dataclass(frozen=True)
class Draw:
    """Windows of one scene.

    Attributes:
        family: of the scene.
        frames: what the network is given of each window, uint8 (B, 8, 64, 64, 3).
        mean: temporal mean of the scene, float32 (3, 64, 64), 0 to 1.
        distance: between what truly follows any two windows, as a share of a random pair's, float32 (B, B);
            infinite where two windows overlap.
    """

    family: str
    frames: npt.NDArray[np.uint8]
    mean: npt.NDArray[np.float32]
    distance: npt.NDArray[np.float32]


def squeezed(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """A picture (h, w, 3) at the network's size, averaged down."""
    if picture.shape[:2] == (SIDE_PX, SIDE_PX):
        return picture
    return np.asarray(cv2.resize(picture, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA), np.uint8)


def sampled_offsets(overlap_frames: int) -> npt.NDArray[np.int64]:
    """Which frames of a view the network is given, int64 (8,), repeated where the view has fewer."""
    return np.linspace(0, overlap_frames - 1, SAMPLED_FRAMES).round().astype(np.int64)


def continuation_distance(
    state: npt.NDArray[np.float32], starts: npt.NDArray[np.int64], segments: Segments
) -> npt.NDArray[np.float32]:
    """Mean distance of what follows two views by a stride, (B, B).

    Args:
        state: true state per frame, float32 (F, K).
        starts: first frame of each view, int64 (B,).
        segments: gives the view's length and the stride.
    """
    total = np.zeros((len(starts), len(starts)), np.float32)
    for offset in range(segments.overlap_frames, segments.window_frames):
        shown = state[starts + offset]
        squares = (shown**2).sum(axis=1)
        total += np.sqrt(np.maximum(0, squares[:, None] + squares[None] - 2 * shown @ shown.T))
    return total / np.float32(segments.stride_frames)


def draw(seed: int, step: int) -> Draw:
    """The windows of one step; the same seed and step give the same.

    Every window shows the scene at another time, so under other light, shake and so on: what is near in state
    is to be near in features whatever those are.
    """
    random = np.random.default_rng([seed, step])
    family = str(random.choice(TRAINED))
    height = int(random.choice(HEIGHTS_PX))
    width = int(height * random.choice(ASPECTS)) // 2 * 2
    rate_hz = RATES_HZ[random.integers(len(RATES_HZ))]
    shot = Shot(int(random.integers(2**31)), 40.0, rate_hz, width, height)
    dials = _turned_down(draw_dials(random), min(1.0, 0.1 + 0.9 * step / DIALS_UP))
    scene = DialledScene(create_scene(family, shot), dials, int(random.integers(2**31)))
    segments = Segments.of_clip(scene.frame_count, rate_hz)
    starts, distance = _chosen(scene.state(), segments, random)
    offsets = sampled_offsets(segments.overlap_frames)
    frames = np.empty((len(starts), SAMPLED_FRAMES, SIDE_PX, SIDE_PX, 3), np.uint8)
    mirrored, swapped = random.random() < 0.5, random.permutation(3)
    for window, start in enumerate(starts):
        for place, offset in enumerate(offsets):
            if place and offset == offsets[place - 1]:
                frames[window, place] = frames[window, place - 1]
                continue
            picture = squeezed(scene.frame(int(start + offset)))
            frames[window, place] = (picture[:, ::-1] if mirrored else picture)[:, :, swapped]
    mean = frames.mean(axis=(0, 1), dtype=np.float32).transpose(2, 0, 1) / np.float32(255)
    return Draw(family, frames, np.ascontiguousarray(mean), distance)


def draw_dials(random: np.random.Generator) -> Dials:
    """How badly a scene is filmed: not at all, by one dial, or by several at once."""
    several, which = Dials.random(random), random.random()
    if which < CLEAN_SHARE:
        return Dials.none()
    if which < CLEAN_SHARE + SINGLE_SHARE:
        return Dials.only(str(random.choice(DIALS)), random.uniform(0, MOST))
    return several


def _turned_down(dials: Dials, share: float) -> Dials:
    return Dials(**{name: share * getattr(dials, name) for name in DIALS})


def _chosen(
    state: npt.NDArray[np.float32], segments: Segments, random: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """First frames of the views, and the distances of what follows them."""
    last = segments.frame_count - segments.window_frames
    pool = np.sort(random.choice(last, min(POOL, last), replace=False)).astype(np.int64)
    distance = continuation_distance(state, pool, segments)
    distance /= distance.mean() + np.float32(1e-6)
    overlapping = np.abs(pool[:, None] - pool[None]) < segments.window_frames
    distance[overlapping] = np.inf
    anchors = random.choice(len(pool), ANCHORS, replace=False)
    chosen = list(anchors)
    for anchor in anchors:
        nearest = np.argpartition(distance[anchor], NEAREST)[:NEAREST]
        chosen.extend(random.choice(nearest, WINDOWS // ANCHORS - 1, replace=False))
    places = np.unique(chosen)
    spare = np.setdiff1d(np.arange(len(pool)), places)
    places = np.concatenate([places, random.choice(spare, WINDOWS - len(places), replace=False)])
    return pool[places], distance[np.ix_(places, places)]
