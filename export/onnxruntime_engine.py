"""The engine that works everywhere: ONNX Runtime on the CPU."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import onnxruntime as ort

from export.engine import Array, Engine
from export.spec import METADATA_KEY, EngineError, NetworkSpec

ONLY_FATAL = 4  # errors come as exceptions; ONNX Runtime need not print them too


class OnnxRuntimeEngine(Engine):
    """Runs an ONNX file that carries its spec in its metadata.

    Args:
        path: the file.
        threads: worker threads of one run, at least 1. They sleep between runs rather than spin, so that
            they take no time from the rest of the process.
    """

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        super().__init__()
        if threads < 1:
            raise ValueError(f"got {threads} threads, expected at least 1")
        self.path = path
        self.threads = threads
        self._session: ort.InferenceSession | None = None

    @property
    def name(self) -> str:
        return f"ONNX Runtime with {self.path.name}"

    def _load(self) -> NetworkSpec:
        if not self.path.is_file():
            raise EngineError(f"{self.path}: there is no such file: build the texture or export it again")
        session = self._open_session()
        text = session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
        if text is None:
            raise EngineError(
                f"{self.path}: an ONNX file, but not one of videotexture's (no {METADATA_KEY!r} in its "
                "metadata): give a file that `videotexture fit` wrote"
            )
        spec = NetworkSpec.from_json(text, source=str(self.path))
        for role, said, found in (
            ("inputs", spec.inputs, session.get_inputs()),
            ("outputs", spec.outputs, session.get_outputs()),
        ):
            names = sorted(tensor.name for tensor in found)
            if names != sorted(said):
                raise EngineError(
                    f"{self.path}: the graph's {role} are {names}, but its spec says {sorted(said)}: "
                    "the file was changed after its export; export it again"
                )
        self._session = session
        return spec

    def _open_session(self) -> ort.InferenceSession:
        options = ort.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        options.log_severity_level = ONLY_FATAL
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            return ort.InferenceSession(
                self.path.read_bytes(), sess_options=options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # its exceptions share no base class but this
            raise EngineError(
                f"{self.path}: not a whole ONNX file ({_first_line(error)}): build the texture or export it again"
            ) from error

    def _run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        session = self._session
        if session is None:
            raise EngineError(f"{self.name} is not open: use it inside `with engine:`")
        names = list(self.spec.outputs)
        try:
            return dict(zip(names, session.run(names, dict(inputs)), strict=True))
        except Exception as error:
            raise EngineError(f"{self.name}: the run failed: {_first_line(error)}") from error

    def _unload(self) -> None:
        self._session = None


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:200]
