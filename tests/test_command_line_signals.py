"""How commands end when they are told to: the real command, and real signals."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from tests.clips import write_clip
from tests.serving import ServerProcess, serve_process
from tests.sounds import wait_until
from tests.stream_media import write_texture

COMMAND = [sys.executable, "-c", "import videotexture; videotexture.main()"]
SOON_S = 10.0  # of a busy machine
STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


@pytest.fixture(scope="module")
def texture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_texture(tmp_path_factory.mktemp("textures") / "n.texture", seconds=3.0)


def hang_on(server: ServerProcess, stack: ExitStack) -> None:
    """Clients that do not go by themselves: of events, and one that never ends its offer."""
    for _ in range(3):
        stack.enter_context(urllib.request.urlopen(f"{server.address}api/events"))
    offering = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
    offering.sendall(
        b"POST /whep HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/sdp\r\nContent-Length: 900\r\n\r\nv=0"
    )


def children(server: ServerProcess) -> list[psutil.Process]:
    return psutil.Process(server.process.pid).children(recursive=True)


@pytest.mark.parametrize("number", STATUS, ids=lambda each: each.name)
def test_a_server_ends_in_order_whoever_is_connected(texture: Path, number: signal.Signals) -> None:
    with serve_process(texture) as server, ExitStack() as stack:
        hang_on(server, stack)
        server.process.send_signal(number)
        errors = server.process.communicate(timeout=SOON_S)[1]
    assert server.process.returncode == STATUS[number]
    assert "Traceback" not in errors
    assert "at once" not in errors


def test_a_server_that_has_only_told_its_address_ends_in_order(texture: Path) -> None:
    arguments = [*COMMAND, "serve", str(texture), "--port", "0"]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}  # the line is read before anything follows it
    with subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            assert process.stdout is not None
            assert "is playing at" in process.stdout.readline()
            process.send_signal(signal.SIGINT)
            errors = process.communicate(timeout=SOON_S)[1]
        finally:
            process.kill()
    assert process.returncode == 130
    assert "Traceback" not in errors


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM], ids=lambda each: each.name)
def test_the_second_signal_ends_a_server_at_once_in_one_line(texture: Path, tmp_path: Path, second: int) -> None:
    with ExitStack() as stack:
        silent = stack.enter_context(socket.create_server(("127.0.0.1", 0)))  # accepts, and never says a word
        rtmp = f"rtmp://127.0.0.1:{silent.getsockname()[1]}/live/x"
        server = stack.enter_context(serve_process(texture, "--rtmp", rtmp, "--record", str(tmp_path / "recordings")))
        hang_on(server, stack)
        wait_until(lambda: len(children(server)) >= 2)
        started = children(server)
        server.process.send_signal(signal.SIGINT)
        time.sleep(0.05)
        began_s = time.monotonic()
        server.process.send_signal(second)
        errors = server.process.communicate(timeout=SOON_S)[1]
        assert time.monotonic() - began_s < 2.0
    assert server.process.returncode == 128 + second
    assert "Traceback" not in errors
    assert [line for line in errors.splitlines() if "at once" in line]
    wait_until(lambda: not any(child.is_running() and child.status() != psutil.STATUS_ZOMBIE for child in started))


def run(
    folder: Path, arguments: Sequence[str], until: Callable[[], bool], *numbers: int, ignored: int | None = None
) -> tuple[int, str]:
    """A command that is sent signals as soon as something is so."""

    def ignore() -> None:
        if ignored is not None:
            signal.signal(ignored, signal.SIG_IGN)

    with subprocess.Popen(
        [*COMMAND, *arguments], cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
        preexec_fn=ignore,
    ) as process:  # fmt: skip
        try:
            wait_until(lambda: until() or process.poll() is not None, 60.0)
            for number in numbers:
                process.send_signal(number)
            errors = process.communicate(timeout=90)[1]
        finally:
            process.kill()
    return process.returncode, errors


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGKILL], ids=lambda each: each.name)
def test_a_fit_that_is_ended_leaves_nothing_for_long(tmp_path: Path, number: signal.Signals) -> None:
    write_clip(tmp_path / "clip.mp4", frames=600)
    begun = lambda: any(".partial" in name for name in os.listdir(tmp_path))  # noqa: E731
    status, errors = run(tmp_path, ["fit", "clip.mp4", "-o", "a.texture"], begun, number)
    assert status == (-number if number == signal.SIGKILL else STATUS[number])
    assert "Traceback" not in errors
    if number == signal.SIGKILL:
        assert begun()
        assert run(tmp_path, ["render", "a.texture", "b.mp4"], lambda: False)[0] == 1  # there is none; but it looked
    assert os.listdir(tmp_path) == ["clip.mp4"]


def test_what_was_ignored_stays_ignored(tmp_path: Path, texture: Path) -> None:
    begun = lambda: any(".partial" in name for name in os.listdir(tmp_path))  # noqa: E731
    arguments = ["render", str(texture), "o.mp4", "--seconds", "20"]
    status, _ = run(tmp_path, arguments, begun, signal.SIGHUP, ignored=signal.SIGHUP)
    assert status == 0, "as under nohup"
    assert os.listdir(tmp_path) == ["o.mp4"]


def test_a_render_that_is_hung_up_on_leaves_nothing(tmp_path: Path, texture: Path) -> None:
    begun = lambda: any(".partial" in name for name in os.listdir(tmp_path))  # noqa: E731
    arguments = ["render", str(texture), "o.mp4", "--seconds", "3600"]
    assert run(tmp_path, arguments, begun, signal.SIGHUP)[0] == 129
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("after_s", [0.15, 0.3, 0.6])
def test_a_command_that_has_hardly_begun_ends_in_silence(tmp_path: Path, texture: Path, after_s: float) -> None:
    begin_s = time.monotonic()
    status, errors = run(tmp_path, ["serve", str(texture), "--port", "0"],
                         lambda: time.monotonic() - begin_s > after_s, signal.SIGINT)  # fmt: skip
    assert status in (130, -signal.SIGINT), "the latter before Python itself has begun"
    assert "Traceback" not in errors or "videotexture" not in errors
