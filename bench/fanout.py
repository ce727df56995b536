"""What viewers cost the server: its own CPU for none, and for some.

What a viewer costs here is encryption and sending. Pictures are encoded only for bridges that are not stored, each
once for all viewers: `made` counts them. Sound is encoded at jumps, for the length of a cross-fade, once for all too.
"""

from __future__ import annotations

import logging
import shutil
import time
from contextlib import nullcontext
from pathlib import Path

import platformdirs

from bench import demo
from bench.server_process import BenchError, Meter, ServerProcess
from bench.viewers import Received, Viewers
from models.progress import silent
from models.scenes.strings import StringsSettings
from stream.errors import TextureError
from stream.texture import Texture

log = logging.getLogger(__name__)

SETTLE_S = 2.0  # connecting costs CPU too, but once, and is not what is asked
SEED = 0  # of the walk: each count of viewers sees the same one
SCENE = StringsSettings(seconds=20.0, width=1280, height=720)


def measure(texture: Path | None, viewers: list[int], seconds: float) -> list[dict[str, object]]:
    """Measure with no viewer, then with each number of them, each time with a new server.

    Args:
        texture: what is played; by default the drawn scene at 720p30.
        viewers: how many, each at least 1.
        seconds: how long each time.

    Returns:
        For each count: the server's CPU in per cent of one core, and for every viewer (what is more than without
        viewers); Mbit/s of media sent to each; packets that were late, packets that were dropped, jumps that missed
        their bridge, and bridges made. The viewers send no receiver reports and open no page: see `bench.viewers`.

    Raises:
        BenchError: a count is below 1.
    """
    if any(count < 1 for count in viewers):
        raise BenchError(f"viewers is {viewers}, expected counts of at least 1; none is measured anyway")
    path = texture or scene_720p()
    rows = [_row(path, count, seconds) for count in (0, *viewers)]
    idle = rows[0]["cpu_percent"]
    return [_with_share(row, idle) for row in rows]


def scene_720p() -> Path:
    """The texture of the drawn scene at 720p30, made if it is not in the cache, or of other code than this."""
    cache = Path(platformdirs.user_cache_dir("videotexture")) / "bench"
    path = cache / demo.code_version() / "strings-720p.texture"
    try:
        Texture.open(path).close()
    except TextureError:
        shutil.rmtree(cache, ignore_errors=True)  # what older code made
        path.parent.mkdir(parents=True)
        demo.scene_texture(SCENE, path, silent)
    return path


def _row(texture: Path, count: int, seconds: float) -> dict[str, float]:
    with ServerProcess(texture, "--seed", str(SEED)) as server:
        meter = Meter(server.pid)
        with Viewers(server.address, count) if count else nullcontext() as audience:
            time.sleep(SETTLE_S)
            before, got_before = server.state(), audience.received() if audience else Received(0, 0)
            began_s, cpu_before_s = time.perf_counter(), meter.cpu_s()
            time.sleep(seconds)
            took_s, cpu_s = time.perf_counter() - began_s, meter.cpu_s() - cpu_before_s
            after, got_after = server.state(), audience.received() if audience else Received(0, 0)
    gained = {name: after[name] - before[name] for name in after}
    _check_arrived(gained["bytes_sent"], got_after.size_bytes - got_before.size_bytes, count)
    return {
        "viewers": count,
        "cpu_percent": round(100 * cpu_s / took_s, 1),
        "mbit_s": round(8e-6 * gained["bytes_sent"] / took_s / max(1, count), 2),
        "late": gained["late_packets"],
        "drops": gained["dropped_packets"],
        "missed": gained["bridges_cut"],
        "made": gained["bridges_made"],
    }


def _check_arrived(sent_bytes: int, received_bytes: int, viewers: int) -> None:
    """What arrives has headers, about 3 %, and so is more than what was sent, unless some of it was lost."""
    if received_bytes < sent_bytes:
        log.warning(
            "%d viewers received %.1f MB of the %.1f MB sent: this machine is too busy to watch them all, "
            "the server's CPU is nevertheless right", viewers, received_bytes / 1e6, sent_bytes / 1e6,
        )  # fmt: skip


def _with_share(row: dict[str, float], idle_percent: float) -> dict[str, object]:
    """The row with the CPU of each viewer behind that of all."""
    share = round((row["cpu_percent"] - idle_percent) / max(1, row["viewers"]), 2)
    items = list(row.items())
    return dict([*items[:2], ("each_percent", share), *items[2:]])
