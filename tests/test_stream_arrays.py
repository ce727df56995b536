"""Arrays come back from a file as they were, however they lay in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from safetensors.numpy import load_file

from stream.arrays import write_arrays

SQUARE = np.arange(12, dtype=np.float32).reshape(3, 4)


@pytest.mark.parametrize(
    "array",
    [
        pytest.param(SQUARE, id="as usual"),
        pytest.param(SQUARE.T, id="transposed"),
        pytest.param(np.asfortranarray(SQUARE), id="Fortran's order"),
        pytest.param(SQUARE[:, 1], id="a column"),
        pytest.param(SQUARE[:, ::2], id="every other column"),
        pytest.param(SQUARE[::-1], id="upside down"),
        pytest.param(np.broadcast_to(SQUARE[0], (5, 4)), id="repeated"),
        pytest.param(SQUARE.astype(">f4"), id="big-endian"),
        pytest.param(SQUARE.T.astype(">f4", order="K"), id="big-endian and transposed"),
        pytest.param(np.arange(24, dtype=np.int32).reshape(2, 3, 4).transpose(2, 0, 1), id="three axes"),
        pytest.param(np.array(3.0), id="one number"),
        pytest.param(np.zeros((0, 4), np.float32), id="none"),
        pytest.param(SQUARE.T > 5, id="truth values"),
    ],
)
def test_arrays_come_back_as_they_were(tmp_path: Path, array: npt.NDArray[Any]) -> None:
    before = array.copy()
    write_arrays({"array": array, "other": SQUARE}, tmp_path / "arrays.safetensors")
    read = load_file(tmp_path / "arrays.safetensors")
    assert read["array"].shape == array.shape
    np.testing.assert_array_equal(read["array"], before)
    np.testing.assert_array_equal(read["other"], SQUARE)
    np.testing.assert_array_equal(array, before)


@pytest.mark.parametrize("array", [np.array(["a"]), np.array([None])])
def test_what_is_no_number_is_refused(tmp_path: Path, array: npt.NDArray[Any]) -> None:
    with pytest.raises(ValueError, match=r"words: of type .*; safetensors holds numbers"):
        write_arrays({"words": array}, tmp_path / "arrays.safetensors")
    assert not (tmp_path / "arrays.safetensors").exists()
