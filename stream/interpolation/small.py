"""Pictures between two pictures along optical flow that a small network has mended."""

from __future__ import annotations

import numpy as np
from av.video.frame import VideoFrame

from export.engine import Engine
from models.interpolation.optical_flow import Field, flow_size, measured_flows
from stream.interpolation.flow import Blend
from stream.interpolation.interpolator import Interpolator, times_of
from stream.interpolation.network import check, check_size, parts
from stream.interpolation.planes import picture_of, planes_of, small_rgb_of

INPUTS = {"first", "last", "times", "forward", "backward"}
OUTPUTS = {"to_first", "to_last", "share"}


class Small(Interpolator):
    """As `Flow`; but what is taken from where is said by a network that sees both ends, small, and the flow.

    What it costs beyond `Flow` does not grow with the pictures.

    Args:
        engine: opened here, if it is not open; this object's to close.

    Raises:
        EngineError: it cannot be opened, or is no such interpolator.
    """

    name = "small"

    def __init__(self, engine: Engine) -> None:
        engine.open()
        spec = engine.spec
        check(engine.name, spec, INPUTS, OUTPUTS)
        self._engine = engine
        self._times, height, width = (int(spec.fact(name)) for name in ("times", "height_px", "width_px"))
        self._size, self._flow_size = (width, height), flow_size(height, width)

    def close(self) -> None:
        """See `Interpolator`."""
        self._engine.close()

    def between(self, first: VideoFrame, last: VideoFrame, count: int) -> list[VideoFrame]:
        """See `Interpolator`."""
        check_size(self._engine.name, first, self._size)
        if not count:
            return []
        ends = planes_of(first), planes_of(last)
        inputs = {name: small_rgb_of(end, self._flow_size)[None] for name, end in (("first", first), ("last", last))}
        flows = zip(("forward", "backward"), measured_flows(ends[0][0], ends[1][0]), strict=True)
        inputs |= {name: np.ascontiguousarray(flow.transpose(2, 0, 1))[None] for name, flow in flows}
        pictures = list[VideoFrame]()
        for some in parts(times_of(count), self._times):
            said = self._engine.run(inputs | {"times": np.array(some, np.float32)})
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
