"""The small SlowFast that is pre-trained on drawn scenes, from frames to motion features."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.pixels import channels_first, contrast_normalised

SIDE_PX = 64  # pictures are squeezed to this square, whatever the clip's aspect
SAMPLED_FRAMES = 8  # of the fast pathway; the slow one takes every fourth
FAST_PER_SLOW = 4
FEATURES = 256
INPUT_CHANNELS = 6
_SLOW_CHANNELS, _FAST_CHANNELS = 32, 4
_COARSE, _FINE = (2, 128), (4, 32)  # cells a side, channels kept in each: 512 of either


class SceneSlowFast(nn.Module):
    """SlowFast of a residual network with 18 layers and half the channels, and a projection that keeps places.

    Batch normalisation takes its statistics from one scene or clip at a time: in pre-training a batch holds
    windows of one scene only, and a fit calibrates them on its clip, so that both see the same.

    Source:
        Feichtenhofer et al. 2019. Instead of pooling globally, the cells of the last two stages' maps are kept apart.
    """

    def __init__(self) -> None:
        super().__init__()
        with warnings.catch_warnings():  # its imports use what torch has deprecated
            warnings.simplefilter("ignore", DeprecationWarning)
            # here and not above: it takes two seconds that the torch-free rooms' users need not wait for
            from pytorchvideo.models.slowfast import create_slowfast
        network = create_slowfast(
            model_depth=18,
            input_channels=(INPUT_CHANNELS, INPUT_CHANNELS),
            stem_dim_outs=(_SLOW_CHANNELS, _FAST_CHANNELS),
            stem_conv_kernel_sizes=((1, 5, 5), (3, 5, 5)),
        )
        self.stages = nn.ModuleList(network.blocks[:5])
        self.coarse = _Cells(32 * (_SLOW_CHANNELS + _FAST_CHANNELS), _COARSE[1])
        self.fine = _Cells(16 * (_SLOW_CHANNELS + 3 * _FAST_CHANNELS), _FINE[1])  # the slow path has the fast one's too
        self.project = nn.Linear(sum(kept * cells**2 for cells, kept in (_COARSE, _FINE)), FEATURES, bias=False)
        self.stages.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]  # a third faster

    def forward(self, pictures: Tensor) -> Tensor:
        """Motion features, float32 (B, 256), of `network_input`'s pictures (B, 6, 8, 64, 64)."""
        fast = pictures.contiguous(memory_format=torch.channels_last_3d)
        paths = [fast[:, :, ::FAST_PER_SLOW], fast]  # a fresh list: the stages change it
        for stage in self.stages[:-1]:
            paths = stage(paths)
        fine = self.fine(paths)
        features: Tensor = self.project(torch.cat([fine, self.coarse(self.stages[-1](paths))], dim=1))
        return features


class _Cells(nn.Module):
    """Fewer channels in each cell of a stage's maps, averaged over time; the cells stay apart."""

    def __init__(self, channels: int, kept: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(channels, kept, 1, bias=False)
        self.normalise = nn.BatchNorm2d(kept)

    def forward(self, paths: list[Tensor]) -> Tensor:
        """Two pathways' maps (B, C, T, h, w) → (B, kept · h · w)."""
        maps = torch.cat([path.mean(dim=2) for path in paths], dim=1)
        return F.relu(self.normalise(self.reduce(maps))).flatten(1)


def network_input(frames: Tensor, mean: Tensor) -> Tensor:
    """What the network looks at: each frame's change from the clip's mean, and the frame itself.

    Args:
        frames: uint8 (B, T, 64, 64, 3).
        mean: the clip's temporal mean, float32 (3, 64, 64), 0 to 1.

    Returns:
        float32 (B, 6, T, 64, 64), of about unit variance.
    """
    pixels = channels_first(frames)  # (B, T, 3, h, w)
    change = contrast_normalised(pixels.flatten(0, 1), mean).reshape(pixels.shape)
    spread = mean.std(correction=0) + 0.1
    picture = (pixels - mean.mean()) / spread
    return torch.cat([change, picture], dim=2).movedim(2, 1)
