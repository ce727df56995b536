"""Arrays as a texture folder keeps them: safetensors files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save


def write_arrays(arrays: Mapping[str, npt.NDArray[Any]], path: Path) -> None:
    """Write a safetensors file of NumPy arrays.

    safetensors 0.8.0 writes an array that is not C-contiguous (transposed, a column, every other row) as it lies in
    memory, under its shape: other values would be read back, and nothing said. So each is laid out first. And its own
    writer of files hides that a disk is full: it only makes the bytes.

    Raises:
        OSError: it cannot be written.
        ValueError: an array is of a type that the format does not know, such as text or objects.
    """
    for name, array in arrays.items():
        if array.dtype.kind not in "biuf":
            raise ValueError(f"{name}: of type {array.dtype}; safetensors holds numbers and truth values")
    path.write_bytes(save({name: np.asarray(array, order="C") for name, array in arrays.items()}))
