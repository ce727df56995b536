"""MIDI: knobs turn parameters, pads hit and tap. The messages are mido's; `server.midi_port` has their source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from server.controls import Controls
from stream.performance import PARAMETERS

Action = Literal["hit", "tap"]
MOST_VALUE = 127

DEFAULT_KNOBS = {
    1: "alpha",  # the modulation wheel
    20: "sensitivity", 21: "cooldown_ms", 22: "quantise", 23: "latency_offset_ms", 24: "gain_db",
    80: "freeze", 81: "blackout", 82: "hits", 83: "hit_bridge",  # general purpose buttons
}  # fmt: skip
DEFAULT_PADS: dict[int, Action] = {36: "hit", 37: "tap"}  # the first two pads of most pad controllers, from C2


class Message(Protocol):
    """What of a `mido.Message` is looked at."""

    @property
    def type(self) -> str:
        """note_on, control_change, ..."""


@dataclass(frozen=True)
class MidiMap:
    """What each knob and pad does.

    Attributes:
        knobs: control change number (0 to 127) to parameter.
        pads: note number (0 to 127) to action.
        channel: 0 to 15, None for all.
    """

    knobs: Mapping[int, str] = field(default_factory=lambda: DEFAULT_KNOBS)
    pads: Mapping[int, Action] = field(default_factory=lambda: DEFAULT_PADS)
    channel: int | None = None

    def __post_init__(self) -> None:
        for number in (*self.knobs, *self.pads):
            if not 0 <= number <= MOST_VALUE:
                raise ValueError(f"there is no MIDI number {number}, they go from 0 to {MOST_VALUE}")
        for name in self.knobs.values():
            if name not in PARAMETERS:
                raise ValueError(f"there is no {name!r} to turn, only {', '.join(PARAMETERS)}")
        for action in self.pads.values():
            if action not in ("hit", "tap"):
                raise ValueError(f"a pad can hit or tap, not {action!r}")

    def listing(self) -> list[dict[str, Any]]:
        """Each knob and pad, with what it does, to be shown."""
        knobs = [
            {"message": "control_change", "number": number, "turns": name, "doc": PARAMETERS[name].doc}
            for number, name in self.knobs.items()
        ]
        return [*knobs, *({"message": "note_on", "number": n, "does": action} for n, action in self.pads.items())]


class MidiControl:
    """Does what MIDI messages say; any thread may call it.

    Attributes:
        messages: how many were obeyed.
        ignored: how many are mapped to nothing.
    """

    def __init__(self, controls: Controls, midi_map: MidiMap | None = None) -> None:
        self.map = midi_map or MidiMap()
        self.messages = self.ignored = 0
        self._controls = controls

    def handle(self, message: Any) -> None:
        """Obey a `mido.Message`; what is not mapped is counted."""
        if self.map.channel is not None and getattr(message, "channel", None) != self.map.channel:
            self.ignored += 1
        elif message.type == "control_change" and message.control in self.map.knobs:
            name = self.map.knobs[message.control]
            self._controls.change({name: PARAMETERS[name].at_share(message.value / MOST_VALUE)})
            self.messages += 1
        elif message.type == "note_on" and message.velocity > 0 and message.note in self.map.pads:
            if self.map.pads[message.note] == "hit":
                self._controls.hit()
            else:
                self._controls.tap()
            self.messages += 1
        else:
            self.ignored += 1
