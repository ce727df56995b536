"""The cpu preset's trunk: motion features from drawn scenes, beside windowed pixels, in a chosen mixture."""

from __future__ import annotations

import hashlib
import math
from functools import cache
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from models.errors import FitError
from models.pixel_trunk import PixelTrunk
from models.pixels import temporal_mean
from models.preset import EMBEDDING_SIZE, SceneSettings
from models.scene_slowfast import FEATURES, SAMPLED_FRAMES, SIDE_PX, SceneSlowFast, network_input
from models.segments import Segments
from models.sphere import lifted, principal_components
from models.trunk import Trunk, spread
from models.windows import UInt8Frames, gather

PART_SIZE = EMBEDDING_SIZE // 2  # of the learned and of the pixels' half of an embedding
WEIGHTS = Path(__file__).parent / "weights" / "scenes.safetensors"
CALIBRATED_AT_ONCE = 48  # windows, as in pre-training
MOST_CALIBRATED = 384


class SceneTrunk(Trunk):
    """A pre-trained SlowFast and windowed pixels side by side.

    The network looks at both ends of a window, at what true neighbours share and at what is appended with the frames
    just before it; see `Trunk.looks_ahead`.

    Similarities are `share` · the learned half's + (1 - `share`) · the pixels'. A half without a share is not
    computed, nor exported.

    Args:
        settings: which weights.
        segments: the clip's windows.
        frame_shape: (height, width) of the analysis frames, 64 × 64 px.

    Raises:
        FitError: the weights cannot be read.
        ValueError: frames of another size.
    """

    mean: Tensor  # (3, 64, 64)
    centre: Tensor  # (512,)
    basis: Tensor  # (512, k)
    lift: Tensor  # ()
    early_index: Tensor
    late_index: Tensor
    looks_ahead = True

    def __init__(self, settings: SceneSettings, segments: Segments, frame_shape: tuple[int, int]) -> None:
        super().__init__()
        if frame_shape != (SIDE_PX, SIDE_PX):
            raise ValueError(f"frames of {frame_shape[1]}×{frame_shape[0]} px: the network takes {SIDE_PX}×{SIDE_PX}")
        self.settings = settings
        self.share = settings.shares[0]
        self.network = SceneSlowFast()
        file = settings.weights or WEIGHTS
        load_weights(self.network, file)
        self.weights_sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
        self.pixels = PixelTrunk(settings.pixels, segments, frame_shape, size=PART_SIZE)
        offsets = spread(segments.overlap_frames, SAMPLED_FRAMES)
        self.register_buffer("early_index", offsets)
        self.register_buffer("late_index", offsets + segments.stride_frames)
        self.register_buffer("mean", torch.zeros(3, *frame_shape))
        self.register_buffer("centre", torch.zeros(2 * FEATURES))
        self.register_buffer("basis", torch.eye(2 * FEATURES, PART_SIZE - 1))
        self.register_buffer("lift", torch.ones(()))

    def train(self, mode: bool = True) -> SceneTrunk:
        """As `nn.Module.train`, but batch normalisation keeps its frozen statistics (FACTS, trap 1)."""
        super().train(mode)
        for norm in self._norms():
            norm.eval()
        return self

    def _norms(self) -> list[nn.BatchNorm2d | nn.BatchNorm3d]:
        return [module for module in self.modules() if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d)]

    def _network(self, frames: Tensor) -> Tensor:
        """Both ends' features side by side, float32 (B, 512)."""
        ends = [
            network_input(frames.index_select(1, index), self.mean) for index in (self.early_index, self.late_index)
        ]
        return torch.cat([self.network(pictures) for pictures in ends], dim=1)

    def learned(self, frames: Tensor) -> Tensor:
        """The learned half, float32 (B, 256) of norm 1, of windows uint8 (B, W, 64, 64, 3)."""
        return lifted((self._network(frames) - self.centre) @ self.basis, self.lift, PART_SIZE)

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        if self.share == 0.0:
            pixels = self.pixels(frames)[0]
            features = mixed(torch.zeros_like(pixels), pixels, 0.0)
        elif self.share == 1.0:
            learned = self.learned(frames)
            features = mixed(learned, torch.zeros_like(learned), 1.0)
        else:
            features = mixed(self.learned(frames), self.pixels(frames)[0], self.share)
        return features, features

    @torch.no_grad()
    def calibrate(self, frames: UInt8Frames, segments: Segments, random: np.random.Generator) -> None:
        self.pixels.calibrate(frames, segments, random)
        self.mean.copy_(temporal_mean(frames))
        chosen = random.permutation(segments.count)[:MOST_CALIBRATED]
        parts = np.array_split(chosen, max(1, len(chosen) // CALIBRATED_AT_ONCE))
        norms = self._norms()
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # a plain average over the batches
            norm.train()
        for part in parts:
            self._network(torch.from_numpy(gather(frames, segments, part)))
        for norm in norms:
            norm.eval()
        seen = torch.cat([self._network(torch.from_numpy(gather(frames, segments, part))) for part in parts])
        self.centre, self.basis = principal_components(seen, PART_SIZE - 1)
        self.lift = ((seen - self.centre) @ self.basis).square().sum(dim=1).mean().sqrt().clamp(min=1e-3)


def mixed(learned: Tensor, pixels: Tensor, share: float) -> Tensor:
    """Two unit vectors side by side so that products add up by shares, float32 (B, 512)."""
    return torch.cat([math.sqrt(share) * learned, math.sqrt(1.0 - share) * pixels], dim=1)


@cache
def _weights(path: Path) -> dict[str, Tensor]:
    return {name: value.float() for name, value in load_file(path).items()}


def load_weights(network: SceneSlowFast, path: Path) -> None:
    """Load start weights; batch statistics are not among them, the clip brings its own.

    Raises:
        FitError: the file is missing, damaged, or of another network.
    """
    try:
        missing, unexpected = network.load_state_dict(_weights(path), strict=False)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise FitError(f"{path}: no start weights of this network ({error}): install videotexture again") from error
    wanting = [name for name in missing if "running_" not in name and "num_batches" not in name]
    if wanting or unexpected:
        raise FitError(f"{path}: start weights of another network: {', '.join([*wanting, *unexpected][:3])}")
