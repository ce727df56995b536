"""Real or fake: how often a classifier is fooled that was trained to tell windows with a seam from windows without.

The counterpart of the paper's fooling rate (its section 4.3), without people: 50 % is chance, that is, the seams
cannot be told; 0 % is that each one is seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from bench.quality.film import Film
from bench.quality.grid import Grid
from bench.quality.played import Ends
from bench.quality.seams import visible
from models.seam import SeamMeasure

WINDOW_S = 1.2  # long enough that a film's own unrest is in it too
BESIDE = 4  # frames of a window, at least, on either side of its seam
BLOCK_S = 5.0  # of the timeline, that falls to training or to testing as a whole
SPLITS = 24
EXAMPLES = 400  # jumps to learn from
LEAST_WINDOWS = 6  # of each kind in each half; fewer say nothing
PENALTY = 1.0  # on squared weights
NEWTON_STEPS = 12

# What nobody sees in a picture 64 px high, roughly: two frames may differ by so much and count as the same.
UNSEEN_LEVELS = 1.0  # of 255, root mean square over the picture
UNSEEN_PX = 0.25  # of motion: 0.4 % of the height, 4 px in full HD
UNSEEN_COLOUR_LEVELS = 0.5  # of the mean colour

Features = npt.NDArray[np.float64]
Windows = npt.NDArray[np.int64]  # (M, L): the frames that each shows, in order


@dataclass(frozen=True)
class Sample:
    """Windows of both kinds.

    Attributes:
        frames: that each shows, in order, int64 (M, L).
        is_fake: which have a seam, bool (M,).
        parts: first and last frame before the seam (or where it would be), and after it, int64 (M, 4).
    """

    frames: Windows
    is_fake: npt.NDArray[np.bool_]
    parts: Windows


def sample(film: Film, ends: Ends, random: np.random.Generator) -> Sample:
    """Windows around jumps, and as many around the same places where the film goes on.

    The seam lies anywhere in its window. Half of the windows without go on from where a jump leaves, half lead to
    where one lands, so that the places themselves tell nothing.

    Args:
        film: what is walked.
        ends: of each jump, the last frame before and the first one after, (M, 2).
        random: draws where in its window each seam lies.
    """
    length = max(2 * BESIDE + 4, round(WINDOW_S * float(film.rate_hz)))
    places = np.arange(length)
    seam_at = random.integers(BESIDE, length - BESIDE + 1, len(ends))[:, None]
    leaves, lands = ends[:, :1], ends[:, 1:]
    fake = np.where(places < seam_at, leaves + 1 - seam_at + places, lands - seam_at + places)
    middle = np.where(np.arange(len(ends))[:, None] % 2 == 0, leaves, lands - 1)
    real = middle + 1 - seam_at + places
    windows = np.stack([fake, real])  # (2, M, L)
    part_ends = np.stack([np.zeros_like(seam_at), seam_at - 1, seam_at, np.full_like(seam_at, length - 1)])[..., 0].T
    parts = np.stack([np.take_along_axis(kind, part_ends, axis=1) for kind in windows])  # (2, M, 4)
    fits = np.array([_inside(film, kind[:, :2]) & _inside(film, kind[:, 2:]) for kind in parts]).all(axis=0)
    kept = windows[:, fits].reshape(-1, length)
    return Sample(kept, np.arange(len(kept)) < len(kept) // 2, parts[:, fits].reshape(-1, 4))


def _inside(film: Film, runs: Windows) -> npt.NDArray[np.bool_]:
    """Which runs of frames, (first, last), exist and have no hard cut in them."""
    first, last = runs.T
    within = (first >= 0) & (last < len(film.frames))
    for cut in film.segments.cuts:
        within &= (last < cut) | (first >= cut)
    return np.asarray(within, np.bool_)


class Describer:
    """Turns windows of a film into features: how restless the steps in each are, wherever in it.

    Args:
        measure: of the film's seams.
    """

    def __init__(self, measure: SeamMeasure) -> None:
        self.measure = measure
        self.unseen = np.array([UNSEEN_LEVELS, UNSEEN_PX, UNSEEN_PX, UNSEEN_LEVELS, UNSEEN_COLOUR_LEVELS])
        self.colour = measure.frames.mean(axis=(1, 2))  # (F, 3)
        steps = range(len(measure.frames) - 1)
        self.change = np.array([self._difference(step, step + 1) for step in steps])  # (F - 1,)

    def __call__(self, windows: Windows) -> Features:
        """(M, 20): of five figures per step, as logarithms, the largest, the second, the mean and the deviation."""
        seam = self.measure.runs(windows)
        natural = self.measure.natural
        source, target = windows[:, 1:-2], windows[:, 2:-1]  # the steps that `runs` judges
        light = np.linalg.norm(self.colour[target] - self.colour[source], axis=2)
        motion = np.stack([seam.appearance, seam.flow, seam.leap], axis=2) * natural
        per_step = np.concatenate([motion, np.stack([self._differences(source, target), light], axis=2)], axis=2)
        figures = np.log(per_step.astype(np.float64) + self.unseen)  # (M, S, 5)
        ranked = np.sort(figures, axis=1)
        return np.concatenate([ranked[:, -1], ranked[:, -2], figures.mean(axis=1), figures.std(axis=1)], axis=1)

    def _differences(self, source: Windows, target: Windows) -> npt.NDArray[np.float64]:
        """Root mean square difference of the two frames of each step, (M, S)."""
        differences = self.change[np.minimum(source, len(self.change) - 1)]
        for window, step in np.argwhere(target != source + 1):
            differences[window, step] = self._difference(source[window, step], target[window, step])
        return differences

    def _difference(self, source: int, target: int) -> float:
        frames = self.measure.frames
        return float(cv2.norm(frames[source], frames[target], cv2.NORM_L2) / np.sqrt(frames[0].size))


class Viewer:
    """A trained eye for the seams of one film, the same for every method that walks it.

    It learns from jumps of every difficulty: random ones, the likest by pixels, and all between. Were it trained on
    each method's own jumps, a method that takes the same few over and over would fool it for want of examples.

    Half of the timeline's blocks are for training, half for testing, drawn anew 24 times; a window counts only where
    all of it is on one side, so that no frame that is tested was seen in training.

    Args:
        film: what it looks at.
        measure: of its seams.
        cost: of jumping from segment i to j, (N, N), by which training jumps are graded; inf where none may be.
        random: draws jumps and blocks.
    """

    def __init__(
        self, film: Film, measure: SeamMeasure, cost: npt.NDArray[np.float32], random: np.random.Generator
    ) -> None:
        self.film, self.describer = film, Describer(measure)
        self.block_frames = round(BLOCK_S * float(film.rate_hz))
        examples = sample(film, _graded_jumps(film, cost, random), random)
        features = self.describer(examples.frames)
        self.trained = []
        for _ in range(SPLITS):
            is_training = random.permutation(len(film.frames) // self.block_frames + 1) % 2 == 0
            mine = is_training[examples.parts // self.block_frames].all(axis=1)
            kinds = np.bincount(examples.is_fake[mine], minlength=2)
            if kinds.min() >= LEAST_WINDOWS:
                self.trained.append((~is_training, _Classifier(features[mine], examples.is_fake[mine])))

    def fooled(self, ends: Ends, random: np.random.Generator) -> float | None:
        """How often it is wrong: 0 to 0.5 but for chance.

        Args:
            ends: of a walk's jumps, (M, 2).
            random: draws where in its window each jump lies.

        Returns:
            The mean of both kinds' errors, over windows with a seam and without; None where none can be tested.
        """
        tested = sample(self.film, ends, random)
        if not len(tested.frames):
            return None
        features = self.describer(tested.frames)
        wrong, seen = np.zeros(2), np.zeros(2)
        for is_testing, classifier in self.trained:
            mine = is_testing[tested.parts // self.block_frames].all(axis=1)
            is_fake = tested.is_fake[mine]
            wrong += np.bincount(is_fake[classifier(features[mine]) != is_fake], minlength=2)
            seen += np.bincount(is_fake, minlength=2)
        return float((wrong / seen).mean()) if seen.min() > 0 else None


def _graded_jumps(film: Film, cost: npt.NDArray[np.float32], random: np.random.Generator) -> Ends:
    """Jumps from anywhere to the r-th likest place, r even on a logarithmic scale, (M, 2)."""
    order = np.argsort(cost, axis=1, kind="stable")
    ways = np.isfinite(cost).sum(axis=1)
    sources = random.choice(np.flatnonzero(ways), EXAMPLES)
    ranks = np.exp(random.random(EXAMPLES) * np.log(ways[sources])).astype(np.int64) - 1
    grid = Grid.of_segments(film.segments, float(film.rate_hz))
    ends = np.stack([grid.last_shown[sources], grid.first_shown[order[sources, ranks]]], axis=1)
    return visible(film, ends)


class _Classifier:
    """Logistic regression with a ridge, both kinds weighing the same, by Newton's method."""

    def __init__(self, features: Features, is_fake: npt.NDArray[np.bool_]) -> None:
        self.centre, self.scale = features.mean(axis=0), features.std(axis=0) + 1e-6
        inputs = self._inputs(features)
        share = is_fake.mean()
        importance = np.where(is_fake, 0.5 / share, 0.5 / (1 - share))
        ridge = PENALTY * np.eye(inputs.shape[1])
        ridge[-1, -1] = 1e-6  # the offset is free
        self.weights = np.zeros(inputs.shape[1])
        for _ in range(NEWTON_STEPS):
            likely = 1 / (1 + np.exp(-np.clip(inputs @ self.weights, -30, 30)))
            slope = inputs.T @ (importance * (likely - is_fake)) + ridge @ self.weights
            curve = (inputs * (importance * likely * (1 - likely))[:, None]).T @ inputs + ridge
            self.weights -= np.linalg.solve(curve, slope)

    def _inputs(self, features: Features) -> Features:
        scaled = np.clip((features - self.centre) / self.scale, -5, 5)
        return np.concatenate([scaled, np.ones((len(scaled), 1))], axis=1)

    def __call__(self, features: Features) -> npt.NDArray[np.bool_]:
        return self._inputs(features) @ self.weights > 0
