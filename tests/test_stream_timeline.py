"""Time that breaks within a file: it goes on in the clip, for pictures and sound alike."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from stream.timeline import LONGEST_HOLD_S, Run, SoundClock, Timeline
from tests.recordings import (
    RATE_HZ,
    SECONDS,
    SIDE_PX,
    Watched,
    joined,
    moved_clusters,
    moved_fragments,
    record,
)

BEGINS_AGAIN, LEAPS = "its time begins again", "its time leaps"
WRAP_S = 2**33 / 90_000
FRAGMENTS = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}


def broken(path: Path, by_s: float, ahead_s: float) -> Path:
    """A file of four seconds, of two recordings, whose time jumps between them by `by_s`."""
    parts = [path.with_name(f"{number}{path.suffix}") for number in range(2)]
    pause_s = 0.0 if path.suffix == ".ts" else 0.1  # an encoder's first sound is before its time
    record(parts[0], sound_ahead_s=ahead_s)
    record(parts[1], sound_ahead_s=ahead_s, begins_s=1.0 + SECONDS + pause_s + by_s, level=110)
    if path.suffix == ".ts":
        return joined(path, *parts)
    with av.open(str(path), "w", options=FRAGMENTS if path.suffix == ".mp4" else {"cluster_time_limit": "50"}) as out:
        with av.open(str(parts[0])) as container:
            streams = [out.add_stream_from_template(stream) for stream in container.streams]
        for number, part in enumerate(parts):
            with av.open(str(part)) as container:
                for packet in container.demux():
                    if not packet.size:
                        continue
                    if number:  # muxers refuse time that goes back, so it is broken afterwards
                        packet.pts -= round(min(by_s, 0) / packet.time_base)
                        packet.dts -= round(min(by_s, 0) / packet.time_base)
                    packet.stream = streams[packet.stream_index]
                    out.mux(packet)
    if by_s < 0:
        if path.suffix == ".mp4":  # the time of its fragments begins at 0
            moved_fragments(path, SECONDS + pause_s / 2, by_s)
        else:
            moved_clusters(path, 1.0 + SECONDS + pause_s / 2, by_s)
    return path


JUMPS = [
    *((".ts", by_s, note, ahead_s)
      for by_s, note in ((-SECONDS, BEGINS_AGAIN), (3600.0, LEAPS), (40_000.0, LEAPS))
      for ahead_s in (0.0, 0.3, -0.3)),  # the others are muxed as one: no sound comes before its picture
    (".mkv", -SECONDS, BEGINS_AGAIN, 0.0), (".mkv", 30.0, LEAPS, 0.0), (".mkv", 90_000.0, LEAPS, 0.0),
    (".mp4", 3600.0, LEAPS, 0.0),
]  # fmt: skip


@pytest.mark.parametrize(("suffix", "by_s", "note", "ahead_s"), JUMPS)
def test_what_is_behind_a_jump_follows_what_is_before_it(
    tmp_path: Path, suffix: str, by_s: float, note: str, ahead_s: float
) -> None:
    watched = Watched(broken(tmp_path / f"both{suffix}", by_s, ahead_s))
    count = round(2 * SECONDS * RATE_HZ)
    assert watched.rate_hz == RATE_HZ
    assert len(watched.levels) == pytest.approx(count, abs=2)
    assert watched.expected_frames == pytest.approx(count, abs=2)
    half = round(SECONDS * RATE_HZ)
    assert np.median(watched.levels[: half - 2]) == pytest.approx(60, abs=12)
    assert np.median(watched.levels[half + 2 :]) == pytest.approx(110, abs=12)
    assert [cut for cut in watched.cuts if abs(cut - half) <= 1]
    assert watched.flashes_s == pytest.approx([1.0, 3.0], abs=0.07)
    assert watched.beeps_s == pytest.approx(watched.flashes_s, abs=0.05)
    assert [told for told in watched.notes if note in told]
    assert not [told for told in watched.notes if "cut off" in told]


def test_fragments_whose_time_goes_back_keep_their_sound(tmp_path: Path) -> None:
    """FFmpeg itself leaves out the pictures up to the second key frame; the others are shown, and sound with them."""
    watched = Watched(broken(tmp_path / "both.mp4", -SECONDS, 0.0))
    assert watched.rate_hz == RATE_HZ
    assert len(watched.levels) == pytest.approx(2 * SECONDS * RATE_HZ - 15, abs=2)
    assert len(watched.flashes_s) == 2
    assert watched.beeps_s == pytest.approx(watched.flashes_s, abs=0.05)
    assert [told for told in watched.notes if BEGINS_AGAIN in told]


def test_three_recordings_go_on_twice(tmp_path: Path) -> None:
    parts = [record(tmp_path / f"{level}.ts", level=level) for level in (60, 90, 120)]
    watched = Watched(joined(tmp_path / "all.ts", *parts))
    assert watched.flashes_s == pytest.approx([1.0, 3.0, 5.0], abs=0.07)
    assert watched.beeps_s == pytest.approx(watched.flashes_s, abs=0.05)
    assert f"{BEGINS_AGAIN} twice, as in joined recordings; the clip goes on, as a cut" in watched.notes


@pytest.mark.parametrize("mute", [0, 1])
def test_a_recording_without_sound_beside_one_with(tmp_path: Path, mute: int) -> None:
    parts = [record(tmp_path / f"{index}.ts", has_sound=index != mute) for index in range(2)]
    watched = Watched(joined(tmp_path / "both.ts", *parts))
    assert watched.flashes_s == pytest.approx([1.0, 3.0], abs=0.07)
    assert watched.beeps_s == pytest.approx([3.0] if mute == 0 else [1.0], abs=0.07)


@pytest.mark.parametrize("before_s", [1.0, 13_000.0], ids=["FFmpeg sees it", "it does not"])
def test_stamps_that_begin_at_zero_again_are_no_break(tmp_path: Path, before_s: float) -> None:
    first = record(tmp_path / "a.ts", begins_s=WRAP_S - before_s)
    if before_s > SECONDS:  # a camera that ran since, of which the middle was cut away
        second = record(tmp_path / "b.ts", begins_s=WRAP_S - 0.5, level=60)
        watched = Watched(joined(tmp_path / "both.ts", first, second))
        assert watched.flashes_s == pytest.approx([1.0, 3.0], abs=0.07)
        assert not [note for note in watched.notes if BEGINS_AGAIN in note]
    else:
        watched = Watched(first)
        assert watched.flashes_s == pytest.approx([1.0], abs=0.07)
        assert watched.cuts == [30, 33]  # the flash
        assert watched.notes == []
    assert watched.beeps_s == pytest.approx(watched.flashes_s, abs=0.05)


def test_stamps_that_stand_still_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "stuck.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE_HZ, options={"g": "15", "tune": "zerolatency"})
        stream.width = stream.height = SIDE_PX
        for index in range(90):
            frame = av.VideoFrame.from_ndarray(np.full((SIDE_PX, SIDE_PX), 40 + 2 * index, np.uint8), format="gray")
            frame = frame.reformat(format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, RATE_HZ)
            for packet in stream.encode(frame):
                if index >= 30:  # all of a second have one stamp
                    shown = 30 if index < 60 else index - 29
                    packet.pts = packet.dts = round(Fraction(shown, RATE_HZ) / packet.time_base)
                container.mux(packet)
    watched = Watched(path)
    assert len(watched.levels) == pytest.approx(90, abs=2)
    assert np.abs(np.diff(watched.levels[5:85])).max() < 8  # each picture once, none for long
    assert [note for note in watched.notes if "stands still once" in note]


def test_a_picture_may_stand_for_some_seconds(tmp_path: Path) -> None:
    """A talk with slides is a talk, though no film."""
    path = record(tmp_path / "slides.mkv", breaks=(1.5, LONGEST_HOLD_S - 2))
    watched = Watched(path)
    assert watched.notes == [] or not any(LEAPS in note for note in watched.notes)
    assert len(watched.levels) / watched.rate_hz == pytest.approx(SECONDS + LONGEST_HOLD_S - 2, abs=0.2)


def run(first: int, begins_s: float, ends_s: float, shift_s: float, position: int) -> Run:
    return Run(first, begins_s, ends_s, shift_s, ends_s + shift_s, position, begins_s)


class Packets:
    """Asks a sound clock about packets of 20 ms."""

    def __init__(self, *runs: Run) -> None:
        self.clock = SoundClock(Timeline(runs))

    def at(self, time_s: float, position: int) -> float:
        """Where in the clip it puts one."""
        packet = av.Packet(b"sound")
        packet.time_base = Fraction(1, 1000)
        packet.pts = packet.dts = round(1000 * time_s)
        packet.duration = 20
        self.clock._follow(time_s, 0.02, position)
        return time_s + self.clock.run.shift_s


def test_sound_that_is_stored_behind_the_next_recordings_first_pictures_stays_with_its_own() -> None:
    packets = Packets(run(0, 1.0, 3.0, -1.0, 0), run(60, 1.0, 3.0, 1.0, 10_000))
    assert packets.at(1.0, 100) == pytest.approx(0.0)
    assert [packets.at(1.02 + 0.02 * n, 200 + n) for n in range(97)][-1] == pytest.approx(1.94)
    assert packets.at(2.96, 10_500) == pytest.approx(1.96)  # late: the next recording's pictures have begun
    assert packets.at(1.0, 10_800) == pytest.approx(2.0)


def test_sound_that_is_stored_before_the_next_recordings_first_picture_goes_with_that() -> None:
    packets = Packets(run(0, 1.0, 3.0, -1.0, 0), run(60, 1.0, 3.0, 1.0, 10_000))
    for number in range(100):
        packets.at(1.0 + 0.02 * number, 100 + number)
    assert packets.at(1.0, 9_900) == pytest.approx(2.0)


def test_sound_that_goes_on_through_a_gap_of_the_pictures_is_taken_up_behind_it() -> None:
    packets = Packets(run(0, 0.0, 2.0, 0.0, 0), run(60, 60.0, 62.0, -58.0, 10_000))
    told = [packets.at(0.02 * number, -1) for number in range(3100)]
    assert told[50] == pytest.approx(1.0)
    assert told[2000] < 2.0  # of the gap: before the second pictures, so it is left out
    assert told[3050] == pytest.approx(61.0 - 58.0)


def test_a_leap_is_closed_where_stamps_for_decoding_are_derived_from_shown_ones(tmp_path: Path) -> None:
    """Matroska keeps none for decoding; behind B-frames, those that FFmpeg derives leap two packets late."""
    path = tmp_path / "leap.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=RATE_HZ, options={"g": "30", "bf": "2"})
        stream.width = stream.height = SIDE_PX
        for index in range(90):
            picture = np.full((SIDE_PX, SIDE_PX), 40 + 2 * index, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="gray").reformat(format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, RATE_HZ)
            for packet in stream.encode(frame):
                container.mux(_later(packet, 3600.0, from_s=2.0))
        for packet in stream.encode(None):
            container.mux(_later(packet, 3600.0, from_s=2.0))
    watched = Watched(path)
    assert len(watched.levels) == pytest.approx(90, abs=3)
    assert watched.expected_frames == len(watched.levels)
    assert [note for note in watched.notes if LEAPS in note]


def _later(packet: av.Packet, by_s: float, from_s: float) -> av.Packet:
    if float(packet.pts * packet.time_base) >= from_s:
        packet.pts += round(by_s / packet.time_base)
        packet.dts += round(by_s / packet.time_base)
    return packet


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("stands_s", [3, 5, 12])
def test_slides_are_shown_for_as_long_as_they_stand(tmp_path: Path, suffix: str, stands_s: int) -> None:
    path = tmp_path / f"slides{suffix}"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(1, stands_s))  # B-frames as it likes
        stream.width = stream.height = SIDE_PX
        for index in range(6):
            picture = np.full((SIDE_PX, SIDE_PX), 40 + 30 * index, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="gray").reformat(format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(stands_s)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    watched = Watched(path)
    assert len(watched.levels) / watched.rate_hz == pytest.approx(6 * stands_s, abs=0.3)
    assert [note for note in watched.notes if "frame rate" not in note] == []


def test_joined_fragmented_files_keep_each_its_sound(tmp_path: Path) -> None:
    """FFmpeg leaves out what its edit list says of the second; its sound must not fall upon the first."""
    options = {"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    parts = [record(tmp_path / f"{level}.mp4", level=level, options=options) for level in (60, 110)]
    watched = Watched(joined(tmp_path / "both.mp4", *parts))
    assert len(watched.flashes_s) == len(watched.beeps_s) == 2
    assert watched.beeps_s == pytest.approx(watched.flashes_s, abs=0.06)


def test_a_recording_of_another_codec_behind_the_first_is_said_to_be_lost(tmp_path: Path) -> None:
    """FFmpeg goes on with the decoder that it began with; half of a clip must not go without a word."""
    parts = [record(tmp_path / "a.ts"), record(tmp_path / "b.ts", codec="mpeg2video", level=110)]
    watched = Watched(joined(tmp_path / "both.ts", *parts))
    assert len(watched.levels) / watched.rate_hz < 3
    assert [note for note in watched.notes if "of pictures can be decoded" in note]
