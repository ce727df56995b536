"""One viewer behind a bad link beside ten good ones: what the ten notice of it, which should be nothing."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, cast

from bench.fanout import SEED, SETTLE_S
from bench.namespaces import SERVER_ADDRESS, VIEWER_ADDRESS, NamespaceError, linked
from bench.scene import scene_720p
from bench.server_process import COMMAND, BenchError, Meter, ServerProcess
from bench.slow_link import LinkSettings
from bench.viewers import Viewers
from server.ice import LOOPBACK

END_LIMIT_S = 30.0
RELAY = "a relay in the viewer's process"


class SlowViewer:
    """The process of one; a context manager: entering returns when it is connected, leaving ends it.

    Attributes:
        saw: what it tells afterwards, see `bench.slow_watcher`.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self.saw: dict[str, Any] = {}

    def __enter__(self) -> SlowViewer:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            raise BenchError("the slow viewer could not connect; its reason is above")
        return self

    def __exit__(self, *exc: object) -> None:
        try:
            told, _ = self._process.communicate(timeout=END_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        else:
            self.saw = json.loads(told) if told else {}


def measure(texture: Path | None, good: int, seconds: float) -> list[dict[str, object]]:
    """Measure without the slow one, with it, and without it again.

    Args:
        texture: what is played; by default the drawn scene at 720p30 and about 2.5 Mbit/s.
        good: how many viewers have a good link.
        seconds: how long each time.

    Returns:
        A row each: how the link was made; what the good ones got: pictures, of which late, packets lost, the longest
        gap between two pictures of any of them; packets that the server sent late; pictures a second that the slow one
        saw, its longest gap, and how many there were of each height.
    """
    path = texture or scene_720p()
    settings = LinkSettings()
    try:
        with linked(settings.netem()) as spaces:
            return [_row(path, good, seconds, slow, spaces.server, spaces.viewer) for slow in (False, True, False)]
    except NamespaceError as error:
        sys.stderr.write(f"{error}; so the link is {RELAY}\n")
        return [_row(path, good, seconds, slow) for slow in (False, True, False)]


def _row(
    texture: Path, good: int, seconds: float, slow: bool, server_in: Sequence[str] = (), viewer_in: Sequence[str] = ()
) -> dict[str, object]:
    with ExitStack() as opened:
        server = opened.enter_context(_server(texture, server_in))
        audience = opened.enter_context(Viewers(server.address, good, inside=server_in))
        watcher = opened.enter_context(_slow_viewer(server, viewer_in)) if slow else None
        time.sleep(SETTLE_S)
        meter, before = Meter(server.pid), _state(server, server_in)
        cpu_s = meter.cpu_s()
        audience.begin(seconds)
        got = audience.got()
        cpu_s, after = meter.cpu_s() - cpu_s, _state(server, server_in)
    return {
        "viewers": f"{good}, and a slow one" if slow else f"{good}",
        "link": ("-" if not slow else "netem" if viewer_in else RELAY),
        "pictures": got.pictures,
        "late_pictures": got.late,
        "lost": got.lost,
        "gap_ms": round(got.longest_gap_ms, 1),
        "late": after["late_packets"] - before["late_packets"],
        "drops": after["dropped_packets"] - before["dropped_packets"],
        "cpu_percent": round(100 * cpu_s / seconds, 1),
        "slow_one_per_s": "-" if watcher is None else watcher.saw.get("per_s", 0),
        "slow_one_first_s": "-" if watcher is None else watcher.saw.get("first_s", "-"),
        "slow_one_gap_s": "-" if watcher is None else watcher.saw.get("longest_gap_s", "-"),
        "slow_one_heights": "-" if watcher is None else _heights(watcher.saw),
    }


@contextmanager
def _server(texture: Path, inside: Sequence[str]) -> Iterator[ServerProcess]:
    if not inside:
        with ServerProcess(texture, "--seed", str(SEED)) as server:
            yield server
        return
    # Nobody but the two namespaces reaches that address: no token is needed.
    where = ["--host", SERVER_ADDRESS, "--ice-address", SERVER_ADDRESS, "--no-auth"]
    command = (*inside, *COMMAND, str(texture), "--port", "0", "--seed", str(SEED), *where)
    with ServerProcess(texture, command=command) as server:
        yield server


def _heights(saw: dict[str, Any]) -> str:
    """How many pictures of each height, the largest first."""
    return ", ".join(f"{count} of {height} px" for height, count in sorted(saw["heights"].items(), key=_as_number))


def _as_number(item: tuple[str, int]) -> int:
    return -int(item[0])


def _state(server: ServerProcess, inside: Sequence[str]) -> dict[str, int]:
    """What /api/state says, asked where it can be heard."""
    ask = f"import urllib.request as u; print(u.urlopen('{server.address}api/state').read().decode())"
    asked = subprocess.run([*inside, sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    return cast("dict[str, int]", json.loads(asked.stdout))


def _slow_viewer(server: ServerProcess, inside: Sequence[str]) -> SlowViewer:
    how = (server.address, VIEWER_ADDRESS) if inside else (server.address, LOOPBACK, "relay")
    return SlowViewer((*inside, sys.executable, "-m", "bench.slow_watcher", *how))
