"""Which features a clip's jumps are found by, decided on the clip itself."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
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
STRANGE = 1.5  # times as unlike, by the learned features, as the jumps of the best: it knows the light, not the state
LEAST_UNLIKE = 0.01  # 1 - cosine: what is nearer is the same
UNSEEN_SEAM = 1.2  # times the clip's own steps: less than this nobody sees, so less is not better


Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Mixture:
    """The mixture that was taken.

    Attributes:
        trunk: what gives these features.
        name: what the jumps are found by, in words.
        seams: what the judge said of each, by name; empty where nobody judged.
        unlikeness: of both ends of those jumps by the learned half, 1 - cosine on the average, by name.
        query: the mixed features of the clip's queries, float32 (N, 512).
        target: of its targets, float32 (N, 512).
    """

    trunk: Trunk
    name: str
    seams: dict[str, float]
    unlikeness: dict[str, float]
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

    The shares are in order of preference: the first is taken that shows at most a twentieth more than the least. What
    shows little need not be true: where a shadow wanders over the picture, pixels find the places where it falls alike,
    and know nothing of the rest. So features whose jumps the learned half finds much more unlike than others' are left
    out. Where even the least is not far from a random jump's seam, and where the camera is known to shake, seams tell
    little, for light, shake and noise are in all of them: there the first is taken that can be walked (docs/log.md).

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
    if judge is None:
        said, name = _Said(), name_of(trunk.settings.shares[0])
    else:
        overlap.calibrate(frames, segments, random)
        candidates[OVERLAP] = _of_all(overlap, frames, segments)
        said = _judged(candidates, judge, (query[0].numpy(), target[0].numpy()))
        name = _chosen(said)
    if name == OVERLAP:
        return Mixture(overlap, name, said.seams, said.unlikeness, *candidates[name])
    trunk.share = shares[name]
    return Mixture(trunk, name, said.seams, said.unlikeness, *candidates[name])


@dataclass(frozen=True)
class _Said:
    """What was said of each candidate, by name; nothing of those behind one that was taken unseen."""

    seams: dict[str, float] = field(default_factory=dict)
    unlikeness: dict[str, float] = field(default_factory=dict)
    shakes: bool = False
    random_seam: float = 1.0


def _judged(candidates: dict[str, tuple[Tensor, Tensor]], judge: Judge, learned: tuple[Floats, Floats]) -> _Said:
    """What the judge, and what the learned half says of each; under shake up to the first that can be walked."""
    said = _Said(shakes=judge.sees_shake, random_seam=judge.random_seam)
    for tried, sides in candidates.items():
        found = judge(*(side.numpy() for side in sides))
        leaves, lands = found.jumps.T
        unlike = 1 - (learned[0][leaves] * learned[1][lands]).sum(axis=1)
        said.seams[tried] = round(found.seam, 4)
        said.unlikeness[tried] = round(float(unlike @ found.shares), 4)
        if said.shakes and math.isfinite(found.seam):
            break
    return said


def _chosen(said: _Said) -> str:
    walked = {tried: seam for tried, seam in said.seams.items() if math.isfinite(seam)}
    if said.shakes or not walked:
        return next(iter(walked or said.seams))
    strange = STRANGE * max(LEAST_UNLIKE, min(said.unlikeness[tried] for tried in walked))
    known = {tried: seam for tried, seam in walked.items() if said.unlikeness[tried] <= strange}
    least = min(known.values())
    bearable = max(UNSEEN_SEAM, least) * (1 + WORTH) if _tells(least, said.random_seam) else math.inf
    return next(tried for tried, seam in known.items() if seam <= bearable)


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
