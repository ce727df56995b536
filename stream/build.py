"""From a clip to a texture folder: the stages in their order, each told and timed, written atomically."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from safetensors.numpy import save_file

from export.embed import embed
from export.onnxruntime_engine import OnnxRuntimeEngine
from models.progress import Progress, silent
from models.segments import Segments
from stream.bridges import BRIDGE_FRAMES, bridge_pictures
from stream.clip import Clip
from stream.errors import ClipError
from stream.folder import new_folder
from stream.graph import Graph, Transitions, allowed_transitions, similarity_matrix
from stream.h264 import GopFile, GopFileWriter, VideoFormat, colour_of
from stream.liveliness import Liveliness, Tempo
from stream.manifest import ClipFacts, Manifest, Provenance, SegmentFacts, VideoFacts, WalkFacts
from stream.player import JUMPS_PER_MINUTE
from stream.sound import read_sound, write_track
from stream.texture import (
    BRIDGES_INDEX,
    BRIDGES_VIDEO,
    EMBEDDINGS,
    ENCODER,
    MANIFEST,
    SOUND,
    VIDEO,
    sha256_of,
)

CRF = 22
MOST_SEGMENTS = 6000  # 20 minutes; the matrices grow with the square
STORED_COVERAGE = 0.8  # of the jumps, by their bridges; what is rare may be made while playing
STILL_LEVELS = 1.0  # of 255: a clip whose liveliest pixels vary less than this shows nothing but itself


class EncoderBuilder(Protocol):
    """What fits and exports a clip's encoder; handed in, so that this package needs no torch."""

    def frame_size(self, width_px: int, height_px: int) -> tuple[int, int]:
        """(width, height) at which it wants to see the clip."""

    def build(
        self, frames: npt.NDArray[np.uint8], segments: Segments, onnx_path: Path, progress: Progress
    ) -> dict[str, Any]:
        """Fit, write the ONNX file, and report (JSON-able)."""


@dataclass(frozen=True)
class BuildReport:
    """What a build did.

    Attributes:
        seconds: by stage.
        notes: what was changed when the clip was read.
        segments: how many (N).
        bridges: how many were stored.
        bridge_coverage: share of the jumps, at the default liveliness, whose bridge is stored.
        encoder: the encoder's own report.
    """

    seconds: dict[str, float]
    notes: tuple[str, ...]
    segments: int
    bridges: int
    bridge_coverage: float
    encoder: dict[str, Any]


@dataclass(frozen=True)
class _Video:
    format: VideoFormat
    segments: Segments
    analysis: npt.NDArray[np.uint8]  # (F, h, w, 3) RGB
    first_picture_time_s: float
    notes: tuple[str, ...]


@dataclass
class _Stages:
    """Times the stages, and passes on how far each is."""

    progress: Progress
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[Progress]:
        began = time.perf_counter()
        self.progress(name, 0.0)
        yield lambda _, done: self.progress(name, done)
        self.progress(name, 1.0)
        self.seconds[name] = round(time.perf_counter() - began, 3)


