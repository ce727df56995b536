"""What is said to a target's child over its standard input, and what it answers, in lines of JSON.

A message is its length, its type, and as many bytes: the order once, the picture by which streams are described once,
then packets until the end. Nothing of it is on a command line, where others could read a stream key.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import BinaryIO

HEAD = struct.Struct(">I")
PACKET = struct.Struct(">?? q I I I")  # is video, is keyframe, pts, time base, duration
MOST_BYTES = 64 << 20
AUDIO_RATE_HZ = 48000
AAC_BIT_RATE_HZ = 128_000


@dataclass(frozen=True)
class Order:
    """What a child is to do.

    Attributes:
        kind: as of `Kind`.
        address: with all its secrets.
        name: what files are called after.
        rate: numerator and denominator of the frame rate in Hz.
        file_s: the length of a recorded file.
        keep_files: how many recorded files are kept, 0 for all.
        source: where the texture lies, for recordings of another of the same name are another's.
        longest_s: after how much media the connection is to be begun anew; None for never.
    """

    kind: str
    address: str
    name: str
    rate: tuple[int, int]
    file_s: float = 600.0
    keep_files: int = 0
    source: str = ""
    longest_s: float | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """A packet at the child's side: H.264 (Annex B) or AAC."""

    is_video: bool
    is_keyframe: bool
    pts: int
    time_base: Fraction
    duration: int
    data: bytes

    @property
    def time_s(self) -> Fraction:
        """When it is shown."""
        return self.pts * self.time_base


def order_message(order: Order, picture: bytes) -> bytes:
    """How a child is begun.

    Args:
        picture: an IDR with its parameter sets, Annex B.
    """
    said = json.dumps(asdict(order)).encode()
    return HEAD.pack(len(said)) + said + HEAD.pack(len(picture)) + picture


def packet_message(piece: Piece) -> bytes:
    """One packet."""
    head = PACKET.pack(
        piece.is_video, piece.is_keyframe, piece.pts, piece.time_base.numerator, piece.time_base.denominator,
        piece.duration,
    )  # fmt: skip
    return HEAD.pack(len(head) + len(piece.data)) + head + piece.data


def read_order(stream: BinaryIO) -> tuple[Order, bytes]:
    """The order and the picture.

    Raises:
        EOFError: there is none.
    """
    said, picture = _read(stream), _read(stream)
    if said is None or picture is None:
        raise EOFError("no order")
    fields = json.loads(said)
    return Order(**(fields | {"rate": tuple(fields["rate"])})), picture


def read_packets(stream: BinaryIO) -> Iterator[Piece]:
    """Packets until the end."""
    while (message := _read(stream)) is not None:
        is_video, is_keyframe, pts, numerator, denominator, duration = PACKET.unpack_from(message)
        yield Piece(is_video, is_keyframe, pts, Fraction(numerator, denominator), duration, message[PACKET.size :])


def _read(stream: BinaryIO) -> bytes | None:
    head = stream.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    (length,) = HEAD.unpack(head)
    if length > MOST_BYTES:
        raise ValueError(f"a message of {length} bytes, expected at most {MOST_BYTES}")
    body = stream.read(length)
    return body if len(body) == length else None
