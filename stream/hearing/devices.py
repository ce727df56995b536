"""The microphones of this machine, loopback monitors included, and how one is named."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stream.device_names import lasting, meant
from stream.errors import MicrophoneError
from stream.hearing.portaudio import inputs
from stream.hearing.pulse import PULSE, pulse_sources

DEFAULT = "default"
_PULSE_DEVICE = "pulse"  # what ALSA's plugin is called
_ALIASES = (_PULSE_DEVICE, DEFAULT, "sysdefault", "pipewire")  # other ways to the sound server's own default


@dataclass(frozen=True)
class Device:
    """Something to record from.

    Attributes:
        name: what it is called by programs, and is found by after it was plugged in again.
        description: what it is called before people; may be the same as the name.
        api: through which it is reached.
        index: PortAudio's; good until PortAudio is started again.
        channels, rate_hz: its own.
        is_monitor: whether it is what is being played, rather than a microphone.
        is_default: whether it is what is recorded from where nothing is chosen.
        pulse_index: of this source since it was plugged in, where the sound server has one.
    """

    name: str
    description: str
    api: str
    index: int
    channels: int
    rate_hz: int
    is_monitor: bool = False
    is_default: bool = False
    pulse_index: int | None = None

    @property
    def title(self) -> str:
        """Both of its names."""
        return self.name if self.description in ("", self.name) else f"{self.description} ({self.name})"


def devices() -> list[Device]:
    """All that can be recorded from just now, the default first.

    Raises:
        MicrophoneError: PortAudio, or its way to the sound server, is missing.
    """
    found = inputs()
    sources = pulse_sources()
    through = next((device for device in found if device["name"] == _PULSE_DEVICE), None)
    if sources and not found:
        raise MicrophoneError(
            f"the sound server has {len(sources)} sources, but PortAudio no way to it: `apt install libasound2-plugins`"
        )
    listed = [
        Device(
            source.name, source.description, PULSE, through["index"], 2, source.rate_hz,
            source.is_monitor, source.is_default, source.index,
        )
        for source in sources or ()
        if through is not None
    ]  # fmt: skip
    served = sources is not None  # then what else leads to the sound server leads to what is listed already
    listed += [_plainly(device, is_default=not served) for device in found if not (served and _is_alias(device))]
    return sorted(listed, key=lambda device: (not device.is_default, device.is_monitor))


def _plainly(device: dict[str, Any], *, is_default: bool) -> Device:
    """What PortAudio has by itself."""
    name, rate_hz = device["name"], round(device["default_samplerate"])
    is_default = is_default and device["is_default"]
    return Device(
        name, name, device["api"], device["index"], device["max_input_channels"], rate_hz, is_default=is_default
    )


def _is_alias(device: dict[str, Any]) -> bool:
    return device["name"] in _ALIASES


def choose(wanted: str, listed: list[Device]) -> Device:
    """The one device that is meant: by its whole name, or by a part of it that no other has; case does
    not matter, nor do the numbers that ALSA gives its cards.

    Raises:
        MicrophoneError: none or several are meant; the message lists the choices.
    """
    if wanted.casefold() == DEFAULT:
        found = [device for device in listed if device.is_default] or listed[:1]
    else:
        found = [listed[index] for index in meant(wanted, [(device.name, device.description) for device in listed])]
    if len(found) == 1:
        return found[0]
    choices = "\n".join(f"  {device.title}" for device in found or listed)
    if found:
        raise MicrophoneError(f"{wanted!r} may be any of {len(found)} microphones; say more of the name:\n{choices}")
    if listed:
        raise MicrophoneError(f"there is no microphone called {wanted!r}; there are:\n{choices}")
    raise MicrophoneError(f"there is no microphone called {wanted!r}, nor any other; plug one in")


def find_again(before: Device, listed: list[Device]) -> Device | None:
    """The same device after it was plugged in again; None while it is away."""
    named = [device for device in listed if (device.api, device.name) == (before.api, before.name)]
    alike = [device for device in listed if (device.api, lasting(device.name)) == (before.api, lasting(before.name))]
    return next(iter(named or alike), None)
