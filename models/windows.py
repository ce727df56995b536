"""Windows of frames gathered from a clip. NumPy only: fitting and the torch-free run half share it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.segments import Segments

UInt8Frames = npt.NDArray[np.uint8]


def check_frames(frames: UInt8Frames, segments: Segments) -> None:
    """Check that `frames` can be the clip that `segments` describes.

    Raises:
        ValueError: not uint8, not (F, h, w, 3), or not as many frames as the segments were made for.
    """
    if frames.dtype != np.uint8:
        raise ValueError(f"frames are {frames.dtype}, expected uint8 RGB (0 to 255): convert them first")
    if frames.ndim != 4 or frames.shape[3] != 3:
        raise ValueError(
            f"frames have shape {frames.shape}, expected (frames, height, width, 3): "
            "stack RGB frames along the first axis"
        )
    if len(frames) != segments.frame_count:
        raise ValueError(
            f"got {len(frames)} frames, expected the {segments.frame_count} that the segments were made for: "
            "make both from the same decoded clip"
        )


def gather_following(frames: UInt8Frames, segments: Segments, which: npt.NDArray[np.int64]) -> UInt8Frames:
    """What truly follows some segments: the windows of their successors.

    Where a shot or the clip ends before such a window does, its last frame is held.

    Args:
        frames: the clip, uint8 (F, h, w, 3).
        segments: where its windows lie.
        which: segment indices, int64 (B,).

    Returns:
        A new array, uint8 (B, W, h, w, 3).
    """
    ends = np.array([*segments.cuts, segments.frame_count], dtype=np.int64)
    starts = segments.starts[which]
    ends_before = ends[np.searchsorted(ends, starts + segments.window_frames - 1, side="right")]
    frame_index = starts[:, None] + segments.stride_frames + np.arange(segments.window_frames)
    windows: UInt8Frames = frames[np.minimum(frame_index, ends_before[:, None] - 1)]
    return windows


def gather(frames: UInt8Frames, segments: Segments, which: npt.NDArray[np.int64]) -> UInt8Frames:
    """The windows of some segments.

    Args:
        frames: the clip, uint8 (F, h, w, 3).
        segments: where its windows lie.
        which: segment indices, int64 (B,).

    Returns:
        A new array, uint8 (B, W, h, w, 3).
    """
    frame_index = segments.starts[which][:, None] + np.arange(segments.window_frames)
    windows: UInt8Frames = frames[frame_index]
    return windows
