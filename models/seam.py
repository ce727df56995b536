"""How much a jump shows: three figures of the seam where one segment ends and another goes on. No torch.

Each figure is a multiple of its own median where the clip simply goes on, so 1 is "as the clip itself" in any
clip, whatever its noise and speed. Nothing here knows of embeddings: a metric can be judged by it on the very
clip that it is for, whose true states nobody knows.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import cv2
import numpy as np
import numpy.typing as npt

from models.light import relit_by
from models.segments import Segments
from models.windows import UInt8Frames, check_frames

Jumps = npt.NDArray[np.int64]  # (M, 2): from segment i, to segment j
Figures = npt.NDArray[np.float32]
Field = npt.NDArray[np.float32]

LEAST_SIDE_PX = 32  # OpenCV's DIS crashes, or finds nothing, below it
NATURAL_SEAMS = 120  # of the clip's own continuations that are looked at for the medians
LEAST_RESIDUAL_LEVELS = 0.5  # of 255: rounding alone leaves 0.3
LEAST_CHANGE_PX = 0.05  # of flow: what DIS finds where nothing moves
LEAST = np.array([LEAST_RESIDUAL_LEVELS, LEAST_CHANGE_PX, LEAST_CHANGE_PX], np.float32)


@dataclass(frozen=True)
class Judgement:
    """The jumps of a walk over some embeddings.

    Attributes:
        seam: what they show, combined, in multiples of the clip's own steps, lower is better: their geometric mean;
            infinite where nothing can be walked, 1 without jumps.
        jumps: the most travelled ones (from segment i, to segment j), int64 (M, 2).
        shares: of all those, float64 (M,), which sum to 1.
    """

    seam: float
    jumps: npt.NDArray[np.int64]
    shares: npt.NDArray[np.float64]

    @classmethod
    def without_jumps(cls, seam: float) -> Judgement:
        """Where there is none to look at."""
        return cls(seam, np.zeros((0, 2), np.int64), np.zeros(0))


class Judge(Protocol):
    """Judges embeddings of a clip by how much their jumps show."""

    @property
    def random_seam(self) -> float:
        """What a random jump shows, in multiples of the clip's own steps."""

    @property
    def sees_shake(self) -> bool:
        """Whether a camera's own motion, which features know nothing of, is in every seam."""

    def __call__(self, query: Figures, target: Figures, /) -> Judgement:
        """What the jumps of a walk over some embeddings, (N, D) each, show."""


@dataclass(frozen=True)
class Seam:
    """How much each of M seams shows, in multiples of the clip's own frame-to-frame median.

    Attributes:
        appearance: what motion and light between the frames on both sides do not explain, float32 (M,).
        flow: how much direction and speed of what moves change, float32 (M,).
        leap: how much further things move across the seam than just before and after it, float32 (M,).
    """

    appearance: Figures
    flow: Figures
    leap: Figures

    @property
    def combined(self) -> Figures:
        """One figure each, (M,): the geometric mean of the three.

        They are multiples on scales of different width (a reversal may be 30 in flow where the worst residual is
        4): the geometric mean counts a tenth less of any of them alike, so that none drowns the others.
        """
        return np.asarray(np.cbrt(self.appearance * self.flow * self.leap), np.float32)


