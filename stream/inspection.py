"""What there is to know about a texture: numbers, and a picture of its matrix and of jumps against temperature."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import numpy as np
from matplotlib.figure import Figure

from stream.liveliness import Liveliness
from stream.player import JUMPS_PER_MINUTE
from stream.texture import Texture

RATES = (2.0, 4.0, 8.0, 15.0, 30.0, 60.0)


def numbers(texture: Texture) -> dict[str, Any]:
    """The facts of a texture, by name, ready to print."""
    manifest, segments = texture.manifest, texture.segments
    clip = manifest.clip
    usual = texture.usual_liveliness()
    size_bytes = sum(file.stat().st_size for file in texture.path.rglob("*") if file.is_file())
    return {
        "clip": clip.name,
        "size": f"{clip.width}x{clip.height}, {float(clip.rate_hz):.3f} Hz",
        "length": f"{clip.frame_count} frames, {clip.frame_count / float(clip.rate_hz):.1f} s",
        "hard cuts": len(clip.cuts),
        "sound": "yes" if clip.has_sound else "no",
        "changed when read": "; ".join(clip.notes) or "nothing",
        "segments": f"{segments.count} of {segments.window_frames} frames every {segments.stride_frames}, "
        f"{int(segments.clean.sum())} of them clean",
        "encoder": f"{manifest.encoder.get('trunk')} ({manifest.encoder.get('preset')} preset), "
        f"epoch {manifest.encoder.get('chosen_epoch')}",
        "held-out continuation error": _share(manifest.encoder.get("at_chosen")),
        "stored bridges": f"{len(texture.bridge_index)} of {manifest.video.bridge_frames} frames",
        f"walk at {JUMPS_PER_MINUTE:g} jumps a minute": f"temperature {usual.weighting.temperature:.4f}, "
        f"{usual.transitions.effective_segments:.0f} segments visited as if evenly",
        "jumps a minute": f"{usual.jumps_per_minute:.1f}",
        "on disk": f"{size_bytes / 1e6:.1f} MB",
        "made by": f"videotexture {manifest.provenance.version} ({manifest.provenance.commit or 'no commit'}), "
        f"seed {manifest.provenance.seed}",
    }


def plot(texture: Texture, path: Path) -> None:
    """Write a PNG: the similarities with the walk's ways on them, and what a rate of jumps costs."""
    figure = Figure(figsize=(13, 6), dpi=110, layout="constrained")
    matrix, curve = figure.subplots(1, 2, width_ratios=(1.15, 1))
    graph = texture.graph
    stride_s = texture.tempo.stride_s
    extent = (0, graph.count * stride_s, graph.count * stride_s, 0)
    shown = matrix.imshow(np.where(graph.allowed, graph.similarity, np.nan), cmap="magma", extent=extent)
    usual = texture.usual_liveliness()
    edges = usual.transitions.edges_by_traffic()
    rows, columns, traffic = (np.array(column) for column in zip(*edges, strict=True))
    size = 4 + 160 * np.sqrt(traffic / traffic.max())
    matrix.scatter((columns + 0.5) * stride_s, (rows + 0.5) * stride_s, s=size, facecolors="none",
                   edgecolors="#4fd1ff", linewidths=0.8)  # fmt: skip
    matrix.set(xlabel="to (s)", ylabel="from (s)",
               title=f"{texture.name}: similarity, and the jumps of {JUMPS_PER_MINUTE:g} a minute")  # fmt: skip
    figure.colorbar(shown, ax=matrix, shrink=0.8)
    _plot_costs(curve, texture)
    figure.savefig(path)


def _plot_costs(axes: Any, texture: Texture) -> None:
    rates, costs, temperatures = [], [], []
    for wanted in RATES:
        found = Liveliness.at_rate(texture.graph, texture.tempo, wanted)
        edges = found.transitions.edges_by_traffic()
        cost = sum(texture.graph.cost[i, j] * share for i, j, share in edges) / sum(share for *_, share in edges)
        rates.append(found.jumps_per_minute)
        costs.append(float(cost))
        temperatures.append(found.weighting.temperature)
    allowed = texture.graph.cost[np.isfinite(texture.graph.cost)]
    axes.plot(rates, costs, "o-", label="mean unlikeness of the jumps")
    axes.plot(rates, temperatures, "s--", label="temperature")
    axes.axhline(float(allowed.mean()), color="0.6", linestyle=":", label="a random jump")
    axes.set(xlabel="jumps per minute", xscale="log", yscale="log", title="What liveliness costs")
    axes.set_xticks(RATES, [f"{rate:g}" for rate in RATES])
    axes.minorticks_off()
    axes.legend()


def _share(figures: Any) -> str:
    error = figures.get("continuation_error") if isinstance(figures, dict) else None
    return "not known" if error is None else f"{error:.3f} of a random jump's"
