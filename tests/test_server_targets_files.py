"""Recordings and HLS folders: what is in the files, and that their state is true."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from server.targets.status import State
from server.targets.targets import RecordSettings
from tests.stream_media import write_texture
from tests.target_run import place_in, received, sending, sound_offsets_s, to


@pytest.fixture(scope="module")
def texture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_texture(tmp_path_factory.mktemp("files") / "numbers.texture")


async def test_recorded_files_follow_each_other_without_a_gap(texture: Path, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "films"
    async with sending(texture, to("record", folder), recording=RecordSettings(file_s=1.5)) as running:
        await running.until_state("record-1", State.LIVE)
        await running.for_s(5.5)
        status = running.status("record-1")
    files = sorted(folder.iterdir())
    assert len(files) >= 3
    assert all(re.fullmatch(r"numbers-\d{8}T\d{6}\.\d{3}Z\.mp4", path.name) for path in files)
    assert status.confirmed_bytes <= sum(path.stat().st_size for path in files) * 1.2
    got = [received(path) for path in files]
    numbers = [number for each in got for number in each.numbers]
    place_in(running.sent, numbers)  # not one picture is missing between files
    for each in got[:-1]:
        assert len(each.numbers) / 30 == pytest.approx(1.5, abs=0.21)  # to the next IDR
        assert len(each.sound) / 48000 == pytest.approx(len(each.numbers) / 30, abs=0.06)
    for each in got:
        assert np.diff(each.times_s) == pytest.approx(1 / 30, abs=1e-4)
        assert each.times_s[0] == pytest.approx(0, abs=1e-3)
    offsets = sound_offsets_s(got[0], running.sent[place_in(running.sent, got[0].numbers) :])
    assert abs(np.median(offsets)) < 0.015


async def test_only_so_many_files_are_kept(texture: Path, tmp_path: Path) -> None:
    (tmp_path / "numbers-mine.mp4").write_text("not ours")
    recording = RecordSettings(file_s=0.6, keep_files=2)
    async with sending(texture, to("record", tmp_path), recording=recording) as running:
        await running.for_s(5.0)
    files = os.listdir(tmp_path)
    assert len(files) == 3
    assert "numbers-mine.mp4" in files


async def test_a_recording_that_was_cut_off_plays_but_for_its_last_second(texture: Path, tmp_path: Path) -> None:
    async with sending(texture, to("record", tmp_path / "films")) as running:
        await running.until_state("record-1", State.LIVE)
        await running.for_s(4.0)
        (file,) = (tmp_path / "films").iterdir()
        shutil.copy(file, tmp_path / "cut.mp4")  # as a power cut would leave it
        sent = len(running.sent)
    with av.open(str(tmp_path / "cut.mp4")) as container:
        pictures = sum(1 for _ in container.decode(video=0))
    assert pictures > sent - 75


async def test_a_folder_that_cannot_be_written_is_told_and_tried_again(texture: Path, tmp_path: Path) -> None:
    place = tmp_path / "place"
    async with sending(texture, to("record", place / "films")) as running:
        place.write_text("a file is in the way")
        failed = await running.until_state("record-1", State.RETRYING)
        assert "Not a directory" in failed.reason
        place.unlink()
        await running.until_state("record-1", State.LIVE)
    assert list((place / "films").glob("*.mp4"))


async def test_an_hls_folder_is_a_live_playlist_with_short_segments(texture: Path, tmp_path: Path) -> None:
    async with sending(texture, to("hls", tmp_path)) as running:
        await running.until_state("hls-1", State.LIVE)
        await running.for_s(11.0)
        playlist = (tmp_path / "live.m3u8").read_text()
        listed = [line for line in playlist.splitlines() if line.startswith("live-")]
        (tmp_path / "all").write_bytes(b"".join((tmp_path / name).read_bytes() for name in listed))
        kept = [name for name in os.listdir(tmp_path) if name.endswith(".ts")]
    assert "#EXT-X-TARGETDURATION:1\n" in playlist
    assert "#EXT-X-INDEPENDENT-SEGMENTS" in playlist
    assert "#EXT-X-ENDLIST" not in playlist
    durations = [float(found) for found in re.findall(r"#EXTINF:([\d.]+)", playlist)]
    assert len(durations) == len(listed) == 6
    assert max(durations) < 1.25
    assert len(kept) <= 6 + 3 + 2
    got = await asyncio.to_thread(received, tmp_path / "all")
    place_in(running.sent, got.numbers)
    assert np.sqrt(np.mean(np.square(got.sound))) > 0.05
    assert abs(np.median(sound_offsets_s(got, running.sent))) < 0.015
    for times in got.packet_times_s.values():
        assert all(later > earlier for earlier, later in pairwise(times))


async def test_hls_goes_on_behind_a_discontinuity_when_begun_again(texture: Path, tmp_path: Path) -> None:
    for _ in range(2):
        async with sending(texture, to("hls", tmp_path)) as running:
            await running.until_state("hls-1", State.LIVE)
            await running.for_s(2.5)
    playlist = (tmp_path / "live.m3u8").read_text()
    assert "#EXT-X-DISCONTINUITY" in playlist
    listed = [line for line in playlist.splitlines() if line.startswith("live-")]
    assert len(listed) == len(set(listed))
    assert all((tmp_path / name).exists() for name in listed)
