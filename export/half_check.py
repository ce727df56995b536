"""Whether half precision keeps what a network says: run here on noise, as a GPU would round it.

Real clips are measured by `videotexture bench engines`; noise finds what cannot be missed: a value beyond half's
range, or an operation that half precision spoils.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from export.engine import Array
from export.errors import ExportError
from export.half_emulation import emulated
from export.onnxruntime_engine import OnnxRuntimeEngine
from export.spec import NetworkSpec, TensorSpec

# Largest absolute difference of any output. Embeddings have norm 1, components of 0.5 at most where they are not
# degenerate, and half rounds those to 2.4e-4; some twenty layers' roundings add up as a random walk to about 4 of
# them (measured on real clips: 3e-4). Other outputs are pictures from 0 to 1, of which 1/255 is one level; or say what
# to take from where, of which a tenth of a pixel, or of a share, is not seen.
EMBEDDING_BOUND = 2e-3
OTHER_BOUND = 1 / 255
BLEND_BOUND = 0.1
EMBEDDINGS = ("encoder", "sound")
INTERPOLATOR = "interpolator"
GRAIN_PX = 8  # of the pictures that it is tried on: between neighbours of white noise a hundredth of a pixel is a level

_BATCH = 2


def bound_of(spec: NetworkSpec) -> float:
    """The largest difference that half precision may make to an output of a network."""
    if spec.name in EMBEDDINGS:
        return EMBEDDING_BOUND
    return BLEND_BOUND if "share" in spec.outputs else OTHER_BOUND


def check_half(path: Path, half: bytes) -> float:
    """Compare a network with its half-precision conversion.

    Args:
        path: the float32 network.
        half: what `export.half.to_half` made of it.

    Returns:
        The largest absolute difference of an output.

    Raises:
        ExportError: it is above the bound, or no number.
    """
    with OnnxRuntimeEngine(path) as engine:
        spec = engine.spec
        rng = np.random.default_rng(0)
        draw = _picture if spec.name == INTERPOLATOR else _noise
        inputs = {name: draw(tensor, rng) for name, tensor in spec.inputs.items()}
        wanted = engine.run(inputs)
    with OnnxRuntimeEngine(path, model=emulated(half)) as engine:
        found = engine.run(inputs)
    difference = max(float(np.abs(wanted[name] - found[name]).max()) for name in wanted)
    bound = bound_of(spec)
    if not difference <= bound:  # a NaN fails too
        raise ExportError(
            f"{path.name}: half precision changes its output by {difference:.1e}, at most {bound:.1e} is allowed: "
            "use float32"
        )
    return difference


def _noise(tensor: TensorSpec, rng: np.random.Generator) -> Array:
    shape = [_BATCH if size is None else size for size in tensor.shape]
    if tensor.dtype == "uint8":
        return rng.integers(0, 256, shape, dtype=np.uint8)
    if tensor.dtype in ("int32", "int64"):
        return np.zeros(shape, tensor.dtype)
    return np.asarray(rng.normal(0.0, 0.1, shape), tensor.dtype)


def _picture(tensor: TensorSpec, rng: np.random.Generator) -> Array:
    """Smooth pictures from 0 to 1, (..., 3, height, width), and moments between them, (times,)."""
    shape = [1 if size is None else size for size in tensor.shape]
    if len(shape) < 3:
        return np.sort(rng.uniform(0, 1, shape)).astype(tensor.dtype)
    *before, height, width = shape
    planes = [
        cv2.resize(rng.uniform(0, 1, (-(-height // GRAIN_PX), -(-width // GRAIN_PX))), (width, height))
        for _ in range(int(np.prod(before)))
    ]
    return np.stack(planes).reshape(shape).astype(tensor.dtype)
