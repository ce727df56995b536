"""Pictures between two pictures along optical flow that a small network has mended."""

from __future__ import annotations

import numpy as np
from av.video.frame import VideoFrame

from export.engine import Engine
from models.interpolation.optical_flow import Field, flow_size, measured_flows
from stream.interpolation.flow import Blend
from stream.interpolation.network import Network
from stream.interpolation.planes import picture_of, planes_of, small_rgb_of


class Small(Network):
    """As `Flow`; but what is taken from where is said by a network that sees both ends, small, and the flow.

    What it costs beyond `Flow` does not grow with the pictures.
    """

    name = "small"
    inputs = frozenset({"first", "last", "times", "forward", "backward"})
    outputs = frozenset({"to_first", "to_last", "share"})

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        width, height = self._size
        self._flow_size = flow_size(height, width)

    def between(self, first: VideoFrame, last: VideoFrame, count: int) -> list[VideoFrame]:
        """See `Interpolator`."""
        self._check_size(first)
        if not count:
            return []
        ends = planes_of(first), planes_of(last)
        inputs = {name: small_rgb_of(end, self._flow_size)[None] for name, end in (("first", first), ("last", last))}
        flows = zip(("forward", "backward"), measured_flows(ends[0][0], ends[1][0]), strict=True)
        inputs |= {name: np.ascontiguousarray(flow.transpose(2, 0, 1))[None] for name, flow in flows}
        pictures = list[VideoFrame]()
        for times in self._parts(count):
            said = self._engine.run(inputs | {"times": times})
            for to_first, to_last, share in zip(
                *(said[name] for name in ("to_first", "to_last", "share")), strict=True
            ):
                blend = Blend(_field(to_first), _field(to_last), share[0], 1 - share[0])
                if len(pictures) < count:
                    pictures.append(picture_of(blend.planes(*ends), like=first))
        return pictures


def _field(flow: Field) -> Field:
    """(2, h, w) as (h, w, 2)."""
    return np.ascontiguousarray(flow.transpose(1, 2, 0))
