"""The texture folder: opening it with checks, and reaching what is in it.

`NAME.texture/` holds manifest.json, video.mp4 (one closed GOP for each segment), audio.opus and sound.onnx (if
the clip has sound), embeddings.safetensors, walk.safetensors, encoder.onnx, interpolator.onnx (if a network may make
bridges), bridge_ends.safetensors, bridges/ (bridges.mp4 with index.json), and renditions/ (the same pictures smaller,
for narrow links). It is complete: copy the folder, and it plays on a machine without torch.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file

from models.segments import Segments
from stream.bridge_lengths import BridgeLengths
from stream.errors import TextureError
from stream.graph import Graph
from stream.h264 import GopFile, VideoFormat
from stream.liveliness import Liveliness, Tempo
from stream.manifest import Manifest
from stream.reel import Unit, gop_units
from stream.renditions import Rendition, mean_bit_s
from stream.seen_seams import SeenSeams
from stream.sound import Track
from stream.texture_folder import (
    BRIDGE_ENDS,
    BRIDGES_INDEX,
    BRIDGES_VIDEO,
    EMBEDDINGS,
    ENCODER,
    INTERPOLATOR,
    MANIFEST,
    SOUND,
    SOUND_NETWORK,
    VIDEO,
    WALK,
    first_line,
    read_manifest,
    sha256_of,
    texture_name,
    verify_files,
)
from stream.transitions import Transitions
from stream.walk_file import read_walk

__all__ = [
    "BRIDGES_INDEX", "BRIDGES_VIDEO", "BRIDGE_ENDS", "EMBEDDINGS", "ENCODER", "INTERPOLATOR", "MANIFEST", "SOUND",
    "SOUND_NETWORK", "VIDEO", "WALK", "StoredBridge", "Texture", "read_manifest", "sha256_of",
]  # fmt: skip


class StoredBridge(NamedTuple):
    """Where a bridge is in `Texture.bridges_video`."""

    first: int
    frames: int


@dataclass(frozen=True)
class Texture:
    """An open texture; a context manager.

    Attributes:
        path: the folder.
        manifest: what it says of itself.
        segments: how its clip is divided.
        video: the GOPs of the segments, by picture.
        bridges_video: the stored bridges' pictures.
        bridge_index: for each stored (from, to), where its pictures are in `bridges_video`.
        track: the sound, or None.
        renditions: the lighter ones, the largest first.
    """

    path: Path
    manifest: Manifest
    segments: Segments
    video: GopFile
    bridges_video: GopFile | None
    bridge_index: dict[tuple[int, int], StoredBridge]
    track: Track | None
    renditions: tuple[Rendition, ...] = ()

    def __enter__(self) -> Texture:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of its files."""
        self.video.close()
        if self.bridges_video is not None:
            self.bridges_video.close()
        for rendition in self.renditions:
            rendition.close()

    @classmethod
    def open(cls, path: Path, *, verify: bool = True) -> Texture:
        """Open and check a folder.

        Args:
            verify: read each file once to compare its checksum (about 0.5 s per GB).

        Raises:
            TextureError: it is missing, incomplete, damaged, or of another version.
        """
        manifest = read_manifest(path)
        if verify:
            verify_files(path, manifest)
        index = _bridge_index(path, manifest.video.bridge_frames) if BRIDGES_INDEX in manifest.sha256 else {}
        video, bridges_video = GopFile(path / VIDEO), GopFile(path / BRIDGES_VIDEO) if index else None
        texture = cls(
            path, manifest, manifest.segmentation(), video, bridges_video, index,
            Track(path / SOUND) if manifest.clip.has_sound else None,
            tuple(Rendition.open(path, each, manifest, video, bridges_video) for each in manifest.renditions),
        )  # fmt: skip
        texture._check_consistency()
        return texture

    @property
    def name(self) -> str:
        """What to call it on screen."""
        return texture_name(self.path)

    @property
    def tempo(self) -> Tempo:
        """How long steps and bridges take."""
        manifest, rate_hz = self.manifest, float(self.manifest.clip.rate_hz)
        bridge_frames = manifest.video.bridge_frames if manifest.bridges is None else manifest.bridges.mean_frames
        return Tempo(self.segments.stride_frames / rate_hz, bridge_frames / rate_hz)

    @cached_property
    def embeddings(self) -> dict[str, npt.NDArray[np.float32]]:
        """`query` and `target`, each (N, D), and `audio` (N, A) where the clip has sound that can be compared.

        Raises:
            TextureError: they are missing or of another size.
        """
        path = self.path / EMBEDDINGS
        try:
            arrays = load_file(path)
        except (OSError, SafetensorError) as error:
            raise TextureError(f"{path}: not readable ({error}); copy the texture again, or fit it again") from error
        for name in ("query", "target"):
            if name not in arrays or len(arrays[name]) != self.segments.count:
                raise TextureError(
                    f"{path}: no {name!r} for {self.segments.count} segments in it; fit the texture again"
                )
        audio = arrays.get("audio")
        if audio is not None and (audio.ndim != 2 or len(audio) != self.segments.count):
            raise TextureError(f"{path}: its 'audio' is not for {self.segments.count} segments; fit it again")
        return {name: array.astype(np.float32) for name, array in arrays.items()}

    @property
    def sound_embeddings(self) -> npt.NDArray[np.float32] | None:
        """The clip's own sound where each segment ends, float32 (N, A) of norm 1; None if it has none.

        `sound_network` embeds other sounds so that they can be compared with it.

        Raises:
            TextureError: they are of another size.
        """
        return self.embeddings.get("audio")

    @property
    def sound_network(self) -> Path | None:
        """The network that embeds sound (`export.hear`), or None if the texture has none."""
        return self.path / SOUND_NETWORK if SOUND_NETWORK in self.manifest.sha256 else None

    @cached_property
    def graph(self) -> Graph:
        """Its transition graph."""
        arrays = self.embeddings
        return Graph.of_embeddings(arrays["query"], arrays["target"], self.segments)

    @cached_property
    def _stored_walk(self) -> tuple[Transitions, SeenSeams]:
        return read_walk(self.path / WALK, self.segments.count)

    def usual_liveliness(self) -> Liveliness:
        """How it is walked unless told otherwise; nothing has to be solved for it."""
        return Liveliness.of_transitions(self._stored_walk[0], self.tempo)

    def liveliness(self, jumps_per_minute: float) -> Liveliness:
        """How it is walked at another rate: solved, with regard to what was seen when it was made.

        Raises:
            ValueError: jumps_per_minute is not above 0, or not finite.
        """
        return Liveliness.at_rate(self._stored_walk[1].seen_in(self.graph), self.tempo, jumps_per_minute)

    @property
    def formats(self) -> tuple[VideoFormat, ...]:
        """Of the renditions, the full one first."""
        return self.manifest.video_format(), *(rendition.form for rendition in self.renditions)

    @property
    def bit_s(self) -> tuple[int, ...]:
        """What the pictures of each rendition take on average, in bits per second, the full one first."""
        lighter = (facts.bit_s for facts in self.manifest.renditions)
        return mean_bit_s(self.video, self.manifest.video_format()), *lighter

    def gop(self, segment: int) -> list[bytes]:
        """The access units that stepping to `segment` plays."""
        stride = self.segments.stride_frames
        return self.video.units(segment * stride, stride)

    def units(self, segment: int) -> list[Unit]:
        """The same in all renditions."""
        first, count = segment * self.segments.stride_frames, self.segments.stride_frames
        lighter = (rendition.video.units(first, count) for rendition in self.renditions)
        return gop_units(self.gop(segment), *lighter, first_frame=self.segments.first_appended_frame(segment))

    @property
    def bridges_by(self) -> str:
        """The interpolator that made the stored bridges."""
        return "flow" if self.manifest.bridges is None else self.manifest.bridges.stored_by

    @property
    def interpolator_network(self) -> Path | None:
        """The network that makes pictures between two, or None if the texture has none."""
        return self.path / INTERPOLATOR if INTERPOLATOR in self.manifest.sha256 else None

    def bridge_frames(self, previous: int, segment: int) -> int:
        """How many pictures the bridge of a jump has; 0 for a plain cut."""
        if self.manifest.bridges is None or not self.manifest.bridges.by_distance:
            return self.manifest.video.bridge_frames
        return int(self._bridge_lengths.frames([previous], [segment])[0])

    @cached_property
    def _bridge_lengths(self) -> BridgeLengths:
        return BridgeLengths.read(self.path / BRIDGE_ENDS, self.segments.count)

    def stored_bridge(self, previous: int, segment: int) -> list[Unit] | None:
        """The pictures of the bridge between two segments, if it was made with the texture."""
        stored = self.bridge_index.get((previous, segment))
        if stored is None or self.bridges_video is None:
            return None
        lighter = (each.bridges_video.units(*stored) for each in self.renditions if each.bridges_video is not None)
        return gop_units(self.bridges_video.units(*stored), *lighter)

    def _check_consistency(self) -> None:
        needed = self.segments.count * self.segments.stride_frames
        if self.segments.count != self.manifest.segments.count or len(self.video) < needed:
            raise TextureError(
                f"{self.path}: the video has {len(self.video)} pictures, its {self.manifest.segments.count} "
                f"segments need {needed}; copy the texture again, or fit it again"
            )
        if not set(range(0, needed, self.segments.stride_frames)) <= set(self.video.keyframes):
            raise TextureError(f"{self.path / VIDEO}: not one IDR for each segment; fit the texture again")
        if self.manifest.bridges is not None and self.manifest.bridges.by_distance:
            self._bridge_lengths  # noqa: B018 - read now, so that what is damaged is told when it is opened
        most = self.segments.count
        pictures = len(self.bridges_video) if self.bridges_video is not None else 0
        for edge, (first, frames) in self.bridge_index.items():
            if not (0 <= min(edge) <= max(edge) < most and frames > 0 and 0 <= first <= pictures - frames):
                raise TextureError(f"{self.path / BRIDGES_INDEX}: names what is not there; fit the texture again")


def _bridge_index(path: Path, usual_frames: int) -> dict[tuple[int, int], StoredBridge]:
    file = path / BRIDGES_INDEX
    try:
        rows = json.loads(file.read_text(encoding="utf-8"))["bridges"]
        return {
            (int(row["from"]), int(row["to"])): StoredBridge(
                int(row["first_picture"]), int(row.get("frames", usual_frames))
            )
            for row in rows
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TextureError(f"{file}: damaged ({first_line(error)}); fit the texture again") from error
