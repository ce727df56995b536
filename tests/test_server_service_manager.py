"""What systemd is told, over real datagram sockets; and the unit files, looked at by systemd itself."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from time import monotonic

import pytest

from server.service_manager import ServiceManager
from server.vitals import SILENT_S, Vitals
from stream.reel import MediaPacket
from tests.serving import serve_process
from tests.stream_media import write_texture

DEPLOY = Path(__file__).parent.parent / "server" / "deploy"
WAIT_S = 20.0


@pytest.fixture(params=["path", "abstract"])
def listening(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, socket.socket]]:
    """A service manager's end: its address as it says it, and its socket."""
    name = secrets.token_hex(8)
    address, bound = (
        (str(tmp_path / "n"), str(tmp_path / "n")) if request.param == "path" else (f"@{name}", f"\0{name}")
    )
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(bound)
        listener.settimeout(WAIT_S)
        yield address, listener


def told(listener: socket.socket) -> list[str]:
    return listener.recv(4096).decode().split("\n")


def told_now(listener: socket.socket) -> list[str]:
    """All that was said so far."""
    listener.setblocking(False)
    lines: list[str] = []
    try:
        while True:
            lines += told(listener)
    except BlockingIOError:
        return lines


def test_the_environment_says_who_listens_and_is_not_handed_on() -> None:
    environment = {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid()), "A": "b"}
    manager = ServiceManager.of(environment)
    assert manager is not None
    assert manager.watchdog_s == 30
    assert environment == {"A": "b"}
    assert ServiceManager.of(environment) is None


@pytest.mark.parametrize("said", [{"WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "soon"}])
def test_a_watchdog_that_is_not_ours_is_not_fed(said: dict[str, str]) -> None:
    manager = ServiceManager.of({"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "30000000", **said})
    assert manager is not None
    assert manager.watchdog_s is None


async def test_it_is_heard_only_while_pictures_leave(listening: tuple[str, socket.socket]) -> None:
    address, listener = listening
    vitals = Vitals()
    attending = asyncio.create_task(ServiceManager(address, watchdog_s=0.4).attend(vitals))
    await asyncio.sleep(0.6)
    assert told_now(listener) == ["STATUS=no picture has left yet"]

    began_s = monotonic()
    for index in range(30):
        vitals.take(MediaPacket("video", b"", index, Fraction(1, 30), 1, True), monotonic())
        await asyncio.sleep(max(0.0, began_s + (index + 1) / 30 - monotonic()))
    lines = told_now(listener)
    assert lines[:3] == ["STATUS=pictures leave in time", "READY=1", "WATCHDOG=1"]
    assert lines.count("READY=1") == 1
    assert lines.count("WATCHDOG=1") >= 3

    await asyncio.sleep(SILENT_S + 0.3)
    told_now(listener)
    await asyncio.sleep(0.6)
    assert "WATCHDOG=1" not in told_now(listener), "it is fed though nothing leaves"

    attending.cancel()
    await asyncio.gather(attending, return_exceptions=True)
    assert told_now(listener)[-1] == "STOPPING=1"


async def test_nobody_who_listens_does_no_harm(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    manager = ServiceManager(str(tmp_path / "nobody"))
    manager.tell("READY=1")
    manager.tell("WATCHDOG=1")
    assert len(caplog.records) == 1
    assert "No such file" in caplog.text


def test_the_server_tells_from_start_to_end(
    listening: tuple[str, socket.socket], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, listener = listening
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    monkeypatch.setenv("WATCHDOG_USEC", "1000000")
    with serve_process(write_texture(tmp_path / "n.texture")) as server:
        lines: list[str] = []
        while lines.count("WATCHDOG=1") < 4:
            lines += told(listener)
        assert lines.count("READY=1") == 1
        assert lines.index("READY=1") < lines.index("WATCHDOG=1")
        os.kill(server.process.pid, signal.SIGTERM)
        server.process.communicate(timeout=WAIT_S)
        assert server.process.returncode == 143, "the unit calls this an orderly end"
        assert told_now(listener)[-1] == "STOPPING=1"


@pytest.mark.parametrize("unit", ["videotexture.service", "kiosk.service"])
def test_systemd_takes_the_units(unit: str, tmp_path: Path) -> None:
    """Its programs are looked for too, so that they are named by one that is here."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    text = (DEPLOY / unit).read_text(encoding="utf-8")
    for program in ("/opt/videotexture/bin/videotexture", "/usr/bin/cage"):
        text = text.replace(program, "/bin/true")
    (tmp_path / unit).write_text(text, encoding="utf-8")
    checked = subprocess.run(["systemd-analyze", "verify", tmp_path / unit], capture_output=True, text=True, timeout=60)
    complaints = [line for line in checked.stderr.splitlines() if unit in line]
    assert complaints == []
