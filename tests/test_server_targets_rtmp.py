"""RTMP to real servers: nginx with its RTMP module, and servers that refuse, are silent, stall, or are killed."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from av.video.frame import VideoFrame

from server.targets.status import Limits, State
from stream.h264 import GopFileWriter, VideoFormat
from tests import stream_media
from tests.media_servers import Nginx, between, free_port, need_ffmpeg
from tests.stream_media import BLOCK_PX, HEIGHT_PX, write_texture
from tests.target_run import IMPATIENT, Received, place_in, received, sending, sound_offsets_s, to

KEY = "live_8271_s3cr3tStreamKey"


@pytest.fixture(scope="module")
def texture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_texture(tmp_path_factory.mktemp("rtmp") / "numbers.texture")


@pytest.fixture(scope="module")
def silent_texture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_texture(tmp_path_factory.mktemp("rtmp") / "silent.texture", sound=False)


@pytest.fixture(scope="module")
def rich_texture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """More than a Mbit/s, so that buffers fill while a test can wait."""
    rng = np.random.default_rng(0)

    def noisy(number: int) -> VideoFrame:
        packed = stream_media.numbered(number).to_ndarray()
        packed[2 * BLOCK_PX : HEIGHT_PX] = rng.integers(20, 230, (HEIGHT_PX - 2 * BLOCK_PX, packed.shape[1]))
        return VideoFrame.from_ndarray(packed, format="yuv420p")

    def write_noisy(path: Path, numbers: Iterable[int], form: VideoFormat) -> Path:
        with GopFileWriter(path, form) as writer:
            for number in numbers:
                writer.write(noisy(number))
        return path

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream_media, "write_gops", write_noisy)
        return write_texture(tmp_path_factory.mktemp("rtmp") / "noisy.texture")


@pytest.fixture
def nginx(tmp_path: Path) -> Nginx:
    with Nginx(tmp_path / "nginx") as running:
        yield running


async def pulled(address: str, out: Path, seconds: float) -> Received:
    """What a player gets, as FFmpeg's own program takes it."""
    command = [
        need_ffmpeg(),
        "-nostdin",
        "-v",
        "error",
        "-i",
        address,
        "-t",
        str(seconds),
        "-c",
        "copy",
        "-y",
        str(out),
    ]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=40)
    assert done.returncode == 0, done.stderr
    return await asyncio.to_thread(received, out)


@pytest.mark.parametrize(
    ("key", "name", "parameters"),
    [
        ("""a+b%2Bc#d|e'f\\g=h[i]{j};k:l@m~!*()$^`,é""", """a+b%2Bc#d|e'f\\g=h[i]{j};k:l@m~!*()$^`,é""", ""),
        ("FB-1-2-AbC?s_bl=1&a=A+b%20#|'\\", "FB-1-2-AbC", "s_bl=1&a=A+b%20#|'\\"),  # as Facebook's
    ],
)
async def test_a_key_arrives_as_it_was_pasted(
    texture: Path, nginx: Nginx, tmp_path: Path, key: str, name: str, parameters: str
) -> None:
    async with sending(texture, to("rtmp", f"{nginx.rtmp.replace('rtmp', 'RTMP', 1)}/{key} ")) as running:
        await running.until_state("rtmp-1", State.LIVE)
    log = (tmp_path / "nginx" / "error.log").read_text()
    assert f"publish: name='{name}' args='{parameters}'" in log
    assert key[:6] not in repr(running.log)


def check_stamps(got: Received) -> None:
    """Monotonic, and exact to RTMP's millisecond."""
    for times in got.packet_times_s.values():
        assert all(later > earlier for earlier, later in pairwise(times))
    frames = np.array(got.packet_times_s["video"])
    assert np.abs(frames - frames[0] - np.arange(len(frames)) / 30).max() < 1.1e-3
    sounds = np.array(got.packet_times_s["audio"])
    assert np.abs(sounds - sounds[0] - np.arange(len(sounds)) * 1024 / 48000).max() < 1.1e-3


