"""What the heads stand on: a trunk turns windows of frames into one feature vector per view."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch
from torch import Tensor, nn

from models.segments import Segments
from models.windows import UInt8Frames


class Trunk(nn.Module, ABC):
    """From windows to features on the unit sphere, everything before the heads, pre-processing included.

    The *bi-gram views* of window Vi are its last W - s frames for the query and its first W - s for the
    target. V(i+1) starts with what Vi ends with, so the query of Vi and the target of V(i+1) are views of the
    same frames and their features are equal: before anything is learnt, the natural successor is the best,
    and the similarity of Vi and Vj says how like what was just shown is to what precedes the frames that
    playing j appends.

    A trunk that `looks_ahead` compares more: what playing j appends with what the clip itself goes on with after
    Vi. Its query of Vi is therefore computed from the window that truly follows Vi, the successor's; both of its
    views are of whole windows, and equal.
    """

    looks_ahead = False

    @abstractmethod
    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Features of windows.

        Args:
            frames: uint8 (B, W, h, w, 3).

        Returns:
            (query, target), each float32 (B, 512) of norm 1.
        """

    @abstractmethod
    def calibrate(self, frames: UInt8Frames, segments: Segments, random: np.random.Generator) -> None:
        """Set every buffer that depends on the clip.

        Args:
            frames: the clip, uint8 (F, h, w, 3).
            segments: its windows.
            random: draws the frames or windows that are looked at.
        """


def spread(length: int, count: int) -> Tensor:
    """`count` frame offsets spread evenly over a view of `length` frames, int64 (count,)."""
    return torch.linspace(0, length - 1, count).round().to(torch.int64)
