"""Which steps come next: drawn ahead of time so that their bridges can be made, or late, by what is heard now."""

from __future__ import annotations

from collections import deque

import numpy as np

from stream.bridges import Bridges
from stream.conditioning import ConditionedWalk, Conditioning
from stream.cues import Cues
from stream.texture import Texture
from stream.walk import Step

LOOK_AHEAD_S = 1.0  # how long before it plays a step is drawn, so that its bridge can be made
LIKELY_JUMP = 0.1  # while it listens, bridges of jumps at least this likely are made ahead, if there is time


class Itinerary:
    """The steps to come of one walk.

    Attributes:
        walk: what draws them.
        settled: what is played next, once that is decided; None while it is open.
        is_ending: whether only what is settled and planned is still played.
    """

    def __init__(
        self, texture: Texture, walk: ConditionedWalk, conditioning: Conditioning | None, bridges: Bridges, cues: Cues
    ) -> None:
        """Before the first step.

        Args:
            conditioning: what lets the walk go by what is heard; None for a walk that is drawn ahead.
            bridges: asked for those of the jumps to come.
            cues: what is heard, and how much it counts.
        """
        self.walk = walk
        self.settled: Step | None = None
        self.is_ending = False
        self._texture, self._conditioning, self._bridges, self._cues = texture, conditioning, bridges, cues
        self._planned: deque[Step] = deque()
        self._look_ahead_steps = max(1, round(LOOK_AHEAD_S / texture.tempo.stride_s))

    @property
    def is_over(self) -> bool:
        """Whether nothing comes any more."""
        return self.is_ending and not self._planned and self.settled is None

    def settle(self) -> Step:
        """What is played next, drawn now if it is not yet."""
        if self.settled is None:
            self.settled = self._planned.popleft() if self.is_ending else self.next_step()
        return self.settled

    def next_step(self) -> Step:
        """Go one step on."""
        if self._conditioning is not None:
            self._listen()
            return self._drawn()
        while len(self._planned) <= self._look_ahead_steps:
            self._planned.append(self._drawn())
        return self._planned.popleft()

    def goes_by_sound(self) -> bool:
        """Whether what is heard decides the next step that is drawn."""
        self._listen()
        return self.walk.listens

    def leap(self, segment: int) -> None:
        """Go on from another segment: what was planned is void."""
        self.walk.segment = segment
        self._planned.clear()

    def end_after(self, count: int) -> int:
        """Play what is settled and `count` more steps, drawn now, and no more; the segment that is the last."""
        last = self.settle()
        steps = [self.next_step() for _ in range(count)]
        self._planned, self.is_ending = deque(steps), True
        return (steps[-1] if steps else last).segment

    def end_now(self) -> None:
        """Nothing comes any more."""
        self._planned.clear()
        self.settled, self.is_ending = None, True

    def foresee(self, segment: int) -> None:
        """If there is time, ask for the next bridge that is likely to be needed within a second of a segment."""
        if self._conditioning is None:
            return  # it is drawn ahead
        heard, places = self._cues.heard, range(segment, segment + 1 + self._look_ahead_steps)
        for place in places[: self._texture.segments.count - segment]:
            if self._bridges.waiting:
                return
            if heard is None:
                targets, chances = self.walk.transitions.successors(place)
            else:
                targets, chances = self._conditioning.row(place, heard)
            jumps = np.where(targets == place + 1, np.float32(0), chances)
            if len(jumps) and jumps.max() >= LIKELY_JUMP:
                self._bridges.request((place, int(targets[jumps.argmax()])))

    def _drawn(self) -> Step:
        step = self.walk.step()
        if step.is_jump:
            self._bridges.request((step.previous, step.segment))
        return step

    def _listen(self) -> None:
        """Tell the walk what is heard now."""
        self.walk.alpha = self._cues.performance.alpha
        self.walk.hear(self._cues.heard)