async def test_what_arrives_is_the_walk_with_its_sound(texture: Path, nginx: Nginx, tmp_path: Path) -> None:
    async with sending(texture, to("rtmp", f"{nginx.rtmp}/{KEY}")) as running:
        await running.until_state("rtmp-1", State.LIVE)
        got = await pulled(f"{nginx.rtmp}/{KEY}", tmp_path / "got.mkv", 6.0)
        status = running.status("rtmp-1")
    assert running.states("rtmp-1") == [State.CONNECTING, State.LIVE, State.STOPPED]
    assert status.confirmed_bytes > 10_000
    assert status.dropped_packets == status.dropped_gops == 0
    assert KEY not in repr(status) + repr(running.log)
    assert len(got.numbers) > 100
    place_in(running.sent, got.numbers)
    check_stamps(got)
    offsets = sound_offsets_s(got, running.sent)
    assert len(offsets) > 20
    assert abs(np.median(offsets)) < 0.015
    assert np.abs(offsets).max() < 0.04


async def test_a_texture_without_sound_is_sent_with_silence(silent_texture: Path, nginx: Nginx, tmp_path: Path) -> None:
    async with sending(silent_texture, to("rtmp", f"{nginx.rtmp}/{KEY}")) as running:
        await running.until_state("rtmp-1", State.LIVE)
        got = await pulled(f"{nginx.rtmp}/{KEY}", tmp_path / "got.mkv", 3.0)
    place_in(running.sent, got.numbers)
    check_stamps(got)
    assert len(got.sound) / 48000 == pytest.approx(len(got.numbers) / 30, abs=0.3)  # it is cut off somewhere
    assert np.abs(got.sound).max() < 1e-3


async def test_several_targets_at_once_and_one_of_them_refuses(texture: Path, nginx: Nginx, tmp_path: Path) -> None:
    refused = to("rtmp", f"rtmp://127.0.0.1:{free_port()}/live/{KEY}")
    wanted = [to("rtmp", f"{nginx.rtmp}/one"), to("rtmp", f"{nginx.hls}/two"), refused]
    async with sending(texture, *wanted) as running:
        await running.until_state("rtmp-1", State.LIVE)
        await running.until_state("rtmp-2", State.LIVE)
        status = await running.until("rtmp-3", lambda status: status.attempts >= 4)
        got = await pulled(f"{nginx.rtmp}/one", tmp_path / "got.mkv", 2.0)
        assert running.status("rtmp-1").attempts == running.status("rtmp-2").attempts == 1
    place_in(running.sent, got.numbers)
    assert "refused" in status.reason
    assert status.confirmed_bytes == 0
    assert set(running.states("rtmp-3")) == {State.CONNECTING, State.RETRYING, State.STOPPED}
    times = [at_s for at_s, event in running.log if event.id == "rtmp-3" and event.state is State.RETRYING]
    # From one failure to the next: the delay, and the time that a child takes to start and to be refused.
    for number, waited_s in enumerate(np.diff(times)):
        full_s = min(IMPATIENT.longest_retry_s, IMPATIENT.first_retry_s * 2**number)
        assert 0.5 * full_s <= waited_s <= full_s + 2.5


async def test_a_silent_server_is_given_up_and_tried_again(texture: Path) -> None:
    async with between(None) as silent:
        async with sending(texture, to("rtmp", f"rtmp://127.0.0.1:{silent.port}/live/{KEY}")) as running:
            first = await running.until_state("rtmp-1", State.RETRYING)
            assert first.reason == "no answer for 3 s"
            assert 0 < first.retry_in_s <= IMPATIENT.first_retry_s
            await running.until("rtmp-1", lambda status: status.attempts == 2)
            assert running.status("rtmp-1").state is State.CONNECTING
        assert silent.connections >= 1
    assert State.LIVE not in running.states("rtmp-1")
    connecting_s, retrying_s = (at_s for at_s, _ in running.log[:2])
    assert retrying_s - connecting_s == pytest.approx(IMPATIENT.connect_s, abs=1.0)


