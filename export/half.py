"""Half precision, written into the ONNX: TensorRT 11 and TensorRT-RTX take the types that they find. Needs onnx.

What multiplies and adds a lot becomes float16, with what follows it directly; all else stays float32: inputs and
outputs, normalisations (sums of many squares overflow 65504), exponentials and logarithms, and everything that a
logarithm is taken of, whose range no half precision holds; and the places at which pictures are looked up. Sums
inside products are the backend's, which all accumulate in float32 or are told to.

Own code, on `onnx` alone: the published converters (onnxconverter-common and the copy in ONNX Runtime) go by lists of
operators, so that a product before a logarithm and one behind it are treated alike.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from export.engine import Array
from export.errors import ExportError

HEAVY = {"Conv", "ConvTranspose", "Gemm", "MatMul"}
FOLLOWING = {  # half where all that they take is; they round nothing, or as little as one addition does
    "Add", "AveragePool", "Concat", "Flatten", "GlobalAveragePool", "Identity", "LeakyRelu", "MaxPool", "Pad", "Relu",
    "Reshape", "Slice", "Split", "Squeeze", "Transpose", "Unsqueeze",
}  # fmt: skip
WIDE_BEFORE = {"Log", "Exp", "Softmax", "LogSoftmax"}  # nothing that leads to them may be rounded
PLACES = "GridSample"  # the place is not rounded, back to the product that says it; what leads to that may be
LARGEST_HALF = 65504.0

FLOAT, HALF = TensorProto.FLOAT, TensorProto.FLOAT16


def to_half(model: bytes) -> bytes:
    """Convert a network.

    Args:
        model: ONNX in float32, with its weights.

    Returns:
        The same network with its inner part in float16; inputs, outputs and metadata are as they were.

    Raises:
        ExportError: it is no ONNX, or of a kind that this does not convert.
    """
    try:
        proto = onnx.load_model_from_string(model)
    except Exception as error:  # protobuf's exceptions are of the implementation that is installed
        raise ExportError(f"not a whole ONNX file ({error}): export it again") from error
    if any(attribute.type in (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS)
           for node in proto.graph.node for attribute in node.attribute):  # fmt: skip
        raise ExportError("a network with branches or loops cannot be converted to half precision: use float32")
    fold_batch_norms(proto)
    _Conversion(proto).run()
    converted: bytes = proto.SerializeToString()
    return converted


def fold_batch_norms(proto: ModelProto) -> None:
    """Multiply each batch normalisation that follows a convolution into that convolution, in place.

    Its scale and shift would otherwise be rounded by themselves, and its statistics may exceed half's range.
    """
    graph = proto.graph
    constants = {tensor.name: tensor for tensor in graph.initializer}
    makers = {output: node for node in graph.node for output in node.output}
    uses = [name for node in graph.node for name in node.input] + [output.name for output in graph.output]
    dead: list[NodeProto] = []
    made: set[str] = set()
    for norm in [node for node in graph.node if node.op_type == "BatchNormalization"]:
        conv = makers.get(norm.input[0])
        if conv is None or conv.op_type != "Conv" or uses.count(conv.output[0]) != 1:
            continue
        if any(name not in constants for name in [*conv.input[1:], *norm.input[1:]]):
            continue
        folded = [f"{conv.input[1]} by {norm.input[1]}{part}" for part in (" weight", " bias")]
        if folded[0] not in made:  # a network that is applied twice has its weights once
            made.add(folded[0])
            for name, array in zip(folded, _folded(conv, norm, constants), strict=True):
                graph.initializer.append(numpy_helper.from_array(array.astype(np.float32), name))
        del conv.input[1:]
        conv.input.extend(folded)
        conv.output[0] = norm.output[0]
        dead.append(norm)
    for norm in dead:
        graph.node.remove(norm)
    _drop_unused(proto)


def _folded(conv: NodeProto, norm: NodeProto, constants: dict[str, TensorProto]) -> tuple[Array, Array]:
    """The weight and the bias of a convolution with its batch normalisation in it."""
    scale, shift, mean, variance = (numpy_helper.to_array(constants[name]).astype(float) for name in norm.input[1:])
    epsilon = next((attribute.f for attribute in norm.attribute if attribute.name == "epsilon"), 1e-5)
    gain = scale / np.sqrt(variance + epsilon)
    weight = numpy_helper.to_array(constants[conv.input[1]])
    bias = numpy_helper.to_array(constants[conv.input[2]]) if len(conv.input) > 2 else 0.0
    return weight * gain.reshape(-1, *[1] * (weight.ndim - 1)), (bias - mean) * gain + shift


def _drop_unused(proto: ModelProto) -> None:
    used = {name for node in proto.graph.node for name in node.input}
    used |= {output.name for output in proto.graph.output}
    kept = [tensor for tensor in proto.graph.initializer if tensor.name in used]
    del proto.graph.initializer[:]
    proto.graph.initializer.extend(kept)


class _Conversion:
    """One conversion, in place."""

    def __init__(self, proto: ModelProto) -> None:
        self.proto = proto
        self.graph = proto.graph
        self.constants = {tensor.name: tensor for tensor in self.graph.initializer}
        self.types = self._element_types()
        self.narrow: set[str] = set()  # tensors that are float16 in the converted network
        self.nodes: list[NodeProto] = []
        self.made: set[str] = set()

    def _element_types(self) -> dict[str, int]:
        inferred = onnx.shape_inference.infer_shapes(self.proto, strict_mode=True).graph
        values = [*inferred.input, *inferred.value_info, *inferred.output]
        types = {value.name: value.type.tensor_type.elem_type for value in values}
        return types | {name: tensor.data_type for name, tensor in self.constants.items()}

    def run(self) -> None:
        wide = self._kept_wide()
        outputs = {output.name for output in self.graph.output}
        for index, node in enumerate(self.graph.node):
            is_half = index not in wide and self._becomes_half(node)
            for position, name in enumerate(node.input):
                if self.types.get(name) == FLOAT and self._is_converted(node, position):
                    node.input[position] = self._as_half(name) if is_half else self._as_float(name)
            self.nodes.append(node)
            if is_half:
                self._narrow_outputs(node, outputs)
        del self.graph.node[:]
        self.graph.node.extend(self.nodes)
        del self.graph.value_info[:]  # of the old types; every reader infers them
        _drop_unused(self.proto)

    def _kept_wide(self) -> set[int]:
        """The indices of all nodes that lead to one that needs the whole range and precision."""
        makers = {name: index for index, node in enumerate(self.graph.node) for name in node.output}
        found: set[int] = set()
        waiting = [index for index, node in enumerate(self.graph.node) if node.op_type in WIDE_BEFORE]
        places = [index for index, node in enumerate(self.graph.node) if node.op_type == PLACES]
        for pending, stops in ((waiting, set[str]()), (places, HEAVY)):
            while pending:
                index = pending.pop()
                node = self.graph.node[index]
                if index not in found:
                    found.add(index)
                    leading = node.input[1:] if node.op_type == PLACES and stops else node.input
                    pending += [makers[name] for name in leading if name in makers and node.op_type not in stops]
        return found

    def _becomes_half(self, node: NodeProto) -> bool:
        floats = [name for name in node.input if self.types.get(name) == FLOAT]
        computed = [name for name in floats if name not in self.constants]
        if not computed or any(not self._fits(name) for name in floats if name in self.constants):
            return False
        if node.op_type in HEAVY:
            return True
        return node.op_type in FOLLOWING and all(name in self.narrow for name in computed)

    def _fits(self, constant: str) -> bool:
        values = numpy_helper.to_array(self.constants[constant])
        return bool(values.size == 0 or np.abs(values).max() <= LARGEST_HALF)

    @staticmethod
    def _is_converted(node: NodeProto, position: int) -> bool:
        """All float inputs are of one type, but for the scales that Resize takes."""
        return node.op_type != "Resize" or position == 0

    def _as_half(self, name: str) -> str:
        if name in self.narrow:
            return name
        half = f"{name}.half"
        if half not in self.made:
            self.made.add(half)
            if name in self.constants:
                values = numpy_helper.to_array(self.constants[name]).astype(np.float16)
                self.graph.initializer.append(numpy_helper.from_array(values, half))
            else:
                self._cast(name, half, HALF)
        return half

    def _as_float(self, name: str) -> str:
        if name not in self.narrow:
            return name
        wide = f"{name}.float"
        if wide not in self.made:
            self.made.add(wide)
            self._cast(name, wide, FLOAT)
        return wide

    def _narrow_outputs(self, node: NodeProto, outputs: set[str]) -> None:
        for position, name in enumerate(node.output):
            if self.types.get(name) != FLOAT:
                continue
            if name not in outputs:
                self.narrow.add(name)
                continue
            node.output[position] = f"{name}.inner"  # what leaves the network stays float32, under its name
            self._cast(node.output[position], name, FLOAT)

    def _cast(self, source: str, target: str, to: int) -> None:
        self.nodes.append(helper.make_node("Cast", [source], [target], name=f"cast {target}", to=to))
