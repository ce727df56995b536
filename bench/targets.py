"""What RTMP targets cost: the server's own CPU, and that of the processes that send, for none and for some.

Nothing of the picture is encoded. The sound is, from Opus to AAC, once for all targets: that is most of the first one.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from json import load
from pathlib import Path

import psutil

from bench.scene import scene_720p
from bench.server_process import BenchError, Meter, ServerProcess
from server.ice import LOOPBACK

LIVE_LIMIT_S = 30.0
SETTLE_S = 2.0
SEED = 0  # of the walk: each number of targets gets the same one
SINK = "import av, sys; [None for _ in av.open(sys.argv[1], options={'listen': '1'}).demux()]"


def measure(texture: Path | None, counts: list[int], seconds: float) -> list[dict[str, object]]:
    """Measure with no target, then with each number of them, each time with a new server.

    Args:
        texture: what is played; by default the drawn scene at 720p30.
        counts: how many targets, each at least 1. Each has a listener of its own on loopback.
        seconds: how long each time.

    Returns:
        For each count: CPU in per cent of one core of the server, of the children that send, and of both for each
        target beyond none; Mbit/s acknowledged for each; packets that were late, and GOPs dropped.

    Raises:
        BenchError: a target does not become live, or ends.
    """
    path = texture or scene_720p()
    rows = [_row(path, count, seconds) for count in (0, *counts)]
    idle = rows[0]["server_percent"]
    for row in rows:
        beyond = row["server_percent"] + row["children_percent"] - idle
        row["each_percent"] = round(beyond / max(1, row["targets"]), 2)
    return [dict(row) for row in rows]


def _row(texture: Path, count: int, seconds: float) -> dict[str, float]:
    with ExitStack() as opened:
        addresses = [opened.enter_context(_listener()) for _ in range(count)]
        options = [word for address in addresses for word in ("--rtmp", address)]
        server = opened.enter_context(ServerProcess(texture, "--seed", str(SEED), *options))
        _await_live(server, count)
        time.sleep(SETTLE_S)
        meter, children = Meter(server.pid), [Meter(child.pid) for child in psutil.Process(server.pid).children()]
        before, late_before, began_s = _targets(server), server.state()["late_packets"], time.perf_counter()
        own_s, children_s = meter.cpu_s(), sum(child.cpu_s() for child in children)
        time.sleep(seconds)
        took_s, own_s = time.perf_counter() - began_s, meter.cpu_s() - own_s
        children_s = sum(child.cpu_s() for child in children) - children_s
        after, late = _targets(server), server.state()["late_packets"] - late_before
    if any(target["state"] != "live" or target["attempts"] != 1 for target in after):
        raise BenchError(f"a target did not stay live: {after}; measure on a machine that does less besides")
    sent_bytes = sum(int(target["confirmed_bytes"]) for target in after) - sum(
        int(target["confirmed_bytes"]) for target in before
    )
    return {
        "targets": count,
        "server_percent": round(100 * own_s / took_s, 1),
        "children_percent": round(100 * children_s / took_s, 1),
        "each_percent": 0.0,
        "mbit_s": round(8e-6 * sent_bytes / took_s / max(1, count), 2),
        "late": late,
        "dropped_gops": sum(int(target["dropped_gops"]) for target in after),
    }


@contextmanager
def _listener() -> Iterator[str]:
    """The address of an RTMP server in a process of its own, which takes one stream and throws it away."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        address = f"rtmp://{LOOPBACK}:{probe.getsockname()[1]}/live/bench"
    # How it ends is told by the target, should that be too early.
    process = subprocess.Popen(
        [sys.executable, "-c", SINK, address], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield address
    finally:
        process.kill()
        process.wait()


def _targets(server: ServerProcess) -> list[dict[str, int | str]]:
    with urllib.request.urlopen(f"{server.address}api/targets", timeout=LIVE_LIMIT_S) as response:
        return list(load(response))


def _await_live(server: ServerProcess, count: int) -> None:
    deadline_s = time.monotonic() + LIVE_LIMIT_S
    while sum(target["state"] == "live" for target in _targets(server)) < count:
        if time.monotonic() > deadline_s:
            raise BenchError(f"the targets did not become live within {LIVE_LIMIT_S:g} s: {_targets(server)}")
        time.sleep(0.1)
