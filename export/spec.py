"""What an exported network is: its tensors by name, type and shape, and the facts that its user needs."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

METADATA_KEY = "videotexture.spec"  # where an ONNX file carries its spec, as JSON

DType = Literal["uint8", "int32", "int64", "float16", "float32"]
Fact = bool | int | float | str


class EngineError(RuntimeError):
    """A network cannot be opened or run as asked; the message says what, got, expected, and the mend."""


class TensorSpec(BaseModel):
    """One tensor of a network.

    Attributes:
        dtype: NumPy's name of its element type.
        shape: sizes; None where any positive size will do.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dtype: DType
    shape: tuple[int | None, ...]

    def __str__(self) -> str:
        """As messages show it: `uint8 (any, 12, 48, 80, 3)`."""
        return f"{self.dtype} ({', '.join('any' if size is None else str(size) for size in self.shape)})"

    def accepts(self, shape: tuple[int, ...]) -> bool:
        """Whether an array of this shape fits."""
        return len(shape) == len(self.shape) and all(
            size > 0 if wanted is None else size == wanted for size, wanted in zip(shape, self.shape, strict=True)
        )


class NetworkSpec(BaseModel):
    """One network.

    Attributes:
        name: what it does: "encoder", "sound", "interpolator".
        version: of this kind of spec's facts; raised when their meaning changes.
        inputs: by name.
        outputs: by name.
        facts: what its user must know besides, such as `window_frames`, units in the names.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: int = 1
    inputs: dict[str, TensorSpec]
    outputs: dict[str, TensorSpec]
    facts: dict[str, Fact] = {}

    @classmethod
    def from_json(cls, text: str, *, source: str) -> NetworkSpec:
        """Read a spec.

        Args:
            text: JSON, as `model_dump_json` writes it.
            source: where it comes from, for the message.

        Raises:
            EngineError: it is not a spec.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise EngineError(
                f"{source}: its spec cannot be read ({error.error_count()} problems, the first: "
                f"{error.errors()[0]['msg']}): export the network again with this version of videotexture"
            ) from error

    def fact(self, name: str) -> Fact:
        """One fact.

        Raises:
            EngineError: the spec lacks it.
        """
        if name not in self.facts:
            raise EngineError(
                f"network {self.name!r} does not say its {name!r}, only {sorted(self.facts)}: "
                "export it again with this version of videotexture"
            )
        return self.facts[name]
