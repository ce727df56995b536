"""The video-specific bi-gram model: one trunk, a query head and a target head."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.heads import Head
from models.pixel_trunk import PixelTrunk
from models.preset import PixelSettings, Preset, SceneSettings
from models.scene_trunk import SceneTrunk
from models.segments import Segments
from models.slowfast_trunk import SlowFastTrunk
from models.trunk import Trunk


class ContrastiveEncoder(nn.Module):
    """Both encoders φ and ψ in one network, from uint8 frames to embeddings.

    Args:
        trunk: what both heads stand on.
        head_channels: width of the heads' hidden layers.

    Source:
        Narasimhan et al., section 3.2 and equation 1.
    """

    def __init__(self, trunk: Trunk, head_channels: int) -> None:
        super().__init__()
        self.trunk = trunk
        self.query_head = Head(head_channels)
        self.target_head = Head(head_channels)

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Embed windows.

        Args:
            frames: uint8 RGB (B, W, h, w, 3).

        Returns:
            (query, target), each float32 (B, 512) of norm 1.
        """
        query, target = self.trunk(frames)
        return self.query_head(query), self.target_head(target)


def create_encoder(
    preset: Preset, segments: Segments, frame_shape: tuple[int, int], *, seed: int
) -> ContrastiveEncoder:
    """A fresh encoder, not yet calibrated on a clip.

    Args:
        preset: its sizes.
        segments: the windows it will be given.
        frame_shape: (height, width) of the analysis frames in pixels.
        seed: of its random weights. The global random state is left as it was.

    Raises:
        FitError: start weights that cannot be read.
    """
    settings = preset.trunk
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        trunk: Trunk
        if isinstance(settings, PixelSettings):
            trunk = PixelTrunk(settings, segments, frame_shape)
        elif isinstance(settings, SceneSettings):
            trunk = SceneTrunk(settings, segments, frame_shape)
        else:
            trunk = SlowFastTrunk(settings, segments, frame_shape)
        return ContrastiveEncoder(trunk, preset.head_channels)
