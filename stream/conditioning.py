"""Sound steers the walk: T = α·Tv + (1 − α)·Ta over the segments, both row-stochastic (paper, section 3).

Ta(i, j) says how right segment j sounds for what is heard. Where it differs from the paper's, and why: a naive Ta has
its mass on all segments that sound alike, wherever the clip is just now, and so jumps at almost every step. Ours

- keeps all its mass on the clip's own continuation while that sounds as right as the best jump, within a margin;
- weighs jumps that sound alike by how alike they look;
- leads to every segment that may follow at all (`stream.candidates`), so that α = 0 reaches anything that sounds right,
  and to none from which no way leads on.
"""

from __future__ import annotations

from copy import copy

import numpy as np
import numpy.typing as npt

from models.segments import Segments
from stream.graph import Graph
from stream.sound_rows import MOST_TARGETS, Hearing, SoundRows, SoundWeighting
from stream.texture import Texture
from stream.transitions import Transitions
from stream.walk import Step, Walk
from stream.ways import Floats, Indices, Mask

PAIRS = 2000  # of segments, by which the look of a random jump is told
ALPHA = 0.5  # the paper's
LIVE_BEHIND_STEPS = 1  # live, what was heard is over when the step begins that it decides

Vectors = npt.NDArray[np.float32]


