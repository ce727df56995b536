"""Every method that is measured, by name: how it weighs steps, and how it walks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.quality import metrics
from bench.quality.baselines import ClassicMethod, ClassicSettings, at_rate, schoedl_walk
from bench.quality.film import Distances, Film, distances
from bench.quality.grid import Grid
from bench.quality.played import Played
from bench.quality.state_error import StateError
from bench.server_process import BenchError
from models.preset import CPU, Preset, SceneSettings
from models.registry import sha256_of
from models.resnet import find_weights, resnet_features
from models.scene_trunk import WEIGHTS
from stream.transitions import Transitions
from stream.ways import Ways

Similarity = npt.NDArray[np.float32]

# Tuned at 15 jumps a minute by `python -m bench.quality.tuning` on 18 films of trained families (2026-11-22): state
# error 0.341, 0.330 and 0.361 of random.
CLASSIC = ClassicSettings(taps=2, power=2.0, threshold=0.1, radius=1)
CLASSIC_PLUS = ClassicSettings(taps=16, power=2.0, threshold=0.25, radius=4)
CLASSIC_PLUS_PLUS = ClassicSettings(power=2.0, threshold=0.25, radius=4)
CLASSIC_DEEP = CLASSIC  # no weights were at hand to tune it with

ORACLE, PIXELS, FIT = "oracle", "windowed pixels", "fit"
LOOKING_PIXELS = "looking pixels"
LEARNED, CLASSIC_DEEP_NAME = "learned", "Classic Deep"
READ_SCENES = (LEARNED, FIT)  # which of them read the pre-trained network's weights
MARK_DIGITS = 12  # of a file's SHA-256
CHANCE = "random jumps"


@dataclass(frozen=True)
class Method:
    """One row of the table.

    Attributes:
        similarity: of stepping from segment i to j, float32 (N, N), for a film and a seed: the product's walk
            over it is measured.
        own_walk: Schödl's walk as it was published with; None walks so over the similarities.
        looks: whether the product's walk looks at its jumps, and is solved again with what it saw.
        only_walk: in the place of both walks, where there is nothing to choose by.
        about: a line for the page.
    """

    similarity: Callable[[Film, int], Similarity]
    about: str
    own_walk: Callable[[Film], Played] | None = None
    only_walk: Callable[[Film], Played] | None = None
    looks: bool = False


@dataclass(frozen=True)
class Weights:
    """Files that are not part of the project.

    Attributes:
        scenes: of the network that was pre-trained on drawn scenes; None for the one that comes with it.
        resnet: torchvision's ResNet-18; None for the one that was fetched before.
    """

    scenes: Path | None = None
    resnet: Path | None = None

    def preset(self) -> Preset:
        """What `videotexture fit` makes textures by, with the weights that were named."""
        if self.scenes is None or not isinstance(CPU.trunk, SceneSettings):
            return CPU
        return replace(CPU, trunk=replace(CPU.trunk, weights=self.scenes))

    def read_by(self, name: str) -> Path | None:
        """The file of these that a method reads; None where it reads none, or what it comes with."""
        if name in READ_SCENES:
            return self.scenes
        return self.resnet if name == CLASSIC_DEEP_NAME else None

    def mark(self, name: str) -> str:
        """What tells a method's figures by its file from those by another; empty where it reads none of these."""
        file = self.read_by(name)
        return "" if file is None else sha256_of(file)[:MARK_DIGITS]

    def check(self, names: Sequence[str]) -> None:
        """Refuse a file that is not there, and one that none of some methods reads.

        Raises:
            BenchError: one is.
        """
        for option, file, readers in (
            ("--weights", self.scenes, READ_SCENES),
            ("--resnet", self.resnet, (CLASSIC_DEEP_NAME,)),
        ):
            if file is None:
                continue
            if not file.is_file():
                raise BenchError(f"{option} {file}: no such file")
            if not set(readers) & set(names):
                raise BenchError(
                    f"{option} is read by {' and '.join(map(repr, readers))} alone, which --methods leaves out; "
                    f"add one of them, or leave {option} out"
                )


