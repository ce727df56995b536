"""What the JSON interface answers, as models: checked on the way out, and described in its OpenAPI document."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from server.vp8_lane import Vp8Report
from server.whip_target import PublishReport
from stream.hearing.source import SourceState
from stream.performance import Kind, Value


class Answer(BaseModel):
    """Says no more than its fields."""

    model_config = ConfigDict(extra="forbid")


class Problem(BaseModel):
    """Why a request is not carried out, and what would mend it."""

    detail: str


class Unfit(BaseModel):
    """One thing of a request that does not fit."""

    loc: list[str | int] = Field(description='where it is, like ["body", "jumps_per_minute"]')
    msg: str = Field(description="what was expected")


class Unfits(BaseModel):
    """What of a request does not fit."""

    detail: str | list[Unfit]


class TextureInfo(Answer):
    """A texture."""

    name: str
    duration_s: float = Field(description="of the clip")
    frame_count: int = Field(description="of the clip")
    rate_hz: float = Field(description="pictures a second")
    width: int = Field(description="in pixels")
    height: int = Field(description="in pixels")
    segments: int = Field(description="how many there are, overlapping")
    stride_frames: int = Field(description="from one segment's begin to the next one's")
    window_frames: int = Field(description="of a segment")
    cuts_s: list[float] = Field(description="where the clip itself has hard cuts")
    has_sound: bool


class ChannelState(Answer):
    """How it is doing. All counts are since the start."""

    uptime_s: float
    viewers: int = Field(description="who watch now, WHIP servers included")
    renditions: dict[str, int] = Field(description="how many viewers are sent each: full, and what is lighter")
    vp8: Vp8Report = Field(description="the encoder for who takes no H.264, which is there only while one watches")
    rendition_changes: int = Field(description="times that a viewer was given another rendition")
    steps: int = Field(description="segments that began")
    jumps: int = Field(description="segments that did not follow the last one in the clip")
    hits: int = Field(description="jumps that somebody, or a sound, made")
    hits_dropped: int = Field(description="hits for which there was no room")
    hard_turns: int = Field(description="turns of the sound without a cross-fade, because that was late")
    late_packets: int = Field(description="packets that came more than 20 ms after they were due")
    re_anchored: int = Field(description="times that the stream stood still and went on from where it was")
    bridges_stored: int = Field(description="bridges that were played from the texture")
    bridges_made: int = Field(description="bridges that were made while playing")
    bridges_flown: int = Field(description="bridges that were made by flow, because the wanted ones were late")
    bridges_cut: int = Field(description="jumps without a bridge, because it was late")
    bridges_failed: int = Field(description="bridges that could not be made")
    dropped_packets: int = Field(description="packets that viewers were too slow for")
    bytes_sent: int = Field(description="media, to all viewers together")
    tasks: int = Field(description="of the event loop")
    whip: list[PublishReport] = Field(default=[], description="servers that it is published to, where there are any")


class HearingInfo(Answer):
    """What is listened to, and how that goes; only `source`, and that null, where nothing is."""

    source: str | None
    state: SourceState = SourceState.LOST
    trouble: str = Field("", description="why nothing is heard, and the mend; empty while all is well")
    hops: int = Field(0, description="of 10 ms, heard so far")
    onsets: int = Field(0, description="told so far")
    overruns: int = Field(0, description="how often sound was lost because somebody was too slow")
    slow_runs: int = Field(0, description="windows embedded so far")
    slow_skips: int = Field(0, description="embeddings left out because the last one took too long")
    errors: int = 0
    hop_p50_ms: float | None = Field(None, description="what one hop takes, the median")
    hop_p95_ms: float | None = None
    slow_p50_ms: float | None = Field(None, description="what one embedding takes, the median")
    slow_p95_ms: float | None = None
    level_db: float | None = Field(None, description="before any gain; null in digital silence")
    gain_db: float | None = None
    silent: bool = Field(True, description="there is nothing but the room's own noise")
    conditioned: bool = Field(False, description="whether the sound decides where the walk goes")
    bpm: float | None = Field(None, description="null while there is no tempo")
    bands: list[float] = Field([], description="energy below 200 Hz, up to 2 kHz, above, each 0 to 1")


class ParameterInfo(Answer):
    """Something that a performer can turn."""

    name: str
    kind: Kind
    default: Value
    doc: str = Field(description="what it does")
    minimum: float = Field(description="of a number")
    maximum: float = Field(description="of a number")
    unit: str = Field(description="of a number; empty for a share")
    choices: list[str] = Field(description="words that it takes; a number may take some besides")
    expected: str = Field(description="what it takes, in words")


class OscNode(Answer):
    """An OSC address, or a container of some, in the JSON of the OSCQuery proposal."""

    FULL_PATH: str
    ACCESS: int = Field(description="1 to be read, 2 to be written, 3 both, 0 neither")
    DESCRIPTION: str
    TYPE: str = Field("", description="OSC type tags")
    VALUE: list[Value] = []
    RANGE: list[dict[str, Any]] = []
    UNIT: list[str] = []
    EXPECTED: str = Field("", description="in words")
    CONTENTS: dict[str, OscNode] = {}


class MidiMapping(Answer):
    """What a knob or a pad does."""

    message: str = Field(description="control_change, or note_on")
    number: int = Field(ge=0, le=127, description="of the controller, or the note")
    turns: str = Field("", description="the parameter that a knob turns")
    doc: str = Field("", description="what that does")
    does: str = Field("", description="the action of a pad")
