"""SlowFast as a trunk."""

from __future__ import annotations

import warnings

import numpy as np
import torch
from torch import Tensor, nn

from models.pixels import channels_first, temporal_mean
from models.precision import in_steps
from models.preset import EMBEDDING_SIZE, SlowFastSettings
from models.segments import Segments
from models.sphere import lifted, principal_components
from models.split import Indices
from models.trunk import Trunk, spread
from models.windows import UInt8Frames, gather

FAST_PER_SLOW = 4  # frames of the fast pathway for one of the slow
FAST_CHANNELS_SHARE = 8  # the slow pathway has this many times the fast one's channels
SCALE = 4.0  # differences from the mean are small: about unit variance after it
KINETICS_MEAN, KINETICS_DEVIATION = 0.45, 0.225  # of each channel, where pixels go from 0 to 1
CALIBRATION_WINDOWS = 256


class SlowFastTrunk(Trunk):
    """SlowFast without its classifier, its features standardised on the clip and lifted on the sphere.

    Batch normalisation's statistics are frozen, in training too: in training mode the batch itself gives the
    answer away (FACTS, trap 1), and a window's embedding would depend on its batch mates. Weights from
    Kinetics bring statistics of their own; random ones have them measured on the clip once, with the clip's
    temporal mean subtracted from the input (trap 3).

    Args:
        settings: size, and which view of a window is embedded.
        segments: the clip's windows.
        frame_shape: (height, width) of the analysis frames in pixels.

    Source:
        Feichtenhofer et al. 2019 for the network; Narasimhan et al., section 3, for its use. They pool
        globally and take pretrained or random weights; the standardisation and the lift are ours.
        PyTorchVideo's example of its `slowfast_r50` for what the Kinetics weights expect.
    """

    mean: Tensor  # (3, h, w)
    centre: Tensor  # (channels,)
    basis: Tensor  # (channels, k)
    lift: Tensor  # ()
    query_index: Tensor
    target_index: Tensor
    slow_index: Tensor

    def __init__(self, settings: SlowFastSettings, segments: Segments, frame_shape: tuple[int, int]) -> None:
        super().__init__()
        self.settings = settings
        self.grid = settings.grid
        fast_channels = settings.slow_channels // FAST_CHANNELS_SHARE
        self.stages = _stages(settings)
        channels = 32 * (settings.slow_channels + fast_channels) * settings.grid**2
        overlaps = settings.view == "overlap"
        length = segments.overlap_frames if overlaps else segments.window_frames
        offsets = spread(length, settings.sampled_frames)
        self.register_buffer("target_index", offsets)
        self.register_buffer("query_index", offsets + (segments.stride_frames if overlaps else 0))
        self.by_clip = settings.normalisation == "clip"
        self.scale = SCALE if self.by_clip else 1.0 / KINETICS_DEVIATION
        self.register_buffer("slow_index", _slow_index(settings.sampled_frames, to_the_end=not self.by_clip))
        self.register_buffer("mean", torch.full((3, *frame_shape), 0.0 if self.by_clip else KINETICS_MEAN))
        self.register_buffer("centre", torch.zeros(channels))
        self.register_buffer("basis", torch.eye(channels, EMBEDDING_SIZE - 1))
        self.register_buffer("lift", torch.ones(()))

    def train(self, mode: bool = True) -> SlowFastTrunk:
        """As `nn.Module.train`, but batch normalisation keeps its frozen statistics."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm3d):
                module.eval()
        return self

    def _network(self, frames: Tensor, index: Tensor) -> Tensor:
        """uint8 (B, W, h, w, 3) → float32 (B, channels)."""
        pixels = (channels_first(frames.index_select(1, index)) - self.mean) * self.scale
        fast = pixels.movedim(2, 1)  # (B, 3, T, h, w)
        paths = [fast.index_select(2, self.slow_index), fast]  # a fresh list: the stages change it
        with in_steps(frames.device, training=self.training):
            for stage in self.stages:
                paths = stage(paths)
        return torch.cat([_cells(path.float(), self.grid) for path in paths], dim=1)

    def _features(self, frames: Tensor, index: Tensor) -> Tensor:
        projected = (self._network(frames, index) - self.centre) @ self.basis
        return lifted(projected, self.lift, EMBEDDING_SIZE)

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        query = self._features(frames, self.query_index)
        if self.settings.view == "window":
            return query, query
        return query, self._features(frames, self.target_index)

    def _windows(self, frames: UInt8Frames, segments: Segments, which: Indices) -> Tensor:
        return torch.from_numpy(gather(frames, segments, which)).to(self.mean.device)

    @torch.no_grad()
    def calibrate(self, frames: UInt8Frames, segments: Segments, random: np.random.Generator) -> None:
        chosen = random.permutation(segments.count)[:CALIBRATION_WINDOWS]
        parts = np.array_split(chosen, max(1, len(chosen) // 16))
        if self.by_clip:
            self.mean.copy_(temporal_mean(frames))
            self._measure_statistics(frames, segments, parts)
        seen = torch.cat([self._network(self._windows(frames, segments, part), self.target_index) for part in parts])
        deviation = seen.std(dim=0, correction=0).clamp(min=1e-3)
        self.centre, basis = principal_components(seen / deviation, EMBEDDING_SIZE - 1)
        self.centre = self.centre * deviation
        self.basis = basis / deviation[:, None]
        self.lift = ((seen - self.centre) @ self.basis).square().sum(dim=1).mean().sqrt().clamp(min=1e-3)

    def _measure_statistics(self, frames: UInt8Frames, segments: Segments, parts: list[Indices]) -> None:
        norms = [module for module in self.modules() if isinstance(module, nn.BatchNorm3d)]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # a plain average over the batches
            norm.train()
        for part in parts:
            self._network(self._windows(frames, segments, part), self.target_index)
        for norm in norms:
            norm.eval()


def _stages(settings: SlowFastSettings) -> nn.ModuleList:
    """SlowFast's stem and four stages, without pooling and classifier."""
    with warnings.catch_warnings():  # its imports use what torch has deprecated
        warnings.simplefilter("ignore", DeprecationWarning)
        # here and not above: it takes two seconds that a pixel trunk need not wait for
        from pytorchvideo.models.slowfast import create_slowfast
    channels = (settings.slow_channels, settings.slow_channels // FAST_CHANNELS_SHARE)
    network = create_slowfast(model_depth=settings.depth, stem_dim_outs=channels)
    return nn.ModuleList(network.blocks[:5])


def stage_shapes(settings: SlowFastSettings) -> dict[str, tuple[int, ...]]:
    """The shape of each weight of `SlowFastTrunk.stages`, by its name there; nothing is computed for it."""
    with torch.device("meta"):
        stages = _stages(settings)
    return {name: tuple(tensor.shape) for name, tensor in stages.state_dict().items()}


def _slow_index(count: int, *, to_the_end: bool) -> Tensor:
    """Which of the fast pathway's `count` frames the slow one sees, a quarter of them, int64."""
    slow = -(-count // FAST_PER_SLOW)
    # The Kinetics weights saw the first and the last frame and what lies evenly between, rounded down.
    return torch.linspace(0, count - 1, slow).to(torch.int64) if to_the_end else torch.arange(0, count, FAST_PER_SLOW)


def _cells(maps: Tensor, grid: int) -> Tensor:
    """Maps (B, C, T, h, w) averaged over time and over grid × grid cells, (B, C · grid²).

    Not `adaptive_avg_pool`, which ONNX lacks where the cells do not divide the map.
    """
    flat = maps.mean(dim=2)
    rows, columns = _averages(flat.shape[2], grid), _averages(flat.shape[3], grid)
    return torch.einsum("bchw,gh,kw->bcgk", flat, rows.to(flat.device), columns.to(flat.device)).flatten(1)


def _averages(length: int, cells: int) -> Tensor:
    """Rows that average a line of `length` over `cells` overlapping cells, float32 (cells, length)."""
    weights = torch.zeros(cells, length)
    for cell in range(cells):
        first, last = cell * length // cells, -(-(cell + 1) * length // cells)
        weights[cell, first:last] = 1.0 / (last - first)
    return weights
