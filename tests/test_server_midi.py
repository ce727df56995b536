"""MIDI by mido's own messages, without hardware."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from server.controls import Controls
from server.midi import DEFAULT_KNOBS, DEFAULT_PADS, MidiControl, MidiMap
from stream.performance import PARAMETERS, Kind
from stream.player import Player
from tests.stream_media import open_texture

mido: Any = pytest.importorskip("mido", reason="pip install 'videotexture[midi]'")


@pytest.fixture(scope="module")
def player(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Player]:
    path = tmp_path_factory.mktemp("midi") / "n.texture"
    with open_texture(path, seconds=3.0, sound=False) as texture, Player(texture, texture.usual_liveliness()) as player:
        yield player


@pytest.fixture
def controls(player: Player) -> Controls:
    return Controls(player)


def test_a_knob_goes_from_end_to_end_of_its_parameter(controls: Controls) -> None:
    midi = MidiControl(controls)
    for number, name in DEFAULT_KNOBS.items():
        seen = []
        for value in range(128):
            midi.handle(mido.Message("control_change", control=number, value=value))
            seen.append(getattr(controls.performance, name))
        parameter = PARAMETERS[name]
        if parameter.kind is Kind.NUMBER:
            assert (seen[0], seen[-1]) == (parameter.minimum, parameter.maximum)
        else:
            assert set(seen) == set(parameter.choices or (True, False))
    assert midi.messages == 128 * len(DEFAULT_KNOBS)
    assert midi.ignored == 0


def test_pads_hit_and_tap_when_struck(controls: Controls, player: Player, monkeypatch: Any) -> None:
    done: list[str] = []
    monkeypatch.setattr(player, "hit", lambda: done.append("hit"))
    controls.tap_target = lambda now_s: done.append("tap")
    midi = MidiControl(controls)
    for note in DEFAULT_PADS:
        midi.handle(mido.Message("note_on", note=note, velocity=90))
        midi.handle(mido.Message("note_on", note=note, velocity=0))
        midi.handle(mido.Message("note_off", note=note))
    assert done == ["hit", "tap"]
    assert midi.ignored == 4


@pytest.mark.parametrize(
    "message",
    [{"type": "clock"}, {"type": "sysex"}, {"type": "pitchwheel", "pitch": 3}, {"type": "note_on", "note": 99},
     {"type": "control_change", "control": 119}, {"type": "program_change", "program": 1}],
)  # fmt: skip
def test_all_else_is_ignored_and_counted(controls: Controls, message: dict[str, Any]) -> None:
    before, midi = controls.performance, MidiControl(controls)
    midi.handle(mido.Message(**message))
    assert (midi.messages, midi.ignored) == (0, 1)
    assert controls.performance == before


def test_one_channel_alone(controls: Controls) -> None:
    midi = MidiControl(controls, MidiMap(channel=2))
    for channel in range(4):
        midi.handle(mido.Message("control_change", channel=channel, control=1, value=40 * channel))
    midi.handle(mido.Message("clock"))
    assert controls.performance.alpha == pytest.approx(80 / 127)
    assert (midi.messages, midi.ignored) == (1, 4)


def test_the_listing_names_all_of_it() -> None:
    listing = MidiMap({7: "alpha"}, {40: "tap"}).listing()
    assert [(row["number"], row.get("turns", row.get("does"))) for row in listing] == [(7, "alpha"), (40, "tap")]
    assert set(DEFAULT_KNOBS.values()) == set(PARAMETERS), "each parameter has a knob"


@pytest.mark.parametrize(
    ("knobs", "pads", "said"),
    [
        ({1: "volume"}, {}, "'volume'"),
        ({128: "alpha"}, {}, "128"),
        ({}, {-1: "hit"}, "-1"),
        ({}, {1: "stop"}, "'stop'"),
    ],
)
def test_a_map_that_makes_no_sense_is_refused(knobs: Any, pads: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        MidiMap(knobs, pads)
