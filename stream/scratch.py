"""Arrays on the disk: what an hour of a clip holds is more than a small machine has memory."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


def zeros(shape: tuple[int, ...], dtype: npt.DTypeLike, folder: Path | None) -> npt.NDArray[Any]:
    """An array of zeros on the disk of a folder, in a file without a name; in memory if there is no folder."""
    if folder is None or not np.prod(shape):
        return np.zeros(shape, dtype)
    with tempfile.TemporaryFile(dir=folder) as file:
        return np.asarray(np.memmap(file, dtype, "w+", shape=shape))
