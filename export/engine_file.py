"""The file of a built engine: what it was made of and for, its network's spec, and a checksum, before the engine.

An engine is a program for a GPU: one from a stranger must not be opened. The checksum finds damage, not malice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from export.spec import EngineError, NetworkSpec
from models.whole import whole_file

Precision = Literal["float32", "float16"]

MAGIC = b"videotexture engine 1\n"
_LENGTH_BYTES = 4  # of the header's length, little-endian
_MOST_HEADER_BYTES = 1 << 20


class EngineKey(BaseModel):
    """Everything that an engine depends on: two engines of equal keys do the same.

    Attributes:
        network: its spec's name.
        model_sha256: of the ONNX file.
        backend: what runs it, by its name in `export.backends`.
        backend_version: engines of another version are foreign.
        precision: of the network's inner part.
        shapes: of the inputs; engines are built for these alone.
        targets: compute capabilities that it runs on, like `sm89`.
        gpu: the GPU that it was tuned on, by name; empty where it was built for generations of GPUs.
        driver: of that GPU; empty likewise.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    network: str
    model_sha256: str
    backend: str
    backend_version: str
    precision: Precision
    shapes: Mapping[str, tuple[int, ...]]
    targets: tuple[str, ...] = ()
    gpu: str = ""
    driver: str = ""

    @property
    def file_name(self) -> str:
        """Unlike for every other key, and readable."""
        digest = hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]
        return "-".join([self.network, self.backend, *self.targets, self.precision, digest]) + ".engine"

    def serves(self, wanted: EngineKey) -> bool:
        """Whether an engine of this key does for `wanted`: equal, or built for more generations of GPUs."""
        return set(wanted.targets) <= set(self.targets) and self == wanted.model_copy(update={"targets": self.targets})


class _Header(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    key: EngineKey
    spec: NetworkSpec
    payload_bytes: int
    payload_sha256: str


@dataclass(frozen=True)
class EngineFile:
    """A built engine.

    Attributes:
        key: what it depends on.
        spec: what the network takes and gives.
        payload: the backend's own serialised engine.
    """

    key: EngineKey
    spec: NetworkSpec
    payload: bytes

    def write(self, path: Path) -> None:
        """Write it so that `path` is afterwards whole, or as it was, whatever happens.

        Raises:
            OSError: it cannot be written there.
        """
        header = _Header(
            key=self.key,
            spec=self.spec,
            payload_bytes=len(self.payload),
            payload_sha256=hashlib.sha256(self.payload).hexdigest(),
        )
        text = header.model_dump_json().encode()
        with whole_file(path) as partial:
            partial.write_bytes(MAGIC + len(text).to_bytes(_LENGTH_BYTES, "little") + text + self.payload)

    @classmethod
    def read(cls, path: Path) -> EngineFile:
        """Read and check one.

        Raises:
            EngineError: it is missing, cut short, damaged, or no engine file of this version.
        """
        try:
            with path.open("rb") as file:
                header = _header(file, path)
                payload = file.read()
        except OSError as error:
            raise EngineError(f"{path}: cannot be read ({error.strerror}): export it again") from error
        if len(payload) != header.payload_bytes:
            raise EngineError(
                f"{path}: cut short or spoilt, its engine has {len(payload)} of {header.payload_bytes} bytes: "
                "export it again"
            )
        if hashlib.sha256(payload).hexdigest() != header.payload_sha256:
            raise EngineError(f"{path}: damaged, its engine's checksum is not the one it names: export it again")
        return cls(header.key, header.spec, payload)

    @classmethod
    def read_key(cls, path: Path) -> EngineKey:
        """The key alone, without reading the engine.

        Raises:
            EngineError: it is missing, cut short, or no engine file of this version.
        """
        try:
            with path.open("rb") as file:
                return _header(file, path).key
        except OSError as error:
            raise EngineError(f"{path}: cannot be read ({error.strerror}): export it again") from error


def _header(file: BinaryIO, path: Path) -> _Header:
    if file.read(len(MAGIC)) != MAGIC:
        raise EngineError(f"{path}: no engine file of this version of videotexture: export it again")
    length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
    text = file.read(min(length, _MOST_HEADER_BYTES))
    if len(text) != length:
        raise EngineError(f"{path}: cut short in its header: export it again")
    try:
        return _Header.model_validate_json(text)
    except ValidationError as error:
        raise EngineError(f"{path}: its header is damaged or foreign: export it again") from error
