"""A film in memory, at the sizes that methods and measures want, with its true state where that is known."""

from __future__ import annotations

from fractions import Fraction
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from bench.quality.conditions import Condition
from models.scenes.dials import DialledScene
from models.segments import Segments
from models.steadying import CameraMotion, camera_motion
from models.windows import UInt8Frames
from stream.clip import Clip

SHORT_SIDE_PX = 96  # at which films are kept
SMALL_SIDE_PX = 64  # at which seams are judged
CLASSIC_SIDE_PX = 48  # at which classic methods compare frames: grain is averaged away

State = npt.NDArray[np.float32]
Distances = npt.NDArray[np.float32]


class Film:
    """The frames of one film.

    Args:
        frames: uint8 RGB (F, h, w, 3), shorter side 96 px, both even.
        segments: its windows.
        rate_hz: frames per second.
        state: the true state of each frame, float32 (F, K); None where nobody knows.
    """

    def __init__(self, frames: UInt8Frames, segments: Segments, rate_hz: Fraction, state: State | None) -> None:
        self.frames, self.segments, self.rate_hz, self.state = frames, segments, rate_hz, state
        self._resized: dict[tuple[int, int], UInt8Frames] = {}

    @classmethod
    def of(cls, condition: Condition) -> Film:
        """Draw a scene, or read a clip."""
        if condition.clip:
            return cls.of_clip(Path(condition.clip))
        return cls.of_scene(condition.scene())

    @classmethod
    def of_scene(cls, scene: DialledScene) -> Film:
        """Draw every frame."""
        frames = np.stack([scene.frame(index) for index in range(scene.frame_count)])
        return cls(frames, Segments.of_clip(scene.frame_count, scene.rate_hz), scene.rate_hz, scene.state())

    @classmethod
    def of_clip(cls, path: Path) -> Film:
        """Decode a clip as the product does, smaller.

        Raises:
            ClipError: it cannot be read.
        """
        frames, cuts = [], []
        with Clip(path) as clip:
            for frame in clip.frames():
                size = even_size(frame.picture.width, frame.picture.height, SHORT_SIDE_PX)
                small = frame.picture.reformat(width=size[0], height=size[1], format="rgb24", interpolation="AREA")
                frames.append(small.to_ndarray())
                if frame.is_cut:
                    cuts.append(frame.index)
        segments = Segments.of_clip(len(frames), clip.rate_hz, tuple(cuts))
        return cls(np.asarray(np.stack(frames), np.uint8), segments, clip.rate_hz, None)

    @property
    def stride_s(self) -> float:
        """Seconds that one step between segments plays."""
        return self.segments.stride_frames / float(self.rate_hz)

    def at(self, size: tuple[int, int]) -> UInt8Frames:
        """The frames at another (width, height), averaged down."""
        if size == (self.frames.shape[2], self.frames.shape[1]):
            return self.frames
        if size not in self._resized:
            resized = [cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for frame in self.frames]
            self._resized[size] = np.asarray(np.stack(resized), np.uint8)
        return self._resized[size]

    @property
    def small(self) -> UInt8Frames:
        """The frames on which seams are judged."""
        return self.at(even_size(self.frames.shape[2], self.frames.shape[1], SMALL_SIDE_PX))

    @cached_property
    def camera(self) -> CameraMotion | None:
        """How its camera moved; None where it stood still, or nobody can tell."""
        grey = np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in self.frames])
        return camera_motion(np.asarray(grey, np.uint8), self.segments)

    @cached_property
    def frame_distance(self) -> Distances:
        """Root mean square difference of every two frames in RGB levels of 255, (F, F): Schödl's, but for a factor."""
        frames = self.at(even_size(self.frames.shape[2], self.frames.shape[1], CLASSIC_SIDE_PX))
        flat = frames.reshape(len(frames), -1).astype(np.float32)
        return distances(flat - flat.mean(axis=0)) / np.float32(np.sqrt(flat.shape[1]))


def distances(vectors: npt.NDArray[np.float32]) -> Distances:
    """Euclidean distances of every two rows of (F, d), (F, F)."""
    squares = np.einsum("fd,fd->f", vectors, vectors)
    apart = squares[:, None] + squares[None] - 2 * vectors @ vectors.T
    np.fill_diagonal(apart, 0)
    return np.asarray(np.sqrt(np.maximum(apart, 0)), np.float32)


def even_size(width_px: int, height_px: int, short_px: int) -> tuple[int, int]:
    """(width, height) of the same aspect whose shorter side is `short_px`, both even."""
    scale = short_px / min(width_px, height_px)
    return max(short_px, round(width_px * scale / 2) * 2), max(short_px, round(height_px * scale / 2) * 2)
