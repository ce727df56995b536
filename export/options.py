"""Names of engines and precisions, as options of the command line."""

from __future__ import annotations

from enum import StrEnum


class EngineName(StrEnum):
    """What runs the networks; the names of `export.backends`, which are loaded when they are used."""

    AUTO = "auto"
    TENSORRT = "tensorrt"
    TENSORRT_RTX = "tensorrt-rtx"
    ONNXRUNTIME_CUDA = "onnxruntime-cuda"
    ONNXRUNTIME = "onnxruntime"


class PrecisionName(StrEnum):
    """Of the networks' inner parts."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