def build_texture(
    clip: Path,
    out: Path,
    builder: EncoderBuilder,
    *,
    provenance: Provenance,
    overwrite: bool = False,
    bridge_frames: int = BRIDGE_FRAMES,
    progress: Progress = silent,
) -> BuildReport:
    """Make the texture folder `out` of a clip. Whatever happens, `out` is afterwards whole or as it was.

    Args:
        provenance: what the manifest says of how it was made.
        overwrite: whether an existing texture may be replaced.
        bridge_frames: interpolated pictures per jump; 0 for plain cuts.
        progress: told each stage and how far it is.

    Raises:
        ClipError: the clip cannot be made into a texture.
        TextureError: the folder cannot be written.
    """
    stages = _Stages(progress)
    with new_folder(out, overwrite=overwrite) as folder:
        with stages.stage("encode video") as on_progress:
            video = _encode_video(clip, folder / VIDEO, builder, on_progress)
        rate_hz = video.format.rate_hz
        with stages.stage("encode sound"):
            has_sound = _encode_sound(clip, folder / SOUND, video)
        with stages.stage("fit encoder") as on_progress:
            encoder_report = builder.build(video.analysis, video.segments, folder / ENCODER, on_progress)
        with stages.stage("embed segments") as on_progress:
            graph = _embed(folder, video, on_progress)
        with stages.stage("solve liveliness"):
            tempo = Tempo(float(video.segments.stride_frames / rate_hz), float(bridge_frames / rate_hz))
            usual = Liveliness.at_rate(graph, tempo, JUMPS_PER_MINUTE)
        with stages.stage("make bridges") as on_progress:
            bridges, coverage = _make_bridges(folder, video, usual.transitions, bridge_frames, on_progress)
        with stages.stage("finish"):
            manifest = Manifest(
                clip=_clip_facts(clip.name, video, has_sound=has_sound),
                segments=SegmentFacts(
                    count=video.segments.count,
                    window_frames=video.segments.window_frames,
                    stride_frames=video.segments.stride_frames,
                ),
                video=VideoFacts(crf=video.format.crf, colour=video.format.colour, bridge_frames=bridge_frames),
                walk=WalkFacts(jumps_per_minute=usual.jumps_per_minute, weighting=usual.weighting),
                encoder=encoder_report,
                provenance=provenance,
                sha256={
                    str(file.relative_to(folder)): sha256_of(file)
                    for file in sorted(folder.rglob("*"))
                    if file.is_file()
                },
            )
            (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return BuildReport(stages.seconds, video.notes, video.segments.count, bridges, coverage, encoder_report)


def _encode_video(path: Path, out: Path, builder: EncoderBuilder, progress: Progress) -> _Video:
    """One pass over the clip: the GOP-aligned video, the small pictures for the encoder, and the cuts."""
    with Clip(path) as clip:
        plan = Segments.of_clip(0, clip.rate_hz)
        frames = clip.frames()
        first = next(frames)
        width, height = first.picture.width, first.picture.height
        video_format = VideoFormat(width, height, clip.rate_hz, plan.stride_frames, CRF, colour_of(first.picture))
        analysis_size = builder.frame_size(width, height)
        analysis, cuts = [], []
        # The first segment appends only what is not in its overlap: the frames before are never played.
        with GopFileWriter(out, video_format) as writer:
            for frame in _chain(first, frames):
                analysis.append(_small(frame.picture, analysis_size))
                if frame.is_cut:
                    cuts.append(frame.index)
                if frame.index >= plan.overlap_frames:
                    writer.write(frame.picture)
                if clip.expected_frames:
                    progress("", min(1.0, frame.index / clip.expected_frames))
            if frame.index + 1 < plan.window_frames + plan.stride_frames:
                raise _too_short(path, frame.index + 1, plan, clip.rate_hz)
        segments = Segments.of_clip(len(analysis), clip.rate_hz, tuple(cuts))
        pictures = np.stack(analysis)
        _check_moves(path, pictures)
        _check_length(path, segments)
        return _Video(video_format, segments, pictures, clip.first_picture_time_s, tuple(clip.notes))


def _encode_sound(path: Path, out: Path, video: _Video) -> bool:
    duration_s = float(video.segments.frame_count / video.format.rate_hz)
    sound = read_sound(path, starts_s=video.first_picture_time_s, duration_s=duration_s)
    if sound is not None:
        write_track(sound, out)
    return sound is not None


def _embed(folder: Path, video: _Video, progress: Progress) -> Graph:
    with OnnxRuntimeEngine(folder / ENCODER) as engine:
        query, target = embed(engine, video.analysis, video.segments, progress)
    save_file({"query": query, "target": target}, folder / EMBEDDINGS)
    return Graph(similarity_matrix(query, target), allowed_transitions(video.segments))


def _make_bridges(
    folder: Path, video: _Video, transitions: Transitions, bridge_frames: int, progress: Progress
) -> tuple[int, float]:
    """Store the bridges that a walk at the default liveliness needs for most of its jumps.

    At most one per segment; the others are made ahead of the playhead when they are needed first.
    """
    edges = transitions.edges_by_traffic()
    if not bridge_frames or not edges:
        return 0, 0.0
    total = sum(share for *_, share in edges)
    covered = np.cumsum([share for *_, share in edges]) / total
    chosen = edges[: min(video.segments.count, int(np.searchsorted(covered, STORED_COVERAGE)) + 1)]
    source = GopFile(folder / VIDEO)
    (folder / BRIDGES_VIDEO).parent.mkdir()
    rows = []
    with GopFileWriter(folder / BRIDGES_VIDEO, video.format) as writer:
        for done, (previous, segment, _) in enumerate(chosen):
            rows.append({"from": previous, "to": segment, "first_picture": writer.frames_written})
            for index, picture in enumerate(
                bridge_pictures(source, video.segments, (previous, segment), bridge_frames)
            ):
                writer.write(picture, starts_gop=index == 0)
            progress("", (done + 1) / len(chosen))
    source.close()
    (folder / BRIDGES_INDEX).write_text(json.dumps({"bridges": rows}), encoding="utf-8")
    return len(chosen), round(sum(share for *_, share in chosen) / total, 4)


def _chain(first: Any, rest: Iterator[Any]) -> Iterator[Any]:
    yield first
    yield from rest


def _small(picture: Any, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    small = picture.reformat(width=size[0], height=size[1], format="rgb24", interpolation="AREA")
    return np.asarray(small.to_ndarray(), np.uint8)


def _clip_facts(name: str, video: _Video, *, has_sound: bool) -> ClipFacts:
    return ClipFacts(
        name=name,
        width=video.format.width,
        height=video.format.height,
        rate_hz=video.format.rate_hz,
        frame_count=video.segments.frame_count,
        cuts=video.segments.cuts,
        has_sound=has_sound,
        notes=video.notes,
    )


def _too_short(path: Path, frames: int, plan: Segments, rate_hz: Fraction) -> ClipError:
    needed = plan.window_frames + plan.stride_frames
    return ClipError(
        f"{path}: too short, {frames} frames ({frames / float(rate_hz):.2f} s); a texture needs two segments, "
        f"{needed} frames ({needed / float(rate_hz):.2f} s), and gets good from 20 s on"
    )


def _check_moves(path: Path, pictures: npt.NDArray[np.uint8]) -> None:
    sample = pictures[:: max(1, len(pictures) // 200)].astype(np.float32)
    if np.quantile(sample.std(axis=0), 0.999) < STILL_LEVELS:
        raise ClipError(f"{path}: every frame shows the same picture; a clip in which something moves is needed")


def _check_length(path: Path, segments: Segments) -> None:
    if segments.count > MOST_SEGMENTS:
        raise ClipError(
            f"{path}: {segments.count} segments, at most {MOST_SEGMENTS} (20 minutes) can be walked over; "
            "cut it with `ffmpeg -i IN -t 1200 -c copy OUT.mp4`"
        )
    clean = segments.clean
    if not (clean[:-1] & clean[1:]).any():
        raise ClipError(f"{path}: a hard cut at least every {segments.window_frames} frames; a calmer clip is needed")
