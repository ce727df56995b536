"""What steers a player while it plays, whoever turns it: HTTP, OSC, MIDI, or the sound itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from stream.performance import Attacked, Kind, Parameter, Performance, Performer, Pulse
from stream.player import Player

Tap = Callable[[float], None]
MOST_JUMPS_PER_MINUTE = 60.0
JUMPS = Parameter(
    "jumps_per_minute", Kind.NUMBER, 15.0, "how restless the walk is by itself",
    minimum=0.1, maximum=MOST_JUMPS_PER_MINUTE, unit="per minute",
)  # fmt: skip
Listener = Callable[[Performance], None]


class Controls:
    """One performer's desk. Any thread may use it; nothing here waits.

    Attributes:
        jumps_target: told how many jumps per minute are wanted, the channel's own; None while nothing plays.
        player: what is steered.
        tap_target: told the monotonic time of each tap, the hearing's `Rhythm.tap`; None while nothing listens.
    """

    def __init__(
        self, player: Player, *, tap_target: Tap | None = None, performance: Performance | None = None
    ) -> None:
        self.tap_target = tap_target
        self.jumps_target: Callable[[float], None] | None = None
        self.player = player
        self._lock = threading.Lock()
        self._turning = threading.Lock()  # what is told last is what was turned last
        self._performer = Performer(performance or Performance())
        self._listeners: list[Listener] = []
        player.set_performance(self._performer.performance)

    def play(self, player: Player) -> None:
        """Steer another player from here on."""
        with self._lock:
            self.player = player
            player.set_performance(self._performer.performance)

    @property
    def performance(self) -> Performance:
        """As it is turned now."""
        return self._performer.performance

    def change(self, values: Mapping[str, object]) -> Performance:
        """Turn some of it, all or nothing, and tell everyone who listens.

        Raises:
            ValueError: a name is unknown, or a value does not fit; the message says what would.
        """
        with self._turning:
            with self._lock:
                before = self._performer.performance
                performance = self._performer.performance = before.changed(values)
                self.player.set_performance(performance)
            if performance != before:
                for listener in tuple(self._listeners):
                    listener(performance)
        return performance

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Have each change told, by the thread that made it; returns what ends it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @property
    def jumps_per_minute(self) -> float:
        """How many the walk makes now."""
        return self.player.liveliness.jumps_per_minute

    def want_jumps(self, value: object) -> None:
        """Walk at another rate, as soon as the matrix is solved for it.

        Raises:
            ValueError: it does not fit, or nothing plays; the message says what would.
        """
        rate = float(JUMPS.checked(value))
        if self.jumps_target is None:
            raise ValueError("nothing plays, so nothing can be made to jump")
        self.jumps_target(rate)

    def hit(self) -> None:
        """Hit now, by hand: no sensitivity, no cooldown, no quantising."""
        self.player.hit()

    def tap(self, now_s: float | None = None) -> bool:
        """A beat is now, says the performer; whether anything listens."""
        if self.tap_target is None:
            return False
        self.tap_target(time.monotonic() if now_s is None else now_s)
        return True

    def on_onset(self, onset: Attacked, tempo: Pulse | None, now_s: float | None = None) -> float | None:
        """Let an onset in the sound hit, if the performance lets it; when it is due, None if never."""
        now_s = time.monotonic() if now_s is None else now_s
        with self._lock:
            due_s = self._performer.hit_due_s(onset, tempo, now_s)
        if due_s is not None:
            self.player.hit(due_s, onset.at_s)
        return due_s
