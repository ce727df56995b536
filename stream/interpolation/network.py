"""What interpolators have in common that run a texture's network, `interpolator.onnx`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

from export.engine import Engine
from export.spec import EngineError
from stream.interpolation.interpolator import Interpolator, times_of


class Network(Interpolator):
    """An interpolator whose network was exported for pictures of one size, and makes a fixed number of them at a time.

    Args:
        engine: opened here, if it is not open; this object's to close.

    Raises:
        EngineError: it cannot be opened, or is no such interpolator.
    """

    inputs: ClassVar[frozenset[str]]  # of the network, by name
    outputs: ClassVar[frozenset[str]]

    def __init__(self, engine: Engine) -> None:
        engine.open()
        spec = engine.spec
        if spec.name != "interpolator" or set(spec.inputs) != self.inputs or set(spec.outputs) != self.outputs:
            raise EngineError(
                f"{engine.name}: is {spec.name!r} from {sorted(spec.inputs)} to {sorted(spec.outputs)}, expected an "
                f"interpolator from {sorted(self.inputs)} to {sorted(self.outputs)}; fit the texture again"
            )
        self._engine = engine
        self._made_at_once, height, width = (int(spec.fact(name)) for name in ("times", "height_px", "width_px"))
        self._size = width, height

    def close(self) -> None:
        """See `Interpolator`."""
        self._engine.close()

    def _check_size(self, picture: VideoFrame) -> None:
        """Raises EngineError: a picture is not of the size that the network was exported for."""
        if (picture.width, picture.height) != self._size:
            raise EngineError(
                f"{self._engine.name}: is for pictures of {self._size[0]}x{self._size[1]}, got "
                f"{picture.width}x{picture.height}; fit the texture again"
            )

    def _parts(self, count: int) -> Iterator[npt.NDArray[np.float32]]:
        """The times of `count` pictures, as many at once as the network makes; the last part repeats its last."""
        times = np.array(times_of(count), np.float32)
        for begin in range(0, count, self._made_at_once):
            part = times[begin : begin + self._made_at_once]
            yield np.pad(part, (0, self._made_at_once - len(part)), mode="edge")
