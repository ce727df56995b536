"""What there is to know about a texture: numbers, and a picture of its matrix and of what jumps cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import numpy as np
from matplotlib.figure import Figure

from models.whole import whole_file
from stream.manifest import Manifest
from stream.player import JUMPS_PER_MINUTE
from stream.texture import Texture

RATES = (2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
MATRIX_SIDE = 1000  # a clip of more segments is shown in blocks
MOST_JUMPS = 5000  # the most travelled ones; the others would be dots on dots
RANDOM_JUMPS = 10_000


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
        "camera": _camera(manifest),
        "changed when read": "; ".join(clip.notes) or "nothing",
        "segments": f"{segments.count} of {segments.window_frames} frames every {segments.stride_frames}, "
        f"{int(segments.clean.sum())} of them clean",
        "encoder": f"{manifest.encoder.get('trunk')} ({manifest.encoder.get('preset')} preset)",
        **_fit(manifest.encoder),
        "sounds compared by": _sound(texture),
        "bridges": _bridges(texture),
        "renditions": _renditions(texture),
        f"walk at {JUMPS_PER_MINUTE:g} jumps a minute": f"{len(usual.transitions.traffic()[0])} different jumps, "
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
    shown = matrix.imshow(graph.ways.coarse(graph.similarity, MATRIX_SIDE), cmap="magma", extent=extent)
    usual = texture.usual_liveliness()
    rows, columns, traffic = (column[:MOST_JUMPS] for column in usual.transitions.traffic())
    size = 4 + 160 * np.sqrt(traffic / traffic.max())
    matrix.scatter((columns + 0.5) * stride_s, (rows + 0.5) * stride_s, s=size, facecolors="none",
                   edgecolors="#4fd1ff", linewidths=0.8)  # fmt: skip
    matrix.set(xlabel="to (s)", ylabel="from (s)",
               title=f"{texture.name}: similarity, and the jumps of {JUMPS_PER_MINUTE:g} a minute")  # fmt: skip
    figure.colorbar(shown, ax=matrix, shrink=0.8)
    _plot_costs(curve, texture)
    with whole_file(path) as partial:
        figure.savefig(partial)


def _plot_costs(axes: Any, texture: Texture) -> None:
    rates, costs, visited = [], [], []
    for wanted in RATES:
        found = texture.liveliness(wanted)
        rates.append(found.jumps_per_minute)
        costs.append(texture.graph.mean_jump_cost(found.transitions))
        visited.append(found.transitions.effective_segments / texture.segments.count)
    axes.plot(rates, costs, "o-", label="mean unlikeness of the jumps")
    axes.plot(rates, visited, "s--", label="share of the clip visited, as if evenly")
    axes.axhline(_random_cost(texture), color="0.6", linestyle=":", label="a random jump")
    axes.set(xlabel="jumps per minute", xscale="log", yscale="log", title="What liveliness costs")
    axes.set_xticks(RATES, [f"{rate:g}" for rate in RATES])
    axes.minorticks_off()
    axes.legend()


def _random_cost(texture: Texture) -> float:
    """How unlike a jump is from anywhere to anywhere."""
    random = np.random.default_rng(0)
    rows, columns = random.integers(0, texture.segments.count, (2, RANDOM_JUMPS))
    query, target = texture.embeddings["query"], texture.embeddings["target"]
    similarity = np.einsum("nd,nd->n", query[rows], target[columns])
    return float(np.maximum(texture.graph.natural_similarity[rows] - similarity, 0).mean())


def _bridges(texture: Texture) -> str:
    """How long they are, and who made the stored ones."""
    facts, usual = texture.manifest.bridges, texture.manifest.video.bridge_frames
    length = f"{usual} frames"
    if facts is not None and facts.by_distance:
        length = f"{facts.mean_frames:.1f} frames on average, by how far apart their ends are"
    network = "" if facts is None or facts.network is None else f"; network: {facts.network.get('kind')}"
    return f"{length}; {len(texture.bridge_index)} stored, made by {texture.bridges_by}{network}"


def _renditions(texture: Texture) -> str:
    """Their sizes and rates, the full one's first."""
    rates = zip(texture.formats, texture.bit_s, strict=True)
    return ", ".join(f"{form.width} x {form.height} at {bit_s / 1e6:.2f} Mbit/s" for form, bit_s in rates)


def _sound(texture: Texture) -> str:
    """Which embedding makes live sound and the clip's own comparable."""
    report = texture.manifest.sound
    if report is None:
        lacks = "no sound network; fit it again for one" if texture.manifest.clip.has_sound else "no sound"
        return f"nothing: it has {lacks}"
    weights = f", weights {report['weights']}" if report.get("weights") else ""
    return f"{report.get('kind')} ({report.get('size')} numbers{weights})"


def _camera(manifest: Manifest) -> str:
    shake, place_share = manifest.clip.shake, manifest.walk.place_share
    if not shake:
        return "nothing to tell"
    return (
        f"moves by {100 * shake:.1f} % of the height, which is not compared; where it was counts for "
        f"{100 * place_share:.0f} % of what is"
    )


def _fit(report: dict[str, Any]) -> dict[str, str]:
    """What the fit said of itself (`models.report.FitReport`): above all, its figures on the pairs it did not see."""
    if "chosen_epoch" not in report:
        return {"fit": "not known"}
    pairs, held_out = report.get("fitted_pairs", 0), report.get("held_out_pairs", 0)
    told = {
        "fit": f"epoch {report['chosen_epoch']} of {report.get('epochs_run')} kept: {report.get('why', 'not known')}",
        "started from": report.get("weights") or "no weights file",
        "judged on": f"{held_out} held-out pairs; {pairs} were fitted on" if held_out else "nothing: none held out",
    }
    start, chosen = report.get("at_start"), report.get("at_chosen")
    if not held_out or not isinstance(start, dict) or not isinstance(chosen, dict):
        return told
    formats = {
        "continuation_error": ("  continuation error", "{:.3f} of a random jump's"),
        "next_segment_top1": ("  next segment found", "{:.1%}"),
        "nce": ("  contrastive loss", "{:.3f} nats"),
    }
    for key, (name, form) in formats.items():
        before, after = (
            "not known" if figures.get(key) is None else form.format(figures[key]) for figures in (start, chosen)
        )
        told[name] = after if before == after else f"{after}; at the start {before}"
    return told