class SeamMeasure:
    """The measure, with everything prepared that belongs to the clip and not to a jump.

    Args:
        frames: the clip, uint8 RGB (F, h, w, 3); 64 to 96 pixels on the shorter side are enough.
        segments: its windows.

    Raises:
        ValueError: frames that do not fit the segments, or smaller than 32 pixels on a side.
    """

    def __init__(self, frames: UInt8Frames, segments: Segments) -> None:
        check_frames(frames, segments)
        if min(frames.shape[1:3]) < LEAST_SIDE_PX:
            raise ValueError(
                f"frames of {frames.shape[2]}x{frames.shape[1]} pixels, expected at least {LEAST_SIDE_PX} on each "
                "side: optical flow needs them"
            )
        self.frames, self.segments = frames, segments
        self._estimator = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
        # The preset's own is 2, but on pictures below some 90 px DIS takes 0 by itself, at five times the cost: small
        # and large pictures are to be judged alike.
        self._estimator.setFinestScale(1)
        rows, columns = np.mgrid[: frames.shape[1], : frames.shape[2]].astype(np.float32)
        self._grid: Field = np.dstack([columns, rows])
        self._flows: dict[int, Field] = {}  # from each frame to the next
        self._across: tuple[tuple[int, int], Field] | None = None  # the last one that was asked for of another two
        self._steps: dict[tuple[int, ...], tuple[float, ...]] = {}  # the three figures of four frames each

    def of(self, jumps: Jumps) -> Seam:
        """How much some jumps show, played without a bridge.

        Args:
            jumps: (from segment i, to segment j), int (M, 2), M may be 0. The seam lies between the last frame
                of i and the first appended frame of j.
        """
        return self._in_multiples(self._raw(self._ends(jumps)))

    def visible(self, jumps: Jumps) -> Figures:
        """How much some jumps are seen, in multiples of the clip's own steps, (M,).

        The geometric mean of the three figures and of the plain difference of the two pictures: a seam forgives light
        that changes, and an eye does not.

        Args:
            jumps: as for `of`.
        """
        ends = self._ends(jumps)
        seam = self.between(ends)
        apart = np.array([self._apart(*pair) for pair in ends.tolist()], np.float32)
        difference = np.maximum(apart, self._usually_apart / 10) / self._usually_apart
        return np.asarray((seam.appearance * seam.flow * seam.leap * difference) ** 0.25, np.float32)

    def between(self, ends: Jumps) -> Seam:
        """As `of`, for jumps that are given by their frames.

        Args:
            ends: (last frame before, first frame after), int (M, 2); before the first and after the second there
                is another frame of the clip.
        """
        return self._in_multiples(self._raw(ends))

    def runs(self, frame_index: Jumps) -> Seam:
        """How much each step within runs of the clip's frames shows, wherever they jump.

        Args:
            frame_index: the frames in the order in which they are shown, int (M, L), L at least 4.

        Returns:
            Figures (M, L - 3): for each step except the first and the last, as in `along`.
        """
        length = frame_index.shape[1]
        steps = np.lib.stride_tricks.sliding_window_view(frame_index, 4, axis=1).reshape(-1, 4)
        seam = self._in_multiples(self._raw_steps(steps))
        shape = (len(frame_index), length - 3)
        return Seam(seam.appearance.reshape(shape), seam.flow.reshape(shape), seam.leap.reshape(shape))

    def along(self, pictures: UInt8Frames) -> Seam:
        """How much each step within a run of pictures shows, such as two, a bridge, and two more.

        Args:
            pictures: uint8 RGB (L, h, w, 3) of the clip's frame size, L at least 4.

        Returns:
            One figure for each step between two pictures, except the first and the last, which have no motion
            before or after them to be compared with: L - 3.
        """
        flows = [self._flow(pictures[place], pictures[place + 1]) for place in range(len(pictures) - 1)]
        raw = [
            (
                self._residual(pictures[place], pictures[place + 1], flows[place]),
                *_changes(flows[place - 1], flows[place], flows[place + 1]),
            )
            for place in range(1, len(pictures) - 2)
        ]
        return self._in_multiples(np.array(raw, np.float32).reshape(-1, 3))

    @cached_property
    def natural(self) -> Figures:
        """Medians of the three figures where the clip goes on: residual in levels of 255, two changes in px; (3,)."""
        clean = self.segments.clean
        goes_on = np.flatnonzero(clean[:-1] & clean[1:])
        if not len(goes_on):
            raise ValueError("the clip never goes on: a hard cut runs through every two neighbouring segments")
        some = goes_on[np.linspace(0, len(goes_on) - 1, min(NATURAL_SEAMS, len(goes_on))).astype(np.int64)]
        medians = np.median(self._raw(self._ends(np.stack([some, some + 1], axis=1))), axis=0)
        return np.maximum(medians, LEAST)

    @cached_property
    def _usually_apart(self) -> float:
        """Median of the differences of neighbouring frames."""
        some = np.linspace(0, len(self.frames) - 2, min(NATURAL_SEAMS, len(self.frames) - 1)).astype(np.int64)
        return max(LEAST_RESIDUAL_LEVELS, float(np.median([self._apart(place, place + 1) for place in some.tolist()])))

    def _apart(self, one: int, other: int) -> float:
        """Root mean square difference of two frames, in levels of 255."""
        return float(cv2.norm(self.frames[one], self.frames[other], cv2.NORM_L2) / np.sqrt(self.frames[one].size))

    def _in_multiples(self, raw: Figures) -> Seam:
        appearance, flow, leap = (np.maximum(raw, self.natural / 10) / self.natural).T
        return Seam(appearance, flow, leap)

    def _ends(self, jumps: Jumps) -> Jumps:
        """The last frame before each jump and the first one after it, (M, 2)."""
        last = jumps[:, 0] * self.segments.stride_frames + self.segments.window_frames - 1
        first = jumps[:, 1] * self.segments.stride_frames + self.segments.overlap_frames
        return np.stack([last, first], axis=1)

    def _raw(self, ends: Jumps) -> Figures:
        """The three figures in levels and pixels, (M, 3)."""
        return self._raw_steps(ends[:, [0, 0, 1, 1]] + np.array([-1, 0, 0, 1]))

    def _raw_steps(self, frame_index: Jumps) -> Figures:
        """The same of the middle step of four frames each, int (M, 4)."""
        return np.array([self._step(*four) for four in frame_index.tolist()], np.float32).reshape(-1, 3)

    def _step(self, early: int, last: int, first: int, late: int) -> tuple[float, ...]:
        four = early, last, first, late
        if four not in self._steps:
            before, across, after = self._flow_of(early, last), self._flow_of(last, first), self._flow_of(first, late)
            residual = self._residual(self.frames[last], self.frames[first], across)
            self._steps[four] = residual, *_changes(before, across, after)
        return self._steps[four]

    def _flow_of(self, source: int, target: int) -> Field:
        if target != source + 1:
            if self._across is None or self._across[0] != (source, target):
                self._across = (source, target), self._flow(self.frames[source], self.frames[target])
            return self._across[1]
        if source not in self._flows:
            self._flows[source] = self._flow(self.frames[source], self.frames[target])
        return self._flows[source]

    def _residual(self, last: UInt8Frames, first: UInt8Frames, across: Field) -> float:
        """Root mean square, in levels: a small thing in the wrong place shows more than grain everywhere."""
        # OpenCV's stubs know only arrays; but an empty array would be read as a map.
        warped = cv2.remap(first, self._grid + across, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
        unexplained = 0.0
        for channel in range(3):  # each under its own light: its colour may change
            seen, wanted = (picture[..., channel].astype(np.float32).ravel() for picture in (warped, last))
            gain, offset = relit_by(seen, wanted)
            rest = wanted - gain * seen - offset
            unexplained += float(rest @ rest)
        return float(np.sqrt(unexplained / last.size))

    def _flow(self, source: UInt8Frames, target: UInt8Frames) -> Field:
        """Where each pixel of one picture is in another, float32 (h, w, 2), under the same light."""
        grey = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (source, target)]
        gain, offset = relit_by(grey[1].astype(np.float32).ravel(), grey[0].astype(np.float32).ravel())
        relit = cv2.convertScaleAbs(grey[1], alpha=gain, beta=offset)
        return np.asarray(self._estimator.calc(grey[0], relit, None), np.float32)  # type: ignore[call-overload]


def _changes(before: Field, across: Field, after: Field) -> tuple[float, float]:
    """How much motion changes from before to after, and how much further things move in between, in px."""
    return _change(before, after), _change(np.float32(0.5) * (before + after), across)


def _change(one: Field, other: Field) -> float:
    """Mean length of the difference of two flows in px, over what moves in either: each pixel weighs its speed."""
    speed = np.maximum(_squared_length(one), _squared_length(other)).ravel()
    difference = np.sqrt(_squared_length(one - other)).ravel()
    return float(speed @ difference / (speed.sum() + 1e-9))


def _squared_length(vectors: Field) -> Field:
    return np.asarray(vectors[..., 0] * vectors[..., 0] + vectors[..., 1] * vectors[..., 1])
