"""Connections that last longer than the times of their format."""

from __future__ import annotations

import io
import logging
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pytest

from server.targets.child import send
from server.targets.muxer import Muxer
from server.targets.status import Limits, State
from server.targets.wire import Piece
from tests.media_servers import Nginx
from tests.stream_media import write_texture
from tests.target_pieces import Pieces
from tests.target_run import IMPATIENT, sending, to

FLV_WRAP_S = Fraction(2**31, 1000)
FLV_HEAD_BYTES, TAG_HEAD_BYTES = 13, 11


@pytest.fixture(scope="module")
def texture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_texture(tmp_path_factory.mktemp("longest") / "numbers.texture")


def flv_times_ms(data: bytes) -> list[int]:
    """Of each picture's tag, as FLV's 24 and 8 bits give them (Adobe Flash Video File Format 10.1, E.4.1)."""
    times, at = [], FLV_HEAD_BYTES
    while at + TAG_HEAD_BYTES <= len(data):
        size = int.from_bytes(data[at + 1 : at + 4], "big")
        if data[at] == 9:
            times.append(data[at + 7] << 24 | int.from_bytes(data[at + 4 : at + 7], "big"))
        at += TAG_HEAD_BYTES + size + 4
    return times


def flv(pieces: Pieces, seconds: float, first_s: Fraction) -> list[int]:
    written = io.BytesIO()
    with Muxer(written, "flv", pieces.picture, pieces.rate_hz, begins_s=-first_s) as muxer:
        for piece in pieces.of(seconds):
            muxer.write(piece)
    return flv_times_ms(written.getvalue())[1:-1]  # the first describes the pictures, the last ends them


def test_times_of_the_longest_rtmp_connection_fit_and_later_ones_do_not(texture: Path) -> None:
    """The second half is why there is a limit; if it fails, FFmpeg goes on, and the limit is to be thought over."""
    pieces = Pieces(texture)
    longest_s = Fraction(Limits().longest_rtmp_s)
    assert all(later > earlier for earlier, later in pairwise(flv(pieces, 3.0, longest_s)))
    beyond = flv(pieces, 3.0, FLV_WRAP_S - 1)
    assert beyond[0] > 2**31 - 1100
    assert beyond[-1] < 3000


def test_sending_ends_before_the_first_idr_that_is_too_late(texture: Path) -> None:
    class Taken:
        def __init__(self) -> None:
            self.pieces: list[Piece] = []

        def write(self, piece: Piece) -> None:
            self.pieces.append(piece)

        def confirmed_bytes(self) -> int:
            return 0

    pieces = list(Pieces(texture).of(3.0, Fraction(10**7)))
    taken = Taken()
    assert send(iter(pieces), taken, 2.0)
    assert taken.pieces == [piece for piece in pieces if pieces.index(piece) < len(taken.pieces)]
    left = pieces[len(taken.pieces)]
    assert left.is_video
    assert left.is_keyframe
    assert 2 <= left.time_s - pieces[0].time_s < 2.3
    assert not send(iter(pieces), Taken(), None)


async def test_an_rtmp_connection_begins_anew_in_time_and_that_is_said(
    texture: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="server.targets.target")
    with Nginx(tmp_path / "nginx") as nginx:
        limits = replace(IMPATIENT, longest_rtmp_s=2.0, first_retry_s=60.0, longest_retry_s=60.0)
        async with sending(texture, to("rtmp", f"{nginx.rtmp}/s3cr3t"), limits=limits) as running:
            await running.until("rtmp-1", lambda status: status.attempts >= 3 and status.state is State.LIVE)
            assert State.RETRYING not in running.states("rtmp-1")
    assert "its times begin anew, by a new connection" in caplog.text
    assert "s3cr3t" not in caplog.text
