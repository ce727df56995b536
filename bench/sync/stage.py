"""The clip that is to follow songs: its film, its sound, and what methods share, each computed once."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.quality.baselines import ClassicMethod
from bench.quality.film import Film
from bench.quality.grid import JUMPS_PER_MINUTE
from bench.quality.methods import CLASSIC_PLUS, rgb
from bench.quality.metrics import fitted_embeddings
from bench.server_process import BenchError
from bench.sync.beats import onsets_s
from bench.sync.ears import Ears, Vectors, ears_of_clip
from bench.sync.song import Plucks, resampled
from bench.sync.visual_beats import Places, visual_beats
from export.encoder import EncoderBuilder
from export.sound import SoundBuilder
from models.preset import CPU
from models.scenes.clip_file import write_clip
from models.scenes.strings import Strings
from models.seam import SeamMeasure
from models.segments import Segments
from models.sound_windows import Sound
from stream.bridges import BRIDGE_FRAMES
from stream.build import build_texture
from stream.clip import Clip
from stream.graph import Graph
from stream.liveliness import Liveliness, Tempo
from stream.provenance import provenance
from stream.sound import read_sound
from stream.sound_embedding import mono_16k, segment_ends_s
from stream.transitions import Transitions


@dataclass(frozen=True)
class Fit:
    """What `videotexture fit` makes of the pictures: embeddings (N, D), and the graph."""

    query: npt.NDArray[np.float32]
    target: npt.NDArray[np.float32]
    graph: Graph


class Stage:
    """One clip.

    Args:
        film: its frames.
        sound: its own, mono, 16 kHz, (S,).
        plucks: what is plucked in it, where that is known.
        seed: of the fit.
        clip: where the clip is as a file; it may write it into the folder that it is given.
    """

    def __init__(
        self, film: Film, sound: Sound, plucks: Plucks | None, seed: int, clip: Callable[[Path], Path]
    ) -> None:
        self.film, self.sound, self.plucks, self.seed, self._clip = film, sound, plucks, seed, clip
        self.rate_hz = float(film.rate_hz)

    @classmethod
    def of_scene(cls, scene: Strings, seed: int) -> Stage:
        """Draw the strings scene, every frame of it."""
        frames = np.stack([scene.frame(index) for index in range(scene.frame_count)])
        segments = Segments.of_clip(scene.frame_count, scene.rate_hz)
        film = Film(frames, segments, scene.rate_hz, scene.state())
        sound = resampled(scene.sound(), scene.sample_rate_hz)
        return cls(film, sound, Plucks.of(scene), seed, partial(_written, scene))

    @classmethod
    def of_clip(cls, path: Path, seed: int) -> Stage:
        """Read a clip with sound.

        Raises:
            BenchError: it has none.
            ClipError: it cannot be read.
        """
        film = Film.of_clip(path)
        with Clip(path) as clip:
            next(clip.frames())
            timeline = clip.timeline
        sound = read_sound(path, timeline=timeline, duration_s=len(film.frames) / float(film.rate_hz))
        if sound is None:
            raise BenchError(f"{path}: it has no sound, and nothing can follow a song without; give another to --clip")
        return cls(film, mono_16k(sound), None, seed, lambda _: path)

    @property
    def segments(self) -> Segments:
        """The clip's windows."""
        return self.film.segments

    @property
    def tempo(self) -> Tempo:
        """How long steps and bridges take."""
        return Tempo(self.film.stride_s, BRIDGE_FRAMES / self.rate_hz)

    @cached_property
    def _listening(self) -> tuple[Ears, str]:
        return ears_of_clip(self.sound, segment_ends_s(self.segments, self.film.rate_hz))

    @property
    def ears(self) -> Ears:
        """Through which all methods listen."""
        return self._listening[0]

    @property
    def kind_of_ears(self) -> str:
        """What they are called."""
        return self._listening[1]

    @cached_property
    def sounds(self) -> Vectors:
        """Of each segment, unit vectors (N, A)."""
        return self.ears(self.sound, segment_ends_s(self.segments, self.film.rate_hz))

    @cached_property
    def middles_s(self) -> npt.NDArray[np.float64]:
        """The time of the clip that each frame shows, (F,)."""
        return np.asarray((np.arange(len(self.film.frames)) + 0.5) / self.rate_hz, np.float64)

    def segment_at(self, frames: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """For some frames, the segment whose end is nearest to theirs."""
        behind = np.rint((frames + 1 - self.segments.window_frames) / self.segments.stride_frames)
        return np.clip(behind, 0, self.segments.count - 1).astype(np.int64)

    @cached_property
    def events(self) -> npt.NDArray[np.int64]:
        """First frames that show a pluck, where plucks are known; else those at which something begins to sound."""
        at_s = self.plucks.times_s if self.plucks is not None else onsets_s(self.sound)
        return np.searchsorted(self.middles_s, at_s).astype(np.int64)

    @cached_property
    def seam(self) -> SeamMeasure:
        """How much jumps show in it."""
        return SeamMeasure(self.film.small, self.segments)

    @cached_property
    def fit(self) -> Fit:
        """By the preset `cpu`, as the product fits."""
        query, target = fitted_embeddings(self.film, CPU, self.seed, self.tempo)
        return Fit(query, target, Graph.of_embeddings(query, target, self.segments))

    @cached_property
    def texture(self) -> Path:
        """What `videotexture fit` makes of the clip; it is gone with this object."""
        folder = Path(tempfile.mkdtemp())
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        builder, made_by = EncoderBuilder(CPU, seed=self.seed), provenance(self.seed, CPU)
        texture = folder / "stage.texture"
        build_texture(self._clip(folder), texture, builder, provenance=made_by, sound_builder=SoundBuilder())
        return texture

    @cached_property
    def transitions(self) -> Transitions:
        """The product's walk without sound: Tv of ours."""
        return Liveliness.at_rate(self.fit.graph, self.tempo, JUMPS_PER_MINUTE).transitions

    @cached_property
    def classic_transitions(self) -> Transitions:
        """Tv of the classic texture, tuned, segment by segment: Classic+ by Schödl's own walk.

        Raises:
            TextureError: it cannot be walked for ever.
        """
        return ClassicMethod(rgb, CLASSIC_PLUS).own_walk(self.film).transitions

    @cached_property
    def visual_beats(self) -> Places:
        """The frames at which motion stops in time."""
        return visual_beats(self.film.small, self.rate_hz)


def _written(scene: Strings, folder: Path) -> Path:
    path = folder / "scene.mp4"
    write_clip(scene, path)
    return path
