"""Pictures between two pictures by a texture's network, `interpolator.onnx`, that makes them itself: Super SloMo's."""

from __future__ import annotations

import numpy as np
from av.video.frame import VideoFrame

from export.engine import Engine
from export.spec import EngineError, NetworkSpec
from stream.interpolation.interpolator import Interpolator, times_of
from stream.interpolation.planes import picture_of_rgb, rgb_of

INPUTS, OUTPUTS = {"first", "last", "times"}, {"between"}


class Network(Interpolator):
    """A network that is given both ends and the times.

    Args:
        engine: opened here, if it is not open; this object's to close.

    Raises:
        EngineError: it cannot be opened, or is no such interpolator.
    """

    def __init__(self, engine: Engine) -> None:
        engine.open()
        spec = engine.spec
        check(engine.name, spec, INPUTS, OUTPUTS)
        self._engine = engine
        self._times, height, width = (int(spec.fact(name)) for name in ("times", "height_px", "width_px"))
        self._size = width, height
        self.name = str(spec.fact("kind"))

    def close(self) -> None:
        """See `Interpolator`."""
        self._engine.close()

    def between(self, first: VideoFrame, last: VideoFrame, count: int) -> list[VideoFrame]:
        """See `Interpolator`."""
        check_size(self._engine.name, first, self._size)
        ends = {"first": rgb_of(first)[None], "last": rgb_of(last)[None]}
        pictures = list[VideoFrame]()
        for some in parts(times_of(count), self._times):
            made = self._engine.run(ends | {"times": np.array(some, np.float32)})["between"]
            pictures += [picture_of_rgb(rgb, like=first) for rgb in made]
        return pictures[:count]


def parts(times: list[float], length: int) -> list[list[float]]:
    """Times in parts of one length, as a network takes a fixed number of them; the last is filled up with its last."""
    cut = [times[begin : begin + length] for begin in range(0, len(times), length)]
    return [part + part[-1:] * (length - len(part)) for part in cut]


def check(engine: str, spec: NetworkSpec, inputs: set[str], outputs: set[str]) -> None:
    """Raises EngineError: a network is no interpolator, or one with other inputs and outputs."""
    if spec.name != "interpolator" or set(spec.inputs) != inputs or set(spec.outputs) != outputs:
        raise EngineError(
            f"{engine}: is {spec.name!r} from {sorted(spec.inputs)} to {sorted(spec.outputs)}, expected an "
            f"interpolator from {sorted(inputs)} to {sorted(outputs)}; fit the texture again"
        )


def check_size(engine: str, picture: VideoFrame, size: tuple[int, int]) -> None:
    """Raises EngineError: a picture is not of the (width, height) that a network was exported for."""
    if (picture.width, picture.height) != size:
        raise EngineError(
            f"{engine}: is for pictures of {size[0]}x{size[1]}, got {picture.width}x{picture.height}; fit the texture "
            "again"
        )
