"""From a clip to a texture folder: the stages in their order, each told and timed, written atomically."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from export.embed import embed
from export.engine import Engine
from export.hear import hear
from export.onnxruntime_engine import OnnxRuntimeEngine
from models.media import printable
from models.progress import Progress, silent
from models.seam import Judge
from models.segments import Segments
from models.sound_windows import Sound
from models.steadying import CameraMotion, camera_motion
from stream.arrays import write_arrays
from stream.attack import ATTACK, write_attack
from stream.bridge_build import BridgeSettings, build_bridges
from stream.build_report import BuildReport, notes
from stream.errors import TextureError
from stream.folder import new_folder
from stream.graph import Graph
from stream.ingest import IngestedVideo, ingest
from stream.jump_judge import JumpJudge
from stream.liveliness import Liveliness, Tempo
from stream.manifest import ClipFacts, Manifest, Provenance, SegmentFacts, VideoFacts, WalkFacts
from stream.player import JUMPS_PER_MINUTE
from stream.renditions import lighter_formats, store_renditions
from stream.scratch import zeros
from stream.seen_seams import walk_and_look
from stream.sound import read_sound, write_track
from stream.sound_embedding import SoundBuilder, mono_16k, segment_ends_s
from stream.texture import (
    EMBEDDINGS,
    ENCODER,
    MANIFEST,
    SOUND,
    SOUND_NETWORK,
    VIDEO,
    WALK,
    sha256_of,
)
from stream.walk_file import write_walk


class EncoderBuilder(Protocol):
    """What fits and exports a clip's encoder; handed in, so that this package needs no torch."""

    @property
    def steadies(self) -> bool:
        """Whether it wants to see the clip as if its camera had stood still."""

    def frame_size(self, width_px: int, height_px: int) -> tuple[int, int]:
        """(width, height) at which it wants to see the clip."""

    def build(
        self,
        frames: npt.NDArray[np.uint8],
        segments: Segments,
        onnx_path: Path,
        judge: Judge | None = None,
        progress: Progress = silent,
    ) -> dict[str, Any]:
        """Fit, write the ONNX file, and report (JSON-able); `judge` says how much jumps by some embeddings show."""


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
    sound_builder: SoundBuilder | None = None,
    overwrite: bool = False,
    bridge_settings: BridgeSettings | None = None,
    with_renditions: bool = True,
    open_engine: Callable[[Path], Engine] = OnnxRuntimeEngine,
    progress: Progress = silent,
) -> BuildReport:
    """Make the texture folder `out` of a clip. Whatever happens, `out` is afterwards whole or as it was.

    Args:
        provenance: what the manifest says of how it was made.
        sound_builder: makes the network by which live sound steers, if the clip has sound; without it, none can.
        overwrite: whether an existing texture may be replaced.
        bridge_settings: how jumps are bridged; by default as far as they leap, by what is best without a network.
        with_renditions: whether viewers behind narrow links get smaller pictures, which add about a third to its size.
        open_engine: what runs the networks, given a network's file.
        progress: told each stage and how far it is.

    Raises:
        ClipError: the clip cannot be made into a texture.
        TextureError: the folder cannot be written.
    """
    if out.exists() and overwrite and not (out / MANIFEST).is_file():
        raise TextureError(f"{out}: is no texture, and so not replaced; choose another name")
    stages, bridging = _Stages(progress), bridge_settings or BridgeSettings()
    with new_folder(out, overwrite=overwrite) as folder:
        with stages.stage("encode video") as on_progress:
            video = ingest(clip, folder / VIDEO, builder.frame_size, on_progress)
        rate_hz = video.format.rate_hz
        with stages.stage("encode sound"):
            sound_notes: list[str] = []
            sound = _encode_sound(clip, folder / SOUND, video, sound_notes.append)
            video = replace(video, notes=(*video.notes, *sound_notes))
        heard, sound_report = dict[str, npt.NDArray[np.float32]](), None
        if sound is not None and sound_builder is not None:
            with stages.stage("embed sound") as on_progress:
                ends_s = segment_ends_s(video.segments, rate_hz)
                sound_report = sound_builder.build(sound, ends_s, folder / SOUND_NETWORK, on_progress)
                with open_engine(folder / SOUND_NETWORK) as engine:
                    heard["audio"] = hear(engine, sound, ends_s, on_progress)
        compared, camera = video.analysis, None
        if builder.steadies:
            with stages.stage("steady the camera") as on_progress:
                compared, camera = _steadied(video, folder, on_progress)
        with stages.stage("fit encoder") as on_progress:
            tempo = Tempo(float(video.segments.stride_frames / rate_hz), float(bridging.usual_frames / rate_hz))
            judge = JumpJudge(video.analysis, video.segments, tempo, JUMPS_PER_MINUTE, camera)
            encoder_report = builder.build(compared, video.segments, folder / ENCODER, judge, on_progress)
        with stages.stage("embed segments") as on_progress:
            embedded = _embed(folder, compared, video.segments, open_engine, on_progress)
            query, target, place_share = judge.placed(*embedded)
            graph = Graph.of_embeddings(query, target, video.segments)
            embeddings = {"query": query, "target": target}
            write_arrays(embeddings | heard, folder / EMBEDDINGS)
            write_attack(video.analysis, video.segments, folder / ATTACK)
        with stages.stage("solve liveliness"):
            seen, usual = walk_and_look(graph, tempo, JUMPS_PER_MINUTE, judge.look)
            write_walk(usual.transitions, seen, folder / WALK)
            repetition = judge.repetition(usual.transitions, np.random.default_rng(provenance.seed))
        with stages.stage("make bridges") as on_progress:
            built = build_bridges(
                folder, video, usual.transitions, bridging, open_engine=open_engine, progress=on_progress
            )
            tempo = Tempo(tempo.stride_s, float(built.facts.mean_frames / rate_hz))  # as it turned out
            usual = Liveliness.of_transitions(usual.transitions, tempo)
        with stages.stage("encode renditions") as on_progress:
            renditions = store_renditions(folder, lighter_formats(video.format), on_progress) if with_renditions else ()
        shake = 0.0 if camera is None else camera.shake
        with stages.stage("finish"):
            manifest = Manifest(
                clip=_clip_facts(printable(clip.name), video, shake, has_sound=sound is not None),
                segments=SegmentFacts(
                    count=video.segments.count,
                    window_frames=video.segments.window_frames,
                    stride_frames=video.segments.stride_frames,
                ),
                video=VideoFacts(crf=video.format.crf, colour=video.format.colour, bridge_frames=bridging.usual_frames),
                walk=WalkFacts(jumps_per_minute=usual.jumps_per_minute, place_share=place_share, repetition=repetition),
                bridges=built.facts,
                renditions=renditions,
                encoder=encoder_report,
                sound=sound_report,
                provenance=provenance,
                sha256={
                    file.relative_to(folder).as_posix(): sha256_of(file)
                    for file in sorted(folder.rglob("*"))
                    if file.is_file()
                },
            )
            (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
    told = (*video.notes, *notes(encoder_report, sound_report, repetition, shake, place_share), *built.notes)
    return BuildReport(
        stages.seconds, told, video.segments.count, built.stored, built.coverage, encoder_report, sound_report
    )


def _encode_sound(path: Path, out: Path, video: IngestedVideo, tell: Callable[[str], None]) -> Sound | None:
    """Store the clip's sound; returns it as sound networks hear it, on disk, or None if there is none."""
    duration_s = float(video.segments.frame_count / video.format.rate_hz)
    sound = read_sound(path, timeline=video.timeline, duration_s=duration_s, scratch=out.parent, tell=tell)
    if sound is None:
        return None
    write_track(sound, out)
    return mono_16k(sound, scratch=out.parent)


def _steadied(
    video: IngestedVideo, folder: Path, progress: Progress
) -> tuple[npt.NDArray[np.uint8], CameraMotion | None]:
    """What is compared, and how the camera moved; what is shown remains as it is."""
    camera = camera_motion(video.grey, video.segments, progress)
    if camera is None:
        return video.analysis, None
    return camera.steadied(video.analysis, zeros(video.analysis.shape, np.uint8, folder)), camera


def _embed(
    folder: Path,
    frames: npt.NDArray[np.uint8],
    segments: Segments,
    open_engine: Callable[[Path], Engine],
    progress: Progress,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    with open_engine(folder / ENCODER) as engine:
        return embed(engine, frames, segments, progress)


def _clip_facts(name: str, video: IngestedVideo, shake: float, *, has_sound: bool) -> ClipFacts:
    return ClipFacts(
        name=name,
        width=video.format.width,
        height=video.format.height,
        rate_hz=video.format.rate_hz,
        frame_count=video.segments.frame_count,
        cuts=video.segments.cuts,
        has_sound=has_sound,
        shake=round(shake, 4),
        notes=video.notes,
    )
