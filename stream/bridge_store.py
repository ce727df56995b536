"""The bridges that are made with a texture: the likeliest first, within so many bytes."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from models.progress import Progress
from models.segments import Segments
from stream.bridge_maker import bridge_pictures
from stream.h264 import GopFile, GopFileWriter, VideoFormat
from stream.interpolation.interpolator import Interpolator
from stream.texture import BRIDGES_INDEX, BRIDGES_VIDEO

UNRATIONED_PIXELS = 1280 * 720
COVERAGE = 0.8  # of the jumps, by their bridges; what is rare may be made while playing

CAUTION = 2.0  # times what a picture of the clip takes, until it is known what one of a bridge does
LEAST_KNOWN_FRAMES = 16
TABLE_BYTES = 24  # in an MP4's tables, for each picture


@dataclass(frozen=True)
class Budget:
    """How much may be spent on stored bridges.

    Attributes:
        most_bytes: of their file.
        most_s: seconds for making them.
    """

    most_bytes: int = 32 << 20
    most_s: float = 120.0

    def __post_init__(self) -> None:
        if self.most_bytes < 0 or self.most_s < 0:
            raise ValueError(f"a budget of {self.most_bytes} bytes and {self.most_s} s: expected 0 or more of each")


@dataclass(frozen=True)
class Jumps:
    """Jumps of a walk, the most travelled first, each (M,): where from, where to, how often, and bridge pictures."""

    leaves: npt.NDArray[np.int64]
    lands: npt.NDArray[np.int64]
    shares: npt.NDArray[np.float64]
    frames: npt.NDArray[np.int64]

    @property
    def mean_frames(self) -> float:
        """Of a long walk's bridges; 0 where it never jumps."""
        return float(self.shares @ self.frames / self.shares.sum()) if len(self.shares) else 0.0

    @property
    def covered(self) -> npt.NDArray[np.float64]:
        """The share of all jumps that the first so many are, (M,)."""
        return np.asarray(np.cumsum(self.shares) / self.shares.sum(), np.float64)


def store_bridges(
    folder: Path,
    source: GopFile,
    segments: Segments,
    form: VideoFormat,
    jumps: Jumps,
    *,
    interpolator: Interpolator,
    budget: Budget,
    progress: Progress,
) -> tuple[int, float]:
    """Store the bridges that a walk needs for most of its jumps, as far as the budget goes.

    At most one per segment, of large pictures fewer, since each takes longer; the others are made ahead of the
    playhead when they are needed first.

    Returns:
        How many, and the share of the jumps that need none, or whose bridge is stored.
    """
    if interpolator.cuts or not jumps.frames.any() or not budget.most_bytes:
        return 0, 0.0
    affordable = segments.count * min(1.0, UNRATIONED_PIXELS / (form.width * form.height))
    wanted = min(max(1, int(affordable)), int(np.searchsorted(jumps.covered, COVERAGE)) + 1)
    (folder / BRIDGES_VIDEO).parent.mkdir()
    rows: list[dict[str, int]] = []
    done, until_s = 0, time.monotonic() + budget.most_s
    with GopFileWriter(folder / BRIDGES_VIDEO, form) as writer:
        for done in range(wanted):
            edge, count = (int(jumps.leaves[done]), int(jumps.lands[done])), int(jumps.frames[done])
            if _expected_bytes(writer, source, count) > budget.most_bytes or time.monotonic() > until_s:
                break
            if count:
                row = {"from": edge[0], "to": edge[1], "first_picture": writer.frames_written, "frames": count}
                rows.append(row)
            for index, picture in enumerate(bridge_pictures(source, segments, edge, count, interpolator)):
                writer.write(picture, starts_gop=index == 0)
            progress("", (done + 1) / wanted)
        else:
            done = wanted
    if not rows:
        (folder / BRIDGES_VIDEO).unlink(missing_ok=True)
        (folder / BRIDGES_VIDEO).parent.rmdir()
    else:
        (folder / BRIDGES_INDEX).write_text(json.dumps({"bridges": rows}), encoding="utf-8")
    return len(rows), round(float(jumps.covered[done - 1]), 4) if done else 0.0


def _expected_bytes(writer: GopFileWriter, source: GopFile, count: int) -> float:
    """Of a file after so many pictures more: the encoder holds some back, and the container adds its tables."""
    mean = CAUTION * source.size_bytes / len(source)
    if writer.frames_out >= LEAST_KNOWN_FRAMES:
        mean = writer.bytes_out / writer.frames_out
    coming = writer.frames_written - writer.frames_out + count
    return writer.bytes_out + coming * mean + TABLE_BYTES * (writer.frames_written + count)
