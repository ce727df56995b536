"""Any sound to mono at 16 kHz, as it comes."""

from __future__ import annotations

import av
import numpy as np
import numpy.typing as npt
from av.audio.frame import AudioFrame

from stream.finite import FiniteSound
from stream.hearing.source import SAMPLE_RATE_HZ

Samples = npt.NDArray[np.float32]


class Resampler:
    """Makes mono float32 at `SAMPLE_RATE_HZ` of frames of any rate, layout and format, one after another.

    FFmpeg's resampler keeps about 1 ms back. Channels are averaged (its own way of mixing makes two alike 3 dB louder,
    and would go beyond ±1). A source that changes its rate or layout in between is followed. Samples that are no
    numbers are silenced.

    Args:
        finite: what silences them, and tells of it.
    """

    def __init__(self, finite: FiniteSound | None = None) -> None:
        self._finite = finite or FiniteSound()
        self._resampler: av.AudioResampler | None = None
        self._source: tuple[str, str, int] | None = None

    def process(self, frame: AudioFrame) -> Samples:
        """The samples that come of a frame: float32 (n,), within what the frame held, n may be 0."""
        source = (frame.format.name, frame.layout.name, frame.sample_rate)
        if source != self._source:
            self._resampler = av.AudioResampler(format="fltp", layout=frame.layout, rate=SAMPLE_RATE_HZ)
            self._source = source
        assert self._resampler is not None
        frame.pts = None  # counted by samples: a jump in the source's times is not to be filled
        return _joined(self._resampler.resample(self._finite.frame(frame)))

    def process_array(self, samples: Samples, rate_hz: int) -> Samples:
        """The same of float32 samples (n, channels); the channels are averaged."""
        mono = np.ascontiguousarray(self._finite.array(samples).mean(axis=1, dtype=np.float32)[None])
        frame = AudioFrame.from_ndarray(mono, format="flt", layout="mono")
        frame.sample_rate = rate_hz
        return self.process(frame)

    def flush(self) -> Samples:
        """What is still in it, at the end; afterwards it begins anew."""
        rest = _joined(self._resampler.resample(None)) if self._resampler is not None else np.zeros(0, np.float32)
        self._resampler = self._source = None
        return rest


def _joined(frames: list[AudioFrame]) -> Samples:
    parts = [frame.to_ndarray().mean(axis=0, dtype=np.float32) for frame in frames]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)
