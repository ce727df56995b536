"""SRT to FFmpeg's own program, which listens; its acknowledgements, and what happens when it falls silent."""

from __future__ import annotations

import asyncio
import ctypes.util
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Timer

import numpy as np
import pytest

from server.targets.address import Kind, destination
from server.targets.connection import COMMAND
from server.targets.srt import LIBRARIES
from server.targets.status import State
from server.targets.wire import Order, order_message
from stream.texture import Texture
from tests.media_servers import need, need_ffmpeg
from tests.stream_media import write_texture
from tests.target_run import place_in, received, sending, sound_offsets_s, to

PASSPHRASE = "correct-horse-battery"
LONGEST_ANSWER_S = 20.0


@pytest.fixture(scope="module")
def texture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_texture(tmp_path_factory.mktemp("srt") / "numbers.texture")


@pytest.fixture(autouse=True)
def _srt_is_here() -> None:
    need(any(map(ctypes.util.find_library, LIBRARIES)), "libsrt")


def free_udp_port() -> int:
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def listener(port: int, out: Path, query: str = "") -> Iterator[subprocess.Popen[bytes]]:
    address = f"srt://127.0.0.1:{port}?mode=listener{query}"
    command = [need_ffmpeg(), "-nostdin", "-v", "error", "-i", address, "-c", "copy", "-y", str(out)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("query", ["", f"&passphrase={PASSPHRASE}&streamid=publish/one"])
async def test_what_arrives_is_the_walk_with_its_sound(texture: Path, tmp_path: Path, query: str) -> None:
    port = free_udp_port()
    with listener(port, tmp_path / "got.ts", query) as process:
        await asyncio.sleep(0.5)
        async with sending(texture, to("srt", f"srt://127.0.0.1:{port}?latency=400{query}")) as running:
            await running.until_state("srt-1", State.LIVE)
            await running.for_s(6.0)
            status = running.status("srt-1")
        await asyncio.to_thread(process.wait, 15)
    # The listener throws away what it held back for its latency when it is told of the end.
    got = await asyncio.to_thread(received, tmp_path / "got.ts", is_cut=True)
    assert status.confirmed_bytes <= (tmp_path / "got.ts").stat().st_size * 1.3
    assert PASSPHRASE not in repr(running.log)
    assert len(got.numbers) > 100
    place_in(running.sent, got.numbers)
    assert abs(np.median(sound_offsets_s(got, running.sent))) < 0.015


@pytest.mark.parametrize(
    ("query", "stream_id", "passphrase"),
    [
        ("streamid=publish:NAME:USER:PASS&pkt_size=1316", "publish:NAME:USER:PASS", ""),  # MediaMTX
        ("streamid=#!::r=live/one,m=publish", "#!::r=live/one,m=publish", ""),  # SRS, Wowza, MediaMTX
        ("mode=caller&transtype=live&streamid=N,token:a+b%&passphrase=abc+def%2Bghij", "N,token:a+b%", "abc+def+ghij"),
        ("streamid=srt%3A%2F%2Fh%3A99%2Fapp%2Fone&latency=200000", "srt://h:99/app/one", ""),  # OvenMediaEngine
        ("streamid=srt://h:99/app/one?policy=a1&signature=b_2", "srt://h:99/app/one?policy=a1&signature=b_2", ""),
    ],
)
def test_what_servers_print_arrives_as_they_mean_it(texture: Path, query: str, stream_id: str, passphrase: str) -> None:
    port = free_udp_port()
    order = Order("srt", destination(Kind.SRT, f"  'SRT://127.0.0.1:{port}?{query}'\n").address, "", (30, 1))
    own = ["-passphrase", passphrase] if passphrase else []
    listen = [need_ffmpeg(), "-nostdin", "-v", "verbose", *own, "-i", f"srt://127.0.0.1:{port}?mode=listener"]
    with (
        Texture.open(texture) as opened,
        subprocess.Popen(listen, stderr=subprocess.PIPE, text=True) as listener,
        subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child,
    ):
        assert child.stdin is not None
        assert child.stdout is not None
        assert listener.stderr is not None
        child.stdin.write(order_message(order, opened.gop(0)[0]))
        child.stdin.flush()
        ending = Timer(LONGEST_ANSWER_S, listener.kill)
        ending.start()
        said = child.stdout.readline()
        accepted = next((line for line in listener.stderr if "accept streamid" in line), "")
        ending.cancel()
        listener.kill()
        child.kill()
        assert said == b'{"open": true}\n'
        assert f"accept streamid [{stream_id}]," in accepted


async def test_nobody_listens(texture: Path) -> None:
    async with sending(texture, to("srt", f"srt://127.0.0.1:{free_udp_port()}")) as running:
        failed = await running.until_state("srt-1", State.RETRYING)
    assert State.LIVE not in running.states("srt-1")
    assert "no answer" in failed.reason or "no SRT connection" in failed.reason


async def test_a_wrong_passphrase_is_never_live(texture: Path, tmp_path: Path) -> None:
    port = free_udp_port()
    with listener(port, tmp_path / "got.ts", f"&passphrase={PASSPHRASE}"):
        await asyncio.sleep(0.5)
        async with sending(texture, to("srt", f"srt://127.0.0.1:{port}?passphrase=wrong-{PASSPHRASE}")) as running:
            await running.until("srt-1", lambda status: status.attempts >= 2)
    assert State.LIVE not in running.states("srt-1")


async def test_a_listener_that_freezes_is_noticed_and_come_back_to(texture: Path, tmp_path: Path) -> None:
    """Nothing tells the sender that the other end is gone: half-open, as a cut cable leaves it."""
    port = free_udp_port()
    async with sending(texture, to("srt", f"srt://127.0.0.1:{port}")) as running:
        with listener(port, tmp_path / "first.ts") as process:
            await running.until_state("srt-1", State.LIVE)
            os.kill(process.pid, signal.SIGSTOP)
            await running.until("srt-1", lambda status: status.state is not State.LIVE)
            frozen = running.status("srt-1")
            left = await running.until_state("srt-1", State.RETRYING)
            assert left.confirmed_bytes == frozen.confirmed_bytes
        with listener(port, tmp_path / "second.ts"):
            await running.until_state("srt-1", State.LIVE)