def missing(name: str, weights: Weights) -> str:
    """Why a method cannot be run here; empty if it can.

    Raises:
        FitError: a file that was named does not exist.
    """
    if name == CLASSIC_DEEP_NAME and find_weights(weights.resnet) is None:
        return "no weights: give torchvision's ResNet-18 by --resnet"
    if name == LEARNED and not (weights.scenes or WEIGHTS).is_file():
        return "no weights: give the pre-trained network's by --weights"
    return ""


def methods(weights: Weights) -> dict[str, Method]:
    """All, by name, from the floor to the ceiling."""
    return {
        CHANCE: Method(_noise, "Any segment may follow any other, all alike.", only_walk=random_walk),
        "Classic": _classic(ClassicMethod(rgb, CLASSIC, frame_by_frame=True), "RGB, frame by frame (Schödl 2000)."),
        "Classic+": _classic(ClassicMethod(rgb, CLASSIC_PLUS), "As Classic, but each step appends a stride."),
        "Classic++": _classic(
            ClassicMethod(rgb, CLASSIC_PLUS_PLUS, whole_window=True), "As Classic+, filtered over whole windows."
        ),
        CLASSIC_DEEP_NAME: _classic(
            ClassicMethod(_Deep(weights), CLASSIC_DEEP, frame_by_frame=True), "As Classic, on ResNet-18's features."
        ),
        "random SlowFast": Method(
            lambda film, seed: metrics.of_preset(film, metrics.RANDOM_SLOWFAST, seed), "Features of a random network."
        ),
        PIXELS: Method(
            lambda film, seed: metrics.of_preset(film, metrics.PIXELS, seed),
            "Contrast-normalised pixels of the overlap, late frames weighing more.",
        ),
        "pixels ahead": Method(
            lambda film, seed: metrics.of_preset(film, metrics.PIXELS_AHEAD, seed),
            "The same of whole windows, what is appended included: what the learned metric looks at.",
        ),
        LEARNED: Method(
            lambda film, seed: metrics.of_scene_network(film, weights.scenes or WEIGHTS, seed),
            "The network pre-trained on drawn scenes, alone.",
        ),
        LOOKING_PIXELS: Method(
            lambda film, seed: metrics.of_preset(film, metrics.PIXELS, seed),
            "Windowed pixels, by a walk that looks at its jumps as that of fit does.",
            looks=True,
        ),
        FIT: Method(
            lambda film, seed: metrics.of_fit(film, weights.preset(), seed),
            "What videotexture fit makes of the film.",
            looks=True,
        ),
        ORACLE: Method(_oracle, "Knows the true state; no method can."),
    }


def over_similarity(film: Film, similarity: Similarity) -> Played:
    """Schödl's walk over any metric, as Classic+ takes it: a step costs what it is less alike than going on.

    So a metric can be told from the walk that it comes with.

    Raises:
        TextureError: it cannot be walked for ever.
    """
    going_on = similarity.diagonal(1)
    natural = np.append(going_on, np.median(going_on))  # nothing follows the last
    cost = np.maximum(natural[:, None] - similarity, 0).astype(np.float32)
    return schoedl_walk(cost, Grid.of_segments(film.segments, float(film.rate_hz)), CLASSIC_PLUS)


def _classic(method: ClassicMethod, about: str) -> Method:
    return Method(lambda film, seed: method.similarity(film), about, method.own_walk)


def rgb(film: Film) -> Distances:
    """Differences of every two frames, (F, F)."""
    return film.frame_distance


@dataclass(frozen=True)
class _Deep:
    weights: Weights

    def __call__(self, film: Film) -> Distances:
        found = find_weights(self.weights.resnet)
        assert found is not None  # `missing` was asked before
        return distances(resnet_features(film.frames, found))


def _noise(film: Film, seed: int) -> Similarity:
    return np.random.default_rng(seed).random((film.segments.count,) * 2, np.float32)


def random_walk(film: Film) -> Played:
    """Jumps from anywhere to anywhere that is allowed, at the common rate."""
    grid = Grid.of_segments(film.segments, float(film.rate_hz))
    ways = Ways.of_mask(grid.allowed())
    even = Transitions.of_weights(
        ways, np.ones(len(ways), np.float32), ways, lambda which: np.zeros(len(which), np.float32)
    )
    return Played(grid, at_rate(even, grid))


def _oracle(film: Film, seed: int) -> Similarity:
    if film.state is None:
        raise ValueError("an oracle needs the true state, and nobody knows that of a clip")
    return StateError(film.state, film).oracle()
