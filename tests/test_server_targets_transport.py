"""Transport streams as strict receivers want them, at any frame rate."""

from __future__ import annotations

import io
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from server.targets.muxer import Muxer
from server.targets.transport import DECODER_DELAY_S, OPTIONS, TransportStream
from tests.stream_media import NTSC_HZ, write_texture
from tests.target_pieces import Pieces
from tests.transport_streams import WRAP, Analysis, analyse

LONGEST_CLOCK_GAP_S = 0.040  # ETSI TR 101 290, 5.2.2; ISO/IEC 13818-1 allows 0.1
WRAP_S = Fraction(WRAP, 90000)


def muxed(pieces: Pieces, seconds: float, begins_s: Fraction = Fraction(0)) -> bytes:
    written = io.BytesIO()
    with Muxer(
        TransportStream(written), "mpegts", pieces.picture, pieces.rate_hz, OPTIONS, begins_s=-begins_s
    ) as muxer:
        for piece in pieces.of(seconds):
            muxer.write(piece)
    return written.getvalue()


def check(found: Analysis, pieces: Pieces, seconds: float) -> None:
    sent = [piece for piece in pieces.of(seconds) if piece.is_video]
    assert found.counter_errors == 0
    assert found.longest_clock_gap_s <= LONGEST_CLOCK_GAP_S + 1e-6
    assert all((later - earlier) % float(WRAP_S) < 60 for earlier, later in pairwise(found.clocks_s))  # never back
    assert set(found.leads_s) == {0xE0, 0xC0}
    assert found.leads_s[0xE0] == pytest.approx([DECODER_DELAY_S] * found.units, abs=0.001)
    assert min(found.leads_s[0xC0]) > 0.02  # sound is there before it is to be decoded
    assert max(found.leads_s[0xC0]) < 1  # ISO/IEC 13818-1, 2.4.2.7: nothing waits longer in the decoder's buffer
    assert found.units == found.delimited == len(sent)
    assert found.marked == sum(piece.is_keyframe for piece in sent)


@pytest.mark.parametrize("rate_hz", [Fraction(8), Fraction(24), NTSC_HZ, Fraction(60)])
def test_the_clock_comes_often_and_ahead_of_what_is_decoded(tmp_path: Path, rate_hz: Fraction) -> None:
    pieces = Pieces(write_texture(tmp_path / "n.texture", rate_hz=rate_hz, seconds=240 / float(rate_hz)))
    found = analyse(muxed(pieces, 5.0))
    check(found, pieces, 5.0)
    assert all((later - earlier) < 0.5 for earlier, later in pairwise(found.tables_s))


def test_times_go_on_where_33_bits_end(tmp_path: Path) -> None:
    pieces = Pieces(write_texture(tmp_path / "n.texture"))
    found = analyse(muxed(pieces, 5.0, begins_s=WRAP_S - 3))
    assert max(found.clocks_s) > float(WRAP_S) - 1
    assert found.clocks_s[-1] < 5
    check(found, pieces, 5.0)


def test_a_stream_goes_on_from_one_muxer_to_the_next(tmp_path: Path) -> None:
    pieces = Pieces(write_texture(tmp_path / "n.texture"))
    written = io.BytesIO()
    stream = TransportStream(written)
    for number in range(3):
        with Muxer(stream, "mpegts", pieces.picture, pieces.rate_hz, OPTIONS, begins_s=Fraction(0)) as muxer:
            for piece in pieces.of(2.0, Fraction(2 * number)):
                muxer.write(piece)
    assert analyse(written.getvalue()).counter_errors == 0


class Pieced:
    """Takes what it gets, and counts in how many parts."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self.parts.append(data)
        return len(data)


def test_packets_that_come_in_parts_are_put_together(tmp_path: Path) -> None:
    pieces = Pieces(write_texture(tmp_path / "n.texture"))
    whole = muxed(pieces, 1.0)
    out = Pieced()
    stream = TransportStream(out)
    for at in range(0, len(whole), 100):
        stream.write(whole[at : at + 100])
    assert all(len(part) % 188 == 0 for part in out.parts)
    assert b"".join(out.parts) == whole