class Conditioning:
    """Ta of one clip. Immutable, but for remembering what was heard last; needs memory for (N, A), never for (N, N)."""

    def __init__(
        self,
        graph: Graph,
        query: npt.ArrayLike,
        target: npt.ArrayLike,
        audio: npt.ArrayLike,
        segments: Segments,
        *,
        weighting: SoundWeighting | None = None,
        behind_steps: int = LIVE_BEHIND_STEPS,
    ) -> None:
        """Of a clip's normalised embeddings.

        Args:
            graph: of the same embeddings.
            query: of what was just shown, (N, D).
            target: of what could follow, (N, D).
            audio: of the clip's own sound, up to where each segment ends, (N, A).
            segments: the clip's.
            behind_steps: how many steps before the end of the step that it decides the heard sound ends: 0 for a
                song that is known, 1 for what was heard until the step begins, more if it is drawn earlier still.
        """
        self.weighting = weighting or SoundWeighting()
        self.segments, self.behind_steps = segments, behind_steps
        self._query, self._target = np.asarray(query, np.float32), np.asarray(target, np.float32)
        self._audio = np.ascontiguousarray(audio, np.float32)
        if not len(self._audio) == len(self._query) == len(self._target) == segments.count == graph.count:
            raise ValueError(
                f"embeddings of {len(self._query)}, {len(self._target)} and {len(self._audio)} segments (query, "
                f"target, audio), expected {segments.count} of each; fit the texture again"
            )
        if behind_steps < 0:
            raise ValueError(f"behind_steps must be 0 or more, got {behind_steps}")
        self._graph = graph
        self._playable = segments.clean & (graph.ways.lengths > 0)
        self._natural_look = graph.natural_similarity
        self._natural = np.zeros(segments.count, np.bool_)
        self._natural[:-1] = segments.clean[:-1] & self._playable[1:]
        self._span = (segments.window_frames - 1) // segments.stride_frames
        self._look_temperature = np.float32(self.weighting.look_share * self._random_unlikeness())
        self._last: tuple[Vectors, Hearing] | None = None

    @classmethod
    def of_texture(cls, texture: Texture, *, behind_steps: int = LIVE_BEHIND_STEPS) -> Conditioning | None:
        """Of a texture; None if it has no sound to compare with."""
        audio = texture.sound_embeddings
        if audio is None:
            return None
        arrays = texture.embeddings
        return cls(texture.graph, arrays["query"], arrays["target"], audio, texture.segments, behind_steps=behind_steps)

    def known(self) -> Conditioning:
        """The same for a song that is known: what is heard when a step ends is compared with how it ends."""
        known = copy(self)
        known.behind_steps, known._last = 0, None
        return known

    @property
    def count(self) -> int:
        """N."""
        return len(self._audio)

    @property
    def playable(self) -> Mask:
        """Which segments may be entered, (N,)."""
        return self._playable

    def hear(self, heard: npt.ArrayLike) -> Hearing:
        """Compare what is heard, (A,) of norm 1, with the clip. What was heard last is remembered.

        Raises:
            ValueError: it is of another size, or not finite.
        """
        vector = np.asarray(heard, np.float32)
        last = self._last
        if last is not None and np.array_equal(last[0], vector):
            return last[1]
        hearing = self.hear_all(vector[None])[0]
        self._last = (vector.copy(), hearing)
        return hearing

    def hear_all(self, heard: npt.ArrayLike) -> list[Hearing]:
        """Compare several moments at once, (K, A); N numbers are kept for each."""
        vectors = np.asarray(heard, np.float32)
        if vectors.ndim != 2 or vectors.shape[1] != self._audio.shape[1] or not np.isfinite(vectors).all():
            raise ValueError(
                f"what is heard must be finite, of {self._audio.shape[1]} numbers as the clip's own sound, got shape "
                f"{vectors.shape[1:]}; embed it with the texture's own sound network"
            )
        return [self._hearing(scores) for scores in vectors @ self._audio.T]

    def _hearing(self, scores: Floats) -> Hearing:
        behind, ends = self.behind_steps, np.where(self._playable, scores, np.float32(-np.inf))
        if behind:
            scores = np.concatenate([np.full(min(behind, len(scores)), -1, np.float32), scores[:-behind]])
            scores[~self._playable] = -np.inf
        else:
            scores = ends
        if len(scores) <= MOST_TARGETS:
            targets = np.flatnonzero(self._playable)
        else:
            targets = np.sort(np.argpartition(scores, len(scores) - MOST_TARGETS)[-MOST_TARGETS:])
            targets = targets[self._playable[targets]]
        return Hearing(scores, targets.astype(np.int32), ends)

    def rows(self, sources: Indices, on: Hearing, over: Hearing | None = None, *, may_stay: bool = True) -> SoundRows:
        """Ta of some segments.

        Args:
            sources: int32 (B,).
            on: what is heard while the clip goes on.
            over: what is heard while it jumps, if that is another moment, as a bridge takes its time.
            may_stay: whether going on is one of the choices.
        """
        over = over or on
        targets, scores = over.targets, over.scores[over.targets]
        misses = targets[None] - sources[:, None] - 1
        may = np.abs(misses) > self._span
        best = np.where(may, scores, np.float32(-np.inf)).max(axis=1, initial=-np.inf)
        stays = np.zeros(len(sources), np.bool_)
        if may_stay:
            following = np.minimum(sources + 1, self.count - 1)
            stays = self._natural[sources] & (on.scores[following] >= best - self.weighting.margin)
        going = np.flatnonzero(~stays)
        jumps = np.zeros(may.shape, np.float32)
        jumps[going] = self._jumps(sources[going], over, may[going])
        return SoundRows(stays, targets, jumps)

    def _jumps(self, sources: Indices, heard: Hearing, may: Mask) -> Floats:
        """How likely which jump is, (B, M), by sound and looks; rows sum to 1, or to 0 where none may be taken."""
        look = self._query[sources] @ self._target[heard.targets].T
        unlike = np.maximum(self._natural_look[sources][:, None] - look, 0) / self._look_temperature
        liking = heard.scores[heard.targets] / np.float32(self.weighting.temperature) - unlike
        liking[~may] = -np.inf
        top = liking.max(axis=1, keepdims=True, initial=-np.inf)
        jumps = np.exp(liking - np.where(np.isfinite(top), top, 0))
        jumps[jumps < 1 - self.weighting.threshold] = 0
        total = jumps.sum(axis=1, keepdims=True)
        return np.asarray(jumps / np.where(total > 0, total, 1), np.float32)

    def row(
        self, segment: int, heard: npt.ArrayLike | Hearing, over: Hearing | None = None, *, may_stay: bool = True
    ) -> tuple[Indices, Floats]:
        """Ta(i, ·): the segments that may follow, ascending, and their probabilities; none if sound leads nowhere."""
        hearing = heard if isinstance(heard, Hearing) else self.hear(heard)
        rows = self.rows(np.array([segment], np.int32), hearing, over, may_stay=may_stay)
        if rows.stays[0]:
            return np.array([segment + 1], np.int32), np.ones(1, np.float32)
        some = rows.jumps[0] > 0
        return rows.targets[some], rows.jumps[0, some]

    def mixture(
        self, transitions: Transitions, segment: int, heard: npt.ArrayLike | Hearing, alpha: float
    ) -> tuple[Indices, Floats]:
        """T(i, ·) = α·Tv(i, ·) + (1 − α)·Ta(i, ·): segments, ascending, and their probabilities, which sum to 1."""
        seen, heard_row = transitions.successors(segment), self.row(segment, heard)
        if not len(heard_row[0]):
            return seen
        weights = (alpha * seen[1], (1 - alpha) * heard_row[1])
        targets, where = np.unique(np.concatenate([seen[0], heard_row[0]]), return_inverse=True)
        mixed = np.bincount(where, np.concatenate(weights), len(targets)).astype(np.float32)
        return targets[mixed > 0], mixed[mixed > 0]

    def _random_unlikeness(self) -> float:
        """How unlike a random jump is, in the median; 1 where there is nothing to tell it by."""
        playable = np.flatnonzero(self._playable)
        if len(playable) < 2:
            return 1.0
        first, second = np.random.default_rng(0).choice(playable, (2, PAIRS))
        look = np.einsum("nd,nd->n", self._query[first], self._target[second])
        return max(float(np.median(np.maximum(self._natural_look[first] - look, 0))), 1e-3)


