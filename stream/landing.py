"""Where a hit lands: on a likely way from where the walk is, at a moment that strikes and looks different.

Pure: the randomness is handed in.
"""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt

from stream.attack import Attack
from stream.graph import Graph
from stream.transitions import Transitions
from stream.ways import Floats

LIKELY_SHARE, LEAST_LIKELY = 0.2, 24  # of the ways from a segment, the most alike: so many are looked at
NEAR_STEPS = 2  # what is this near to where the clip would have gone on is no change
REMEMBERED = 8  # targets that are not hit again while there are others
VISIBLE = 1.5  # in multiples of what a stride of the clip changes: less is hardly seen as a cut
SHARPNESS = 4  # of the draw: how much a strong attack is preferred to a weak one
SOUND_WEIGHT = 8.0  # of the segment that sounds most like what is heard, against the one that looks most alike
SOUND_SHARE = (
    0.12  # of how far the best one's sound is above the middle one's: so much less right is e times less likely
)
LEAST_SPREAD = 0.25  # of it, in cosine: less says nothing
AGAIN = 0.03  # of a target that was hit of late, where sound asks for it: few places strike the note that is played
MOST_HEARD = 256  # segments that are chosen among by their sound
STEADY_LEAST = 0.2  # what a target is worth that is sure to be left after one stride
STRIKES = 0.5  # strength of an attack that is one
LEAST_SHARE = 1e-3  # so that nothing is ever quite impossible

Targets = npt.NDArray[np.int64]


class Landing:
    """Chooses the segment that a hit enters.

    Attributes:
        attack: may be set when it becomes known; until then all segments are taken to strike alike.
    """

    def __init__(self, graph: Graph, transitions: Transitions, rng: np.random.Generator) -> None:
        self.attack: Attack | None = None
        self.walk_on(transitions)
        self._graph = graph
        self._rng = rng
        self._recent: deque[int] = deque(maxlen=REMEMBERED)

    def walk_on(self, transitions: Transitions) -> None:
        """What the walk goes on by after a hit: targets that it would jump away from at once are worth less."""
        natural = np.zeros(transitions.count)
        natural[:-1] = transitions.probabilities.diagonal(1)
        self._steadiness = STEADY_LEAST + (1 - STEADY_LEAST) * natural * np.append(natural[1:], 0)

    def choose(self, shown: int, scores: Floats | None = None, alpha: float = 1.0) -> int | None:
        """Draw a target.

        Args:
            shown: the segment whose end is nearest to the picture that is shown.
            scores: how right each segment sounds, float32 (N,), -inf where none may be played; None where
                nothing is heard.
            alpha: share of likeness against sound, 0 to 1, as in the walk.

        Returns:
            A segment, None if there is no other way from here than on.
        """
        targets, likeness = self._candidates(shown, scores, alpha)
        if not len(targets):
            return None
        weights = likeness * self._effect(shown, targets) * self._steadiness[targets]
        fresh = weights * np.where(np.isin(targets, self._recent), 0 if scores is None else AGAIN, 1)
        weights = fresh if fresh.any() else weights
        cumulative = np.cumsum(weights)
        place = np.searchsorted(cumulative, self._rng.random() * cumulative[-1], side="right")
        target = int(targets[min(int(place), len(targets) - 1)])
        self._recent.append(target)
        return target

    def _candidates(self, shown: int, scores: Floats | None, alpha: float) -> tuple[Targets, npt.NDArray[np.float64]]:
        """The likely ways that change something, and how much each is wanted for where it leads."""
        ways = self._graph.ways.of_row(shown)
        best = np.argsort(-self._graph.similarity[ways], kind="stable")
        targets = self._graph.ways.targets[ways].astype(np.int64)[best]
        targets = targets[_is_far(shown, targets)]
        targets = targets[: max(LEAST_LIKELY, int(LIKELY_SHARE * len(targets)))]
        likeness = 1 - 0.5 * np.arange(len(targets)) / max(1, len(targets))
        heard, rightness = (
            self._sounding(shown, scores) if scores is not None and alpha < 1 else (targets[:0], likeness)
        )
        if not len(heard):
            return targets, likeness
        both, where = np.unique(np.concatenate([targets, heard]), return_inverse=True)
        share = np.concatenate([alpha * likeness, (1 - alpha) * SOUND_WEIGHT * rightness])
        return both, np.bincount(where, share).astype(np.float64)

    def _sounding(self, shown: int, scores: Floats) -> tuple[Targets, npt.NDArray[np.float64]]:
        """Segments that strike and sound right, and how right, 0 to 1; none where nothing may be played."""
        playable = np.flatnonzero(np.isfinite(scores))
        playable = playable[_is_far(shown, playable)]
        if not len(playable):
            return playable, np.zeros(0)
        right = scores[playable].astype(np.float64)
        striking = right if self.attack is None else right[self.attack.strength[playable] >= STRIKES]
        best = float(striking.max()) if len(striking) else float(right.max())
        spread = max(best - float(np.median(right)), LEAST_SPREAD)
        rightness = np.exp(np.minimum(right - best, 0) / (SOUND_SHARE * spread))
        wanted = rightness if self.attack is None else rightness * self.attack.strength[playable]
        some = np.argsort(-wanted, kind="stable")[:MOST_HEARD]
        return playable[some], rightness[some]

    def _effect(self, shown: int, targets: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """How much there is to see at each target, 0 to 1."""
        if self.attack is None:
            return np.ones(len(targets))
        contrast = self.attack.contrast(shown, targets)
        visible = np.clip(contrast / VISIBLE, 0, 1) ** 2
        strength = self.attack.strength[targets].astype(np.float64)
        return np.asarray(np.maximum(strength**SHARPNESS * visible, LEAST_SHARE * np.maximum(visible, LEAST_SHARE)))


def _is_far(shown: int, targets: Targets) -> npt.NDArray[np.bool_]:
    """Whether going there is another thing than going on."""
    return np.asarray(np.abs(targets - shown - 1) > NEAR_STEPS)
