"""Where a walk may step: segments, or for Schödl's own walk single frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.segments import Segments

JUMPS_PER_MINUTE = 15.0  # of every method
SHORTEST_JUMP_S = 2.0  # half a mean run: what `Liveliness.at_rate` asks for at 15 a minute

Nodes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Grid:
    """The nodes of a walk: node k plays `step_frames` frames from `first_frame + k * step_frames` on.

    Attributes:
        first_frame: what node 0 shows first.
        step_frames: frames that each node plays.
        clean: which nodes may be played, bool (n,): no hard cut runs through their segment.
        rate_hz: frames per second.
    """

    first_frame: int
    step_frames: int
    clean: Mask
    rate_hz: float

    @classmethod
    def of_segments(cls, segments: Segments, rate_hz: float) -> Grid:
        """A node for each segment."""
        return cls(segments.overlap_frames, segments.stride_frames, segments.clean, rate_hz)

    @classmethod
    def of_frames(cls, segments: Segments, rate_hz: float) -> Grid:
        """A node for each frame that some segment appends."""
        return cls(segments.overlap_frames, 1, np.repeat(segments.clean, segments.stride_frames), rate_hz)

    @property
    def count(self) -> int:
        """How many nodes."""
        return len(self.clean)

    @property
    def first_shown(self) -> Nodes:
        """The frame that each node shows first, (n,)."""
        return self.first_frame + np.arange(self.count, dtype=np.int64) * self.step_frames

    @property
    def last_shown(self) -> Nodes:
        """The frame that each node shows last, (n,)."""
        return self.first_shown + self.step_frames - 1

    @property
    def shortest_jump(self) -> int:
        """Jumps land at least so many nodes away from where the film would go on.

        The same for all methods: a walk that hardly moves from its place would have the least state error of all.
        """
        wanted = round(SHORTEST_JUMP_S * self.rate_hz / self.step_frames)
        return min(wanted, self.count // 4)

    def allowed(self) -> Mask:
        """Which steps may be taken at all, (n, n)."""
        places = np.arange(self.count)
        offset = places[None, :] - places[:, None] - 1
        far: Mask = (offset == 0) | (np.abs(offset) >= self.shortest_jump)
        return far & self.clean[:, None] & self.clean[None, :]

    def jumps_per_minute(self, jump_share: float) -> float:
        """For the share of steps that are jumps."""
        return 60 * jump_share * self.rate_hz / self.step_frames

    def jump_share(self, jumps_per_minute: float) -> float:
        """For a number of jumps per minute."""
        return jumps_per_minute / 60 / self.rate_hz * self.step_frames