class ConditionedWalk(Walk):
    """A walk that listens, one step at a time.

    Each step is drawn from Tv or from Ta: of any n steps in a row that are steered (1 - α)·n come from Ta, to within
    one. Each step alone so follows T, as if a coin had decided; but no run of luck keeps the sound waiting, and what
    changes is answered in half the time. Without sound it makes the very steps of `Walk`.

    Attributes:
        conditioning: None for a texture without sound.
    """

    def __init__(
        self,
        transitions: Transitions,
        rng: np.random.Generator,
        conditioning: Conditioning | None = None,
        *,
        start: int | None = None,
        alpha: float = ALPHA,
    ) -> None:
        """Begin at `start`, as `Walk` does; unconditioned until something is heard."""
        super().__init__(transitions, rng, start)
        self.conditioning = conditioning
        self.alpha = alpha
        self._on: Hearing | npt.ArrayLike | None = None
        self._over: Hearing | None = None
        self._turn = rng.spawn(1)[0].random()  # of its own chance: the walk's draws stay what they are

    @property
    def alpha(self) -> float:
        """Share of Tv, 0 (sound only) to 1 (video only); may be set between steps."""
        return self._alpha

    @alpha.setter
    def alpha(self, alpha: float) -> None:
        if not 0 <= alpha <= 1:
            raise ValueError(f"alpha must be between 0 (sound only) and 1 (video only), got {alpha}")
        self._alpha = alpha

    def hear(self, heard: npt.ArrayLike | Hearing | None, over: Hearing | None = None) -> None:
        """What is heard from now on.

        Args:
            heard: an embedding, (A,) of norm 1; None for silence or no source: unconditioned.
            over: what will be heard at the end of a step that jumps, where a bridge makes that another moment.
        """
        self._on, self._over = heard, over

    @property
    def listens(self) -> bool:
        """Whether the next step is drawn by what is heard, and not by Tv."""
        if self._on is None or self.conditioning is None or self.alpha == 1:
            return False
        return self._turn + (1 - self.alpha) >= 1

    def step(self) -> Step:
        """Go on by one segment."""
        if self._on is None or self.conditioning is None or self.alpha == 1:
            return super().step()
        self._turn += 1 - self.alpha
        if self._turn < 1:
            return super().step()
        self._turn -= 1
        on = self._on if isinstance(self._on, Hearing) else self.conditioning.hear(self._on)
        successors, chances = self.conditioning.row(self.segment, on, self._over)
        return self._drawn(successors, chances) if len(successors) else super().step()
