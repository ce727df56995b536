"""Renditions: the same pictures smaller and coarser, for viewers whose link is narrow.

Each has a GOP for each GOP of the full one, at the same place and of as many pictures, so that a viewer may go from
any to any other with each IDR. The full rendition is number 0, the lighter ones count on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation

from models.progress import Progress, silent
from stream.errors import TextureError
from stream.h264 import GopFile, VideoFormat, encode_gop
from stream.manifest import Manifest, RenditionFacts
from stream.recode import recode
from stream.reel import Unit, gop_units
from stream.texture_folder import BRIDGES_VIDEO, RENDITION_BRIDGES, RENDITION_VIDEO, VIDEO

FRACTIONS = {"half": 2, "quarter": 4}  # of the full one's width and height
COARSER_CRF = 4  # who has a narrow link would rather see it move than see it fine
SHORTEST_SIDE_PX = 120  # of smaller ones little is to be seen
ROUNDED_TO_PX = 2  # chroma has half as many


def lighter_formats(full: VideoFormat) -> dict[str, VideoFormat]:
    """The renditions that pictures of a format are given, by name, the largest first; none if they are small."""
    return {
        name: replace(
            full,
            width=_fraction(full.width, divisor),
            height=_fraction(full.height, divisor),
            crf=min(51, full.crf + COARSER_CRF),
        )
        for name, divisor in FRACTIONS.items()
        if min(full.width, full.height) >= divisor * SHORTEST_SIDE_PX
    }


def _fraction(side_px: int, divisor: int) -> int:
    return round(side_px / divisor / ROUNDED_TO_PX) * ROUNDED_TO_PX


def encode_units(pictures: Sequence[VideoFrame], formats: Sequence[VideoFormat]) -> list[Unit]:
    """One GOP of pictures of the first format's size, in all formats."""
    return gop_units(*(encode_gop([scaled(each, form) for each in pictures], form) for form in formats))


def scaled(picture: VideoFrame, form: VideoFormat) -> VideoFrame:
    """A picture in a format's size."""
    if (picture.width, picture.height) == (form.width, form.height):
        return picture
    return picture.reformat(form.width, form.height, interpolation=Interpolation.AREA)


def store_renditions(
    folder: Path, formats: Mapping[str, VideoFormat], progress: Progress = silent
) -> tuple[RenditionFacts, ...]:
    """Encode the videos in a texture's folder once more in each of some formats.

    Args:
        formats: by name, the largest first.

    Raises:
        TextureError: they cannot be decoded.
    """
    stored = []
    for number, (name, form) in enumerate(formats.items()):
        video = folder / RENDITION_VIDEO.format(name)
        video.parent.mkdir(exist_ok=True)
        recode(folder / VIDEO, video, form)
        if (folder / BRIDGES_VIDEO).exists():
            recode(folder / BRIDGES_VIDEO, folder / RENDITION_BRIDGES.format(name), form)
        with GopFile(video) as written:
            bit_s = mean_bit_s(written, form)
        stored.append(RenditionFacts(name=name, width=form.width, height=form.height, crf=form.crf, bit_s=bit_s))
        progress("", (number + 1) / len(formats))
    return tuple(stored)


def mean_bit_s(video: GopFile, form: VideoFormat) -> int:
    """What a video takes on average, in bits per second."""
    return max(1, round(8 * video.size_bytes / len(video) * form.rate_hz))


@dataclass(frozen=True)
class Rendition:
    """One of a texture's lighter renditions, open.

    Attributes:
        name: what it is called.
        form: how it is encoded.
        video, bridges_video: as those of `Texture`.
    """

    name: str
    form: VideoFormat
    video: GopFile
    bridges_video: GopFile | None

    def close(self) -> None:
        """Let go of its files."""
        self.video.close()
        if self.bridges_video is not None:
            self.bridges_video.close()

    @classmethod
    def open(
        cls, folder: Path, facts: RenditionFacts, manifest: Manifest, video: GopFile, bridges_video: GopFile | None
    ) -> Rendition:
        """Open one in a texture's folder.

        Args:
            video, bridges_video: the full ones.

        Raises:
            TextureError: it is damaged, or has not the same GOPs.
        """
        own = GopFile(folder / RENDITION_VIDEO.format(facts.name))
        own_bridges = None if bridges_video is None else GopFile(folder / RENDITION_BRIDGES.format(facts.name))
        for lighter, full in ((own, video), (own_bridges, bridges_video)):
            if lighter is not None and full is not None and _gops(lighter) != _gops(full):
                raise TextureError(f"{lighter.path}: not the GOPs of {full.path.name}; fit the texture again")
        return cls(facts.name, manifest.rendition_format(facts), own, own_bridges)


def _gops(video: GopFile) -> tuple[int, list[int]]:
    return len(video), video.keyframes
