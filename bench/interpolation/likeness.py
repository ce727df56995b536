"""How like its truth a picture is: PSNR and SSIM, by FFmpeg's own filters."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from av.filter import Graph
from av.video.frame import VideoFrame

MOST_DB = 100.0  # of two pictures that are the same


@dataclass(frozen=True)
class Likeness:
    """Of one picture and its truth.

    Attributes:
        psnr_db: over all three planes, at most 100.
        ssim: the same, 1 for equal pictures (Wang et al. 2004, in blocks of 8 × 8 as FFmpeg computes it).
    """

    psnr_db: float
    ssim: float

    @classmethod
    def of(cls, made: VideoFrame, truth: VideoFrame) -> Likeness:
        """Compare two pictures, yuv420p of the same size."""
        psnr_db = _compared("psnr", "lavfi.psnr.psnr_avg", made, truth)
        return cls(min(MOST_DB, psnr_db), _compared("ssim", "lavfi.ssim.All", made, truth))


def _compared(name: str, figure: str, made: VideoFrame, truth: VideoFrame) -> float:
    graph = Graph()
    sources = [
        graph.add_buffer(width=truth.width, height=truth.height, format=truth.format, time_base=Fraction(1, 25))
        for _ in range(2)
    ]
    compare, sink = graph.add(name), graph.add("buffersink")
    for place, source in enumerate(sources):
        source.link_to(compare, 0, place)
    compare.link_to(sink)
    graph.configure()
    for source, picture in zip(sources, (made, truth), strict=True):
        picture.pts = 0
        source.push(picture)
        source.push(None)
    told = float(sink.pull().metadata[figure])
    return MOST_DB if math.isinf(told) else told
