"""Which device a person means, by a name that the system does not keep: one rule for microphones and MIDI inputs."""

from __future__ import annotations

import re
from collections.abc import Sequence

# Numbers that ALSA puts into names, and that another plug or another start may change: a sound card's and its device's,
# `(hw:1,0)`; a sequencer client's and its port's, `LPK25:LPK25 MIDI 1 20:0`.
_NUMBERS = re.compile(r"\s*\(hw:\d+,\d+\)|\s+\d+:\d+$")


def lasting(name: str) -> str:
    """A name without the numbers that change, in one case."""
    return _NUMBERS.sub("", name.strip()).strip().casefold()


def meant(wanted: str, names: Sequence[Sequence[str]]) -> list[int]:
    """The devices that may be meant, by the closest likeness that any has.

    Args:
        wanted: a name, or a part of one; case does not matter.
        names: of each device, all that it is called by.

    Returns:
        Indices into names: of those whose whole name it is; else, numbers left out, whose name it is; else of whose
        name it is a part; else, numbers left out, a part. Empty for none.
    """
    whole, kept = wanted.strip().casefold(), lasting(wanted)
    asks = (
        lambda name: whole == name.strip().casefold(),
        lambda name: kept == lasting(name),
        lambda name: whole in name.casefold(),
        lambda name: kept != "" and kept in lasting(name),
    )
    for ask in asks:
        found = [index for index, known in enumerate(names) if any(ask(name) for name in known)]
        if found:
            return found
    return []
