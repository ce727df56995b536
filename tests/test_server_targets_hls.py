"""HLS folders as players and as those who run them see them, through stops, starts and accidents."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import pytest

from server.errors import TargetError
from server.targets.hls import KEPT_BEHIND, HlsFolder, end_playlist
from server.targets.playlist import LISTED
from server.targets.wire import Order, order_message, packet_message
from tests.stream_media import write_texture
from tests.strict_playlist import StrictReader
from tests.target_pieces import Pieces
from tests.target_run import sending, to
from tests.transport_streams import analyse

MOST_FILES = LISTED + KEPT_BEHIND + 1  # and the playlist


@pytest.fixture(scope="module")
def pieces(tmp_path_factory: pytest.TempPathFactory) -> Pieces:
    return Pieces(write_texture(tmp_path_factory.mktemp("hls") / "numbers.texture"))


def run(folder: Path, pieces: Pieces, seconds: float, reader: StrictReader | None = None) -> None:
    """An orderly start and stop."""
    with HlsFolder(folder, pieces.picture, pieces.rate_hz) as hls:
        for piece in pieces.of(seconds, Fraction(7)):
            hls.write(piece)
            if reader is not None and (reader.versions or (folder / "live.m3u8").exists()):
                reader.look()
    if reader is not None:
        reader.look()


def test_stops_and_starts_are_numbered_discontinuities(pieces: Pieces, tmp_path: Path) -> None:
    reader = StrictReader(tmp_path)
    for seconds in (4.0, 12.0, 2.5, 0.4, 9.0):
        run(tmp_path, pieces, seconds, reader)
    numbers = sorted(reader.seen)
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert reader.seen[numbers[-1]].discontinuity == 4
    assert len(reader.look()) == LISTED
    assert sum(float(each.duration) for each in reader.seen.values()) == pytest.approx(27.9, abs=0.7)
    assert reader.target_s == 1
    assert len(os.listdir(tmp_path)) <= MOST_FILES


def test_a_segment_stays_for_as_long_as_it_may_still_be_asked_for(pieces: Pieces, tmp_path: Path) -> None:
    run(tmp_path, pieces, 30.0)
    kept = sorted(path.name for path in tmp_path.glob("*.ts"))
    listed = [each.name for each in StrictReader(tmp_path).look()]
    assert len(kept) == LISTED + KEPT_BEHIND
    assert kept[-LISTED:] == listed


def test_each_segment_is_whole_and_follows_the_one_before(pieces: Pieces, tmp_path: Path) -> None:
    run(tmp_path, pieces, 6.0)
    data = [(tmp_path / each.name).read_bytes() for each in StrictReader(tmp_path).look()]
    for each in data:
        assert each[:3] == b"\x47\x40\x11" or each[:3] == b"\x47\x40\x00"  # tables come first
        assert analyse(each).units == analyse(each).delimited > 0
    found = analyse(b"".join(data))
    assert found.counter_errors == 0
    assert found.longest_clock_gap_s <= 0.0401


def child(folder: Path, pieces: Pieces) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-m", "server.targets.child"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 20, 4 << 20)),
    )  # fmt: skip
    assert process.stdin is not None
    rate = (pieces.rate_hz.numerator, pieces.rate_hz.denominator)
    process.stdin.write(order_message(Order("hls", str(folder), "n", rate), pieces.picture))
    return process


def test_killed_in_mid_segment_it_goes_on_and_leaves_nothing(pieces: Pieces, tmp_path: Path) -> None:
    process = child(tmp_path, pieces)
    assert process.stdin is not None
    assert process.stdout is not None
    for piece in pieces.of(4.5):
        process.stdin.write(packet_message(piece))
    process.stdin.flush()
    for _ in range(8):  # a report each quarter of a second: by then all is written
        process.stdout.readline()
    process.kill()
    process.communicate()
    assert len(list(tmp_path.glob("*.tmp"))) == 1
    (tmp_path / f"live-{max(int(path.name[5:15]) for path in tmp_path.glob('*.ts')) + 1}.ts").write_bytes(b"unlisted")
    reader = StrictReader(tmp_path)
    assert len(reader.look()) == 4
    run(tmp_path, pieces, 2.0, reader)
    assert not list(tmp_path.glob("*.tmp"))
    assert max(each.discontinuity for each in reader.seen.values()) == 1


def test_where_nothing_more_can_be_written_that_is_told_and_the_list_stays_good(pieces: Pieces, tmp_path: Path) -> None:
    run(tmp_path, pieces, 3.0)
    process = child(tmp_path, pieces)
    assert process.stdin is not None
    big = next(pieces.of(1.0))
    with suppress(BrokenPipeError):
        for number in range(200):  # within one second, more than the process may write into a file
            data = big.data + bytes([0, 0, 1, 12]) + b"\xff" * 100_000  # filler
            process.stdin.write(packet_message(type(big)(True, number == 0, number, Fraction(1, 300), 1, data)))
        process.stdin.close()
    process.stdin = None
    said, _ = process.communicate(timeout=20)
    assert b"File too large" in said
    assert not list(tmp_path.glob("*.tmp"))
    run(tmp_path, pieces, 3.0, StrictReader(tmp_path))


@pytest.mark.parametrize("text", ["#EXTM3U\n#EXTINF:4,\nfilm-1.ts\n", "#EXTM3U\n#EXTINF:4,\nlive-0000000001.ts\n", "x"])
def test_another_programs_playlist_is_left_alone(pieces: Pieces, tmp_path: Path, text: str) -> None:
    (tmp_path / "live.m3u8").write_text(text)
    with pytest.raises(TargetError, match="not written by videotexture"):
        run(tmp_path, pieces, 1.0)
    with pytest.raises(TargetError, match="not written by videotexture"):
        end_playlist(tmp_path)
    assert (tmp_path / "live.m3u8").read_text() == text


def test_a_playlist_that_a_power_cut_emptied_is_begun_anew(pieces: Pieces, tmp_path: Path) -> None:
    run(tmp_path, pieces, 3.0)
    before = StrictReader(tmp_path).look()
    (tmp_path / "live.m3u8").write_bytes(b"\0" * 300)
    run(tmp_path, pieces, 12.0)
    listed = StrictReader(tmp_path).look()
    assert listed[0].number > before[-1].number
    assert len(os.listdir(tmp_path)) <= MOST_FILES


def test_other_files_are_left_alone(pieces: Pieces, tmp_path: Path) -> None:
    others = [
        "index.html",
        "live-1.ts",
        "live-intro.ts",
        "live-1795853121.ts.bak",
        "old-live-1795853121.ts",
        "live.m3u",
    ]
    for name in others:
        (tmp_path / name).write_text("mine")
    run(tmp_path, pieces, 20.0)
    assert all((tmp_path / name).read_text() == "mine" for name in others)


def test_a_list_that_ffmpeg_wrote_for_an_earlier_version_goes_on(pieces: Pieces, tmp_path: Path) -> None:
    options = {
        "hls_time": "1", "hls_list_size": "6", "hls_start_number_source": "epoch",
        "hls_flags": "delete_segments+append_list+discont_start+program_date_time",
        "hls_segment_filename": str(tmp_path / "live-%d.ts"),
    }  # fmt: skip
    with av.open(str(tmp_path / "live.m3u8"), "w", format="hls", options=options) as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.options = 96, 64, {"g": "15"}
        for _ in range(120):
            container.mux(stream.encode(av.VideoFrame(96, 64, "yuv420p")))
        container.mux(stream.encode(None))
    assert "#EXT-X-ENDLIST" in (tmp_path / "live.m3u8").read_text()
    old = max(path.name for path in tmp_path.glob("*.ts"))
    with HlsFolder(tmp_path, pieces.picture, pieces.rate_hz) as hls:
        for piece in pieces.of(2.0):
            hls.write(piece)
    text = (tmp_path / "live.m3u8").read_text()
    assert "ENDLIST" not in text
    assert text.index(old) < text.rindex("#EXT-X-DISCONTINUITY\n") < text.index(f"live-{int(old[5:-3]) + 1}.ts")


def test_two_servers_are_kept_apart(pieces: Pieces, tmp_path: Path) -> None:
    with (
        HlsFolder(tmp_path, pieces.picture, pieces.rate_hz),
        pytest.raises(TargetError, match="another server writes HLS into this folder"),
    ):
        HlsFolder(tmp_path, pieces.picture, pieces.rate_hz)
    run(tmp_path, pieces, 2.0, StrictReader(tmp_path))


@pytest.mark.parametrize("name", ["100 % live %d", "a'b\"c", "#1", "été", "with:colon", "-n", "[x]*"])
def test_a_folder_may_have_any_name(pieces: Pieces, tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    run(tmp_path / name, pieces, 2.0, StrictReader(tmp_path / name))


def test_segments_that_somebody_removed_are_not_listed_again(pieces: Pieces, tmp_path: Path) -> None:
    run(tmp_path, pieces, 3.0)
    run(tmp_path, pieces, 3.0)
    reader = StrictReader(tmp_path)
    listed = reader.look()
    (tmp_path / listed[3].name).unlink()
    run(tmp_path, pieces, 2.0, reader)
    assert reader.look()[0].number > listed[3].number


def test_when_lost_packets_leave_a_gap_it_is_a_discontinuity(pieces: Pieces, tmp_path: Path) -> None:
    with HlsFolder(tmp_path, pieces.picture, pieces.rate_hz) as hls:
        for piece in [*pieces.of(2.6), *pieces.of(3.0, Fraction(9))]:
            hls.write(piece)
    listed = StrictReader(tmp_path).look()
    assert listed[-1].discontinuity == 1
    assert (listed[-1].begins - listed[0].begins).total_seconds() == pytest.approx(11, abs=0.3)
    assert all(float(each.duration) < 1.5 for each in listed)


def test_an_end_is_told_only_when_somebody_asks_for_it(pieces: Pieces, tmp_path: Path) -> None:
    run(tmp_path, pieces, 2.0)
    StrictReader(tmp_path).look()
    end_playlist(tmp_path)
    end_playlist(tmp_path)
    StrictReader(tmp_path).look(ended=True)
    run(tmp_path, pieces, 2.0)
    assert StrictReader(tmp_path).look()[-1].discontinuity == 1


@pytest.mark.parametrize(("gop_frames", "target_s"), [(1, 1), (15, 1), (18, 1), (21, 1), (24, 1), (29, 1), (48, 2)])
def test_the_target_duration_is_true_whatever_the_length_of_a_group_of_pictures(
    pieces: Pieces, tmp_path: Path, gop_frames: int, target_s: int
) -> None:
    reader, number = StrictReader(tmp_path), -1
    with HlsFolder(tmp_path, pieces.picture, pieces.rate_hz) as hls:
        for piece in pieces.of(14.0):
            number += piece.is_video
            hls.write(replace(piece, is_keyframe=number % gop_frames == 0))
            if (tmp_path / "live.m3u8").exists():
                reader.look()
    assert reader.target_s == target_s


async def test_a_removed_target_ends_its_list_and_a_stopped_server_does_not(tmp_path: Path) -> None:
    texture = write_texture(tmp_path / "numbers.texture", seconds=4.0)
    kept, removed = tmp_path / "kept", tmp_path / "removed"
    async with sending(texture, to("hls", kept), to("hls", removed)) as running:
        await running.until("hls-1", lambda status: (kept / "live.m3u8").exists())
        await running.until("hls-2", lambda status: (removed / "live.m3u8").exists())
        assert await running.targets.remove("hls-2")
    StrictReader(removed).look(ended=True)
    StrictReader(kept).look()
