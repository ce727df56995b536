"""The interpolator of a texture: exported at its size, and checked against PyTorch. Build half: needs torch.

One file, `interpolator.onnx`, whose spec is named "interpolator"; the fact `kind` tells which. "superslomo" is given
two pictures and makes `times` pictures between. "small" is given both at the size at which flow is measured, and that
flow, and says for each time what to take from where. Sizes are fixed; what layers need is padded inside.
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
from models.interpolation.optical_flow import flow_size
from models.interpolation.small import SmallInterpolator
from models.interpolation.super_slomo import SuperSloMo
from models.interpolation.weights import load_small

FIRST, LAST, TIMES = "first", "last", "times"
FORWARD, BACKWARD = "forward", "backward"
BETWEEN = "between"
TO_FIRST, TO_LAST, SHARE = "to_first", "to_last", "share"
# Places to look up are rounded to 1e-7 of the picture's side, and a sharp edge is as bright as can be: 2e-4 at 1920 px.
# A quarter of a level of 255 is not seen; nor is a hundredth of a pixel of flow.
PARITY_TOLERANCE = {BETWEEN: 1e-3, SHARE: 4e-3, TO_FIRST: 1e-2, TO_LAST: 1e-2}

Inputs = dict[str, npt.NDArray[np.float32]]
Interpolation = SuperSloMo | SmallInterpolator


def export_interpolator(
    network: Interpolation, path: Path, *, height_px: int, width_px: int, times: int = 4
) -> NetworkSpec:
    """Write `interpolator.onnx`, and check that it gives what PyTorch gives.

    Args:
        network: of `models.interpolation.weights`.
        path: the file to write.
        height_px, width_px: of the pictures that it will be given; any size.
        times: how many pictures between it makes at once.

    Returns:
        The file's spec. All float32. Inputs `first`, `last` (1, 3, H, W), RGB, 0 to 1; `times` (K,), 0 to 1, neither
        included. Output `between` (K, 3, H, W), 0 to 1. Of "small": H and W those of `flow_size`; inputs besides the
        flows `forward`, `backward` (1, 2, H, W), pixels, as measured; outputs the flows `to_first`, `to_last`
        (K, 2, H, W), and `share` (K, 1, H, W), 0 to 1, of the first. Facts: `kind`, `times`, `height_px`, `width_px`
        (of the video), `weights` (where they are from, and their licence).

    Raises:
        ExportError: the export failed, or its pictures differ from PyTorch's by more than a quarter of a level.
    """
    network.eval()
    spec = interpolator_spec(network, height_px=height_px, width_px=width_px, times=times)
    inputs = _some_inputs(spec)
    export_onnx(network, [torch.from_numpy(array) for array in inputs.values()], spec, path)
    check_parity(network, path, inputs)
    return spec


def export_small(path: Path, width_px: int, height_px: int) -> dict[str, object]:
    """Write the small interpolator with the weights that come with the package; the facts of its spec.

    Raises:
        ExportError: see `export_interpolator`.
        FitError: the package lacks the weights.
    """
    return dict(export_interpolator(load_small(), path, height_px=height_px, width_px=width_px).facts)


def interpolator_spec(network: Interpolation, *, height_px: int, width_px: int, times: int) -> NetworkSpec:
    """The spec of an interpolator for video of some size."""
    is_small = isinstance(network, SmallInterpolator)
    width, height = flow_size(height_px, width_px) if is_small else (width_px, height_px)

    def maps(count: int, channels: int) -> TensorSpec:
        return TensorSpec(dtype="float32", shape=(count, channels, height, width))

    inputs = {FIRST: maps(1, 3), LAST: maps(1, 3), TIMES: TensorSpec(dtype="float32", shape=(times,))}
    outputs = {BETWEEN: maps(times, 3)}
    if is_small:
        inputs |= {FORWARD: maps(1, 2), BACKWARD: maps(1, 2)}
        outputs = {TO_FIRST: maps(times, 2), TO_LAST: maps(times, 2), SHARE: maps(times, 1)}
    facts = {"kind": network.kind, "times": times, "height_px": height_px, "width_px": width_px}
    return NetworkSpec(
        name="interpolator", inputs=inputs, outputs=outputs, facts=facts | {"weights": network.provenance}
    )


def check_parity(network: Interpolation, path: Path, inputs: Inputs) -> dict[str, float]:
    """The largest difference of each output between the exported file and PyTorch.

    Raises:
        ExportError: one is above `PARITY_TOLERANCE`.
    """
    with torch.inference_mode():
        said = network(*(torch.from_numpy(array) for array in inputs.values()))
    expected = [said] if isinstance(said, torch.Tensor) else list(said)
    with OnnxRuntimeEngine(path) as engine:
        found = engine.run(dict(inputs))
        names = list(engine.spec.outputs)
    apart = {
        name: float(np.abs(found[name] - wanted.numpy()).max()) for name, wanted in zip(names, expected, strict=True)
    }
    for name, difference in apart.items():
        if not difference < PARITY_TOLERANCE[name]:  # a NaN fails too
            raise ExportError(
                f"{path}: its {name} differs from PyTorch's by {difference:.1e}, expected less than "
                f"{PARITY_TOLERANCE[name]:.0e}: report this, with the versions that `videotexture doctor` prints"
            )
    return apart


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
    inputs = {FIRST: picture(0), LAST: picture(5), TIMES: times}
    if FORWARD in spec.inputs:
        flow = np.array([5, 0], np.float32)[:, None, None] + rng.normal(0, 0.5, (1, 2, height, width))
        inputs |= {FORWARD: np.asarray(flow, np.float32), BACKWARD: np.asarray(-flow, np.float32)}
    return inputs
