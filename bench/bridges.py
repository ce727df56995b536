"""Bridges made while it plays: what they cost, and whether any picture is late for it.

Nothing is stored, and hardly any jump comes twice: every jump's bridge is made ahead of the playhead.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
from scipy.sparse import csr_array

from models.progress import Progress, silent
from stream.bridge_choice import open_bridges
from stream.bridges import Bridges
from stream.interpolation.choose import Tell
from stream.liveliness import Liveliness
from stream.player import Player
from stream.texture import Texture
from stream.transitions import Transitions

JUMPS_PER_MINUTE = 60.0  # the most that can be asked for
TARGETS = 16  # of jumps from each segment
SEED = 0


def measure(
    path: Path,
    interpolators: Sequence[str],
    seconds: float,
    *,
    rate: float = JUMPS_PER_MINUTE,
    tell: Tell = lambda _: None,
    progress: Progress = silent,
) -> list[dict[str, object]]:
    """Play in real time over jumps that are all new, once by each interpolator, and once with cuts to compare with.

    Args:
        path: the texture.
        interpolators: of `stream.interpolation.choose.NAMES`.
        seconds: of each.
        rate: jumps a minute.
        tell: given what "auto" chose, and why.

    Returns:
        A row for each: what was chosen; what became of its bridges (`flown` by flow, because they were late); how late
        pictures left, in ms, and how many by more than a frame; CPU in per cent of one core; and `ms_per_bridge`, the
        CPU beyond that of cuts for each that was made.

    Raises:
        InterpolatorError: one of them is not to be had.
    """
    rows: list[dict[str, object]] = []
    with Texture.open(path) as texture:
        bare = replace(texture, bridge_index={})  # nothing is stored
        liveliness = _restless(bare, rate)
        for done, name in enumerate(dict.fromkeys(["cut", *interpolators])):
            row = asyncio.run(_played(bare, liveliness, open_bridges(bare, name, tell=tell), seconds))
            if rows and row["made"]:
                cpu_ms = 10 * seconds * (_number(row["cpu_percent"]) - _number(rows[0]["cpu_percent"]))
                row["ms_per_bridge"] = round(cpu_ms / _number(row["made"]), 1)
            rows.append({"asked for": name, **row})
            progress("play", (done + 1) / (len(interpolators) + 1))
    return rows


async def _played(texture: Texture, liveliness: Liveliness, bridges: Bridges, seconds: float) -> dict[str, object]:
    process, late_ms = psutil.Process(), list[float]()
    with Player(texture, liveliness, seed=SEED, bridges=bridges) as player:
        async with aclosing(player.play()) as playing:
            origin_s, before = None, process.cpu_times()
            async for packet in playing:
                now_s = time.monotonic()
                origin_s = now_s if origin_s is None else origin_s
                if packet.kind == "video":
                    late_ms.append(1000 * (now_s - origin_s - float(packet.time_s)))
                if now_s - origin_s >= seconds:
                    break
        after, frame_ms = process.cpu_times(), 1000 * float(texture.manifest.video_format().time_base)
        cpu_s = after.user + after.system - before.user - before.system
        counts, jumps = player.bridges.counts, player.jumps
    return {
        "interpolator": bridges.interpolator,
        "jumps": jumps,
        "made": counts.made,
        "flown": counts.flown,
        "cut": counts.cut,
        "failed": counts.failed,
        "late_p50_ms": round(float(np.median(late_ms)), 2),
        "late_p99_ms": round(float(np.quantile(late_ms, 0.99)), 2),
        "late_worst_ms": round(max(late_ms), 2),
        "frame_ms": round(frame_ms, 1),
        "late_by_a_frame": sum(late > frame_ms for late in late_ms),
        "cpu_percent": round(100 * cpu_s / seconds, 1),
    }


def _restless(texture: Texture, rate: float) -> Liveliness:
    """A walk that jumps so often, from anywhere to any of many places."""
    count, random = texture.segments.count, np.random.default_rng(SEED)
    share = texture.tempo.jump_share(rate)
    chances = np.zeros((count, count), np.float32)
    for segment in range(count):
        targets = random.choice(count - 1, min(TARGETS, count - 1), replace=False)
        chances[segment, targets] = share / len(targets)
        if segment + 1 < count:
            chances[segment, segment + 1] += 1 - share
    chances /= chances.sum(axis=1, keepdims=True)
    return Liveliness.of_transitions(Transitions(csr_array(chances)), texture.tempo)


def _number(value: object) -> float:
    assert isinstance(value, int | float)
    return float(value)
