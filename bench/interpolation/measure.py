"""Which interpolator makes the best bridges: on held-out pictures of real video, and on the jumps of real textures."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

from bench.interpolation.likeness import Likeness
from bench.server_process import BenchError
from models.progress import Progress, silent
from models.seam import SeamMeasure
from stream.bridge_choice import offer_of
from stream.errors import InterpolatorError
from stream.h264 import decode_gop
from stream.interpolation.choose import RANKED, Offer, by_name
from stream.interpolation.interpolator import Interpolator
from stream.interpolation.light import led
from stream.texture import Texture
from stream.walk import Walk

APART = (1, 2, 4)  # pictures from either end of a triplet to its middle
TRIPLETS = 24  # of each
JUMPS = 24  # different ones of a walk
SHOWN_JUMPS = 3  # of them, in the picture to look at
MOST_STEPS = 20_000  # in which they are looked for
SEAM_SIDE_PX = 64  # at which seams are judged, as by `bench quality`
LEAST_MOTION = 1.0  # mean difference of a triplet's ends, in levels: where nothing moves, all are alike
SEED = 0

Pictures = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Jump:
    """A jump's pictures.

    Attributes:
        around: two before it and two after.
        bridge_frames: how many the texture puts between.
    """

    around: tuple[VideoFrame, VideoFrame, VideoFrame, VideoFrame]
    bridge_frames: int


class Material:
    """What interpolators are tried on: a texture's own video.

    Attributes:
        triplets: (first, middle, last) by how many pictures the ends are from the middle.
        jumps: of its walk.
        measure: of seams, in multiples of the clip's own steps.
    """

    def __init__(self, texture: Texture) -> None:
        """Decode what is needed.

        Raises:
            BenchError: it has too little motion, or no jumps.
        """
        self.triplets = {apart: list(_triplets(texture, apart)) for apart in APART}
        self.jumps = list(_jumps(texture))
        if not (all(self.triplets.values()) and self.jumps):
            raise BenchError(f"{texture.name}: too little moves in it, or it never jumps: give another texture")
        self.measure = SeamMeasure(_small(texture), texture.segments)


class Offers:
    """The networks that a texture may be bridged by: its own, and ours even if it has another or none.

    Args:
        texture: open.
        folder: where ours may be written.
    """

    def __init__(self, texture: Texture, folder: Path) -> None:
        self._texture, self._folder = texture, folder

    def of(self, name: str) -> Offer:
        """What there is for an interpolator of some name."""
        own = offer_of(self._texture.interpolator_network)
        if name != "small" or own.kind == "small":
            return own
        from export.interpolator import export_small  # torch

        path = self._folder / "interpolator.onnx"
        if not path.exists():
            export_small(path, self._texture.manifest.clip.width, self._texture.manifest.clip.height)
        return offer_of(path)


def measure(
    paths: Sequence[Path], names: Sequence[str] = RANKED, *, progress: Progress = silent
) -> tuple[list[dict[str, object]], dict[str, dict[str, list[VideoFrame]]]]:
    """Try every interpolator on every texture.

    Returns:
        A row for each texture and interpolator, medians over triplets and jumps; and for each texture the bridges of
        its first jumps by each, for a picture to look at.
    """
    rows: list[dict[str, object]] = []
    shown: dict[str, dict[str, list[VideoFrame]]] = {}
    for done, path in enumerate(paths):
        with Texture.open(path) as texture, ExitStack() as opened:
            material = Material(texture)
            offers = Offers(texture, Path(opened.enter_context(tempfile.TemporaryDirectory())))
            bridges = shown.setdefault(texture.name, {})
            for name in names:
                try:
                    made_by = opened.enter_context(by_name(name, offers.of(name)))
                except InterpolatorError as error:
                    rows.append({"texture": texture.name, "interpolator": name, "not run": str(error)})
                    continue
                rows.append({"texture": texture.name, "interpolator": name, **_row(material, made_by)})
                bridges[name] = [picture for jump in material.jumps[:SHOWN_JUMPS] for picture in bridge(jump, made_by)]
        progress("interpolate", (done + 1) / len(paths))
    return rows, shown


def means(rows: Sequence[Mapping[str, object]]) -> list[dict[str, object]]:
    """A row for each interpolator over all textures on which it was run: the mean, of seams the geometric one."""
    names = dict.fromkeys(str(row["interpolator"]) for row in rows if "not run" not in row)
    means: list[dict[str, object]] = []
    for name in names:
        own = [row for row in rows if row["interpolator"] == name and "not run" not in row]
        keys = [key for key in own[0] if key not in ("texture", "interpolator")]
        figures = {key: [float(str(row[key])) for row in own] for key in keys}
        mean = {
            key: round(float(np.exp(np.log(values).mean()) if key.startswith("seam") else np.mean(values)), 4)
            for key, values in figures.items()
        }
        means.append({"texture": "mean", "interpolator": name, **mean})
    return means


def bridge(jump: Jump, interpolator: Interpolator) -> list[VideoFrame]:
    """All pictures of a jump, two on either side of the bridge."""
    _, last, first, _ = jump.around
    made = [] if interpolator.cuts else led(interpolator, last, first, jump.bridge_frames)
    return [*jump.around[:2], *made, *jump.around[2:]]


def _row(material: Material, interpolator: Interpolator) -> dict[str, object]:
    row: dict[str, object] = {}
    spent_s, made = 0.0, 0
    for apart, triplets in material.triplets.items():
        found = []
        for first, truth, last in triplets:
            began_s = time.process_time()
            middle = first if interpolator.cuts else led(interpolator, first, last, 1)[0]
            spent_s, made = spent_s + time.process_time() - began_s, made + 1
            found.append(Likeness.of(middle, truth))
        row[f"psnr {apart}"] = round(float(np.median([each.psnr_db for each in found])), 2)
        row[f"ssim {apart}"] = round(float(np.median([each.ssim for each in found])), 4)
    seams = []
    for jump in material.jumps:
        run = np.stack([_shrunk(picture) for picture in bridge(jump, interpolator)])
        seams.append(material.measure.along(run))
    for name in ("appearance", "flow", "leap", "combined"):
        row[f"seam {name}"] = round(float(np.median([getattr(seam, name).mean() for seam in seams])), 3)
    row["worst"] = round(float(np.median([seam.combined.max() for seam in seams])), 3)
    row["CPU ms"] = round(1000 * spent_s / max(1, made), 1)
    return row


def _triplets(texture: Texture, apart: int) -> Iterator[tuple[VideoFrame, VideoFrame, VideoFrame]]:
    """Evenly over the clip, where something moves, and no hard cut lies between."""
    length = texture.segments.stride_frames
    strides = -(-(2 * apart + 1) // length)
    last = texture.segments.count - strides
    for segment in np.unique(np.linspace(0, last, TRIPLETS).astype(int)).tolist():
        if not texture.segments.clean[segment : segment + strides].all():
            continue
        pictures = [picture for each in range(segment, segment + strides) for picture in decode_gop(texture.gop(each))]
        first, middle, end = pictures[0], pictures[apart], pictures[2 * apart]
        if np.abs(_shrunk(first).astype(np.int16) - _shrunk(end)).mean() >= LEAST_MOTION:
            yield first, middle, end


def _jumps(texture: Texture) -> Iterator[Jump]:
    """Different ones that the walk takes."""
    walk = Walk(texture.usual_liveliness().transitions, np.random.default_rng(SEED))
    seen: set[tuple[int, int]] = set()
    for _ in range(MOST_STEPS):
        step = walk.step()
        edge = step.previous, step.segment
        if not step.is_jump or edge in seen:
            continue
        seen.add(edge)
        before, after = decode_gop(texture.gop(edge[0])), decode_gop(texture.gop(edge[1]))
        yield Jump((before[-2], before[-1], after[0], after[1]), max(1, texture.bridge_frames(*edge)))
        if len(seen) == JUMPS:
            return


def _small(texture: Texture) -> Pictures:
    """The clip as seams are judged by; pictures that the video has not, at both ends, are held."""
    shown = [_shrunk(picture) for each in range(texture.segments.count) for picture in decode_gop(texture.gop(each))]
    held = texture.segments.frame_count - texture.segments.overlap_frames - len(shown)
    return np.stack([*[shown[0]] * texture.segments.overlap_frames, *shown, *[shown[-1]] * held])


def _shrunk(picture: VideoFrame) -> Pictures:
    scale = SEAM_SIDE_PX / min(picture.width, picture.height)
    size = round(picture.width * scale), round(picture.height * scale)
    rgb = picture.to_ndarray(format="rgb24")
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
