"""What a performer can turn while it plays, and the rule by which an onset in the sound becomes a hit.

`Performance` is the one table: each of its fields declares its range, unit and meaning, and the HTTP interface, OSC
and MIDI are made from `PARAMETERS`, so that none of them can know less than the others.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, Literal, Protocol, cast

Value = float | bool | str
STEPS_PER_BEAT = {"beat": 1, "half": 2, "quarter": 4}

GRACE_S = 0.06  # a hit this little behind a beat is meant for it, and comes at once
_SWITCH_WORDS = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}
_KEY = "parameter"


class Kind(StrEnum):
    """What kind of value a parameter takes."""

    NUMBER = "number"
    SWITCH = "switch"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One row of the table.

    Attributes:
        name: the same everywhere.
        kind: number, switch or choice.
        default: what it is unless told otherwise.
        doc: what it does, in one line.
        minimum, maximum: of a number, both included.
        unit: of a number; empty for a share.
        choices: the words that it takes; a number may take some besides.
    """

    name: str
    kind: Kind
    default: Value
    doc: str
    minimum: float = 0.0
    maximum: float = 1.0
    unit: str = ""
    choices: tuple[str, ...] = ()

    def checked(self, value: object) -> Value:
        """The value as the table wants it: whatever HTTP, OSC or MIDI said, in the parameter's own type.

        Raises:
            ValueError: it does not fit; the message says what would.
        """
        if self.kind is Kind.SWITCH:
            return self._switched(value)
        if isinstance(value, str) and value in self.choices:
            return value
        number = _number(value) if self.kind is Kind.NUMBER else None
        if number is None or not self.minimum <= number <= self.maximum:
            raise self._unfit(value)
        return number

    def at_share(self, share: float) -> Value:
        """The value at a place of a knob, 0 to 1: evenly over the range, or over the choices."""
        share = min(max(share, 0.0), 1.0)
        if self.kind is Kind.SWITCH:
            return share >= 0.5
        if self.kind is Kind.CHOICE:
            return self.choices[min(int(share * len(self.choices)), len(self.choices) - 1)]
        return self.minimum + share * (self.maximum - self.minimum)

    @property
    def expected(self) -> str:
        """What may be said, in words."""
        words = " or ".join(repr(choice) for choice in self.choices)
        if self.kind is Kind.SWITCH:
            return "true or false"
        if self.kind is Kind.CHOICE:
            return words
        span = f"a number from {self.minimum:g} to {self.maximum:g}{' ' + self.unit if self.unit else ''}"
        return f"{span}, or {words}" if words else span

    def _switched(self, value: object) -> bool:
        if isinstance(value, bool):
            return value
        if isinstance(value, int | float) and value in (0, 1):
            return bool(value)
        if isinstance(value, str) and value.lower() in _SWITCH_WORDS:
            return _SWITCH_WORDS[value.lower()]
        raise self._unfit(value)

    def _unfit(self, value: object) -> ValueError:
        return ValueError(f"{self.name} cannot be {_shown(value)}, expected {self.expected}")


