"""Which features make the best jumps, on drawn scenes whose true state is known."""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from models.continuation import BEST_JUMPS, jump_mask
from models.encoder import create_encoder
from models.fit import fit
from models.fitting import Fitting
from models.preset import CPU, Preset, SlowFastSettings
from models.scenes.scene import Scene
from models.scenes.strings import Strings, StringsSettings
from models.segments import Segments
from models.split import positive_pairs
from models.threads import torch_threads
from models.windows import UInt8Frames

Similarity = npt.NDArray[np.float32]
Candidate = Callable[[UInt8Frames, Segments, int], Similarity]

SMALL_SLOWFAST = Preset(
    name="slowfast-small",
    frame_height_px=CPU.frame_height_px,
    trunk=SlowFastSettings(sampled_frames=8, depth=18, slow_channels=32, grid=2, view="overlap", trained=False),
    head_channels=CPU.head_channels,
    fit=CPU.fit,
)


def state_error(similarity: Similarity, state: npt.NDArray[np.float32], segments: Segments) -> float:
    """How unlike what a jump shows is to what would have been shown without it, by the scene's true state.

    Args:
        similarity: of every segment's query to every target, float32 (N, N).
        state: true state per frame, float32 (F, K), Euclidean.
        segments: the scene's windows.

    Returns:
        The mean over segments and their best five jumps, as a share of a random jump's.
    """
    rows = np.arange(segments.count - 1)
    allowed = jump_mask(segments, rows)
    distance = _state_distance(state, segments)[rows + 1]  # (N - 1, N)
    best = np.argsort(-np.where(allowed, similarity[rows], -np.inf), axis=1, kind="stable")[:, :BEST_JUMPS]
    return float(np.take_along_axis(distance, best, axis=1).mean() / distance[allowed].mean())


def _state_distance(state: npt.NDArray[np.float32], segments: Segments) -> npt.NDArray[np.float32]:
    """Mean distance of the appended frames of every two segments, (N, N)."""
    total = np.zeros((segments.count, segments.count), dtype=np.float32)
    for offset in range(segments.overlap_frames, segments.window_frames):
        shown = state[segments.starts + offset]
        total += np.linalg.norm(shown[:, None] - shown[None], axis=2).astype(np.float32)
    return total / np.float32(segments.stride_frames)


def _raw_pixels(power: float) -> Candidate:
    """Squared difference of the overlapping parts, as classic video textures compare frames.

    The k-th frame, counted from 1, weighs k**power: 0 is plain L2, 2 is what the pixel trunk does.
    """

    def similarity(frames: UInt8Frames, segments: Segments, seed: int) -> Similarity:
        flat = frames.reshape(len(frames), -1).astype(np.float32) / 255.0
        total = np.zeros((segments.count, segments.count), dtype=np.float32)
        for offset in range(segments.overlap_frames):
            query = flat[segments.starts + segments.stride_frames + offset]
            target = flat[segments.starts + offset]
            squares = (query**2).sum(axis=1)[:, None] + (target**2).sum(axis=1)[None, :]
            total += np.float32((offset + 1) ** power) * (squares - 2.0 * query @ target.T)
        return -total

    return similarity


def _after(preset: Preset, epochs: int, duplicate_share: float) -> Candidate:
    """Embeddings after a fixed number of epochs over every pair, whatever held-out figures would say."""

    def similarity(frames: UInt8Frames, segments: Segments, seed: int) -> Similarity:
        chosen = dataclasses.replace(preset, fit=dataclasses.replace(preset.fit, duplicate_share=duplicate_share))
        random = np.random.default_rng(seed)
        encoder = create_encoder(chosen, segments, (frames.shape[1], frames.shape[2]), seed=seed)
        encoder.trunk.calibrate(frames, segments, random)
        fitting = Fitting(encoder, frames, segments, chosen, random)
        for _ in range(epochs):
            fitting.epoch(positive_pairs(segments))
        query, target = fitting.embeddings()
        product: Similarity = (query @ target.T).numpy()
        return product

    return similarity


