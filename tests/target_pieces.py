"""Packets as a target's child gets them, made without a player and as fast as wanted."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from server.targets.sound import AacSound
from server.targets.wire import Piece
from stream.reel import MediaPacket
from stream.texture import Texture


class Pieces:
    """A texture's pictures over and over, with silence behind them as it comes from the encoder.

    Attributes:
        picture: an IDR with its parameter sets, Annex B.
        rate_hz: frames per second.
    """

    def __init__(self, texture: Path) -> None:
        with Texture.open(texture) as opened:
            self.rate_hz = opened.manifest.clip.rate_hz
            self._gops = [opened.gop(segment) for segment in range(4)]
        self.picture = self._gops[0][0]

    def of(self, seconds: float, first_s: Fraction = Fraction(0)) -> Iterator[Piece]:
        """Pictures and sound of so many seconds, from a time on."""
        sound, number = AacSound(has_sound=False), round(first_s * self.rate_hz)
        last = number + round(seconds * self.rate_hz)
        while number < last:
            for index, unit in enumerate(self._gops[number % len(self._gops)]):
                yield Piece(True, index == 0, number, 1 / self.rate_hz, 1, unit)
                yield from sound.convert(
                    MediaPacket("video", unit, number, 1 / self.rate_hz, 1, is_keyframe=index == 0)
                )
                number += 1
