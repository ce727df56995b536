"""Judging start weights on scenes that were not trained on: state error of the nearest windows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from models.continuation import jump_mask
from models.pretraining.draws import TRAINED, continuation_distance, sampled_offsets, squeezed
from models.scene_slowfast import SceneSlowFast, network_input
from models.scenes.dials import DialledScene, Dials
from models.scenes.drawn import Shot
from models.scenes.families import UNSEEN, create_scene
from models.segments import Segments

BEST_JUMPS = 5
LEVELS = (0.0, 0.6)  # of all dials
SECONDS = 30.0
VALIDATION_SEED = 2**31 + 7  # training draws seeds below 2**31


@dataclass(frozen=True)
class JudgedScene:
    """One scene, drawn.

    Attributes:
        name: family and level of the dials.
        unseen: whether its family is kept from training.
        frames: what the network is given of each segment, uint8 (N, 8, 64, 64, 3).
        mean: temporal mean, float32 (3, 64, 64).
        distance: of true continuations, (N, N).
        allowed: which segments may be compared, bool (N, N).
    """

    name: str
    unseen: bool
    frames: npt.NDArray[np.uint8]
    mean: npt.NDArray[np.float32]
    distance: npt.NDArray[np.float32]
    allowed: npt.NDArray[np.bool_]

    def error(self, features: npt.NDArray[np.float32]) -> float:
        """State error of the nearest five, as a share of a random pair's; features (N, D)."""
        squares = (features**2).sum(axis=1)
        apart = squares[:, None] + squares[None] - 2 * features @ features.T
        return self._of(np.where(self.allowed, apart, np.inf))

    @property
    def oracle(self) -> float:
        """What perfect features would reach."""
        return self._of(np.where(self.allowed, self.distance, np.inf))

    def _of(self, apart: npt.NDArray[np.float32]) -> float:
        best = np.argpartition(apart, BEST_JUMPS, axis=1)[:, :BEST_JUMPS]
        found = np.take_along_axis(self.distance, best, axis=1).mean()
        return float(found / self.distance[self.allowed].mean())

    @property
    def pixels(self) -> float:
        """What contrast-normalised pixels reach, late frames weighing more."""
        frames = torch.from_numpy(self.frames)
        changes = network_input(frames, torch.from_numpy(self.mean))[:, :3]
        weights = torch.arange(1.0, frames.shape[1] + 1.0)[:, None, None]
        return self.error((changes * weights).flatten(1).numpy())


@cache
def scenes() -> tuple[JudgedScene, ...]:
    """Two scenes of each family, with dials at 0 and up, the unseen families' included."""
    return tuple(_drawn(family, level) for family in (*TRAINED, *UNSEEN) for level in LEVELS)


def _drawn(family: str, level: float) -> JudgedScene:
    shot = Shot(VALIDATION_SEED, SECONDS, width=106, height=64)
    scene = DialledScene(create_scene(family, shot), Dials.all(level), VALIDATION_SEED)
    segments = Segments.of_clip(scene.frame_count, scene.rate_hz)
    film = np.stack([squeezed(scene.frame(index)) for index in range(scene.frame_count)])
    views = segments.starts[:, None] + sampled_offsets(segments.overlap_frames)
    mean = film.mean(axis=0, dtype=np.float32).transpose(2, 0, 1) / np.float32(255)
    return JudgedScene(
        name=f"{family} {level:g}",
        unseen=family in UNSEEN,
        frames=film[views],
        mean=np.ascontiguousarray(mean),
        distance=continuation_distance(scene.state(), segments.starts, segments),
        allowed=jump_mask(segments, np.arange(segments.count)),
    )


@torch.no_grad()
def features_of(network: SceneSlowFast, scene: JudgedScene) -> npt.NDArray[np.float32]:
    """A network's features (N, 256), its statistics calibrated on the scene. The network is left in training mode.

    The scene is sent to the device that the network is on.
    """
    network.train()
    device = next(network.parameters()).device
    mean = torch.from_numpy(scene.mean).to(device)
    parts: list[Tensor] = [
        network(network_input(torch.from_numpy(part).to(device), mean))
        for part in np.array_split(scene.frames, max(1, len(scene.frames) // 48))
    ]
    features: npt.NDArray[np.float32] = torch.cat(parts).cpu().numpy()
    return features


def judge(network: SceneSlowFast) -> dict[str, float]:
    """State error per scene, the share of a random pair's; lower is better."""
    return {scene.name: round(scene.error(features_of(network, scene)), 4) for scene in scenes()}
