"""Growing past one machine: one generator feeds a media server that others made, and that serves everybody else."""

from __future__ import annotations

import asyncio
import os
import subprocess
import urllib.request
from pathlib import Path

import pytest

from server.targets.status import State
from tests.media_servers import Nginx, need_ffmpeg
from tests.stream_media import write_texture
from tests.target_run import Received, place_in, received, sending, to

VIEWERS = 6  # three by RTMP, three by HLS
WATCHED_S = 4.0


async def watch(address: str, out: Path) -> Received:
    command = [need_ffmpeg(), "-nostdin", "-v", "error", "-i", address, "-t", str(WATCHED_S), "-c", "copy", str(out)]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr
    return await asyncio.to_thread(received, out)


async def test_one_generator_feeds_a_server_of_many_viewers(tmp_path: Path) -> None:
    """nginx takes the stream once, by RTMP, and gives it on by RTMP and by HLS; here, nothing more is sent for it."""
    texture = write_texture(tmp_path / "numbers.texture")
    with Nginx(tmp_path / "nginx") as nginx:
        async with sending(texture, to("rtmp", f"{nginx.hls}/walk")) as running:
            await running.until_state("rtmp-1", State.LIVE)
            await running.for_s(4.0)  # until there is a playlist
            before = running.status("rtmp-1").confirmed_bytes
            playlist = f"{nginx.http}/hls/walk.m3u8"
            with await asyncio.to_thread(urllib.request.urlopen, playlist, timeout=10) as response:
                assert "#EXTINF" in response.read().decode()
            began_s = asyncio.get_running_loop().time()
            addresses = [playlist if number % 2 else f"{nginx.hls}/walk" for number in range(VIEWERS)]
            watching = [watch(address, tmp_path / f"{number}.mkv") for number, address in enumerate(addresses)]
            seen = await asyncio.gather(*watching)
            took_s = asyncio.get_running_loop().time() - began_s
            sent_bytes = running.status("rtmp-1").confirmed_bytes - before
    for each in seen:
        assert len(each.numbers) / 30 == pytest.approx(WATCHED_S, abs=1.0)
        place_in(running.sent, each.numbers)
    bit_rate = 8 * sent_bytes / took_s
    assert bit_rate < 2 * 8 * sum(os.stat(tmp_path / f"{number}.mkv").st_size for number in range(VIEWERS)) / (
        VIEWERS * WATCHED_S
    )