def _as_preset(frames: UInt8Frames, segments: Segments, seed: int) -> Similarity:
    """The whole of `fit` with the cpu preset: the epoch is chosen by the held-out figure."""
    encoder = fit(frames, segments, CPU, seed=seed).encoder
    fitting = Fitting(encoder, frames, segments, CPU, np.random.default_rng(seed))
    query, target = fitting.embeddings()
    product: Similarity = (query @ target.T).numpy()
    return product


EPOCHS = 20

CANDIDATES: dict[str, Candidate] = {
    "raw pixels, L2": _raw_pixels(0.0),
    "raw pixels, L2, late frames weigh more": _raw_pixels(2.0),
    "pixels, identity heads": _after(CPU, 0, 0.0),
    "pixels, heads, plain NCE": _after(CPU, EPOCHS, 0.0),
    "pixels, heads, NCE without duplicates": _after(CPU, EPOCHS, CPU.fit.duplicate_share),
    "cpu preset, epoch chosen": _as_preset,
    "random SlowFast, identity heads": _after(SMALL_SLOWFAST, 0, 0.0),
    "random SlowFast, heads, plain NCE": _after(SMALL_SLOWFAST, EPOCHS, 0.0),
    "random SlowFast, heads, NCE without duplicates": _after(SMALL_SLOWFAST, EPOCHS, CPU.fit.duplicate_share),
}


def _drawn(scene: Scene) -> UInt8Frames:
    """The scene's frames at the cpu preset's size."""
    size = CPU.frame_size(scene.width, scene.height)
    return np.stack(
        [cv2.resize(scene.frame(index), size, interpolation=cv2.INTER_AREA) for index in range(scene.frame_count)]
    ).astype(np.uint8)


def strings(seed: int) -> Scene:
    """A short, small zither."""
    return Strings(StringsSettings(seconds=40.0, width=256, height=144, seed=seed))


def measure(seeds: Sequence[int], scene_of: Callable[[int], Scene] = strings) -> dict[str, dict[str, list[float]]]:
    """State error and seconds of every candidate, and the oracle's, one figure per seed."""
    found: dict[str, dict[str, list[float]]] = {}
    for seed in seeds:
        scene = scene_of(seed)
        frames, state = _drawn(scene), scene.state()
        segments = Segments.of_clip(scene.frame_count, scene.rate_hz)
        oracle = -np.roll(_state_distance(state, segments), -1, axis=0)  # row i: from its successor
        for name, candidate in {"oracle": lambda *_, best=oracle: best, **CANDIDATES}.items():
            began_s = time.perf_counter()
            with torch_threads(1):  # see models.fit; and seconds that do not depend on the machine's load
                similarity = candidate(frames, segments, seed)
            error = state_error(similarity, state, segments)
            row = found.setdefault(name, {"state_error": [], "seconds": []})
            row["state_error"].append(round(error, 4))
            row["seconds"].append(round(time.perf_counter() - began_s, 2))
    return found


def table(found: dict[str, dict[str, list[float]]]) -> str:
    """The figures as a Markdown table, the best candidate first."""
    lines = ["| features | state error, share of random | per seed | s |", "|---|---|---|---|"]
    for name, row in sorted(found.items(), key=lambda item: np.mean(item[1]["state_error"])):
        seeds = " ".join(f"{error:.3f}" for error in row["state_error"])
        lines.append(f"| {name} | {np.mean(row['state_error']):.3f} | {seeds} | {np.median(row['seconds']):.1f} |")
    return "\n".join(lines)


def run(json_path: Path | None = None, seeds: Sequence[int] = (0, 1, 2)) -> None:
    """Measure, print the table, and write the figures as JSON where a path is given."""
    found = measure(seeds)
    sys.stdout.write(table(found) + "\n")
    if json_path is not None:
        json_path.write_text(json.dumps({"seeds": list(seeds), "features": found}, indent=2) + "\n")
