"""Joins and leaves of one server: what they leave behind, and how soon a newcomer sees a picture.

Viewers come and go one after the other, in a process of their own; each stays until its first picture is decoded.
"""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench import demo
from bench.newcomers import Newcomers
from bench.server_process import ServerProcess
from models.progress import silent

WARM_UP = 20  # joins that are not counted: caches, thread pools and the allocator fill
SETTLE_LIMIT_S = 40.0  # beyond what a session that never connected is waited for
SETTLE_STEP_S = 0.5
JOINS_HZ = "1000"


@dataclass(frozen=True)
class Holding:
    """What a server process holds.

    Attributes:
        rss_mb: resident memory, MB of 1e6 bytes.
        tasks: of asyncio.
    """

    rss_mb: float
    threads: int
    descriptors: int
    tasks: int
    viewers: int


def measure(texture: Path | None, joins: int) -> list[dict[str, object]]:
    """Let viewers join and leave.

    Args:
        texture: what is played; by default the demo's.
        joins: how many, at least 2.

    Returns:
        One row: what the server held before and after, its memory also half way (the allocator and the caches fill
        first; what a join leaves behind is told by the second half), and the milliseconds from a newcomer's request
        to its first decoded picture: median, 95th percentile, most.
    """
    path = texture or demo.demo_texture(silent)
    with ServerProcess(path, "--max-joins", JOINS_HZ) as server, Newcomers(server.address) as newcomers:
        newcomers.come(WARM_UP)
        before = _settled(server, None)
        began_s = time.perf_counter()
        waits_ms = newcomers.come(joins // 2)
        took_s = time.perf_counter() - began_s
        between = _settled(server, before)
        began_s = time.perf_counter()
        waits_ms = sorted(waits_ms + newcomers.come(joins - joins // 2))
        took_s += time.perf_counter() - began_s
        after = _settled(server, before)
    return [
        {
            "joins": joins,
            "joins_per_s": round(joins / took_s, 1),
            "first_frame_ms": waits_ms[len(waits_ms) // 2],
            "first_frame_p95_ms": waits_ms[int(0.95 * (len(waits_ms) - 1))],
            "first_frame_most_ms": waits_ms[-1],
            "rss_mb": f"{before.rss_mb:.1f} → {between.rss_mb:.1f} → {after.rss_mb:.1f}",
            "kb_per_join": round(1e3 * (after.rss_mb - between.rss_mb) / (joins - joins // 2), 1),
            "threads": f"{before.threads} → {after.threads}",
            "descriptors": f"{before.descriptors} → {after.descriptors}",
            "tasks": f"{before.tasks} → {after.tasks}",
            "viewers": f"{before.viewers} → {after.viewers}",
        }
    ]


def _settled(server: ServerProcess, before: Holding | None) -> Holding:
    """What is held once all have left, or, should that be more than before, at the end of the wait."""
    gc.collect()
    deadline_s = time.monotonic() + SETTLE_LIMIT_S
    last = held(server)
    while time.monotonic() < deadline_s:
        time.sleep(SETTLE_STEP_S)
        now = held(server)
        is_quiet = now.viewers == 0 and (now.threads, now.descriptors, now.tasks) == (
            last.threads, last.descriptors, last.tasks,
        )  # fmt: skip
        if is_quiet and (before is None or (now.descriptors <= before.descriptors and now.tasks <= before.tasks)):
            return now
        last = now
    return last


def held(server: ServerProcess) -> Holding:
    """What the server holds now."""
    process, state = psutil.Process(server.pid), server.state()
    return Holding(
        process.memory_info().rss / 1e6, process.num_threads(), process.num_fds(), state["tasks"], state["viewers"]
    )
