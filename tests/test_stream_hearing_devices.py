"""Which device is meant by what a person says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stream.errors import MicrophoneError
from stream.hearing.devices import Device, choose, find_again

BUILT_IN = Device("alsa_input.pci.analog-stereo", "Built-in Audio Analog Stereo", "PulseAudio", 0, 2, 48000)
MONITOR = Device("alsa_output.pci.monitor", "Monitor of Built-in Audio", "PulseAudio", 0, 2, 48000, is_monitor=True)
USB = Device("Scarlett 2i2: USB Audio (hw:2,0)", "Scarlett 2i2: USB Audio (hw:2,0)", "ALSA", 3, 2, 44100)
LISTED = [BUILT_IN, MONITOR, USB]


@pytest.mark.parametrize(
    ("wanted", "meant"),
    [
        ("scarlett", USB),
        ("SCARLETT 2I2", USB),
        ("monitor of", MONITOR),
        ("alsa_output.pci.monitor", MONITOR),
        (" analog stereo ", BUILT_IN),
    ],
)
def test_any_part_of_a_name_that_no_other_has_will_do(wanted: str, meant: Device) -> None:
    assert choose(wanted, LISTED) is meant


def test_a_whole_name_wins_over_a_part_of_another() -> None:
    longer = replace(BUILT_IN, name="x", description="Built-in Audio Analog Stereo 2")
    assert choose("built-in audio analog stereo", [longer, BUILT_IN]) is BUILT_IN


def test_what_may_be_several_lists_only_those() -> None:
    with pytest.raises(MicrophoneError, match="any of 2 microphones") as raised:
        choose("built-in", LISTED)
    assert "Monitor of Built-in Audio (alsa_output.pci.monitor)" in str(raised.value)
    assert "Scarlett" not in str(raised.value)


def test_what_is_not_there_lists_all() -> None:
    with pytest.raises(MicrophoneError, match="no microphone called 'tuba'; there are:") as raised:
        choose("tuba", LISTED)
    assert all(device.title in str(raised.value) for device in LISTED)
    with pytest.raises(MicrophoneError, match="nor any other"):
        choose("tuba", [])


def test_default_is_what_the_system_would_take() -> None:
    assert choose("default", LISTED) is BUILT_IN
    assert choose("Default", [BUILT_IN, replace(USB, is_default=True)]).name == USB.name


def test_plugged_into_another_socket_it_is_the_same() -> None:
    moved = replace(USB, name="Scarlett 2i2: USB Audio (hw:1,0)", index=7)
    assert find_again(USB, [BUILT_IN, moved]) is moved
    assert find_again(MONITOR, [BUILT_IN, replace(MONITOR, pulse_index=9)]) is not None
    assert find_again(USB, [BUILT_IN, MONITOR]) is None
    assert find_again(USB, [replace(USB, api="JACK")]) is None


def test_the_numbers_that_alsa_gives_its_cards_do_not_matter() -> None:
    assert choose("Scarlett 2i2: USB Audio (hw:5,0)", LISTED) is USB
    assert choose("usb audio (hw:5,0)", LISTED) is USB
    assert choose("hw:2,0", LISTED) is USB
    other = replace(USB, name="Scarlett 2i2: USB Audio (hw:3,0)", description="Scarlett 2i2: USB Audio (hw:3,0)")
    assert choose("Scarlett 2i2: USB Audio (hw:3,0)", [USB, other]) is other
    with pytest.raises(MicrophoneError, match="any of 2 microphones"):
        choose("Scarlett 2i2: USB Audio (hw:5,0)", [USB, other])
