"""Pictures between two pictures by a texture's network, `interpolator.onnx`, whatever engine runs it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

from export.engine import Engine
from export.spec import EngineError
from stream.interpolation.flow import Field, measured_flows, resized
from stream.interpolation.interpolator import Interpolator, times_of
from stream.interpolation.planes import picture_of_rgb, planes_of, rgb_of

INPUTS, FLOW_INPUTS = ("first", "last", "times"), ("forward", "backward")


class Network(Interpolator):
    """A network that is given both ends, the times, and if it wants it the flow.

    Args:
        engine: opened here, if it is not open; this object's to close.

    Raises:
        EngineError: it cannot be opened, or is no interpolator.
    """

    def __init__(self, engine: Engine) -> None:
        engine.open()
        spec = engine.spec
        wanted = {*INPUTS, *(FLOW_INPUTS if spec.name == "interpolator" and spec.fact("needs_flow") else ())}
        if spec.name != "interpolator" or set(spec.inputs) != wanted or set(spec.outputs) != {"between"}:
            raise EngineError(
                f"{engine.name}: is {spec.name!r} from {sorted(spec.inputs)} to {sorted(spec.outputs)}, expected an "
                f"interpolator from {sorted(wanted)} to ['between']; fit the texture again"
            )
        self._engine = engine
        self._needs_flow = bool(spec.fact("needs_flow"))
        self._times, height, width = (int(spec.fact(name)) for name in ("times", "height_px", "width_px"))
        self._size = width, height
        self.name = str(spec.fact("kind"))

    def close(self) -> None:
        """See `Interpolator`."""
        self._engine.close()

    def between(self, first: VideoFrame, last: VideoFrame, count: int) -> list[VideoFrame]:
        """See `Interpolator`."""
        if (first.width, first.height) != self._size:
            raise EngineError(
                f"{self._engine.name}: is for pictures of {self._size[0]}x{self._size[1]}, got {first.width}x"
                f"{first.height}; fit the texture again"
            )
        inputs = {"first": rgb_of(first)[None], "last": rgb_of(last)[None]}
        if self._needs_flow:
            forward, backward = measured_flows(planes_of(first)[0], planes_of(last)[0])
            inputs |= {"forward": self._field(forward), "backward": self._field(backward)}
        wanted, pictures = times_of(count), list[VideoFrame]()
        for begin in range(0, count, self._times):
            some = wanted[begin : begin + self._times]
            padded = some + some[-1:] * (self._times - len(some))  # it takes a fixed number of them
            made = self._engine.run(inputs | {"times": np.array(padded, np.float32)})["between"]
            pictures += [picture_of_rgb(rgb, like=first) for rgb in made[: len(some)]]
        return pictures

    def _field(self, flow: Field) -> npt.NDArray[np.float32]:
        """Flow (h', w', 2) as the network takes it: (1, 2, H, W), x and then y, in its pixels."""
        return np.ascontiguousarray(resized(flow, self._size).transpose(2, 0, 1))[None]
