"""What the engines are compared on: a texture's own film and sound, and the walks that follow from them."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from export.embed import FRAMES, embed
from export.engine import Array, Engine
from export.hear import SAMPLES, hear
from export.onnxruntime_session import read_spec
from export.spec import NetworkSpec
from models.media import open_media
from models.segments import Segments
from models.sound_windows import windows_ending
from models.windows import gather
from stream.graph import Graph, Weighting
from stream.liveliness import Liveliness, Tempo
from stream.sound import read_sound
from stream.sound_embedding import mono_16k, segment_ends_s
from stream.texture import SOUND, VIDEO, Texture
from stream.timeline import Timeline
from stream.transitions import Transitions
from stream.walk import Walk

STEPS = 5000
SEED = 0

Result = dict[str, npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Material:
    """One network's inputs.

    Attributes:
        spec: of the network.
        segments: of the film, or of the part of it that is stored.
        tempo: of the texture's steps.
        jumps_per_minute: at which it is walked.
        frames: the film, uint8 (F, h, w, 3), for an encoder.
        sound: mono at 16 kHz (S,), for a sound network.
        ends_s: where its windows end, (K,).
    """

    spec: NetworkSpec
    segments: Segments
    tempo: Tempo
    jumps_per_minute: float
    frames: npt.NDArray[np.uint8] | None = None
    sound: npt.NDArray[np.float32] | None = None
    ends_s: npt.NDArray[np.float64] | None = None

    def run(self, engine: Engine) -> Result:
        """All embeddings, by an engine."""
        if self.frames is not None:
            query, target = embed(engine, self.frames, self.segments)
            return {"query": query, "target": target}
        if self.sound is not None and self.ends_s is not None:
            return {"embedding": hear(engine, self.sound, self.ends_s)}
        return engine.run(self.inputs(engine, 1))

    def inputs(self, engine: Engine, batch: int) -> dict[str, Array]:
        """One run's."""
        which = np.arange(batch) % self.segments.count
        if self.frames is not None:
            return {FRAMES: gather(self.frames, self.segments, which)}
        if self.sound is not None and self.ends_s is not None:
            samples = engine.spec.inputs[SAMPLES].shape[1] or 0
            return {SAMPLES: windows_ending(self.sound, self.ends_s[which], samples)}
        rng = np.random.default_rng(SEED)
        return {
            name: rng.random([size or batch for size in tensor.shape]).astype(tensor.dtype)
            for name, tensor in engine.spec.inputs.items()
        }


def material(texture: Texture, path: Path) -> Material:
    """What a network of a texture is given: its own film, its own sound, or else noise."""
    spec, segments = read_spec(path), texture.segments
    walked = (texture.tempo, texture.manifest.walk.jumps_per_minute)
    if spec.name == "encoder":
        frames = _film(texture, int(spec.fact("frame_width_px")), int(spec.fact("frame_height_px")))
        shown = texture.segments.overlap_frames  # the film starts with what the first segment appends
        cuts = tuple(cut - shown for cut in segments.cuts if cut > shown)
        stored = Segments(len(frames), segments.window_frames, segments.stride_frames, cuts)
        return Material(spec, stored, *walked, frames=frames)
    if spec.name == "sound" and texture.track is not None:
        rate_hz = texture.manifest.clip.rate_hz
        with tempfile.TemporaryDirectory() as folder:
            stereo = read_sound(
                texture.path / SOUND,
                timeline=Timeline.starting_at(0.0),
                duration_s=float(segments.frame_count / rate_hz),
                scratch=Path(folder),
            )
            sound = None if stereo is None else mono_16k(stereo)
        return Material(spec, segments, *walked, sound=sound, ends_s=segment_ends_s(segments, rate_hz))
    return Material(spec, segments, *walked)


def _film(texture: Texture, width_px: int, height_px: int) -> npt.NDArray[np.uint8]:
    with open_media(texture.path / VIDEO) as container:
        pictures = [
            cv2.resize(picture.to_ndarray(format="rgb24"), (width_px, height_px), interpolation=cv2.INTER_AREA)
            for picture in container.decode(video=0)
        ]
    return np.stack(pictures).astype(np.uint8)


def difference(first: Result, second: Result) -> float:
    """The largest of any output's component."""
    return max(float(np.abs(first[name] - second[name]).max()) for name in first)


@dataclass(frozen=True)
class Parting:
    """How two engines' walks differ.

    Attributes:
        share: of steps that lead elsewhere, from the same place by the same draw.
        first: the step at which two walks of one seed part; 0 for never.
    """

    share: float
    first: int


def walks_of(given: Material, result: Result) -> dict[str, Transitions]:
    """The matrices that some embeddings are walked by: as a texture usually is, and by the paper's weighting.

    The usual walk is solved anew for each engine; in practice it is solved once, and stored in the texture.

    Returns:
        By "usual" and "weighted"; empty for what is not walked by alone.
    """
    if "query" not in result or "target" not in result:
        return {}
    graph = Graph.of_embeddings(result["query"], result["target"], given.segments)
    usual = Liveliness.at_rate(graph, given.tempo, given.jumps_per_minute).transitions
    return {"usual": usual, "weighted": graph.transition_matrix(Weighting())}


def partings(first: dict[str, Transitions], second: dict[str, Transitions]) -> dict[str, Parting]:
    """How two engines' walks differ, by their names."""
    return {name: _parting(transitions, second[name]) for name, transitions in first.items()}


def _parting(one: Transitions, other: Transitions) -> Parting:
    start = int(np.flatnonzero(one.stationary)[0])
    led, free, leader = (Walk(which, np.random.default_rng(SEED), start) for which in (other, other, one))
    differing = parted = 0
    for step in range(1, STEPS + 1):
        led.segment = leader.segment
        wanted = leader.step().segment
        differing += led.step().segment != wanted
        if free.step().segment != wanted and not parted:
            parted = step
    return Parting(differing / STEPS, parted)