def _number(value: object) -> float | None:
    """A finite number; of text too, since some OSC programs send nothing else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _row(kind: Kind, default: Value, doc: str, **more: Any) -> Any:
    return field(default=default, metadata={_KEY: {"kind": kind, "default": default, "doc": doc, **more}})


def _number_row(default: Value, low: float, high: float, doc: str, **more: Any) -> Any:
    return _row(Kind.NUMBER, default, doc, minimum=low, maximum=high, **more)


@dataclass(frozen=True, slots=True)
class Performance:
    """All that a performer can turn; `changed` checks, the constructor does not."""

    alpha: float = _number_row(0.5, 0, 1, "share of the picture's own continuity in the walk: 1 does not listen at all")
    hits: bool = _row(Kind.SWITCH, True, "whether onsets in the sound hit the picture")
    sensitivity: float = _number_row(0.6, 0, 1, "how soft an onset may be and still hit: 1 takes all, 0 hardly any")
    cooldown_ms: float = _number_row(180, 0, 5000, "least time between two hits", unit="ms")
    quantise: Literal["off", "beat", "half", "quarter"] = _row(
        Kind.CHOICE, "off", "whether hits wait for the beat, the half or the quarter beat",
        choices=("off", *STEPS_PER_BEAT),
    )  # fmt: skip
    latency_offset_ms: float = _number_row(
        0, -500, 500, "hits come this much later; earlier only where they are quantised", unit="ms"
    )
    hit_bridge: bool = _row(Kind.SWITCH, False, "whether a hit goes over a bridge, if one is ready, instead of a cut")
    freeze: bool = _row(Kind.SWITCH, False, "whether the picture stands still, without sound")
    blackout: bool = _row(Kind.SWITCH, False, "whether the picture is black, without sound")
    gain_db: float | Literal["auto"] = _number_row(
        "auto", -60, 60, "amplification of what is heard", unit="dB", choices=("auto",)
    )

    def changed(self, values: Mapping[str, object]) -> Performance:
        """With some values exchanged, all checked before any is taken.

        Raises:
            ValueError: a name is unknown, or a value does not fit; the message says what would.
        """
        for name in values:
            if name not in PARAMETERS:
                raise ValueError(f"there is no {_shown(name)} to turn, only {', '.join(PARAMETERS)}")
        checked: dict[str, Any] = {name: PARAMETERS[name].checked(value) for name, value in values.items()}
        return replace(self, **checked)

    def values(self) -> dict[str, Value]:
        """Each parameter's value, in the table's order."""
        return {name: getattr(self, name) for name in PARAMETERS}


PARAMETERS: dict[str, Parameter] = {
    each.name: Parameter(each.name, **cast("dict[str, Any]", dict(each.metadata[_KEY]))) for each in fields(Performance)
}


class Pulse(Protocol):
    """A tempo, as far as quantising needs it."""

    @property
    def period_s(self) -> float:
        """From beat to beat."""

    def next_beat_s(self, now_s: float) -> float:
        """The first beat at or after `now_s`."""


class Attacked(Protocol):
    """An onset, as far as a hit needs it."""

    @property
    def strength(self) -> float:
        """0 to 1."""

    @property
    def at_s(self) -> float:
        """When it sounded, monotonic."""


class Performer:
    """Decides which onsets become hits, and when. Pure: reads no clock.

    Attributes:
        performance: may be exchanged at any time.
    """

    def __init__(self, performance: Performance) -> None:
        self.performance = performance
        self._last_due_s = -math.inf

    def hit_due_s(self, onset: Attacked, tempo: Pulse | None, now_s: float) -> float | None:
        """When the hit for an onset is due, at `now_s` or later; None if it makes none.

        Quantised, a hit waits for the next beat of a grid that the latency offset shifts; one that comes within
        60 ms after a beat is meant for that one. Without a tempo nothing can be waited for: it comes at once.
        """
        turned = self.performance
        if not turned.hits or turned.freeze or turned.blackout or onset.strength < 1 - turned.sensitivity:
            return None
        offset_s = turned.latency_offset_ms / 1000
        if turned.quantise != "off" and tempo is not None and tempo.period_s > 0:
            due_s = _on_grid_s(tempo, STEPS_PER_BEAT[turned.quantise], now_s - offset_s) + offset_s
        else:
            due_s = now_s + offset_s
        due_s = max(due_s, now_s)
        apart_s = max(turned.cooldown_ms / 1000, 1e-3)  # never two hits at once, as two onsets before one beat would be
        if due_s - self._last_due_s < apart_s:
            return None
        self._last_due_s = due_s
        return due_s


def _on_grid_s(tempo: Pulse, steps_per_beat: int, now_s: float) -> float:
    """The first place of the grid at or after `now_s`, or a little before it."""
    step_s = tempo.period_s / steps_per_beat
    grace_s = min(GRACE_S, step_s / 4)
    beat_s = tempo.next_beat_s(now_s - grace_s)
    return beat_s - step_s * math.floor((beat_s - (now_s - grace_s)) / step_s + 1e-9)