async def test_a_stalled_server_is_noticed_and_left(texture: Path, nginx: Nginx, tmp_path: Path) -> None:
    async with (
        between(nginx.port) as way,
        sending(texture, to("rtmp", f"rtmp://127.0.0.1:{way.port}/live/{KEY}")) as running,
    ):
        await running.until_state("rtmp-1", State.LIVE)
        await running.for_s(1.0)
        way.passes = False
        stalled = await running.until_state("rtmp-1", State.STALLED)
        assert "nothing was confirmed" in stalled.reason
        left = await running.until_state("rtmp-1", State.RETRYING)
        assert left.reason == "nothing was confirmed for 3 s"
        assert left.confirmed_bytes == stalled.confirmed_bytes  # what is told did not grow meanwhile
        way.passes = True
        await running.until_state("rtmp-1", State.LIVE)
        got = await pulled(f"{nginx.rtmp}/{KEY}", tmp_path / "got.mkv", 2.0)
    place_in(running.sent, got.numbers)
    assert running.states("rtmp-1")[:5] == [
        State.CONNECTING, State.LIVE, State.STALLED, State.RETRYING, State.CONNECTING
    ]  # fmt: skip


async def test_a_short_stall_drops_whole_gops_and_goes_on(rich_texture: Path, nginx: Nginx, tmp_path: Path) -> None:
    """What was sent meanwhile is lost, what comes after it decodes, at the time at which it was played."""
    patient = Limits(connect_s=3, stalled_s=0.5, give_up_s=60)
    async with (
        between(nginx.port) as way,
        sending(rich_texture, to("rtmp", f"rtmp://127.0.0.1:{way.port}/live/{KEY}"), limits=patient) as running,
    ):
        await running.until_state("rtmp-1", State.LIVE)
        pulling = asyncio.create_task(pulled(f"{nginx.rtmp}/{KEY}", tmp_path / "got.mkv", 50.0))
        way.passes = False
        dropped = await running.until("rtmp-1", lambda status: status.dropped_gops > 15)
        assert dropped.state is State.STALLED
        way.passes = True
        await running.until_state("rtmp-1", State.LIVE)
        await running.for_s(2.0)
        after = running.status("rtmp-1")
        assert after.attempts == 1
        assert after.dropped_gops >= dropped.dropped_gops
        nginx.kill()  # which ends the player's file
        got = await pulling
    times = np.array(got.packet_times_s["video"])
    gaps = np.diff(times)
    assert (gaps > 1.0).sum() == 1
    resumes = int(gaps.argmax()) + 1
    lost = round(gaps.max() * 30) - 1
    place_in(running.sent, got.numbers[:resumes])
    place = place_in(running.sent, got.numbers[resumes:])
    assert lost > 60
    assert place >= lost


async def test_a_killed_server_is_come_back_to(texture: Path, nginx: Nginx, tmp_path: Path) -> None:
    async with sending(texture, to("rtmp", f"{nginx.rtmp}/{KEY}")) as running:
        await running.until_state("rtmp-1", State.LIVE)
        await running.for_s(0.5)
        nginx.kill()
        killed_at = asyncio.get_running_loop().time()
        await running.until_state("rtmp-1", State.RETRYING)
        assert asyncio.get_running_loop().time() - killed_at < 1.0
        await running.until("rtmp-1", lambda status: status.attempts >= 3)
        assert State.LIVE not in running.states("rtmp-1")[3:]
        await asyncio.to_thread(nginx.start)
        await running.until_state("rtmp-1", State.LIVE)
        got = await pulled(f"{nginx.rtmp}/{KEY}", tmp_path / "got.mkv", 2.0)
    place_in(running.sent, got.numbers)


async def test_no_sound_is_encoded_while_nobody_takes_it(texture: Path) -> None:
    async with sending(texture, to("rtmp", f"rtmp://127.0.0.1:{free_port()}/live/{KEY}")) as running:
        await running.until_state("rtmp-1", State.RETRYING)
        await running.for_s(0.3)
        assert running.targets._sound is None
