"""Pictures that stand for long, in the middle or at the end, neither slow the others down nor last for hours."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from stream.clip import Clip
from stream.timeline import LONGEST_HOLD_S
from tests.recordings import RATE_HZ, SECONDS, SIDE_PX, Watched, joined, record


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_a_picture_that_stands_for_seconds_does_not_thin_out_the_others(tmp_path: Path, suffix: str) -> None:
    """MP4 says the average over all, which is 7.5 pictures a second here."""
    watched = Watched(record(tmp_path / f"gap{suffix}", breaks=(1.0, 6.0)))
    assert watched.rate_hz == RATE_HZ
    assert watched.notes == []
    assert len(watched.levels) == pytest.approx((SECONDS + 6.0) * RATE_HZ, abs=2)


def drawn(path: Path, change: Callable[[int, av.Packet], av.Packet]) -> Path:
    """Half a second of pictures at 30 Hz, whose packets are changed before they are stored; returns `path`."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=RATE_HZ)
        stream.width = stream.height = SIDE_PX
        stream.pix_fmt = "yuv420p"
        packets = []
        for index in range(15):
            level = np.full((SIDE_PX, SIDE_PX), 60 + 8 * index, np.uint8)
            packets += stream.encode(av.VideoFrame.from_ndarray(level, format="gray").reformat(format="yuv420p"))
        for index, packet in enumerate([*packets, *stream.encode(None)]):
            container.mux(change(index, packet))
    return path


@pytest.mark.parametrize(("stands_s", "found_s"), [(3.0, 3.0), (3 * 3600.0, 0.0)])
def test_the_last_picture_stands_as_long_as_the_file_says_but_not_for_hours(
    tmp_path: Path, stands_s: float, found_s: float
) -> None:
    def longer(index: int, packet: av.Packet) -> av.Packet:
        packet.duration = round((stands_s if index == 14 else Fraction(1, RATE_HZ)) / packet.time_base)
        return packet

    with Clip(drawn(tmp_path / "last.mp4", longer)) as clip:
        assert clip.rate_hz == RATE_HZ
        assert len(list(clip.frames())) / RATE_HZ == pytest.approx(14 / RATE_HZ + found_s, abs=0.07)
        notes = [note for note in clip.notes if f"leaps by more than {LONGEST_HOLD_S:g} s once" in note]
        assert bool(notes) == (stands_s > LONGEST_HOLD_S)
        assert not [note for note in clip.notes if "cut off" in note]


def test_a_packet_that_holds_nothing_has_the_picture_stand_on(tmp_path: Path) -> None:
    """Theora and AVI store pictures so that are like the one before."""

    def emptied(index: int, packet: av.Packet) -> av.Packet:
        if index % 5 == 0:
            return packet
        empty = av.Packet(b"")
        empty.pts, empty.dts, empty.time_base = packet.pts, packet.dts, packet.time_base
        empty.duration, empty.stream = packet.duration, packet.stream
        return empty

    with Clip(drawn(tmp_path / "repeats.nut", emptied)) as clip:
        levels = [float(np.median(frame.picture.to_ndarray()[:SIDE_PX])) for frame in clip.frames()]
        assert clip.notes == []
    assert len(levels) == 15
    assert np.ptp(np.reshape(levels, (3, 5)), axis=1).max() < 3


def test_flv_whose_stamps_turn_over_after_25_days_goes_on(tmp_path: Path) -> None:
    path = record(tmp_path / "long.flv", begins_s=2**31 / 1000 - 0.8)
    watched = Watched(path)
    assert watched.notes == []
    assert watched.cuts == [30, 33]  # the flash
    assert len(watched.levels) == SECONDS * RATE_HZ
    assert watched.flashes_s == pytest.approx([1.0], abs=0.04)
    assert watched.beeps_s == pytest.approx(watched.flashes_s, abs=0.05)


def test_joined_fragments_that_name_places_of_another_file_keep_their_sound(tmp_path: Path) -> None:
    """Their data is found from the beginning of the file that they were in, so the second ones lie before the first."""
    part = record(tmp_path / "part.mp4", options={"movflags": "frag_keyframe+empty_moov"})
    watched = Watched(joined(tmp_path / "both.mp4", part, part))
    assert len(watched.flashes_s) == 2
    assert watched.beeps_s == pytest.approx(watched.flashes_s, abs=0.05)
