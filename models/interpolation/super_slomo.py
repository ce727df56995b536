"""Super SloMo, with the layout of the public PyTorch checkpoint."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.interpolation.warping import flows_from, held_times, padded_to, warped

SLOPE = 0.1  # of the leaky ReLUs
MEAN = (0.429, 0.431, 0.397)  # of red, green and blue in the pictures it was trained on; taken away, not divided by
WIDTH = 32  # channels of the first layer in the public checkpoint; 512 at the bottom
FLOW_CHANNELS = (6, 4)  # both pictures -> flow first to last, flow back
INTERPOLATION_CHANNELS = (20, 5)  # pictures, flows, warped pictures -> two corrections of flows, visibility
MULTIPLE_PX = 32  # five halvings


class Down(nn.Module):
    """Average over 2 x 2, then two convolutions."""

    def __init__(self, before: int, after: int, kernel: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, kernel, padding=kernel // 2)
        self.conv2 = nn.Conv2d(after, after, kernel, padding=kernel // 2)

    def forward(self, maps: Tensor) -> Tensor:
        """(N, before, H, W) to (N, after, H / 2, W / 2)."""
        maps = F.leaky_relu(self.conv1(F.avg_pool2d(maps, 2)), SLOPE)
        return F.leaky_relu(self.conv2(maps), SLOPE)


class Up(nn.Module):
    """Twice the size, then two convolutions, the second with what was kept on the way down."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, padding=1)
        self.conv2 = nn.Conv2d(2 * after, after, 3, padding=1)

    def forward(self, maps: Tensor, kept: Tensor) -> Tensor:
        """(N, before, H, W) and (N, after, 2H, 2W) to (N, after, 2H, 2W)."""
        maps = F.interpolate(maps, scale_factor=2.0, mode="bilinear", align_corners=False)
        maps = F.leaky_relu(self.conv1(maps), SLOPE)
        return F.leaky_relu(self.conv2(torch.cat((maps, kept), dim=1)), SLOPE)


class UNet(nn.Module):
    """The network that both halves of Super SloMo are.

    Args:
        channels: of what comes in, and of what goes out.
        width: channels of the first layer.
    """

    def __init__(self, channels: tuple[int, int], width: int = WIDTH) -> None:
        super().__init__()
        before, after = channels
        sizes = [width, 2 * width, 4 * width, 8 * width, 16 * width, 16 * width]
        self.conv1 = nn.Conv2d(before, width, 7, padding=3)
        self.conv2 = nn.Conv2d(width, width, 7, padding=3)
        for level, kernel in enumerate((5, 3, 3, 3, 3)):
            self.add_module(f"down{level + 1}", Down(sizes[level], sizes[level + 1], kernel))
        for level in range(5):
            self.add_module(f"up{level + 1}", Up(sizes[5 - level], sizes[4 - level]))
        self.conv3 = nn.Conv2d(width, after, 3, padding=1)

    def forward(self, maps: Tensor) -> Tensor:
        """(N, channels in, H, W) to (N, channels out, H, W); H and W multiples of 32."""
        kept = [F.leaky_relu(self.conv2(F.leaky_relu(self.conv1(maps), SLOPE)), SLOPE)]
        for level in range(1, 6):
            kept.append(self.get_submodule(f"down{level}")(kept[-1]))
        maps = kept.pop()
        for level in range(1, 6):
            maps = self.get_submodule(f"up{level}")(maps, kept.pop())
        return F.leaky_relu(self.conv3(maps), SLOPE)  # the public network bends its outputs too


class SuperSloMo(nn.Module):
    """Flow between two pictures, then, for each moment between, what to take from which.

    Args:
        width: channels of the first layer, 32 in the public checkpoint; a smaller one for tests.
        provenance: where the weights are from, and their licence.

    Source:
        Jiang et al. 2018, "Super SloMo: high quality estimation of multiple intermediate frames for video
        interpolation". Names and sizes of layers, and the order of their inputs, are those of the public
        re-implementation github.com/avinashpaliwal/Super-SloMo (MIT). Two differences: its warp scales places by
        (side - 1) / side, which shrinks a picture by a pixel, ours does not; and beyond an edge it sees black, ours
        the edge. Its first version, whose checkpoint is published, enlarged maps with pixel middles aligned, as here.
    """

    kind = "superslomo"

    def __init__(self, width: int = WIDTH, provenance: str = "random weights") -> None:
        super().__init__()
        self.flow = UNet(FLOW_CHANNELS, width)
        self.interpolation = UNet(INTERPOLATION_CHANNELS, width)
        self.provenance = provenance
        self.register_buffer("mean", torch.tensor(MEAN).reshape(1, 3, 1, 1), persistent=False)
        self.mean: Tensor

    def forward(self, first: Tensor, last: Tensor, times: Tensor) -> Tensor:
        """Pictures between.

        Args:
            first, last: RGB, float32 (1, 3, H, W), 0 to 1; any H and W.
            times: (K,), 0 to 1, neither included.

        Returns:
            (K, 3, H, W), 0 to 1.
        """
        height, width = first.shape[-2:]
        first, last = padded_to(first - self.mean, MULTIPLE_PX), padded_to(last - self.mean, MULTIPLE_PX)
        time = held_times(times)
        flows = self.flow(torch.cat((first, last), dim=1))
        forward, backward = flows[:, :2], flows[:, 2:]
        to_first, to_last = flows_from(time, forward, backward)
        around = torch.cat((first, last, forward, backward), dim=1).expand(len(times), -1, -1, -1)
        seen = torch.cat((around, to_last, to_first, warped(last, to_last), warped(first, to_first)), dim=1)
        found = self.interpolation(seen)
        visible = torch.sigmoid(found[:, 4:5])
        from_first, from_last = (1 - time) * visible, time * (1 - visible)
        ends = warped(first, to_first + found[:, :2]), warped(last, to_last + found[:, 2:4])
        between = (from_first * ends[0] + from_last * ends[1]) / (from_first + from_last)
        return (between + self.mean)[..., :height, :width].clamp(0, 1)
