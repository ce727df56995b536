"""`videotexture bench ...`: each measurement as a command."""

from __future__ import annotations

from bench.command_line import app
from bench.serving_commands import FANOUT_PLAIN, FANOUT_VIEWERS, bench_fanout, bench_soak, bench_startup
from bench.texture_commands import bench_fit, bench_graph, bench_quality, bench_sync

__all__ = ["app"]


@app.command("all")
def bench_all() -> None:
    """Every measurement on the demo's texture, one after the other."""
    bench_fit(None, None)
    bench_startup(None, None)
    bench_fanout(None, FANOUT_VIEWERS, FANOUT_PLAIN, 20.0, None)
    bench_soak(None, 10.0, None)
    bench_graph(None)
    bench_quality(None, seeds=1, dials="none,all at 0.3")
    bench_sync(None, seeds=1)
