"""MIDI inputs by part of their name, that come later and go: on a backend of mido whose ports the test plugs in."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from typing import Any

import pytest

from server.errors import ServerError
from server.midi_port import MidiInput, PortState, input_ports

mido: Any = pytest.importorskip("mido", reason="pip install 'videotexture[midi]'")
pytest.importorskip("rtmidi", reason="pip install 'videotexture[midi]'")

THROUGH, OLD, NOW = "Midi Through:Midi Through Port-0 14:0", "LPK25:LPK25 MIDI 1 20:0", "LPK25:LPK25 MIDI 1 24:0"
OTHER = "nanoKONTROL2:nanoKONTROL2 nanoKONTROL2 _ CTR 28:0"
LOOK_S, LIMIT_S = 0.02, 5.0
NOTE = mido.Message("note_on", note=36)


@pytest.fixture
def ports() -> Iterator[Any]:
    """The backend, nothing plugged in."""
    from tests import fake_midi

    mido.set_backend("tests.fake_midi")
    try:
        yield fake_midi
    finally:
        fake_midi.plugged.clear()
        fake_midi.taken.clear()
        mido.set_backend()


def _until(midi: MidiInput, state: PortState) -> None:
    end_s = time.monotonic() + LIMIT_S
    while midi.state is not state:
        assert time.monotonic() < end_s, f"still {midi.state}"
        time.sleep(LOOK_S / 4)


@pytest.mark.parametrize(
    ("wanted", "plugged", "meant"),
    [
        (OLD, [THROUGH, OLD, OTHER], OLD),
        (OLD, [THROUGH, NOW, OTHER], NOW),
        ("LPK25", [THROUGH, OTHER, NOW], NOW),
        ("lpk25 midi", [THROUGH, OTHER, NOW], NOW),
        ("24:0", [OLD, NOW], NOW),
        (OLD, [NOW, OLD], OLD),
        ("LPK25 20:0", ["LPK25 Mini 20:0", "LPK25 24:0"], "LPK25 24:0"),
        ("", [THROUGH, OTHER, NOW], OTHER),
        (None, [OTHER, NOW], OTHER),
        ("through", [THROUGH, NOW], THROUGH),
    ],
)
def test_an_input_is_found_by_what_lasts_of_its_name(
    ports: Any, wanted: str | None, plugged: list[str], meant: str
) -> None:
    ports.plugged.extend(plugged)
    heard: list[Any] = []
    with MidiInput(heard.append, wanted, look_every_s=LOOK_S) as midi:
        assert (midi.state, midi.name) == (PortState.LIVE, meant)
        ports.send(NOTE)
    assert heard == [NOTE]
    assert not ports.opened


@pytest.mark.parametrize(("wanted", "early"), [("LPK25", [OTHER]), (OLD, []), ("", [THROUGH]), ("", [])])
def test_an_input_may_come_later_go_and_come_again(
    ports: Any, caplog: pytest.LogCaptureFixture, wanted: str, early: list[str]
) -> None:
    ports.plugged.extend(early)
    heard: list[Any] = []
    with MidiInput(heard.append, wanted, look_every_s=LOOK_S) as midi:
        time.sleep(5 * LOOK_S)
        assert midi.state is PortState.WAITING
        for name in (OLD, NOW):
            ports.plugged.append(name)
            _until(midi, PortState.LIVE)
            assert midi.name == name
            ports.send(NOTE)
            ports.plugged.remove(name)
            _until(midi, PortState.LOST)
            assert not ports.opened
    assert heard == [NOTE, NOTE]
    told = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert [sentence.split("MIDI: ")[1].split(";")[0] for sentence in told] == [
        f"{wanted!r} is waited for" if wanted else "an input is waited for",
        f"{OLD} is here", f"{OLD} was unplugged", f"{NOW} is here", f"{NOW} was unplugged",
    ]  # fmt: skip


def test_of_several_the_first_is_taken_and_the_others_are_told(ports: Any, caplog: pytest.LogCaptureFixture) -> None:
    ports.plugged.extend([OTHER, OLD, NOW])
    with MidiInput(lambda message: None, "lpk25", look_every_s=LOOK_S) as midi:
        assert midi.name == OLD
        assert f"'lpk25' may be any of 2 inputs, {OLD} is taken; the others: {NOW}" in caplog.text
        ports.plugged.append("Another LPK25 99:0")
        time.sleep(5 * LOOK_S)
        assert midi.name == OLD


def test_one_that_another_program_holds_is_tried_again(ports: Any, caplog: pytest.LogCaptureFixture) -> None:
    ports.plugged.append(NOW)
    ports.taken.add(NOW)
    with MidiInput(lambda message: None, "LPK25", look_every_s=LOOK_S) as midi:
        time.sleep(5 * LOOK_S)
        assert midi.state is PortState.WAITING
        assert caplog.text.count("cannot be opened") == 1
        ports.taken.clear()
        _until(midi, PortState.LIVE)


def test_the_ports_are_listed_or_it_is_said_why_not() -> None:
    try:
        ports = input_ports()
    except ServerError as error:
        assert "snd-seq" in str(error)  # noqa: PT017 (either is right)
        with pytest.raises(ServerError, match="this machine offers no MIDI"), MidiInput(lambda message: None, "LPK25"):
            pass
    else:
        assert all(isinstance(port, str) for port in ports)
