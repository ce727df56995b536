"""The engine: one exported network, ready to run, whatever runs it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from export.spec import EngineError, NetworkSpec, TensorSpec

Array = npt.NDArray[Any]


class Engine(ABC):
    """Runs one network. A context manager: entering opens it, leaving closes it.

    Who owns what: arrays given to `run` stay the caller's and are only read, and only until it returns.
    Arrays that it returns are the caller's to keep and to change; an engine never reuses their memory.

    An engine is used by one thread at a time.
    """

    def __init__(self) -> None:
        self._spec: NetworkSpec | None = None

    @property
    def spec(self) -> NetworkSpec:
        """What the network takes and gives. Valid while open.

        Raises:
            EngineError: the engine is not open.
        """
        if self._spec is None:
            raise EngineError(f"{self.name} is not open: use it inside `with engine:`")
        return self._spec

    @property
    @abstractmethod
    def name(self) -> str:
        """What runs which file, for messages."""

    @abstractmethod
    def _load(self) -> NetworkSpec:
        """Open the network and say its spec. Raises EngineError."""

    @abstractmethod
    def _run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run on checked inputs; give fresh arrays for every output of the spec."""

    @abstractmethod
    def _unload(self) -> None:
        """Release everything; called once per successful `_load`."""

    def open(self) -> None:
        """Load the network. Opening an open engine does nothing.

        Raises:
            EngineError: the file is missing, damaged, or not one of ours.
        """
        if self._spec is None:
            self._spec = self._load()

    def close(self) -> None:
        """Release the network. Closing a closed engine does nothing."""
        if self._spec is not None:
            self._spec = None
            self._unload()

    def warm_up(self) -> None:
        """Run once on zeros, with 1 for every size that may vary, so that the first real run is not slow."""
        self.run(
            {
                name: np.zeros([size or 1 for size in tensor.shape], dtype=tensor.dtype)
                for name, tensor in self.spec.inputs.items()
            }
        )

    def run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Run the network.

        Args:
            inputs: an array for every input of the spec, of its type and shape. Nothing is converted.

        Returns:
            An array for every output of the spec, the caller's to keep.

        Raises:
            EngineError: not open; a name, type or shape is not the spec's; or the run itself failed.
        """
        check("input", inputs, self.spec.inputs, self.name)
        outputs = self._run(inputs)
        check("output", outputs, self.spec.outputs, self.name)
        return outputs

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def check(role: str, arrays: Mapping[str, Array], specs: Mapping[str, TensorSpec], engine: str) -> None:
    """Check arrays against their specs: the names first, then each one's type and shape.

    Raises:
        EngineError: at the first thing that does not fit.
    """
    missing, unknown = sorted(set(specs) - set(arrays)), sorted(set(arrays) - set(specs))
    if missing or unknown:
        raise EngineError(
            f"{engine}: got {role}s {sorted(arrays)}, expected {sorted(specs)}"
            + (f"; missing: {missing}" if missing else "")
            + (f"; unknown: {unknown}" if unknown else "")
        )
    for name, spec in specs.items():
        array = arrays[name]
        if array.dtype != np.dtype(spec.dtype):
            raise EngineError(
                f"{engine}: {role} {name!r} is {array.dtype}, expected {spec.dtype}: "
                f"convert it with .astype({spec.dtype!r}), minding its scale"
            )
        if not spec.accepts(array.shape):
            raise EngineError(f"{engine}: {role} {name!r} has shape {array.shape}, expected {spec}")
