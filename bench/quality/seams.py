"""Seams of a walk's jumps, plain and bridged."""

from __future__ import annotations

from dataclasses import dataclass

import av
import numpy as np
import numpy.typing as npt

from bench.quality.film import Film
from bench.quality.played import Ends
from models.seam import Seam, SeamMeasure
from stream.bridges import BRIDGE_FRAMES
from stream.interpolation.flow import Flow
from stream.interpolation.light import led

MOST_BRIDGED = 60  # jumps of a walk: each bridge takes some 10 ms

Pictures = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class SeamFigures:
    """Medians over the jumps of a walk, in multiples of the film's own.

    Attributes:
        appearance, flow, leap, combined: see `models.seam.Seam`.
        worst: the ninth decile of `combined`.
    """

    appearance: float
    flow: float
    leap: float
    combined: float
    worst: float

    @classmethod
    def of(cls, seam: Seam) -> SeamFigures:
        """Of M jumps, at least one."""
        appearance, flow, leap, combined = (
            float(np.median(figures)) for figures in (seam.appearance, seam.flow, seam.leap, seam.combined)
        )
        return cls(appearance, flow, leap, combined, float(np.quantile(seam.combined, 0.9)))


def visible(film: Film, ends: Ends) -> Ends:
    """The jumps that have two frames on either side."""
    return ends[(ends[:, 0] >= 1) & (ends[:, 1] + 1 < len(film.frames))]


def plain(measure: SeamMeasure, ends: Ends) -> SeamFigures | None:
    """How much jumps show when they are played as they are; None if there are none."""
    return SeamFigures.of(measure.between(ends)) if len(ends) else None


def bridged(film: Film, measure: SeamMeasure, ends: Ends) -> SeamFigures | None:
    """The same with the product's bridge of four interpolated frames: the mean over each bridge's steps."""
    some = ends[:: max(1, len(ends) // MOST_BRIDGED)]
    runs = [measure.along(_with_bridge(film.small, last, first)) for last, first in some.tolist()]
    if not runs:
        return None
    mean = (
        np.array([getattr(run, name).mean() for run in runs], np.float32) for name in ("appearance", "flow", "leap")
    )
    return SeamFigures.of(Seam(*mean))


def _with_bridge(frames: Pictures, last: int, first: int) -> Pictures:
    """Two frames before a jump, the bridge, two after, all as 4:2:0 video shows them."""
    shown = [_video_frame(frames[index]) for index in (last - 1, last, first, first + 1)]
    bridge = led(Flow(), shown[1], shown[2], BRIDGE_FRAMES)
    return np.stack([_rgb(picture) for picture in (*shown[:2], *bridge, *shown[2:])])


def _video_frame(picture: Pictures) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")


def _rgb(picture: av.VideoFrame) -> Pictures:
    return np.asarray(picture.to_ndarray(format="rgb24"), np.uint8)
