"""The interpolator of a texture: exported at its size, and checked against PyTorch. Build half: needs torch.

One file, `interpolator.onnx`, whose spec is named "interpolator": two pictures in, `times` pictures between out.
Sizes are fixed in it; what its layers need is padded inside. The fact `needs_flow` is false: Super SloMo finds its own.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from export.errors import ExportError
from export.onnx_file import export_onnx
from export.onnxruntime_engine import OnnxRuntimeEngine
from export.spec import NetworkSpec, TensorSpec
from models.interpolation.super_slomo import SuperSloMo

FIRST, LAST, TIMES = "first", "last", "times"
BETWEEN = "between"
# Places to look up are rounded to 1e-7 of the picture's side, and a sharp edge is as bright as can be: 2e-4 at 1920 px.
# A quarter of a level of 255 is not seen.
PARITY_TOLERANCE = 1e-3

Inputs = dict[str, npt.NDArray[np.float32]]


def export_interpolator(
    network: SuperSloMo, path: Path, *, height_px: int, width_px: int, times: int = 4
) -> NetworkSpec:
    """Write `interpolator.onnx`, and check that it gives what PyTorch gives.

    Args:
        network: of `models.interpolation.weights.load_superslomo`.
        path: the file to write.
        height_px, width_px: of the pictures that it will be given; any size.
        times: how many pictures between it makes at once.

    Returns:
        The file's spec. Inputs `first`, `last` (1, 3, H, W), RGB, 0 to 1; `times` (K,), 0 to 1, neither included.
        Output `between` (K, 3, H, W), 0 to 1. All float32. Facts: `kind` ("superslomo"), `needs_flow`, `times`,
        `height_px`, `width_px`, `weights` (where they are from, and their licence).

    Raises:
        ExportError: the export failed, or its pictures differ from PyTorch's by more than a quarter of a level.
    """
    network.eval()
    spec = interpolator_spec(network, height_px=height_px, width_px=width_px, times=times)
    inputs = _some_inputs(spec)
    export_onnx(network, [torch.from_numpy(array) for array in inputs.values()], spec, path)
    check_parity(network, path, inputs)
    return spec


def interpolator_spec(network: SuperSloMo, *, height_px: int, width_px: int, times: int) -> NetworkSpec:
    """The spec of an interpolator of some size."""
    picture = TensorSpec(dtype="float32", shape=(1, 3, height_px, width_px))
    inputs = {FIRST: picture, LAST: picture, TIMES: TensorSpec(dtype="float32", shape=(times,))}
    return NetworkSpec(
        name="interpolator",
        inputs=inputs,
        outputs={BETWEEN: TensorSpec(dtype="float32", shape=(times, 3, height_px, width_px))},
        facts={
            "kind": network.kind,
            "needs_flow": network.needs_flow,
            "times": times,
            "height_px": height_px,
            "width_px": width_px,
            "weights": network.provenance,
        },
    )


def check_parity(network: SuperSloMo, path: Path, inputs: Inputs) -> float:
    """The largest difference between the exported file and PyTorch.

    Raises:
        ExportError: it is above a quarter of a level of 255.
    """
    with torch.inference_mode():
        expected = network(*(torch.from_numpy(array) for array in inputs.values())).numpy()
    with OnnxRuntimeEngine(path) as engine:
        difference = float(np.abs(engine.run(dict(inputs))[BETWEEN] - expected).max())
    if not difference < PARITY_TOLERANCE:  # a NaN fails too
        raise ExportError(
            f"{path}: its pictures differ from PyTorch's by {difference:.1e}, expected less than "
            f"{PARITY_TOLERANCE:.0e}: report this, with the versions that `videotexture doctor` prints"
        )
    return difference


def _some_inputs(spec: NetworkSpec) -> Inputs:
    """Smooth pictures with grain, one the other moved, in the order of the inputs."""
    rng = np.random.default_rng(0)
    height, width = spec.inputs[FIRST].shape[2:]
    assert height is not None
    assert width is not None
    down, across = np.mgrid[:height, :width].astype(np.float32)
    phases = np.arange(3, dtype=np.float32)[:, None, None]

    def picture(moved_px: float) -> npt.NDArray[np.float32]:
        waves = 0.5 + 0.3 * np.sin((across - moved_px) / 7 + phases) * np.cos(down / 11)
        return np.asarray((waves + rng.normal(0, 0.05, waves.shape)).clip(0, 1)[None], np.float32)

    count = spec.inputs[TIMES].shape[0] or 1
    times = np.arange(1, count + 1, dtype=np.float32) / np.float32(count + 1)
    return {FIRST: picture(0), LAST: picture(5), TIMES: times}
