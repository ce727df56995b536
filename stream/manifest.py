"""`manifest.json`: everything about a texture that is not in its media, checked when it is read."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, PositiveInt, model_validator

from models.segments import Segments
from stream.h264 import VideoFormat
from stream.jump_judge import Repetition

FORMAT_VERSION = 4  # 2: the walk is stored, not its weights; 3: bridges of different lengths; 4: renditions
READABLE_VERSIONS = (2, 3, FORMAT_VERSION)


def _rate(value: object) -> Fraction:
    """A fraction above 0, or its text."""
    try:
        rate = Fraction(str(value))
    except ZeroDivisionError as error:
        raise ValueError(f"a rate cannot be {value}") from error  # the only kind that pydantic passes on as its own
    if rate <= 0:
        raise ValueError(f"a rate must be above 0, got {value}")
    return rate


Rate = Annotated[
    Fraction,
    BeforeValidator(_rate),
    PlainSerializer(str, return_type=str),
    Field(description="Hz, as a fraction"),
]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class ClipFacts(_Part):
    """The clip as it was read: upright, at a constant rate, of even size."""

    name: str
    width: PositiveInt
    height: PositiveInt
    rate_hz: Rate
    frame_count: PositiveInt
    cuts: tuple[int, ...] = Field(description="the first frame after each hard cut")
    has_sound: bool
    shake: float = Field(0.0, ge=0, description="of the camera, RMS share of the height, that was not compared")
    notes: tuple[str, ...] = Field(description="what was changed when the clip was read")


class SegmentFacts(_Part):
    """How the clip is divided."""

    count: PositiveInt
    window_frames: PositiveInt
    stride_frames: PositiveInt


class VideoFacts(_Part):
    """How `video.mp4` and the bridges are encoded."""

    crf: int
    colour: int
    bridge_frames: int = Field(ge=0, description="of each, or where that is said of `bridges`, of those to a song")


class RenditionFacts(_Part):
    """A lighter rendition: the same pictures, smaller and coarser."""

    name: str = Field(pattern="^[a-z]+$", description="of its files")
    width: PositiveInt
    height: PositiveInt
    crf: int
    bit_s: PositiveInt = Field(description="of its pictures, on average")


class BridgeFacts(_Part):
    """How jumps are bridged."""

    by_distance: bool = Field(description="whether the number of pictures depends on how far apart the ends are")
    mean_frames: float = Field(ge=0, description="of a long walk at the usual liveliness")
    stored_by: str = Field(description="the interpolator that made the stored ones")
    network: dict[str, Any] | None = Field(None, description="what `interpolator.onnx` says of itself, if there is one")


class WalkFacts(_Part):
    """How lively it is unless told otherwise (`walk.safetensors` is the walk), and how well it repeats then."""

    jumps_per_minute: float
    place_share: float = Field(
        0.0, ge=0, le=1, description="of a similarity that is where a shaking camera was; 0 where it stood still"
    )
    repetition: Repetition | None = None


class Provenance(_Part):
    """Who made this, with what."""

    version: str
    commit: str | None
    seed: int
    preset: str
    settings: dict[str, Any]


class Manifest(_Part):
    """The manifest of one texture."""

    format_version: int = FORMAT_VERSION
    clip: ClipFacts
    segments: SegmentFacts
    video: VideoFacts
    walk: WalkFacts
    bridges: BridgeFacts | None = Field(None, description="none before version 3: all alike, and made by flow")
    renditions: tuple[RenditionFacts, ...] = Field((), description="lighter ones, the largest first")
    encoder: dict[str, Any] = Field(description="what the fit and the export report")
    sound: dict[str, Any] | None = Field(None, description="what the sound network reports of itself, if there is one")
    provenance: Provenance
    sha256: dict[str, str] = Field(description="of each other file, by its path in the folder")

    @model_validator(mode="after")
    def _is_possible(self) -> Manifest:
        self.segmentation()  # a ValueError of its own says what cannot be
        return self

    def segmentation(self) -> Segments:
        """The segments of the clip."""
        return Segments(self.clip.frame_count, self.segments.window_frames, self.segments.stride_frames, self.clip.cuts)

    def video_format(self) -> VideoFormat:
        """What all GOPs have in common."""
        clip, video = self.clip, self.video
        return VideoFormat(clip.width, clip.height, clip.rate_hz, self.segments.stride_frames, video.crf, video.colour)

    def rendition_format(self, facts: RenditionFacts) -> VideoFormat:
        """How one of the lighter renditions is encoded."""
        return replace(self.video_format(), width=facts.width, height=facts.height, crf=facts.crf)
