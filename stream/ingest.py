"""Taking a clip in: one pass that encodes it, shrinks it for the encoder, and finds its cuts."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

from models import steadying
from models.progress import Progress
from models.segments import Segments
from stream.clip import Clip, ClipFrame
from stream.errors import ClipError
from stream.h264 import GopFileWriter, VideoFormat, colour_of
from stream.timeline import Timeline

CRF = 22
MOST_SEGMENTS = 36_000  # two hours at most rates: what was measured; the search for ways grows with the square
STILL_LEVELS = 1.0  # of 255: a clip whose liveliest pixels vary less than this shows nothing but itself

FrameSize: TypeAlias = Callable[[int, int], tuple[int, int]]


@dataclass(frozen=True)
class IngestedVideo:
    """A clip as the rest of the build needs it.

    Attributes:
        format: how its GOPs are encoded.
        segments: how it is divided.
        analysis: its pictures at the encoder's size, uint8 RGB (F, h, w, 3); on disk, read as they are needed.
        grey: the same in grey and at the size at which a camera's motion is found, (F, h, w); likewise on disk.
        timeline: how the file's time becomes the clip's.
        notes: what was changed when it was read.
    """

    format: VideoFormat
    segments: Segments
    analysis: npt.NDArray[np.uint8]
    grey: npt.NDArray[np.uint8]
    timeline: Timeline
    notes: tuple[str, ...]


def ingest(path: Path, out: Path, frame_size: FrameSize, progress: Progress) -> IngestedVideo:
    """One pass over a clip: the GOP-aligned video, the small pictures for the encoder, and the hard cuts.

    Args:
        path: the clip.
        out: the MP4 to write; picture k of it is the clip's frame k + W - s.
        frame_size: gives the (width, height) of the small pictures for the clip's own.
        progress: told how far it is.

    Raises:
        ClipError: the clip cannot be made into a texture.
    """
    with Clip(path) as clip:
        plan = Segments.of_clip(0, clip.rate_hz)
        most_frames = plan.window_frames + (MOST_SEGMENTS - 1) * plan.stride_frames
        if clip.expected_frames > 2 * most_frames:  # what a file says of itself is not always true
            raise _too_long(path, most_frames / float(clip.rate_hz))
        frames = clip.frames()
        first = next(frames)
        width, height = first.picture.width, first.picture.height
        video_format = VideoFormat(width, height, clip.rate_hz, plan.stride_frames, CRF, colour_of(first.picture))
        analysis_size, grey_size = frame_size(width, height), steadying.picture_size(width, height)
        cuts = []
        # The first segment appends only what is not in its overlap: the frames before are never played.
        with (
            GopFileWriter(out, video_format) as writer,
            tempfile.TemporaryFile(dir=out.parent) as shrunk,
            tempfile.TemporaryFile(dir=out.parent) as shrunk_grey,
        ):
            for frame in _chain(first, frames):
                if frame.index >= most_frames:
                    raise _too_long(path, most_frames / float(clip.rate_hz))
                shrunk.write(_small(frame.picture, analysis_size, "rgb24").tobytes())
                shrunk_grey.write(_small(frame.picture, grey_size, "gray").tobytes())
                if frame.is_cut:
                    cuts.append(frame.index)
                if frame.index >= plan.overlap_frames:
                    writer.write(frame.picture)
                if clip.expected_frames:
                    progress("", min(1.0, frame.index / clip.expected_frames))
            if frame.index + 1 < plan.window_frames + plan.stride_frames:
                raise _too_short(path, frame.index + 1, plan, clip.rate_hz)
            count = frame.index + 1  # an hour of them takes over 1 GB
            pictures = np.asarray(np.memmap(shrunk, np.uint8, "r+", shape=(count, *analysis_size[::-1], 3)))
            grey = np.asarray(np.memmap(shrunk_grey, np.uint8, "r+", shape=(count, *grey_size[::-1])))
        segments = Segments.of_clip(len(pictures), clip.rate_hz, tuple(cuts))
        _check_moves(path, pictures)
        _check_calm(path, segments)
        return IngestedVideo(video_format, segments, pictures, grey, clip.timeline, tuple(clip.notes))


def _chain(first: ClipFrame, rest: Iterator[ClipFrame]) -> Iterator[ClipFrame]:
    yield first
    yield from rest


def _small(picture: VideoFrame, size: tuple[int, int], pixels: str) -> npt.NDArray[np.uint8]:
    small = picture.reformat(width=size[0], height=size[1], format=pixels, interpolation="AREA")
    return np.asarray(small.to_ndarray(), np.uint8)


def _too_short(path: Path, frames: int, plan: Segments, rate_hz: Fraction) -> ClipError:
    needed = plan.window_frames + plan.stride_frames
    return ClipError(
        f"{path}: too short, {frames} frames ({frames / float(rate_hz):.2f} s); a texture needs two segments, "
        f"{needed} frames ({needed / float(rate_hz):.2f} s), and gets good from 20 s on"
    )


def _check_moves(path: Path, pictures: npt.NDArray[np.uint8]) -> None:
    sample = pictures[:: max(1, len(pictures) // 200)].astype(np.float32)
    if np.quantile(sample.std(axis=0), 0.999) < STILL_LEVELS:
        raise ClipError(f"{path}: every frame shows the same picture; a clip in which something moves is needed")


def _too_long(path: Path, most_s: float) -> ClipError:
    return ClipError(
        f"{path}: too long, no more than {most_s:.0f} s ({MOST_SEGMENTS} segments) was ever tried; "
        f"cut it with `ffmpeg -i IN -t {int(most_s)} -c copy OUT.mp4`"
    )


def _check_calm(path: Path, segments: Segments) -> None:
    clean = segments.clean
    if not (clean[:-1] & clean[1:]).any():
        raise ClipError(f"{path}: a hard cut at least every {segments.window_frames} frames; a calmer clip is needed")
