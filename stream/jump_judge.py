"""How much the jumps of some embeddings would show, were they walked: what a fit decides by."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from models.seam import Judgement, SeamMeasure
from models.segments import Segments
from models.split import overlap_span
from models.steadying import PLACE_SHARES, CameraMotion
from models.windows import UInt8Frames
from stream.errors import TextureError
from stream.graph import Graph
from stream.liveliness import Tempo
from stream.seen_seams import walk_and_look
from stream.transitions import Transitions

MOST_JUMPS = 200  # the most travelled ones; they make most of a walk's
RANDOM_JUMPS = 100
VISIBLE = 4.0  # times the clip's own steps: a jump that shows more is seen by anybody
JUDGING_LOOKS = 2  # the walk that is judged looks at its jumps as the one that is kept will, if not as often
LIKE_RANDOM = 0.7  # of what a random jump shows
PLACE_WORTH = 0.05  # a larger share of the camera's place must show this much less, as a share

Embeddings = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Repetition:
    """How well a clip repeats itself, by the seams of a walk's jumps, in multiples of the clip's own steps.

    Attributes:
        median_seam: half of the walk's jumps show no more.
        worst_tenth_seam: one in ten shows this much or more.
        random_seam: what a random jump shows, in the median.
    """

    median_seam: float
    worst_tenth_seam: float
    random_seam: float

    @property
    def is_poor(self) -> bool:
        """Whether one jump in ten is plainly seen, nearly as much as a random one would be."""
        return self.worst_tenth_seam > max(VISIBLE, LIKE_RANDOM * self.random_seam)


class JumpJudge:
    """Judges features on the clip itself, at the same number of jumps per minute.

    Args:
        frames: the clip, uint8 RGB (F, h, w, 3), at least 32 pixels a side.
        segments: its windows.
        tempo: how long steps and bridges take.
        jumps_per_minute: at which all are judged.
        camera: how it moved, where the features know nothing of that.
    """

    def __init__(
        self,
        frames: UInt8Frames,
        segments: Segments,
        tempo: Tempo,
        jumps_per_minute: float,
        camera: CameraMotion | None = None,
    ) -> None:
        self.measure = SeamMeasure(frames, segments)
        self.segments, self.tempo, self.jumps_per_minute = segments, tempo, jumps_per_minute
        self.camera = camera

    def __call__(self, query: Embeddings, target: Embeddings) -> Judgement:
        """The seams of a long walk's jumps.

        Args:
            query: (N, D), norm 1.
            target: (N, D), norm 1.
        """
        if self.camera is not None:
            query, target = self.camera.placed(query, target, self.segments)
        return self._judgement(query, target)

    def placed(self, query: Embeddings, target: Embeddings) -> tuple[Embeddings, Embeddings, float]:
        """Embeddings with where the camera was beside them, as far as the clip's own jumps bear out.

        The less the place counts, the truer jumps land; the more, the less they jerk. The least share is taken whose
        jumps show at most a twentieth more than those of the best.

        Args:
            query: (N, D), norm 1.
            target: (N, D), norm 1.

        Returns:
            Both with more columns, and the share; as they were, and 0, where the camera stood still.
        """
        if self.camera is None:
            return query, target, 0.0
        tried = [(*self.camera.placed(query, target, self.segments, share), share) for share in PLACE_SHARES]
        seams = [self._judgement(query, target).seam for query, target, _ in tried]
        bearable = min(seams) * (1 + PLACE_WORTH)
        return next(some for some, seam in zip(tried, seams, strict=True) if seam <= bearable)

    def _judgement(self, query: Embeddings, target: Embeddings) -> Judgement:
        try:
            graph = Graph.of_embeddings(query, target, self.segments)
            _, walked = walk_and_look(graph, self.tempo, self.jumps_per_minute, self.look, JUDGING_LOOKS)
        except TextureError:
            return Judgement.without_jumps(float("inf"))
        jumps, shares = _travelled(walked.transitions)
        if not len(jumps):
            return Judgement.without_jumps(1.0)
        seams = self.measure.of(jumps).combined
        return Judgement(float(np.exp(shares @ np.log(seams))), jumps, shares)

    @property
    def sees_shake(self) -> bool:
        """Whether the camera's own motion is in every seam."""
        return self.camera is not None

    @cached_property
    def random_seam(self) -> float:
        """What a random jump shows, in multiples of the clip's own steps: the geometric mean of some."""
        seams = self._random_seams(np.random.default_rng(0))
        return float(np.exp(np.log(seams).mean())) if len(seams) else 1.0

    def repetition(self, transitions: Transitions, random: np.random.Generator) -> Repetition | None:
        """How well the clip repeats where a walk jumps; None where it never does.

        Args:
            transitions: of the walk.
            random: draws the random jumps that it is compared with.
        """
        jumps, shares = _travelled(transitions)
        if not len(jumps) or self.segments.clean.sum() < 2:
            return None
        seams = self.measure.of(jumps).combined
        order = np.argsort(seams)
        reached = np.cumsum(shares[order])
        half, ninth = (float(seams[order][np.searchsorted(reached, part * reached[-1])]) for part in (0.5, 0.9))
        by_chance = self._random_seams(random)
        usual = float(np.median(by_chance)) if len(by_chance) else half
        return Repetition(round(half, 3), round(ninth, 3), round(usual, 3))

    def _random_seams(self, random: np.random.Generator) -> npt.NDArray[np.float32]:
        """Of jumps between any two segments that share no frame; none where there are no such."""
        played = np.flatnonzero(self.segments.clean)
        pairs = random.choice(played, (RANDOM_JUMPS if len(played) else 0, 2))
        pairs = pairs[np.abs(pairs[:, 0] + 1 - pairs[:, 1]) > overlap_span(self.segments)]
        return self.measure.of(pairs).combined

    def look(self, jumps: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """How much jumps (from segment i, to segment j), (M, 2), are seen, (M,): `SeamMeasure.visible`."""
        return self.measure.visible(jumps)


def _travelled(transitions: Transitions) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """The most travelled jumps, (M, 2), and their shares of these, (M,)."""
    leaves, lands, shares = (column[:MOST_JUMPS] for column in transitions.traffic())
    jumps, travelled = np.stack([leaves, lands], axis=1).astype(np.int64), shares.astype(np.float64)
    return jumps, travelled / travelled.sum() if len(travelled) else travelled
