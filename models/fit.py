"""Fitting the video-specific bi-gram model on one clip."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch

from models.encoder import ContrastiveEncoder, create_encoder
from models.errors import FitError
from models.evaluation import Evaluation
from models.fitting import Fitting
from models.group import Group, group_of
from models.keeping import best_epoch, last_epoch, unless_they_show
from models.launch import Launch, launch_for
from models.mixture import choose_mixture
from models.pixels import describe
from models.preset import Preset, SlowFastSettings
from models.progress import Progress, silent
from models.report import FitReport
from models.scene_trunk import SceneTrunk
from models.seam import Judge
from models.segments import Segments
from models.split import split
from models.start import StartWeights, start_weights
from models.threads import torch_threads
from models.windows import UInt8Frames, check_frames

FIGURE_HEIGHT_PX = 16  # of the pixels in which continuations are compared


@dataclass(frozen=True)
class FitResult:
    """A fitted encoder, in evaluation mode on the CPU, and how the fit went."""

    encoder: ContrastiveEncoder
    report: FitReport


def fit(
    frames: UInt8Frames,
    segments: Segments,
    preset: Preset,
    *,
    seed: int,
    start: StartWeights | None = None,
    judge: Judge | None = None,
    progress: Progress = silent,
) -> FitResult:
    """Fit the encoders on a clip, and keep the epoch whose jumps continue best where it was not fitted.

    Epoch 0, the identity heads, is a candidate like every other where the trunk's two views differ, so a fit
    that does not help does no harm. The principal components and the mean are those of the whole clip: they
    know nothing of what follows what.

    Started by `torchrun`, the first process calls this and the others `join_fit`.

    Args:
        frames: the clip at `preset.frame_size`, uint8 RGB (F, h, w, 3).
        segments: its windows, at least 2.
        preset: sizes and settings.
        seed: of weights and draws; on the CPU, the same seed, frames and thread count give
            the same encoder.
        start: what the trunk starts from, where the preset starts from weights; the published ones if None.
        judge: says how much jumps by some embeddings show: what a preset that mixes features decides by. Without
            it, such a preset takes its first mixture.
        progress: told how far the fit is.

    Raises:
        FitError: frames of another type or shape, or too few segments; start weights that cannot be had;
            another process that was lost.

    Source:
        Narasimhan et al., section 3.2. Held-out blocks, the choice of epoch, and near-duplicates that are no
        negatives are ours.
    """
    _check(frames, segments)
    start = start or start_weights(preset, progress=progress)
    launch = launch_for(preset)
    progress("fit", 0.0)
    with group_of(launch) as group:
        group.from_first(_Job(segments, preset, seed))
        group.frames_from_first(frames)
        result = _fitted(frames, segments, preset, seed, progress, start=start, group=group, judge=judge)
    progress("fit", 1.0)
    return result


def join_fit() -> FitResult:
    """Take part in the fit that the first process of this launch leads, on its frames and with its settings.

    Returns:
        The same as `fit` returns in the first process.

    Raises:
        FitError: this is the first process, or another was lost.
    """
    launch = Launch.from_environment()
    if launch.rank == 0:
        raise FitError("the first process of a launch leads the fit: it has nobody to join")
    nothing: _Job | None = None
    with group_of(launch) as group:
        job = group.from_first(nothing)
        frames = group.frames_from_first(None)
        if job is None:
            raise FitError("the first process said nothing of what is to be fitted")
        return _fitted(frames, job.segments, job.preset, job.seed, silent, group=group)


@dataclass(frozen=True)
class _Job:
    """What the first process tells the others, beside the frames."""

    segments: Segments
    preset: Preset
    seed: int


def _fitted(
    frames: UInt8Frames,
    segments: Segments,
    preset: Preset,
    seed: int,
    progress: Progress,
    *,
    start: StartWeights | None = None,
    group: Group,
    judge: Judge | None = None,
) -> FitResult:
    random = np.random.default_rng(seed)
    laps_s: dict[str, float] = {}
    began_s = time.perf_counter()
    encoder = create_encoder(preset, segments, (frames.shape[1], frames.shape[2]), seed=seed)
    encoder.to(_device(preset, group)).eval()
    if group.rank == 0:
        if start is not None:
            start.into(encoder)
        encoder.trunk.calibrate(frames, segments, random)
    group.copy_first(encoder)
    random.bit_generator.state = group.from_first(random.bit_generator.state)
    laps_s["calibrate"] = time.perf_counter() - began_s
    scenes = encoder.trunk if isinstance(encoder.trunk, SceneTrunk) else None
    mixture = choose_mixture(scenes, frames, segments, judge, random, progress) if scenes else None
    if mixture is not None:
        encoder.trunk = mixture.trunk
    features = None if mixture is None else (mixture.query, mixture.target)
    fitting = Fitting(encoder, frames, segments, preset, random, group, features)
    laps_s["features"] = time.perf_counter() - began_s - sum(laps_s.values())
    parts = split(segments, random)
    # Steps of heads alone are too small to share: on 2 busy cores, threads that wait for each other took
    # between 1.5 and 64 s for what one does in 2 (docs/log.md, 2026-11-22).
    with torch_threads(torch.get_num_threads() if fitting.trained else 1):
        if len(parts.held_out):
            described = describe(frames, FIGURE_HEIGHT_PX)
            evaluation = Evaluation(described, segments, parts.held_out, preset.fit.temperature)
            outcome = best_epoch(fitting, evaluation, parts.fitted, preset, progress)
        else:
            outcome = last_epoch(fitting, parts.fitted, preset)
    if mixture is not None:
        outcome = unless_they_show(fitting, outcome, mixture, judge)
    laps_s["epochs"] = time.perf_counter() - began_s - sum(laps_s.values())
    encoder.to("cpu").eval()
    report = FitReport(
        preset=preset.name,
        trunk=preset.trunk.kind,
        seed=seed,
        segments=segments.count,
        fitted_pairs=len(parts.fitted),
        held_out_pairs=len(parts.held_out),
        seconds={part: round(spent_s, 3) for part, spent_s in laps_s.items()},
        weights=start.name if start else "scenes" if scenes else None,
        weights_sha256=start.sha256 if start else scenes.weights_sha256 if scenes else None,
        processes=group.size,
        **vars(outcome),
    )
    return FitResult(encoder, report)


def _check(frames: UInt8Frames, segments: Segments) -> None:
    try:
        check_frames(frames, segments)
    except ValueError as error:
        raise FitError(str(error)) from error
    if segments.count < 2:
        raise FitError(
            f"{segments.frame_count} frames hold {segments.count} segments, expected at least 2: "
            f"use a clip of {segments.window_frames + segments.stride_frames} frames or more"
        )


def _device(preset: Preset, group: Group) -> torch.device:
    """The GPU for what is slow without one; heads alone fit faster than data gets there."""
    trains_trunk = isinstance(preset.trunk, SlowFastSettings) and preset.trunk.trained
    return group.device if trains_trunk else torch.device("cpu")
