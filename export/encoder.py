"""A clip's encoder: fitted, exported, and checked against PyTorch. Build half: needs torch."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from export.embed import FRAMES, QUERY, TARGET
from export.errors import ExportError
from export.onnx_file import export_onnx
from export.onnxruntime_engine import OnnxRuntimeEngine
from export.spec import NetworkSpec, TensorSpec
from models.encoder import ContrastiveEncoder
from models.fit import fit
from models.preset import EMBEDDING_SIZE, Preset
from models.progress import Progress, silent
from models.seam import Judge
from models.segments import Segments
from models.start import StartWeights
from models.windows import UInt8Frames, gather

PARITY_TOLERANCE = 1e-4  # embeddings have norm 1; float32 sums in another order differ by about 1e-6
PARITY_WINDOWS = 8


class EncoderBuilder:
    """Makes a clip's encoder file. Given to the pipeline, which so never imports torch itself.

    Args:
        preset: sizes and settings.
        seed: of weights and draws.
        start: what the network starts from, where the preset starts from weights; the published ones if None.
    """

    def __init__(self, preset: Preset, *, seed: int, start: StartWeights | None = None) -> None:
        self.preset = preset
        self.seed = seed
        self.start = start

    @property
    def steadies(self) -> bool:
        """Whether the clip must come to `build` as if its camera had stood still."""
        return self.preset.steadies

    def frame_size(self, width_px: int, height_px: int) -> tuple[int, int]:
        """(width, height) in pixels to which the clip must be decoded for `build`."""
        return self.preset.frame_size(width_px, height_px)

    def build(
        self,
        frames: UInt8Frames,
        segments: Segments,
        onnx_path: Path,
        judge: Judge | None = None,
        progress: Progress = silent,
    ) -> dict[str, object]:
        """Fit on a clip, export, and check that the exported file gives what PyTorch gives.

        Args:
            frames: the clip at `frame_size`, uint8 RGB (F, h, w, 3).
            segments: its windows.
            onnx_path: the file to write.
            judge: what the fit decides by (`models.fit.fit`).
            progress: told how far it is.

        Returns:
            The fit's report (`models.report.FitReport`) as JSON types, with `parity` (largest absolute
            difference of an embedding's component) and the seconds of `export` and `parity` added.

        Raises:
            FitError: the clip cannot be fitted on.
            ExportError: the export failed, or its embeddings differ from PyTorch's.
        """
        fitted = fit(frames, segments, self.preset, seed=self.seed, start=self.start, judge=judge, progress=progress)
        began_s = time.perf_counter()
        progress("export", 0.0)
        spec = encoder_spec(
            self.preset, segments, (frames.shape[1], frames.shape[2]), looks_ahead=fitted.encoder.trunk.looks_ahead
        )
        example = torch.from_numpy(gather(frames, segments, np.array([0, 1])))
        export_onnx(FloatFirst(fitted.encoder), [example], spec, onnx_path)
        exported_s = time.perf_counter()
        progress("export", 0.8)
        parity = check_parity(fitted.encoder, frames, segments, onnx_path)
        progress("export", 1.0)
        seconds = fitted.report.seconds | {
            "export": round(exported_s - began_s, 3),
            "parity": round(time.perf_counter() - exported_s, 3),
        }
        return fitted.report.as_dict() | {"parity": parity, "seconds": seconds}


class FloatFirst(nn.Module):
    """An encoder whose first operation converts its uint8 frames.

    TensorRT takes 8-bit inputs, but refuses every operation on them other than a cast.

    Args:
        encoder: in evaluation mode.
    """

    def __init__(self, encoder: ContrastiveEncoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.eval()

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """As `ContrastiveEncoder.forward`."""
        query, target = self.encoder(frames.to(torch.float32))
        return query, target


def encoder_spec(preset: Preset, segments: Segments, frame_shape: tuple[int, int], *, looks_ahead: bool) -> NetworkSpec:
    """The spec of an encoder; `frame_shape` is (height, width) in pixels, `looks_ahead` as of `models.trunk.Trunk`."""
    height, width = frame_shape
    embedding = TensorSpec(dtype="float32", shape=(None, EMBEDDING_SIZE))
    return NetworkSpec(
        name="encoder",
        inputs={FRAMES: TensorSpec(dtype="uint8", shape=(None, segments.window_frames, height, width, 3))},
        outputs={QUERY: embedding, TARGET: embedding},
        facts={
            "window_frames": segments.window_frames,
            "stride_frames": segments.stride_frames,
            "frame_height_px": height,
            "frame_width_px": width,
            "preset": preset.name,
            "trunk": preset.trunk.kind,
            "looks_ahead": looks_ahead,
        },
    )


def check_parity(encoder: ContrastiveEncoder, frames: UInt8Frames, segments: Segments, onnx_path: Path) -> float:
    """The largest difference between the exported file and PyTorch, over windows spread over the clip.

    Raises:
        ExportError: it is above 1e-4.
    """
    spread = np.linspace(0, segments.count - 1, min(PARITY_WINDOWS, segments.count)).round().astype(np.int64)
    windows = gather(frames, segments, spread)
    with torch.inference_mode():
        query, target = encoder(torch.from_numpy(windows))
    with OnnxRuntimeEngine(onnx_path) as engine:
        outputs = engine.run({FRAMES: windows})
    difference = max(
        float(np.abs(outputs[QUERY] - query.numpy()).max()),
        float(np.abs(outputs[TARGET] - target.numpy()).max()),
    )
    if not difference < PARITY_TOLERANCE:  # a NaN fails too
        raise ExportError(
            f"{onnx_path}: its embeddings differ from PyTorch's by {difference:.1e}, expected less than "
            f"{PARITY_TOLERANCE:.0e}: report this, with the versions that `videotexture doctor` prints"
        )
    return difference
