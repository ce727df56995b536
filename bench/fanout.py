"""What viewers cost the server: its own CPU for none, and for some, against plain aiortc in the same run.

What a viewer costs here is encryption and sending. Pictures are encoded only for bridges that are not stored, each
once for all viewers: `made` counts them. Sound is encoded at jumps, for the length of a cross-fade, once for all too.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.arrivals import Arrivals
from bench.scene import scene_720p
from bench.server_process import BenchError, Meter, ServerProcess
from bench.viewers import Viewers

log = logging.getLogger(__name__)

SETTLE_S = 2.0  # connecting costs CPU too, but once, and is not what is asked
SEED = 0  # of the walk: each count of viewers sees the same one
OURS, PLAIN = "videotexture", "aiortc, an encoder each"


@dataclass(frozen=True)
class Fanout:
    """What was measured.

    Attributes:
        rows: for each server and count of viewers: its CPU in per cent of one core, and for every viewer (what is more
            than without viewers); Mbit/s and packets in a second that each got; packets that it sent late by its own
            count; pictures that were late and packets that were lost at the viewers, their longest gap between two
            pictures and largest burst (packets of pictures in one millisecond); packets that it dropped, jumps that
            missed their bridge, and bridges made. What plain aiortc does not tell is "-".
        one_more_percent: what one more viewer costs, in per cent of a core: the slope of a straight line.
        packet_us: of that, what one packet costs, in microseconds.
    """

    rows: list[dict[str, object]]
    one_more_percent: float
    packet_us: float

    def __str__(self) -> str:
        return f"one more viewer: {self.one_more_percent:.2f} % of a core, {self.packet_us:.1f} µs for each packet"


def measure(texture: Path | None, viewers: Sequence[int], seconds: float, plain: Sequence[int] = ()) -> Fanout:
    """Measure with no viewer, then with each number of them, each time with a new server.

    Args:
        texture: what is played; by default the drawn scene at 720p30 and about 2.5 Mbit/s.
        viewers: how many, each at least 1.
        seconds: how long each time.
        plain: how many viewers plain aiortc is given, at the rate that ours then sent; none to leave it out.

    Raises:
        BenchError: a count is below 1.
    """
    if any(count < 1 for count in (*viewers, *plain)):
        raise BenchError(f"viewers is {viewers}, expected counts of at least 1; none is measured anyway")
    path = texture or scene_720p()
    rows = [_row(path, count, seconds) for count in (0, *viewers)]
    mbit_s = max(float(row["mbit_s"]) for row in rows)
    rows += [_plain_row(path, count, seconds, mbit_s) for count in plain]
    idle = float(rows[0]["cpu_percent"])
    for row in rows:
        row["each_percent"] = round((float(row["cpu_percent"]) - idle) / max(1, int(row["viewers"])), 2)
    return Fanout([dict(row) for row in rows], *_slope([row for row in rows if row["server"] == OURS]))


def _row(texture: Path, count: int, seconds: float) -> dict[str, float | str]:
    with (
        ServerProcess(texture, "--seed", str(SEED)) as server,
        Viewers(server.address, count) if count else nullcontext() as audience,
    ):
        time.sleep(SETTLE_S)
        before = server.state()
        cpu_percent, got = _watch(server, audience, seconds)
        after = server.state()
    gained = {name: after[name] - before[name] for name in after if isinstance(after[name], int)}
    if got.lost:
        log.warning(
            "%d packets were lost on their way to %d viewers: this machine is too busy to watch them all, "
            "the server's CPU is nevertheless right", got.lost, count,
        )  # fmt: skip
    return _figures(OURS, count, seconds, cpu_percent, got) | {
        "late": gained["late_packets"],
        "drops": gained["dropped_packets"],
        "missed": gained["bridges_cut"],
        "made": gained["bridges_made"],
    }


def _plain_row(texture: Path, count: int, seconds: float, mbit_s: float) -> dict[str, float | str]:
    command = (sys.executable, "-m", "bench.plain_server", str(texture), str(mbit_s))
    with ServerProcess(texture, command=command) as server, Viewers(server.address, count) as audience:
        time.sleep(SETTLE_S)
        cpu_percent, got = _watch(server, audience, seconds)
    return _figures(PLAIN, count, seconds, cpu_percent, got) | dict.fromkeys(("late", "drops", "missed", "made"), "-")


def _watch(server: ServerProcess, audience: Viewers | None, seconds: float) -> tuple[float, Arrivals]:
    """The server's CPU in per cent of a core, and what all viewers got meanwhile."""
    meter = Meter(server.pid)
    if audience is not None:
        audience.begin(seconds)
    began_s, cpu_before_s = time.perf_counter(), meter.cpu_s()
    time.sleep(seconds)
    took_s, cpu_s = time.perf_counter() - began_s, meter.cpu_s() - cpu_before_s
    return 100 * cpu_s / took_s, audience.got() if audience is not None else Arrivals()


def _figures(server: str, count: int, seconds: float, cpu_percent: float, got: Arrivals) -> dict[str, float | str]:
    each = max(1, count) * seconds
    return {
        "server": server,
        "viewers": count,
        "cpu_percent": round(cpu_percent, 1),
        "each_percent": 0.0,
        "mbit_s": round(8e-6 * got.size_bytes / each, 2),
        "packets_s": round(got.packets / each),
        "pictures": got.pictures,
        "late_pictures": got.late,
        "lost": got.lost,
        "gap_ms": round(got.longest_gap_ms, 1),
        "burst": got.burst,
        "usual_burst": round(got.usual_burst, 1),
    }


def _slope(rows: list[dict[str, float | str]]) -> tuple[float, float]:
    """Per cent of a core for one more viewer, and microseconds for one more packet."""
    cpu_percent = [float(row["cpu_percent"]) for row in rows]
    packets_s = [float(row["viewers"]) * float(row["packets_s"]) for row in rows]
    one_more = np.polyfit([float(row["viewers"]) for row in rows], cpu_percent, 1)[0]
    return float(one_more), 1e4 * float(np.polyfit(packets_s, cpu_percent, 1)[0])
