"""The measurement of fan-out: what headers tell of arrivals, and a short run against real servers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench import fanout
from bench.arrivals import HEADER, Arrivals, Packet, arrivals_of, is_rtp, read_packet, together
from bench.scene import make_lighter
from bench.server_process import BenchError
from stream.h264 import decode_gop
from stream.texture import Texture
from tests.stream_media import write_texture

VIDEO, SOUND = 97, 96
FRAME_NS = 33_333_333
FRAME_TICKS = 3000


def stream(pictures: int, packets: int = 4, *, sequence: int = 0, timestamp: int = 0) -> Iterator[Packet]:
    """Pictures of so many packets each, each picture's at once."""
    for picture in range(pictures):
        for part in range(packets):
            yield Packet(
                picture * FRAME_NS, VIDEO, part == packets - 1, sequence % 2**16,
                (timestamp + picture * FRAME_TICKS) % 2**32, 1000,
            )  # fmt: skip
            sequence += 1


@pytest.mark.parametrize("begin", [(0, 0), (65_530, 2**32 - 5000)], ids=["from zero", "around the end"])
def test_a_perfect_stream_is_found_perfect(begin: tuple[int, int]) -> None:
    got = arrivals_of(stream(60, sequence=begin[0], timestamp=begin[1]), VIDEO)
    assert (got.packets, got.lost, got.late, got.burst) == (240, 0, 0, 4)
    assert got.pictures == 59  # whether the first is whole cannot be told
    assert got.longest_gap_ms == pytest.approx(1e-6 * FRAME_NS, abs=0.01)
    assert got.usual_burst == 4


def test_a_lost_packet_costs_its_picture_only() -> None:
    packets = list(stream(60))
    got = arrivals_of([*packets[:41], *packets[42:]], VIDEO)
    assert (got.lost, got.pictures) == (1, 58)
    assert got.longest_gap_ms == pytest.approx(2e-6 * FRAME_NS, abs=0.01)


def test_what_comes_twice_or_out_of_order_is_not_lost() -> None:
    packets = list(stream(60))
    packets[41], packets[42] = packets[42], packets[41]
    got = arrivals_of([*packets, packets[-1]], VIDEO)
    assert (got.lost, got.pictures) == (0, 59)


def test_a_late_picture_is_counted_once() -> None:
    packets = [
        replace_time(packet, packet.at_ns + 30_000_000) if packet.timestamp == 20 * FRAME_TICKS else packet
        for packet in stream(60)
    ]
    assert arrivals_of(packets, VIDEO).late == 1


def replace_time(packet: Packet, at_ns: int) -> Packet:
    return packet._replace(at_ns=at_ns)


def test_spread_packets_are_no_burst() -> None:
    spread = [replace_time(packet, packet.at_ns + 1_500_000 * (number % 4)) for number, packet in enumerate(stream(60))]
    assert arrivals_of(spread, VIDEO).burst == 1


def test_sound_counts_but_makes_no_burst() -> None:
    sound = [Packet(at_ns * 20_000_000, SOUND, True, at_ns, at_ns * 960, 250) for at_ns in range(100)]
    got = arrivals_of(sorted([*stream(60), *sound], key=lambda packet: packet.at_ns), VIDEO)
    assert (got.packets, got.burst, got.lost) == (340, 4, 0)
    assert got.size_bytes == 240 * 1000 + 100 * 250


def test_several_are_as_bad_as_the_worst() -> None:
    good = Arrivals(10, 1000, 0, 5, 0, 34.0, 3, 2.0)
    bad = replace(good, lost=2, late=1, longest_gap_ms=80.0, burst=9, usual_burst=4.0)
    both = together([good, bad])
    assert both == Arrivals(20, 2000, 2, 10, 1, 80.0, 9, 3.0)
    assert together([]) == Arrivals()


def test_a_header_is_read_as_it_was_written() -> None:
    datagram = HEADER.pack(0x90, 0x80 | VIDEO, 513, 2**31, 7) + bytes(100)
    assert is_rtp(datagram)
    assert read_packet(5, datagram) == Packet(5, VIDEO, True, 513, 2**31, 112)


@pytest.mark.parametrize("datagram", [bytes(20), b"\x16" + bytes(30), b"\x80\xc8" + bytes(20), b"\x80"])
def test_what_is_no_rtp_is_not_taken_for_it(datagram: bytes) -> None:
    assert not is_rtp(datagram)


def test_a_lighter_texture_shows_the_same_with_fewer_bytes(tmp_path: Path) -> None:
    path = write_texture(tmp_path / "numbers.texture")
    with Texture.open(path) as before:
        size_bytes, picture = before.video.size_bytes, decode_gop(before.gop(1))[0].to_ndarray().astype(float)
    make_lighter(path, 40)
    with Texture.open(path) as after:
        assert after.video.size_bytes < 0.9 * size_bytes
        assert after.manifest.video.crf == 40
        assert np.abs(decode_gop(after.gop(1))[0].to_ndarray() - picture).mean() < 12


def test_fanout_sends_to_its_viewers_without_losing_any(small_texture: Path, caplog: pytest.LogCaptureFixture) -> None:
    measured = fanout.measure(small_texture, [2], 3.0, [1])
    idle, watched, plain = measured.rows
    assert list(idle) == list(watched) == list(plain)
    assert [row["viewers"] for row in measured.rows] == [0, 2, 1]
    assert idle["mbit_s"] == 0
    assert watched["drops"] == 0
    assert watched["lost"] == 0
    for row in (watched, plain):
        assert 0 < _number(row["cpu_percent"]) < 200
        assert 0.02 < _number(row["mbit_s"]) < 20
        assert 60 < _number(row["pictures"]) / _number(row["viewers"]) < 120
    assert not caplog.records  # would say that viewers did not receive what was sent
    assert "for each packet" in str(measured)
    json.dumps(measured.rows)


def test_fanout_refuses_a_count_below_one(small_texture: Path) -> None:
    with pytest.raises(BenchError, match="at least 1"):
        fanout.measure(small_texture, [4, 0], 2.0)


def _number(value: object) -> float:
    assert isinstance(value, int | float)
    return float(value)
