"""Windowed pixels as a trunk: no parameter, a hard baseline (docs/log.md, 2026-11-22)."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from models.pixels import channels_first, contrast_normalised, temporal_mean
from models.preset import EMBEDDING_SIZE, PixelSettings
from models.segments import Segments
from models.sphere import lifted, principal_components
from models.trunk import Trunk, spread
from models.windows import UInt8Frames

MOST_FRAMES = 800  # looked at for the principal components: their cost grows with the square


class PixelTrunk(Trunk):
    """Each sampled frame's principal components, side by side, lifted on the sphere.

    A view's frames count the more the later they are, as the square of their place in it: what comes next
    depends most on the frames just before (docs/log.md, 2026-11-22).

    Args:
        settings: frames and components.
        segments: the clip's windows.
        frame_shape: (height, width) of the analysis frames in pixels.
        size: of its embedding.
    """

    mean: Tensor  # (3, h, w)
    centre: Tensor  # (k,)
    basis: Tensor  # (3 · h · w, k)
    lift: Tensor  # ()
    weights: Tensor  # (m, 1), mean square 1
    frame_index: Tensor
    query_index: Tensor
    target_index: Tensor

    def __init__(
        self,
        settings: PixelSettings,
        segments: Segments,
        frame_shape: tuple[int, int],
        size: int = EMBEDDING_SIZE,
    ) -> None:
        super().__init__()
        self.size = size
        height, width = frame_shape
        self.looks_ahead = settings.view == "window"
        length = segments.window_frames if self.looks_ahead else segments.overlap_frames
        offsets = spread(length, min(settings.sampled_frames, length))
        query_offsets = offsets if self.looks_ahead else offsets + segments.stride_frames
        used = torch.unique(torch.cat([offsets, query_offsets]))
        self.register_buffer("frame_index", used)
        self.register_buffer("query_index", torch.searchsorted(used, query_offsets))
        self.register_buffer("target_index", torch.searchsorted(used, offsets))
        self.components = min(settings.components, (size - 1) // len(offsets))
        self.register_buffer("mean", torch.zeros(3, height, width))
        self.register_buffer("centre", torch.zeros(self.components))
        self.register_buffer("basis", torch.zeros(3 * height * width, self.components))
        self.register_buffer("lift", torch.ones(()))
        weights = torch.arange(1.0, len(offsets) + 1.0)
        self.register_buffer("weights", (weights / weights.square().mean().sqrt())[:, None])

    def _project(self, frames: Tensor) -> Tensor:
        """uint8 (M, h, w, 3) → float32 (M, k)."""
        pixels = contrast_normalised(channels_first(frames), self.mean).flatten(1)
        return pixels @ self.basis - self.centre

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        used = frames.index_select(1, self.frame_index)
        projected = self._project(used.flatten(0, 1))
        projected = projected.reshape(-1, len(self.frame_index), projected.shape[1])
        query, target = (
            (projected.index_select(1, index) * self.weights).flatten(1)
            for index in (self.query_index, self.target_index)
        )
        return lifted(query, self.lift, self.size), lifted(target, self.lift, self.size)

    def calibrate(self, frames: UInt8Frames, segments: Segments, random: np.random.Generator) -> None:
        chosen = random.permutation(len(frames))[:MOST_FRAMES]
        some = torch.from_numpy(frames[np.sort(chosen)])
        self.mean.copy_(temporal_mean(frames))
        pixels = contrast_normalised(channels_first(some), self.mean).flatten(1)
        mean, self.basis = principal_components(pixels, self.components)
        self.centre = mean @ self.basis
        norms = (pixels @ self.basis - self.centre).square().sum(dim=1)
        self.lift = (norms.mean() * len(self.query_index)).sqrt().clamp(min=1e-3)
