"""A server that plays for a while to one viewer: does its memory grow, and does it stay punctual?"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from bench.demo import demo_texture
from bench.server_process import Meter, ServerProcess
from bench.viewers import Viewers
from models.progress import silent

SAMPLE_S = 1.0
SETTLE_S = 2.0

Samples = list[tuple[float, float]]  # (seconds since the start, resident MB)


def measure(texture: Path | None, minutes: float) -> list[dict[str, object]]:
    """Play, and look every second.

    Args:
        texture: what is played; by default the demo's.
        minutes: how long.

    Returns:
        A row for about each minute: when it ended, the median of resident memory in it, CPU in per cent of one core,
        and what was counted in it. `mb_per_hour` is the growth of memory over the second half of all that was seen
        up to then, by a straight line: the last row's is the one that counts.
    """
    path = texture or demo_texture(silent)
    with ServerProcess(path) as server, Viewers(server.address, 1):
        time.sleep(SETTLE_S)
        return list(_rows(server, minutes))


def _rows(server: ServerProcess, minutes: float) -> Iterator[dict[str, object]]:
    meter = Meter(server.pid)
    count = max(1, round(minutes))
    began_s, samples = time.perf_counter(), Samples()
    state, cpu_s, at_s = server.state(), meter.cpu_s(), 0.0
    for part in range(1, count + 1):
        new = list(_samples(meter, began_s, until_s=60 * minutes * part / count))
        samples += new
        state_before, cpu_before_s, before_s = state, cpu_s, at_s
        state, cpu_s, at_s = server.state(), meter.cpu_s(), time.perf_counter() - began_s
        yield {
            "minute": round(at_s / 60, 1),
            "rss_mb": round(statistics.median(rss_mb for _, rss_mb in new), 1),
            "mb_per_hour": round(growth_mb_per_hour(samples), 1),
            "cpu_percent": round(100 * (cpu_s - cpu_before_s) / (at_s - before_s), 1),
            **_gained(state_before, state),
        }


def _samples(meter: Meter, began_s: float, *, until_s: float) -> Iterator[tuple[float, float]]:
    """A sample each second up to a time since the start; at least one."""
    while True:
        now_s = time.perf_counter() - began_s
        yield now_s, meter.rss_mb()
        if now_s + SAMPLE_S > until_s:
            break
        time.sleep(SAMPLE_S)
    time.sleep(max(0.0, until_s - (time.perf_counter() - began_s)))


def _gained(before: dict[str, Any], after: dict[str, Any]) -> dict[str, object]:
    names = {"jumps": "jumps", "late": "late_packets", "made": "bridges_made", "missed": "bridges_cut"}
    return {name: after[counter] - before[counter] for name, counter in names.items()}


def growth_mb_per_hour(samples: Samples) -> float:
    """The slope of a straight line through the second half of the samples; 0 for too few of them."""
    late = samples[len(samples) // 2 :]
    if len(late) < 2:
        return 0.0
    times_s, rss_mb = np.array(late).T
    return float(np.polyfit(times_s / 3600, rss_mb, 1)[0])
