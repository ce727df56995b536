"""A small interpolation network made by hand, as an ONNX file that carries our spec: a cross-fade, bent by flow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from export.spec import METADATA_KEY, NetworkSpec, TensorSpec


def write_interpolator(
    path: Path, width: int, height: int, *, times: int = 4, needs_flow: bool = False, kind: str = "small"
) -> Path:
    """between[k] = first + times[k] (last - first), and where it wants flow, plus the mean of forward + backward."""
    picture, field = (1, 3, height, width), (1, 2, height, width)
    inputs = {"first": picture, "last": picture, "times": (times,)}
    inputs |= {"forward": field, "backward": field} if needs_flow else {}
    outputs = {"between": (times, 3, height, width)}
    nodes = [
        helper.make_node("Sub", ["last", "first"], ["change"]),
        helper.make_node("Reshape", ["times", "shape"], ["each"]),
        helper.make_node("Mul", ["each", "change"], ["part"]),
        helper.make_node("Add", ["first", "part"], ["between" if not needs_flow else "faded"]),
    ]
    if needs_flow:
        nodes += [
            helper.make_node("Sub", ["forward", "backward"], ["moved"]),
            helper.make_node("ReduceMean", ["moved", "axes"], ["mean"], keepdims=1),
            helper.make_node("Mul", ["mean", "hundredth"], ["bend"]),
            helper.make_node("Add", ["faded", "bend"], ["between"]),
        ]
    constants = {
        "shape": np.array([times, 1, 1, 1], np.int64), "axes": np.array([1, 2, 3], np.int64),
        "hundredth": np.float32(0.005),
    }  # fmt: skip
    spec = NetworkSpec(
        name="interpolator",
        inputs={name: TensorSpec(dtype="float32", shape=shape) for name, shape in inputs.items()},
        outputs={name: TensorSpec(dtype="float32", shape=shape) for name, shape in outputs.items()},
        facts={"kind": kind, "needs_flow": needs_flow, "times": times, "height_px": height, "width_px": width},
    )
    graph = helper.make_graph(
        nodes,
        "interpolator",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
        [
            numpy_helper.from_array(array if array.dtype == np.int64 else np.asarray(array, np.float32), name)
            for name, array in constants.items()
            if needs_flow or name == "shape"
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    model.metadata_props.add(key=METADATA_KEY, value=spec.model_dump_json())
    onnx.save(model, path)
    return path
