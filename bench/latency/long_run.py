"""Minutes of listening, minute by minute: does the delay grow, does memory, and does it come back when unplugged?"""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np

from bench.latency.loopback import Witness
from bench.latency.report import counts
from bench.latency.run import SETTLE_S, Stage, staged, watch
from bench.latency.stages import ServerSide, lateness_s
from bench.server_process import Meter
from bench.soak import Samples, growth_mb_per_hour
from models.progress import Progress, silent

UNPLUGGED_S = 5.0
BACK_LIMIT_S = 20.0
SAMPLE_S = 1.0


def measure(texture: Path, minutes: int, progress: Progress = silent) -> list[dict[str, object]]:
    """Listen to a sink for so many minutes, unplug it, plug it back, and listen for one more.

    Returns:
        A row for each minute: onset to screen, onsets answered, the server's resident memory and its growth by a
        straight line over the second half so far (the row before the unplugging is the one that counts), its CPU, and
        pictures that left more than a frame late.
    """
    with staged(texture, "capture") as stage:
        stage.page.page.wait_for_timeout(1000 * SETTLE_S)
        stage.page.take()
        meter, samples = Meter(stage.server.pid), Samples()
        spans, parts = [], []
        for minute in range(minutes + 1):
            name: object = minute + 1
            if minute == minutes:
                name, samples = f"plugged back in {_replug(stage):.1f} s", Samples()
            began_s, cpu_s = time.monotonic(), meter.cpu_s()
            samples += _minute(stage, meter, began_s)
            took_s = time.monotonic() - began_s
            spans.append((began_s, began_s + took_s))
            parts.append({
                "minute": name,
                "rss_mb": round(float(np.median([rss_mb for _, rss_mb in samples[-50:]])), 1),
                "mb_per_hour": round(growth_mb_per_hour(samples), 1),
                "cpu_percent": round(100 * (meter.cpu_s() - cpu_s) / took_s, 1),
                "load_1min": round(os.getloadavg()[0], 1),
            })  # fmt: skip
            progress("listen", (minute + 1) / (minutes + 1))
        watch(stage, time.monotonic() + 2.0, "listen", silent)
        return [{**part, **_answered(stage, *span)} for part, span in zip(parts, spans, strict=True)]


def _minute(stage: Stage, meter: Meter, began_s: float) -> Samples:
    samples = Samples()
    while (now_s := time.monotonic()) < began_s + 60:
        samples.append((now_s, meter.rss_mb()))
        stage.page.page.wait_for_timeout(1000 * SAMPLE_S)
        if len(samples) % 10 == 0:
            stage.page.take()
    return samples


def _replug(stage: Stage) -> float:
    """Unplug the sink and plug it back; the seconds from then until the server hears it again, then settled."""
    assert stage.sink is not None
    stage.witnesses[-1].leave()
    stage.sink.unplug()
    stage.page.page.wait_for_timeout(1000 * UNPLUGGED_S)
    stage.sink.plug_in()
    began_s = time.monotonic()
    stage.up.enter_context(witness := Witness())
    stage.witnesses.append(witness)
    while stage.server.hearing()["state"] != "live" and time.monotonic() < began_s + BACK_LIMIT_S:
        stage.page.page.wait_for_timeout(100)
    took_s = time.monotonic() - began_s
    stage.page.page.wait_for_timeout(1000 * SETTLE_S)
    return took_s


def _answered(stage: Stage, from_s: float, until_s: float) -> dict[str, object]:
    found = stage.answers(from_s, until_s)
    pictures = [each for each in ServerSide.of_notes(stage.server.told()).pictures if from_s <= each.sent_s < until_s]
    p50, p95 = np.percentile(found.latencies_s, (50, 95)) if len(found.times_s) else (np.nan, np.nan)
    over = int((lateness_s(pictures, stage.rate_hz) > 1 / stage.rate_hz).sum()) if pictures else 0
    told = counts(found)
    return {
        "p50_ms": round(1000 * float(p50), 1), "p95_ms": round(1000 * float(p95), 1),
        "onsets": told["onsets"], "answered": told["answered"], "over_a_frame": over,
    }  # fmt: skip
