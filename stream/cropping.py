"""The rims that a file says are not to be shown: `clap` of MP4 and QuickTime, PixelCrop of Matroska.

Decoders crop what the coded pictures say themselves; what the file says beside them is left to whoever shows them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, cast

import av.logging
from av.container import InputContainer


@dataclass(frozen=True)
class Cropping:
    """How much of a stored picture is not to be shown, in px."""

    left: int = 0
    right: int = 0
    top: int = 0
    bottom: int = 0

    def within(self, width: int, height: int) -> Cropping:
        """The same, or none, if it would leave nothing of a picture of that size."""
        return self if self.left + self.right < width and self.top + self.bottom < height else Cropping()

    def filters(self) -> list[tuple[str, str]]:
        """FFmpeg's filters for it."""
        if self == Cropping():
            return []
        size = f"iw-{self.left + self.right}:ih-{self.top + self.bottom}"
        return [("crop", f"{size}:{self.left}:{self.top}:exact=1")]


def croppings_of(container: InputContainer) -> dict[int, Cropping]:
    """What a file says of its tracks, by their index; those of which it says nothing are left out.

    PyAV does not hand on what belongs to a whole track; FFmpeg's own description of the file has it, which it gives out
    as messages, and only to those who listen to them. Ask before anything of the file is decoded: a decoder's thread
    whose message is listened to waits for Python's lock, and whoever frees that decoder holds the lock and waits for
    the thread, for ever.
    """
    level = av.logging.get_level()
    av.logging.set_level(av.logging.INFO)
    try:
        described: str = cast(Any, container).dumps_format()  # which its stubs leave out
    finally:
        av.logging.set_level(level)
    tracks = re.split(r"^ *Stream #\d+:(\d+)", described, flags=re.MULTILINE)
    found: dict[int, Cropping] = {}
    for index, told in zip(tracks[1::2], tracks[2::2], strict=True):
        if said := re.search(r"Frame Cropping: (\d+)/(\d+)/(\d+)/(\d+)", told):
            found[int(index)] = Cropping(*map(int, said.groups()))
    return found
