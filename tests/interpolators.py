"""Small interpolation networks made by hand, as ONNX files that carry our spec: cross-fades of either kind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

from export.spec import METADATA_KEY, NetworkSpec, TensorSpec
from models.interpolation.optical_flow import flow_size

Shapes = dict[str, tuple[int, ...]]


def write_interpolator(path: Path, width: int, height: int, *, times: int = 4, kind: str = "small") -> Path:
    """What makes between[k] = first + times[k] (last - first): pictures ("superslomo"), or no flow and shares."""
    if kind == "small":
        small = flow_size(height, width)
        inputs, outputs, nodes, constants = _shares(small[0], small[1], times)
    else:
        inputs, outputs, nodes, constants = _pictures(width, height, times)
    spec = NetworkSpec(
        name="interpolator",
        inputs={name: TensorSpec(dtype="float32", shape=shape) for name, shape in inputs.items()},
        outputs={name: TensorSpec(dtype="float32", shape=shape) for name, shape in outputs.items()},
        facts={"kind": kind, "times": times, "height_px": height, "width_px": width},
    )
    graph = helper.make_graph(
        nodes,
        "interpolator",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    model.metadata_props.add(key=METADATA_KEY, value=spec.model_dump_json())
    onnx.save(model, path)
    return path


def _pictures(width: int, height: int, times: int) -> tuple[Shapes, Shapes, list[NodeProto], dict[str, np.ndarray]]:
    picture = (1, 3, height, width)
    nodes = [
        helper.make_node("Sub", ["last", "first"], ["change"]),
        helper.make_node("Reshape", ["times", "shape"], ["each"]),
        helper.make_node("Mul", ["each", "change"], ["part"]),
        helper.make_node("Add", ["first", "part"], ["between"]),
    ]
    inputs: Shapes = {"first": picture, "last": picture, "times": (times,)}
    return inputs, {"between": (times, 3, height, width)}, nodes, {"shape": np.array([times, 1, 1, 1], np.int64)}


def _shares(width: int, height: int, times: int) -> tuple[Shapes, Shapes, list[NodeProto], dict[str, np.ndarray]]:
    picture, field = (1, 3, height, width), (1, 2, height, width)
    inputs: Shapes = {"first": picture, "last": picture, "times": (times,), "forward": field, "backward": field}
    outputs: Shapes = dict.fromkeys(("to_first", "to_last"), (times, 2, height, width))
    nodes = [
        helper.make_node("Sub", ["one", "times"], ["left"]),
        helper.make_node("Reshape", ["left", "shape"], ["each"]),
        helper.make_node("Expand", ["each", "maps"], ["share"]),
        helper.make_node("Mul", ["forward", "none"], ["still"]),
        helper.make_node("Expand", ["still", "fields"], ["to_first"]),
        helper.make_node("Mul", ["backward", "none"], ["still too"]),
        helper.make_node("Expand", ["still too", "fields"], ["to_last"]),
    ]
    constants = {
        "one": np.array(1, np.float32), "none": np.array(0, np.float32), "shape": np.array([times, 1, 1, 1], np.int64),
        "maps": np.array([times, 1, height, width], np.int64),
        "fields": np.array([times, 2, height, width], np.int64),
    }  # fmt: skip
    return inputs, outputs | {"share": (times, 1, height, width)}, nodes, constants
