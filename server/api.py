"""The JSON interface: what is playing, how, and what may be turned."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, Field

from server.api_models import ChannelState, HearingInfo, TextureInfo
from server.audience import ViewerReport
from server.channel import Channel, StepEvent, TextureEvent
from server.controls import MOST_JUMPS_PER_MINUTE
from server.ears import Ears, HearingEvent
from server.microphone import MicrophoneEvent, ViewersMicrophone
from server.performance_api import performance_router
from server.steering import Settings
from server.targets.status import TargetEvent
from server.whip_client import WhipPublisher
from stream.performance import Performance

EVENT_NAMES = {
    StepEvent: "step",
    TextureEvent: "texture",
    Settings: "settings",
    Performance: "performance",
    MicrophoneEvent: "microphone",
    HearingEvent: "hearing",
    TargetEvent: "target",
}


PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/png": {"schema": {"type": "string", "contentMediaType": "image/png"}}}}
}


class SettingsChange(BaseModel):
    """A change of the settings."""

    jumps_per_minute: Annotated[float, Field(gt=0, le=MOST_JUMPS_PER_MINUTE, allow_inf_nan=False)]


def api_router(
    channel: Channel,
    microphone: ViewersMicrophone | None = None,
    ears: Ears | None = None,
    publishing: Sequence[WhipPublisher] = (),
) -> APIRouter:
    """Everything under /api."""
    router = APIRouter(prefix="/api", tags=["control"])

    @router.get("/texture", response_model=TextureInfo)
    def get_texture() -> dict[str, Any]:
        """What is playing."""
        texture = channel.player.texture
        clip, segments = texture.manifest.clip, texture.segments
        rate_hz = float(clip.rate_hz)
        return {
            "name": texture.name,
            "duration_s": clip.frame_count / rate_hz,
            "frame_count": clip.frame_count,
            "rate_hz": rate_hz,
            "width": clip.width,
            "height": clip.height,
            "segments": segments.count,
            "stride_frames": segments.stride_frames,
            "window_frames": segments.window_frames,
            "cuts_s": [cut / rate_hz for cut in clip.cuts],
            "has_sound": clip.has_sound,
        }

    @router.get("/settings")
    async def get_settings() -> Settings:
        """How lively it is."""
        return await channel.steering.settings()

    @router.patch("/settings")
    async def patch_settings(change: SettingsChange) -> Settings:
        """Make it livelier or calmer, at once."""
        return await channel.steering.set_jumps_per_minute(change.jumps_per_minute)

    @router.get("/state", response_model=ChannelState, response_model_exclude_unset=True)
    async def get_state() -> dict[str, Any]:
        """How it is doing; `whip` tells of each server that it is published to, where there are any."""
        player = channel.player
        published = {"whip": [publisher.report() for publisher in publishing]} if publishing else {}
        return {
            "uptime_s": round(channel.uptime_s, 3),
            "viewers": len(channel.viewers),
            "renditions": channel.audience.by_rendition(),
            "vp8": channel.audience.vp8.report(),
            "rendition_changes": channel.audience.rendition_changes,
            "steps": channel.steps,
            "jumps": player.jumps,
            "hits": player.hits,
            "hits_dropped": player.hits_dropped,
            "hard_turns": player.hard_turns,
            "late_packets": player.pacer.late,
            "re_anchored": player.pacer.re_anchored,
            "bridges_stored": player.bridges.counts.stored,
            "bridges_made": player.bridges.counts.made,
            "bridges_flown": player.bridges.counts.flown,
            "bridges_cut": player.bridges.counts.cut,
            "bridges_failed": player.bridges.counts.failed,
            "dropped_packets": channel.audience.dropped,
            "bytes_sent": channel.audience.bytes_sent,
            "tasks": len(asyncio.all_tasks()),
            **published,
        }

    @router.get("/viewers")
    async def get_viewers() -> list[ViewerReport]:
        """Who watches, and how well that goes."""
        return channel.audience.reports()

    @router.get("/hearing", response_model=HearingInfo, response_model_exclude_unset=True)
    def get_hearing() -> dict[str, Any]:
        """What is listened to, and how that goes; `source` is null where nothing is."""
        return {"source": None} if ears is None else ears.statistics()

    @router.get("/matrix.png", response_class=Response, responses=PICTURE)
    async def get_matrix() -> Response:
        """The transition matrix as a small picture, row = from, column = to."""
        return Response(
            await channel.steering.matrix_png(), media_type="image/png", headers={"Cache-Control": "no-store"}
        )

    @router.get("/events", response_class=EventSourceResponse)
    async def get_events() -> AsyncIterator[ServerSentEvent]:
        """Each step as it begins, each change of settings, performance and hearing, and whose microphone is heard."""
        with channel.events.listen() as events:
            yield ServerSentEvent(event="settings", data=asdict(await channel.steering.settings()))
            yield ServerSentEvent(event="performance", data=channel.controls.performance.values())
            if microphone is not None:
                yield ServerSentEvent(event="microphone", data=asdict(microphone.now))
            if ears is not None:
                yield ServerSentEvent(event="hearing", data=asdict(ears.event()))
            async for event in events:
                yield ServerSentEvent(event=EVENT_NAMES[type(event)], data=asdict(event))

    router.include_router(performance_router(channel.controls))
    return router
