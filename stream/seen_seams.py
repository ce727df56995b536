"""What some jumps were seen to show, and how a walk is to think of all jumps then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from stream.circulation import LONG_SEGMENTS
from stream.graph import Graph
from stream.liveliness import Liveliness, Tempo
from stream.ways import Floats, Indices

LOOKS = 4  # a walk settles in so many
DOUBT = 1.0  # of jumps that nobody looked at: the likeliest of many are likelier to disappoint (docs/log.md)
LEAST_SLOPE = 1e-3  # of the logarithm of a seam, by unlikeness: where they have nothing to do with each other

Jumps = npt.NDArray[np.int64]


class Look(Protocol):
    """Looks at jumps."""

    def __call__(self, jumps: Jumps, /) -> Floats:
        """How much jumps (from segment i, to segment j), int (M, 2), show, (M,): multiples of the clip's own steps."""


@dataclass(frozen=True)
class SeenSeams:
    """Jumps that were looked at.

    Attributes:
        leaves: where they leave, int32 (M,).
        lands: where they land, int32 (M,).
        seams: how much they show, in multiples of the clip's own steps, above 0, float32 (M,).
    """

    leaves: Indices
    lands: Indices
    seams: Floats

    @classmethod
    def none(cls) -> SeenSeams:
        """Nothing was looked at."""
        return cls(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.float32))

    def __len__(self) -> int:
        return len(self.seams)

    def seen_in(self, graph: Graph, doubt: float = DOUBT) -> Graph:
        """The graph with jumps that were looked at as unlike as what they show is for this clip.

        A straight line says which unlikeness goes with the logarithm of a seam, on the average of what was seen. So
        those that show more than their embeddings promise are passed over for the next likeliest, which can be
        looked at in turn.

        Args:
            graph: the clip's own.
            doubt: how many standard deviations, of what looking changed, jumps that nobody has looked at are more
                unlike than their embeddings say; 0 to find out what they show.
        """
        which = graph.ways.look_up(self.leaves, self.lands)  # another machine may find other ways of a long clip
        there = which >= 0
        if there.sum() < 2:
            return graph
        which, shown = which[there], np.log(self.seams[there].astype(np.float64))
        unlike = graph.unlikeness[which].astype(np.float64)
        spread = unlike - unlike.mean()
        slope = max(LEAST_SLOPE, float(spread @ shown) / max(float(spread @ spread), 1e-12))
        change = (shown - shown.mean()) / slope - spread
        similarity = graph.similarity - np.where(graph.ways.natural, 0, doubt * change.std()).astype(np.float32)
        similarity[which] = graph.similarity[which] - change.astype(np.float32)
        return Graph(graph.ways, similarity)

    def with_more(self, jumps: Jumps, seams: Floats) -> SeenSeams:
        """These and others, (M, 2) and (M,)."""
        leaves, lands = jumps.astype(np.int32).T
        return SeenSeams(
            np.append(self.leaves, leaves),
            np.append(self.lands, lands),
            np.append(self.seams, seams.astype(np.float32)),
        )


def walk_and_look(
    graph: Graph, tempo: Tempo, jumps_per_minute: float, look: Look, looks: int = LOOKS
) -> tuple[SeenSeams, Liveliness]:
    """Solve a walk, look at the jumps that it makes, and solve again with what was seen, some times over.

    Args:
        graph: the clip's own.
        tempo: how long steps and bridges take.
        jumps_per_minute: of the walk.
        look: says how much jumps show.
        looks: how often, if there is anything new; of a long clip half as often, since it has jumps to choose from
            and takes longer to solve.

    Returns:
        All that was looked at, and the last walk.

    Raises:
        TextureError: the graph cannot be walked for ever.
    """
    seen = SeenSeams.none()
    for _ in range(looks // 2 if graph.count > LONG_SEGMENTS else looks):
        found = Liveliness.at_rate(seen.seen_in(graph, doubt=0.0), tempo, jumps_per_minute)
        leaves, lands, _ = found.transitions.traffic()
        known = set(zip(seen.leaves.tolist(), seen.lands.tolist(), strict=True))
        new = [jump for jump in zip(leaves.tolist(), lands.tolist(), strict=True) if jump not in known]
        if not new:
            break
        jumps = np.array(new, np.int64)
        seen = seen.with_more(jumps, look(jumps))
    return seen, Liveliness.at_rate(seen.seen_in(graph), tempo, jumps_per_minute)
