"""Which features a clip's jumps are found by, decided on the clip itself."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.pixel_trunk import PixelTrunk
from models.preset import EMBEDDING_SIZE, PixelSettings
from models.progress import Progress, silent
from models.scene_trunk import PART_SIZE, SceneTrunk, mixed
from models.seam import Judge
from models.segments import Segments
from models.split import Indices
from models.trunk import Trunk
from models.windows import UInt8Frames, gather, gather_following

EMBEDDED_AT_ONCE = 48  # windows
NAMES = {0.0: "pixels", 1.0: "learned"}  # of shares; anything between is a mixture
OVERLAP = "overlapping pixels"  # of windows that share them, as classic video textures compare: no look ahead
WORTH = 0.05  # another than the preferred features must show this much less, as a share: the figure is no finer
TELLING = (
    0.57  # of the way from a random jump's seam to none, as logarithms: with less, light or shake is in every seam
)
UNSEEN_SEAM = 1.2  # times the clip's own steps: less than this nobody sees, so less is not better


@dataclass(frozen=True)
class Mixture:
    """The mixture that was taken.

    Attributes:
        trunk: what gives these features.
        name: what the jumps are found by, in words.
        seams: what the judge said of each, by name; empty where nobody judged.
        query: the mixed features of the clip's queries, float32 (N, 512).
        target: of its targets, float32 (N, 512).
    """

    trunk: Trunk
    name: str
    seams: dict[str, float]
    query: Tensor
    target: Tensor


def name_of(share: float) -> str:
    """A share in words."""
    return NAMES.get(share, f"{share:.0%} learned")


def choose_mixture(
    trunk: SceneTrunk,
    frames: UInt8Frames,
    segments: Segments,
    judge: Judge | None,
    random: np.random.Generator,
    progress: Progress = silent,
) -> Mixture:
    """Try each share that the settings name, and pixels without a look ahead; take what shows least.

    The shares are in order of preference: the first is taken that shows at most a twentieth more than the least. Where
    even the least is not far from a random jump's seam, seams tell little: light, shake and noise are in all of them,
    and features that do not know the state then show no more than those that do (docs/log.md). There, and where the
    camera is known to shake, the first is taken that can be walked.

    Args:
        trunk: calibrated; its `share` is set.
        frames: the clip, uint8 (F, 64, 64, 3).
        segments: its windows.
        judge: says how much the jumps of a clip's embeddings show, at an equal rate of jumps. None takes the
            first share unseen.
        random: draws the frames that pixels are calibrated on.
        progress: told how far it is.
    """
    query, target = _halves(trunk, frames, segments, progress)
    candidates = {name_of(share): (mixed(*query, share), mixed(*target, share)) for share in trunk.settings.shares}
    shares = {name_of(share): share for share in trunk.settings.shares}
    overlap = PixelTrunk(PixelSettings(), segments, (frames.shape[1], frames.shape[2])).eval()
    seams: dict[str, float] = {}
    if judge is None:
        name = name_of(trunk.settings.shares[0])
    else:
        overlap.calibrate(frames, segments, random)
        candidates[OVERLAP] = _of_all(overlap, frames, segments)
        seams, name = _chosen(candidates, judge)
    if name == OVERLAP:
        return Mixture(overlap, name, seams, *candidates[name])
    trunk.share = shares[name]
    return Mixture(trunk, name, seams, *candidates[name])


def _chosen(candidates: dict[str, tuple[Tensor, Tensor]], judge: Judge) -> tuple[dict[str, float], str]:
    """What was judged, and which of them is taken."""
    seams = dict[str, float]()
    for tried, sides in candidates.items():
        seams[tried] = round(judge(*(side.numpy() for side in sides)), 4)
        if judge.sees_shake and math.isfinite(seams[tried]):
            return seams, tried
    least = min(seams.values())
    tells = not judge.sees_shake and _tells(least, judge.random_seam)
    bearable = max(UNSEEN_SEAM, least) * (1 + WORTH) if tells else sys.float_info.max
    return seams, next((tried for tried, seam in seams.items() if seam <= bearable), next(iter(seams)))


def _tells(least: float, random_seam: float) -> bool:
    """Whether seams say which jumps are good: the best ones are far from random ones, or nobody sees either."""
    if least <= UNSEEN_SEAM or random_seam <= UNSEEN_SEAM:
        return True
    return 1 - math.log(least) / math.log(random_seam) >= TELLING


@torch.no_grad()
def _of_all(trunk: Trunk, frames: UInt8Frames, segments: Segments) -> tuple[Tensor, Tensor]:
    """(query, target) of all segments by a trunk that does not look ahead, float32 (N, 512) each."""
    query, target = torch.empty(segments.count, EMBEDDING_SIZE), torch.empty(segments.count, EMBEDDING_SIZE)
    for which in _batches(segments):
        query[which], target[which] = trunk(torch.from_numpy(gather(frames, segments, which)))
    return query, target


def _batches(segments: Segments) -> Iterator[Indices]:
    """All segments, some at a time.

    Results go into tensors that were there before: kept one by one they pin the heap, of which nothing between them
    is given back (an hour of video: 7 GB).
    """
    for first in range(0, segments.count, EMBEDDED_AT_ONCE):
        yield np.arange(first, min(first + EMBEDDED_AT_ONCE, segments.count))


Halves = tuple[Tensor, Tensor]  # learned and pixels, float32 (N, 256) each


@torch.no_grad()
def _halves(trunk: SceneTrunk, frames: UInt8Frames, segments: Segments, progress: Progress) -> tuple[Halves, Halves]:
    """Of all queries, and of all targets.

    What follows a segment is its successor's window, whose features are a target already, unless a shot ends there.
    """
    learned, pixels = torch.empty(segments.count, PART_SIZE), torch.empty(segments.count, PART_SIZE)
    for which in _batches(segments):
        windows = torch.from_numpy(gather(frames, segments, which))
        learned[which] = trunk.learned(windows)
        pixels[which] = trunk.pixels(windows)[0]
        progress("fit", 0.8 * float(which[-1] + 1) / segments.count)
    target = learned, pixels
    query = learned.roll(-1, 0), pixels.roll(-1, 0)
    last = np.flatnonzero(~np.append(segments.clean[1:], False))
    held = torch.from_numpy(gather_following(frames, segments, last))
    query[0][last], query[1][last] = trunk.learned(held), trunk.pixels(held)[0]
    return query, target
