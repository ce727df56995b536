"""What a child is told arrives as it was said; what is cut short ends it."""

from __future__ import annotations

import io
from fractions import Fraction

import pytest

from server.targets.wire import Order, Piece, order_message, packet_message, read_order, read_packets

ORDER = Order("rtmp", "rtmp://a/b/key", "näme", (30000, 1001), 12.5, 3)
PIECES = [
    Piece(True, True, 0, Fraction(1001, 30000), 1, b"\x00" * 1000),
    Piece(False, True, -1024, Fraction(1, 48000), 1024, b""),
    Piece(True, False, 1 << 40, Fraction(1, 25), 1, bytes(range(256))),
]


def test_round_trip() -> None:
    said = io.BytesIO(order_message(ORDER, b"picture") + b"".join(map(packet_message, PIECES)))
    assert read_order(said) == (ORDER, b"picture")
    assert list(read_packets(said)) == PIECES


@pytest.mark.parametrize("cut", [1, 3, 10, 30])
def test_what_is_cut_short_ends(cut: int) -> None:
    said = packet_message(PIECES[0]) + packet_message(PIECES[2])[:-cut]
    assert list(read_packets(io.BytesIO(said))) == PIECES[:1]


def test_no_order() -> None:
    with pytest.raises(EOFError):
        read_order(io.BytesIO(order_message(ORDER, b"picture")[:-1]))


def test_a_length_that_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="bytes, expected at most"):
        list(read_packets(io.BytesIO(b"\xff" * 8)))
