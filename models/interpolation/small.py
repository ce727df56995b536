"""The small interpolator: it mends what optical flow and its blend get wrong, and starts as just that blend.

Estimating motion from nothing takes a large network and a large set of films. Classic flow is there at 2 to 5 ms; what
it lacks is a judgement of where it is wrong. So this network is given both pictures, both flows and the blend that
`stream.interpolation.flow` would make of them, and says how to change it. Its last layer starts at zero: before any
training it *is* that blend.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.interpolation.warping import flows_from, held_times, padded_to, warped

WIDTH = 32
TRUSTED_ERROR_PX = 1.0  # of forward against backward flow; this and the next three as `stream.interpolation.flow` has
LEAST_VISIBILITY = 0.05
BLUR_SIGMA_PX, BLUR_RADIUS_PX = 3.0, 12
FLOW_UNIT_PX = 8.0  # flows are given to the network, and mended, in this unit
MULTIPLE_PX = 8  # three halvings
SEEN_CHANNELS = 3 * 4 + 2 * 4 + 2 + 1
SAID_CHANNELS = 4 + 1  # two corrections of flows, and how far to lean to the first picture
SLOPE = 0.1


class SmallInterpolator(nn.Module):
    """How to make the pictures between out of both ends, given the flows between them. All at the flow's own size.

    What it says is small, and is used large: the pictures themselves are warped and blended by whoever asks. So a
    bridge's size does not matter to it.

    Args:
        width: channels at half the size; twice and three times that below.
        provenance: where the weights are from, and their licence.

    Source:
        The blend that it starts from is Jiang et al. 2018, equations 1 and 4, as `stream.interpolation.flow` has it.
    """

    kind = "small"

    def __init__(self, width: int = WIDTH, provenance: str = "untrained: plain flow") -> None:
        super().__init__()
        self.provenance = provenance
        self.inside = _conv(SEEN_CHANNELS, width, stride=2)
        self.beside = _conv(width, width)
        self.down1, self.down1b = _conv(width, 2 * width, stride=2), _conv(2 * width, 2 * width)
        self.down2, self.down2b = _conv(2 * width, 3 * width, stride=2), _conv(3 * width, 3 * width)
        self.up2, self.up2b = _conv(3 * width, 2 * width), _conv(2 * width, 2 * width)
        self.up1, self.up1b = _conv(2 * width, width), _conv(width, width)
        self.say = nn.Conv2d(width, 4 * SAID_CHANNELS, 3, padding=1)
        for start in self.say.parameters():
            nn.init.zeros_(start)
        line = torch.arange(-BLUR_RADIUS_PX, BLUR_RADIUS_PX + 1.0)
        bell = torch.exp(-(line**2) / (2 * BLUR_SIGMA_PX**2))
        self.register_buffer("bell", bell / bell.sum(), persistent=False)
        self.bell: Tensor

    def forward(
        self, first: Tensor, last: Tensor, times: Tensor, forward: Tensor, backward: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """What to take from where.

        Args:
            first, last: RGB, float32 (1, 3, h, w), 0 to 1; h and w at least 32.
            times: (K,), 0 to 1, neither included.
            forward, backward: optical flow first -> last and last -> first, (1, 2, h, w), in pixels of this size, to
                the right and down, as measured: what cannot be trusted in it is damped here.

        Returns:
            The flows to the first and to the last picture, (K, 2, h, w) each; and the share of the first picture,
            (K, 1, h, w), 0 to 1. With a batch of K pairs each pair has one of the times.
        """
        time = held_times(times)
        raw = forward, backward
        forward, backward = self._damped(forward, backward), self._damped(backward, forward)
        to_first, to_last = flows_from(time, forward, backward)
        seen_first = (1 - time) * _visibility(time * backward - (1 - time) * forward, backward)
        seen_last = time * _visibility((1 - time) * forward - time * backward, forward)
        ends = warped(first, to_first), warped(last, to_last)
        leaning = seen_first / (seen_first + seen_last)
        pictures = torch.cat((first, last), dim=1).expand(len(time), -1, -1, -1) - 0.5
        measured = torch.cat(raw, dim=1).expand(len(time), -1, -1, -1)
        said = self._said(
            torch.cat(
                (
                    pictures, ends[0] - 0.5, ends[1] - ends[0],
                    torch.cat((measured, to_first, to_last), dim=1) / FLOW_UNIT_PX,
                    leaning, _mean_difference(ends), time.expand(-1, -1, *first.shape[-2:]),
                ),
                dim=1,
            )
        )  # fmt: skip
        to_first, to_last = to_first + FLOW_UNIT_PX * said[:, :2], to_last + FLOW_UNIT_PX * said[:, 2:4]
        # The same as adding to the logit, but half precision has no logarithm to spoil.
        odds = torch.sigmoid(said[:, 4:])
        leaning = leaning * odds / (leaning * odds + (1 - leaning) * (1 - odds))
        return to_first, to_last, leaning

    def blended(self, first: Tensor, last: Tensor, times: Tensor, forward: Tensor, backward: Tensor) -> Tensor:
        """The pictures between, (K, 3, h, w), 0 to 1, at the flow's own size."""
        to_first, to_last, leaning = self(first, last, times, forward, backward)
        ends = warped(first, to_first), warped(last, to_last)
        return torch.lerp(ends[1], ends[0], leaning).clamp(0, 1)

    def _said(self, seen: Tensor) -> Tensor:
        """(K, SEEN_CHANNELS, h, w) to (K, SAID_CHANNELS, h, w)."""
        height, width = seen.shape[-2:]
        half = self.beside(self.inside(padded_to(seen, MULTIPLE_PX)))
        quarter = self.down1b(self.down1(half))
        eighth = self.down2b(self.down2(quarter))
        quarter = self.up2b(_doubled(self.up2(eighth)) + quarter)
        half = self.up1b(_doubled(self.up1(quarter)) + half)
        return F.pixel_shuffle(self.say(half), 2)[..., :height, :width]

    def _damped(self, flow: Tensor, opposite: Tensor) -> Tensor:
        """The flow, damped towards none where the opposite one does not lead back."""
        there_and_back = flow + warped(opposite, flow)
        error = (there_and_back * there_and_back).sum(dim=1, keepdim=True)
        radius = BLUR_RADIUS_PX
        error = F.pad(error, (radius, radius, radius, radius), mode="reflect")
        error = F.conv2d(F.conv2d(error, self.bell.reshape(1, 1, 1, -1)), self.bell.reshape(1, 1, -1, 1))
        return flow * torch.exp(-error / TRUSTED_ERROR_PX**2)


def _conv(before: int, after: int, *, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(before, after, 3, stride=stride, padding=1), nn.LeakyReLU(SLOPE))


def _doubled(maps: Tensor) -> Tensor:
    return F.interpolate(maps, scale_factor=2.0, mode="bilinear", align_corners=False)


def _visibility(implied: Tensor, full: Tensor) -> Tensor:
    """How far the whole flow that a place implies agrees with the one that was measured there, (K, 1, h, w)."""
    apart = implied - full
    error = (apart * apart).sum(dim=1, keepdim=True)
    return LEAST_VISIBILITY + (1 - LEAST_VISIBILITY) * torch.exp(-error / 4)


def _mean_difference(ends: tuple[Tensor, Tensor]) -> Tensor:
    return (ends[0] - ends[1]).abs().mean(dim=1, keepdim=True)
