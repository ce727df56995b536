"""Bridges: the few pictures between the end of one segment and the start of another where the walk jumps.

The likeliest are made with the texture and stored beside it; the others are made by a thread ahead of the
playhead, once, and kept in memory within a bound. Where one is not there in time, flow makes one if it still can, and
else the jump is a cut.
"""

from __future__ import annotations

import time
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from dataclasses import dataclass

from stream.bridge_lengths import BRIDGE_FRAMES
from stream.bridge_maker import BridgeMaker, Edge, bridge_pictures
from stream.histogram import Histogram
from stream.interpolation.flow import Flow
from stream.interpolation.interpolator import Interpolator
from stream.reel import Unit
from stream.texture import Texture

__all__ = ["BRIDGE_FRAMES", "BridgeCounts", "Bridges", "Edge", "bridge_pictures"]

STAND_IN_MARGIN = 1.5  # times what the last bridge by flow took: so long before the end of patience one is begun


@dataclass(frozen=True)
class BridgeCounts:
    """What became of the bridges that were asked for.

    Attributes:
        stored: played from the texture.
        made: made while playing.
        flown: jumps whose bridge was late or could not be made, and that were played by flow instead.
        cut: jumps for which that was late too.
        failed: could not be made, by what was to make them or by flow.
    """

    stored: int = 0
    made: int = 0
    flown: int = 0
    cut: int = 0
    failed: int = 0


class Bridges:
    """Gives the bridge for a jump, stored or freshly made; a context manager that owns its threads.

    Args:
        texture: what is walked.
        interpolator: what makes those that are not stored, this object's to close; by default flow.
        frames: pictures of every bridge alike; by default as many as the texture says of each.
        only_its_own: whether stored ones are used only if they were made by the same kind of interpolator.
    """

    def __init__(
        self,
        texture: Texture,
        interpolator: Interpolator | None = None,
        *,
        frames: int | None = None,
        only_its_own: bool = False,
    ) -> None:
        chosen = Flow() if interpolator is None else interpolator
        self.interpolator = chosen.name
        self._texture = texture
        self._cuts = chosen.cuts
        self._frames = frames
        self._uses_stored = not only_its_own or chosen.name == texture.bridges_by
        by_flow = isinstance(chosen, Flow)
        self._maker = BridgeMaker(texture, chosen, self.frames_of, "bridges", "cuts" if by_flow else "made by flow")
        self._stand_in = None if by_flow else BridgeMaker(texture, Flow(), self.frames_of, "bridges-flow", "cuts")
        self._played_stored = self._flown = self._cut = 0

    def __enter__(self) -> Bridges:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop making bridges."""
        self._maker.close()
        if self._stand_in is not None:
            self._stand_in.close()

    @property
    def counts(self) -> BridgeCounts:
        """As of now."""
        failed = self._maker.failed + (0 if self._stand_in is None else self._stand_in.failed)
        return BridgeCounts(self._played_stored, self._maker.made, self._flown, self._cut, failed)

    @property
    def times(self) -> dict[str, Histogram]:
        """How long making one takes, by what makes it."""
        own = {self.interpolator: self._maker.times}
        return own if self._stand_in is None else {**own, Flow.name: self._stand_in.times}

    @property
    def dropped(self) -> int:
        """How many were given up before they were begun, because newer ones waited too."""
        return self._maker.dropped + (0 if self._stand_in is None else self._stand_in.dropped)

    @property
    def waiting(self) -> int:
        """How many are being made or wait for it."""
        return self._maker.waiting

    def frames_of(self, edge: Edge) -> int:
        """How many pictures the bridge of a jump has, if it is there in time; 0 for a plain cut."""
        if self._cuts:
            return 0
        return self._texture.bridge_frames(*edge) if self._frames is None else self._frames

    def request(self, edge: Edge) -> None:
        """Say that this jump is coming, so that its bridge is there in time. Returns at once."""
        if self.frames_of(edge) and not self._is_stored(edge):
            self._maker.request(edge)

    def at_hand(self, edge: Edge) -> list[Unit]:
        """The bridge's pictures if they are there now, else none; not counted, since nobody was promised one."""
        if not self.frames_of(edge):
            return []
        return (self._texture.stored_bridge(*edge) if self._is_stored(edge) else self._maker.recall(edge)) or []

    def ready(self, edge: Edge) -> list[Unit]:
        """The bridge's pictures if they are there now; otherwise none, counted: a plain cut."""
        if not self.frames_of(edge):
            return []
        units = self.at_hand(edge)
        self._played_stored += bool(units) and self._is_stored(edge)
        self._cut += not units
        return units

    def wait(self, edge: Edge, patience_s: float | None = None) -> list[Unit]:
        """The bridge's pictures, made now if need be.

        Args:
            patience_s: how long to wait at most, after which it is one made by flow, or a cut as with `ready`; None for
                as long as it takes.
        """
        if self.frames_of(edge) and not self._is_stored(edge):
            until_s = None if patience_s is None else time.monotonic() + patience_s
            making = self._maker.request(edge)
            if making is not None and not self._is_made(making, until_s) and self._stand_in is not None:
                flown = self._by_flow(self._stand_in, edge, making, until_s)
                if flown is not None:
                    return flown
        return self.ready(edge)

    def _is_made(self, making: Future[list[Unit]], until_s: float | None) -> bool:
        """Wait for as long as flow could still do it instead. One that failed was logged where it failed."""
        if until_s is not None and self._stand_in is not None:
            until_s -= STAND_IN_MARGIN * self._stand_in.seconds
        return _succeeded(making, until_s)

    def _by_flow(
        self, stand_in: BridgeMaker, edge: Edge, making: Future[list[Unit]], until_s: float | None
    ) -> list[Unit] | None:
        """One by flow, unless the other is done after all; None if neither is, or the other."""
        flying = stand_in.request(edge)
        if _succeeded(making, until_s):
            return None
        if flying is not None:
            _succeeded(flying, until_s)
        units = stand_in.recall(edge)
        self._flown += units is not None
        return units

    def _is_stored(self, edge: Edge) -> bool:
        """Whether the stored one is what would be made here."""
        stored = self._texture.bridge_index.get(edge)
        return self._uses_stored and stored is not None and stored.frames == self.frames_of(edge)


def _succeeded(future: Future[list[Unit]], until_s: float | None) -> bool:
    """Wait for it, and whether it then is there."""
    with suppress(TimeoutError, CancelledError):
        return future.exception(None if until_s is None else max(0.0, until_s - time.monotonic())) is None
    return False
