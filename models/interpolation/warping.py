"""Backward warps, and the flows from a moment between two pictures to either."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

SHORTEST_TIME = 1e-3  # times are held this far from both ends, where there is nothing to interpolate


def held_times(times: Tensor) -> Tensor:
    """Times (K,), 0 to 1, as (K, 1, 1, 1), not nearer to either end than `SHORTEST_TIME`."""
    return times.clamp(SHORTEST_TIME, 1 - SHORTEST_TIME).reshape(-1, 1, 1, 1)


def warped(picture: Tensor, flow: Tensor) -> Tensor:
    """The picture as seen along a flow: at each place, what it shows where the flow leads from there.

    Args:
        picture: (N, C, H, W), or (1, C, H, W) that all flows lead into.
        flow: (N, 2, H, W), in pixels, to the right and down. Beyond the edge the edge is seen.

    Returns:
        (N, C, H, W), bilinear.
    """
    count, _, height, width = flow.shape
    across = torch.arange(width, dtype=flow.dtype, device=flow.device)
    down = torch.arange(height, dtype=flow.dtype, device=flow.device)[:, None]
    # Pixel i's middle is at (2i + 1) / side - 1 where no corners are aligned.
    places = torch.stack(
        [
            (flow[:, 0] + across) * (2 / width) + (1 / width - 1),
            (flow[:, 1] + down) * (2 / height) + (1 / height - 1),
        ],
        dim=3,
    )  # (N, H, W, 2)
    if picture.shape[0] == count:
        return F.grid_sample(picture, places, mode="bilinear", padding_mode="border", align_corners=False)
    # One picture for all: the flows one below the other, so that the picture is not copied for each.
    stacked = places.reshape(1, count * height, width, 2)
    seen = F.grid_sample(picture, stacked, mode="bilinear", padding_mode="border", align_corners=False)
    return seen.reshape(-1, count, height, width).transpose(0, 1)


def flows_from(time: Tensor, forward: Tensor, backward: Tensor) -> tuple[Tensor, Tensor]:
    """Flows from a moment in between to the first and to the last picture, each (K, 2, H, W).

    Args:
        time: (K, 1, 1, 1), 0 to 1.
        forward: first to last, (1 or K, 2, H, W).
        backward: last to first, likewise.

    Source:
        Jiang et al. 2018, equation 4.
    """
    to_first = time * time * backward - (1 - time) * time * forward
    to_last = (1 - time) * (1 - time) * forward - time * (1 - time) * backward
    return to_first, to_last


def padded_to(picture: Tensor, multiple: int) -> Tensor:
    """The picture (N, C, H, W) with its edges repeated to the right and below, to whole multiples."""
    height, width = picture.shape[-2:]
    below, right = -height % multiple, -width % multiple
    return F.pad(picture, (0, right, 0, below), mode="replicate") if below or right else picture
