"""Pictures between two pictures: bidirectional optical flow, blended with regard to what is hidden.

The intermediate flows and the visibility-weighted blend are those of Super SloMo (Jiang et al. 2018, eq. 4 and 1)
with DIS flow (Kroeger et al. 2016) in the place of its networks. All work is done on the Y, U and V planes, so
that no colour is converted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

from models.interpolation.optical_flow import Field, measured_flows
from stream.interpolation.interpolator import Interpolator, times_of
from stream.interpolation.planes import Plane, picture_of, planes_of

TRUSTED_ERROR_PX = 1.0  # of forward against backward flow, at the flow's own size
LEAST_VISIBILITY = 0.05  # of a hidden place: where both ends hide it, something must be shown all the same


class Flow(Interpolator):
    """Along the flow between both ends."""

    name = "flow"

    def between(self, first: VideoFrame, last: VideoFrame, count: int) -> list[VideoFrame]:
        """See `Interpolator`."""
        if not count:
            return []
        ends = planes_of(first), planes_of(last)
        forward, backward = flows(ends[0][0], ends[1][0])
        return [picture_of(Blend.at(time, forward, backward).planes(*ends), like=first) for time in times_of(count)]


@dataclass(frozen=True)
class Blend:
    """How to make the picture at one time out of both ends; all fields at one size, such as the flow's own.

    Attributes:
        to_first, to_last: where in each end a place of the picture comes from, (h', w', 2).
        seen_first, seen_last: how much each end has to say there, (h', w').
    """

    to_first: Field
    to_last: Field
    seen_first: Field
    seen_last: Field

    @classmethod
    def at(cls, time: float, forward: Field, backward: Field) -> Blend:
        """`time` in 0 to 1, neither included."""
        to_first = -(1 - time) * time * forward + time * time * backward
        to_last = (1 - time) ** 2 * forward - time * (1 - time) * backward
        seen_first = (1 - time) * _visibility(np.asarray(to_first / time, np.float32), backward)
        seen_last = time * _visibility(np.asarray(to_last / (1 - time), np.float32), forward)
        return cls(to_first, to_last, seen_first, seen_last)

    def planes(self, first: Sequence[Plane], last: Sequence[Plane]) -> list[Plane]:
        """The planes between those of both ends; U and V, of one size, share their maps."""
        luma = self._mapper(first[0].shape)
        chroma = self._mapper(first[1].shape)
        return [luma(first[0], last[0]), chroma(first[1], last[1]), chroma(first[2], last[2])]

    def _mapper(self, shape: tuple[int, ...]) -> Callable[[Plane, Plane], Plane]:
        size = shape[1], shape[0]
        places = [_grid(*size) + _resized(flow, size) for flow in (self.to_first, self.to_last)]
        weights = [cv2.resize(seen, size) for seen in (self.seen_first, self.seen_last)]

        def blend(first: Plane, last: Plane) -> Plane:
            ends = [_look_up(plane, place) for plane, place in zip((first, last), places, strict=True)]
            return np.asarray(cv2.blendLinear(*ends, *weights), np.uint8)

        return blend


def flows(first: Plane, last: Plane) -> tuple[Field, Field]:
    """Flow first -> last and back, each (h', w', 2) in pixels of its own size.

    Where the two disagree nothing that can be followed is seen in both; there the flow is damped towards none,
    which makes the blend a dissolve in place rather than a tear.
    """
    forward, backward = measured_flows(first, last)
    return damped(forward, backward), damped(backward, forward)


def damped(flow: Field, opposite: Field) -> Field:
    there_and_back = flow + _look_up(opposite, _grid(flow.shape[1], flow.shape[0]) + flow)
    error = cv2.GaussianBlur(_squared_length(there_and_back), (0, 0), 3)
    return np.asarray(flow * np.exp(-error / TRUSTED_ERROR_PX**2)[..., None], np.float32)


def _visibility(to_end: Field, full: Field) -> Field:
    """How far the whole flow that a place implies agrees with the one that was measured there, (h', w')."""
    error = _squared_length(to_end - full)
    return np.asarray(LEAST_VISIBILITY + (1 - LEAST_VISIBILITY) * np.exp(-error / 4), np.float32)


@lru_cache(maxsize=8)
def _grid(width: int, height: int) -> Field:
    return np.dstack(np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)))


def _look_up(image: npt.NDArray[Any], place: Field) -> npt.NDArray[Any]:
    """The image at each place (x, y) in pixels."""
    # None, not an empty array: OpenCV 5 reads one of those as a map. Its stubs know only arrays.
    looked_up = cv2.remap(image, place, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
    return np.asarray(looked_up)


def _squared_length(vectors: Field) -> Field:
    return np.asarray(vectors[..., 0] * vectors[..., 0] + vectors[..., 1] * vectors[..., 1])


def _resized(flow: Field, size: tuple[int, int]) -> Field:
    """A flow, (h', w', 2), for pictures of another size (width, height): its pixels are theirs."""
    factors = np.array([size[0] / flow.shape[1], size[1] / flow.shape[0]], np.float32)
    return np.asarray(cv2.resize(flow * factors, size), np.float32)
