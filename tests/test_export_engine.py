import json
from collections.abc import Mapping

import numpy as np
import pytest

from export.engine import Array, Engine
from export.spec import EngineError, NetworkSpec, TensorSpec

SPEC = NetworkSpec(
    name="double",
    inputs={"x": TensorSpec(dtype="float32", shape=(None, 3))},
    outputs={"y": TensorSpec(dtype="float32", shape=(None, 3))},
    facts={"factor": 2},
)


class Doubling(Engine):
    """An engine of the test's own, that may answer wrongly."""

    def __init__(self, answer_dtype: str = "float32") -> None:
        super().__init__()
        self.answer_dtype = answer_dtype
        self.unloaded = 0

    @property
    def name(self) -> str:
        return "doubling"

    def _load(self) -> NetworkSpec:
        return SPEC

    def _run(self, inputs: Mapping[str, Array]) -> dict[str, Array]:
        return {"y": (inputs["x"] * 2).astype(self.answer_dtype)}

    def _unload(self) -> None:
        self.unloaded += 1


def test_it_runs_what_fits() -> None:
    with Doubling() as engine:
        engine.warm_up()
        result = engine.run({"x": np.ones((5, 3), dtype=np.float32)})
    np.testing.assert_array_equal(result["y"], np.full((5, 3), 2, dtype=np.float32))
    assert engine.unloaded == 1


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"z": np.ones((1, 3), np.float32)}, r"got inputs \['z'\], expected \['x'\]; missing: .*unknown:"),
        ({}, r"missing: \['x'\]$"),
        ({"x": np.ones((1, 3))}, r"'x' is float64, expected float32: convert it with \.astype"),
        ({"x": np.ones((1, 4), np.float32)}, r"shape \(1, 4\), expected float32 \(any, 3\)"),
        ({"x": np.ones(3, np.float32)}, r"shape \(3,\), expected float32 \(any, 3\)"),
        ({"x": np.ones((0, 3), np.float32)}, r"shape \(0, 3\), expected"),
    ],
)
def test_what_does_not_fit_is_refused(inputs: dict[str, Array], message: str) -> None:
    with Doubling() as engine, pytest.raises(EngineError, match=message):
        engine.run(inputs)


def test_an_engine_that_breaks_its_own_spec_is_caught() -> None:
    with Doubling("float64") as engine, pytest.raises(EngineError, match="output 'y' is float64"):
        engine.run({"x": np.ones((1, 3), dtype=np.float32)})


def test_a_closed_engine_says_so() -> None:
    engine = Doubling()
    with pytest.raises(EngineError, match="doubling is not open: use it inside `with engine:`"):
        engine.run({})
    engine.close()
    assert engine.unloaded == 0


def test_a_spec_survives_json() -> None:
    assert NetworkSpec.from_json(SPEC.model_dump_json(), source="here") == SPEC


@pytest.mark.parametrize("text", ["", "{}", json.dumps({"name": "x", "inputs": {}, "outputs": {}, "more": 1})])
def test_a_bad_spec_names_its_source(text: str) -> None:
    with pytest.raises(EngineError, match=r"/some/file: its spec cannot be read .*export the network again"):
        NetworkSpec.from_json(text, source="/some/file")


def test_a_missing_fact_is_named() -> None:
    assert SPEC.fact("factor") == 2
    with pytest.raises(EngineError, match=r"does not say its 'rate_hz', only \['factor'\]"):
        SPEC.fact("rate_hz")
