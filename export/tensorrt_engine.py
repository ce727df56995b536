"""Runs engines built by TensorRT or TensorRT-RTX. Not run by the tests: needs a GPU (docs/engines.md lists what).

Source:
    NVIDIA, TensorRT 10.x and 11.x Python API (`execute_async_v3`, named tensors, stream capture), and TensorRT-RTX
    1.7 ("Working with RTX CUDA Graphs", "Working with Runtime Cache", "Engine Compatibility").
"""

from __future__ import annotations

import contextlib
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from export.device_memory import Stream
from export.engine import Array
from export.engine_file import EngineFile
from export.resident import ResidentEngine, static_shapes
from export.spec import EngineError, NetworkSpec
from export.tensorrt_log import new_log
from models.whole import whole_file


class TensorRtEngine(ResidentEngine):
    """Runs a built engine on the first GPU, as one CUDA graph.

    Args:
        file: the engine.
        module: `tensorrt` or `tensorrt_rtx`, whichever built it.
        batch: that it was built for.
        kernels: TensorRT-RTX compiles kernels when an engine is opened, which takes seconds; they are kept in this
            file for the next time. None keeps none.
    """

    def __init__(self, file: EngineFile, module: str, *, batch: int, kernels: Path | None = None) -> None:
        super().__init__(batch)
        self.file = file
        self.module = module
        self.kernels = kernels
        self._stream: Stream | None = None
        self._context: Any = None
        self._held: list[Any] = []  # what must outlive the context
        self._graph: Any = None
        self._addresses: dict[str, int] = {}

    @property
    def name(self) -> str:
        return f"{self.module} with {self.file.key.network} in {self.file.key.precision}"

    def _load(self) -> NetworkSpec:
        spec = self.file.spec
        try:
            self._open_context()
            self._bind(spec)
            self._enqueue()  # the first run settles what is put off, and must not be captured
            self._open_stream.wait()
            if not self._is_rtx:
                with contextlib.suppress(EngineError):  # what cannot be captured is enqueued each time
                    self._graph = self._open_stream.capture(self._enqueue)
        except EngineError:
            self._unload()
            raise
        self._keep_kernels()
        return spec

    @property
    def _is_rtx(self) -> bool:
        return self.module == "tensorrt_rtx"

    @property
    def _open_stream(self) -> Stream:
        if self._stream is None:
            raise EngineError(f"{self.name} is not open: use it inside `with engine:`")
        return self._stream

    def _open_context(self) -> None:
        try:
            tensorrt = import_module(self.module)
        except ImportError as error:
            raise EngineError(f"{self.module} cannot be imported ({error})") from error
        log = new_log(tensorrt)
        runtime = tensorrt.Runtime(log)
        if self._is_rtx:
            _check_validity(tensorrt, runtime, self.file.payload, self.name)
        self._stream = Stream()
        engine = runtime.deserialize_cuda_engine(self.file.payload)
        if engine is None:
            raise EngineError(f"{self.name}: the engine cannot be opened here: {log.said()}")
        self._held = [log, runtime, engine]
        self._context = self._rtx_context(tensorrt, engine) if self._is_rtx else engine.create_execution_context()
        if self._context is None:
            raise EngineError(f"{self.name}: no memory for a run, or a kernel cannot be compiled: {log.said()}")

    def _rtx_context(self, tensorrt: Any, engine: Any) -> Any:
        """RTX captures its graph itself, and keeps its kernels."""
        config = engine.create_runtime_config()
        config.cuda_graph_strategy = tensorrt.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
        cache = config.create_runtime_cache()
        if self.kernels is not None:
            with contextlib.suppress(OSError):
                cache.deserialize(self.kernels.read_bytes())  # refused, and so compiled again, if made elsewhere
        config.set_runtime_cache(cache)
        self._held += [config, cache]
        return engine.create_execution_context(config)

    def _bind(self, spec: NetworkSpec) -> None:
        """Give every tensor its memory, for good: a captured graph holds the addresses."""
        for name, shape in static_shapes(spec, self.batch).items():
            self._allocate(name, shape, spec.inputs[name].dtype)
        for name, tensor in spec.outputs.items():
            self._allocate(name, self._shape(tensor.shape), tensor.dtype)

    def _shape(self, shape: tuple[int | None, ...]) -> tuple[int, ...]:
        return tuple(self.batch if size is None else size for size in shape)

    def _allocate(self, name: str, shape: tuple[int, ...], dtype: str) -> None:
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        self._addresses[name] = self._open_stream.allocate(size)
        if not self._context.set_tensor_address(name, self._addresses[name]):
            raise EngineError(f"{self.name}: the engine has no tensor {name!r}: export it again")

    def _enqueue(self) -> None:
        if not self._context.execute_async_v3(stream_handle=int(self._open_stream.handle)):
            raise EngineError(f"{self.name}: the run failed: {self._held[0].said()}")

    def upload(self, name: str, array: Array) -> None:
        self._open_stream.upload(array, self._addresses[name])

    def execute(self) -> None:
        if self._graph is None:
            self._enqueue()
        else:
            self._open_stream.launch(self._graph)
        self._open_stream.wait()

    def download(self, name: str) -> Array:
        tensor = self.file.spec.outputs[name]
        return self._open_stream.download(self._addresses[name], self._shape(tensor.shape), tensor.dtype)

    def _keep_kernels(self) -> None:
        """Written whole or not at all; a file that cannot be written costs the next start some seconds, no more."""
        if self.kernels is None or not self._is_rtx:
            return
        with contextlib.suppress(OSError), whole_file(self.kernels) as partial:
            partial.write_bytes(bytes(self._held[-1].serialize()))

    def _unload(self) -> None:
        stream, self._stream = self._stream, None
        if stream is None:
            return
        stream.wait()
        if self._graph is not None:
            stream.forget(self._graph)
        self._graph = self._context = None
        self._held = []
        for address in self._addresses.values():
            stream.free(address)
        self._addresses = {}
        stream.close()


def _check_validity(tensorrt: Any, runtime: Any, payload: bytes, name: str) -> None:
    """RTX says beforehand whether an engine fits this machine, by its head alone.

    Raises:
        EngineError: it does not.
    """
    validity, diagnostics = runtime.get_engine_validity(payload)
    if validity == tensorrt.EngineValidity.INVALID:
        known = tensorrt.EngineInvalidityDiagnostics.__members__.items()
        found = [reason.lower().replace("_", " ") for reason, flag in known if int(diagnostics) & int(flag)]
        raise EngineError(f"{name}: the engine does not fit this machine: {', '.join(found) or 'no reason given'}")
