"""The clip's own sound as the sound network hears it: mono at 16 kHz, on the time grid of the segments."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from models.progress import Progress, silent
from models.segments import Segments
from models.sound_windows import SAMPLE_RATE_HZ as HEARD_RATE_HZ
from models.sound_windows import Sound
from stream.hearing.offset import centred
from stream.scratch import zeros
from stream.sound import SAMPLE_RATE_HZ, Samples

CHUNK_SAMPLES = SAMPLE_RATE_HZ


class SoundBuilder(Protocol):
    """What makes a clip's sound network; handed in, so that this package needs no torch."""

    def build(
        self, sound: Sound, ends_s: npt.NDArray[np.float64], onnx_path: Path, progress: Progress = silent
    ) -> dict[str, Any]:
        """Write the ONNX file for a clip's sound, mono at 16 kHz, whose segments end then, and report (JSON-able)."""


def segment_ends_s(segments: Segments, rate_hz: Fraction) -> npt.NDArray[np.float64]:
    """When each segment's appended frames end, seconds from the clip's first picture, float64 (N,).

    The sound of segment i is the window that ends there: segment index = sound index. Live, the last window heard
    ends now.
    """
    return np.asarray((segments.starts + segments.window_frames) / float(rate_hz), dtype=np.float64)


def mono_16k(sound: Samples, scratch: Path | None = None) -> Sound:
    """Stereo at 48 kHz (samples, 2) to what sound networks hear: mono at 16 kHz, without an offset, float32 (S,).

    Args:
        sound: of any length; an hour is 1.4 GB, and is never copied.
        scratch: a folder on whose disk the result is kept; in memory by default.
    """
    length = -(-len(sound) * HEARD_RATE_HZ // SAMPLE_RATE_HZ)
    heard: Sound = zeros((length,), np.float32, scratch)
    resampler = AudioResampler(format="flt", layout="mono", rate=HEARD_RATE_HZ)
    position = 0
    for start in range(0, len(sound) + CHUNK_SAMPLES, CHUNK_SAMPLES):
        parts = resampler.resample(_frame(sound[start : start + CHUNK_SAMPLES]) if start < len(sound) else None)
        for part in parts:
            samples = part.to_ndarray().reshape(-1)[: length - position]
            heard[position : position + len(samples)] = samples
            position += len(samples)
    return centred(heard)


def _frame(stereo: Samples) -> AudioFrame:
    mono = np.ascontiguousarray(stereo.mean(axis=1, dtype=np.float32)[None])
    frame = AudioFrame.from_ndarray(mono, format="flt", layout="mono")
    frame.sample_rate = SAMPLE_RATE_HZ
    return frame
