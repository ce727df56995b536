"""What is heard, wired to what it steers: onsets to hits, the sound itself to where the walk goes."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any, Self

from export.engine import Engine
from server.controls import Controls
from stream.hearing.listener import Heard, Listener
from stream.hearing.onset import Onset
from stream.hearing.rhythm import Rhythm
from stream.hearing.source import SoundSource, SourceState
from stream.histogram import Histogram
from stream.performance import Performance

WATCH_S = 0.25  # how often the state is looked at
KEPT_ONSETS = 500


@dataclass(frozen=True, slots=True)
class HearingEvent:
    """What viewers are told about the hearing, whenever it changes.

    Attributes:
        source: what is listened to.
        state: of it.
        trouble: why nothing is heard, and the mend; empty while all is well.
        conditioned: whether the sound decides where the walk goes.
    """

    source: str
    state: SourceState
    trouble: str
    conditioned: bool


@dataclass(frozen=True, slots=True)
class ToldOnset:
    """An onset on its way to the picture, all in monotonic seconds.

    Attributes:
        at_s: when it sounded.
        told_s: when it was told.
        due_s: when its hit was due; None if it makes none.
    """

    at_s: float
    told_s: float
    due_s: float | None


class Ears:
    """Listens to one source for the player that is steered.

    A context manager: entering starts the source, leaving closes it.

    Attributes:
        onsets: the latest 500, for those who measure.
        onset_latency: from when each sounded until it was told.
    """

    def __init__(self, source: SoundSource, controls: Controls, engine: Engine | None) -> None:
        """Prepare to listen.

        Args:
            source: not yet started.
            controls: of the player that is to hear.
            engine: the texture's sound network, open or not, closed at the end; None where the texture has none: then
                sound hits, and does not condition.
        """
        self.source = source
        self.onsets: deque[ToldOnset] = deque(maxlen=KEPT_ONSETS)
        self.onset_latency = Histogram()
        self._controls, self._engine = controls, engine
        self._heard_last = False
        self._open = ExitStack()
        self._listener: Listener | None = None

    def __enter__(self) -> Self:
        """Start.

        Raises:
            MicrophoneError: the source cannot be started.
            EngineError: the sound network cannot be run.
        """
        with ExitStack() as opened:
            if self._engine is not None:
                opened.enter_context(self._engine)
                self._engine.warm_up()
            self._listener = Listener(self.source, Rhythm(), self._engine, self._on_onset, self._on_heard)
            self._turn(self._controls.performance)
            opened.callback(self._controls.listen(self._turn))
            self._controls.tap_target = self._listener.tap
            opened.callback(self._let_go)
            opened.enter_context(self._listener)
            self._open = opened.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def event(self) -> HearingEvent:
        """How it is now."""
        listener = self._listened
        return HearingEvent(self.source.name, listener.state(), self.source.trouble, self._heard_last)

    def statistics(self) -> dict[str, Any]:
        """How it goes, for the interface: JSON types."""
        listener = self._listened
        told = {
            name: value if not isinstance(value, float) or math.isfinite(value) else None
            for name, value in asdict(listener.statistics()).items()
        }
        tempo = listener.tempo
        return told | {
            "conditioned": self._heard_last,
            "bpm": None if tempo is None else round(tempo.bpm, 2),
            "bands": [round(band, 3) for band in listener.bands],
        }

    def times(self) -> dict[str, Histogram]:
        """How long a hop, an embedding, and an onset's way take."""
        return {**self._listened.times, "onset": self.onset_latency}

    async def watch(self, announce: Callable[[HearingEvent], None]) -> None:
        """Tell each change of the state, until cancelled."""
        known: HearingEvent | None = None
        while True:
            now = self.event()
            if now != known:
                announce(now)
                known = now
            await asyncio.sleep(WATCH_S)

    @property
    def _listened(self) -> Listener:
        assert self._listener is not None, "listen inside `with ears:`"
        return self._listener

    def _on_onset(self, onset: Onset) -> None:
        told_s = time.monotonic()
        due_s = self._controls.on_onset(onset, self._listened.tempo, told_s)
        self.onsets.append(ToldOnset(onset.at_s, told_s, due_s))
        self.onset_latency.observe(told_s - onset.at_s)

    def _on_heard(self, heard: Heard | None) -> None:
        self._heard_last = heard is not None
        if heard is None:
            self._controls.player.hear(None)
        else:
            self._controls.player.hear(heard.embedding, heard.at_s)

    def _let_go(self) -> None:
        self._controls.tap_target = None

    def _turn(self, performance: Performance) -> None:
        self._listened.set_sensitivity(performance.sensitivity)
        self._listened.set_gain(performance.gain_db)
