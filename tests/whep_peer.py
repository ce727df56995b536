"""A WHEP player that is not a browser: a real aiortc peer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import av
import httpx
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCRtpReceiver, RTCSessionDescription

SDP = {"Content-Type": "application/sdp"}
FRAME_S = 20.0  # a keyframe, DTLS and ICE, on a busy machine


class Peer:
    """A viewer that is not a browser.

    Its pictures come one late, and a packet lost for good stops them for 512 more (aiortc 1.16): it tells that pictures
    come, not when. For that there is `bench.whole_pictures`.
    """

    def __init__(self, *kinds: str) -> None:
        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.tracks: dict[str, MediaStreamTrack] = {}
        self.connection.on("track", lambda track: self.tracks.__setitem__(track.kind, track))
        for kind in kinds:
            self.connection.addTransceiver(kind, direction="recvonly")

    async def offer(self) -> str:
        await self.connection.setLocalDescription(await self.connection.createOffer())
        return self.connection.localDescription.sdp

    async def accept(self, answer: str) -> None:
        await self.connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    async def frames(self, kind: str, count: int) -> list[av.VideoFrame | av.AudioFrame]:
        async with asyncio.timeout(FRAME_S):
            return [await self.tracks[kind].recv() for _ in range(count)]


@asynccontextmanager
async def peer(*kinds: str) -> AsyncIterator[Peer]:
    opened = Peer(*kinds)
    try:
        yield opened
    finally:
        await opened.connection.close()


async def watch(http: httpx.AsyncClient, viewer: Peer) -> str:
    """Open a session; returns its address."""
    response = await http.post("/whep", content=await viewer.offer(), headers=SDP)
    assert response.status_code == 201
    assert response.headers["content-type"] == "application/sdp"
    await viewer.accept(response.text)
    return response.headers["location"]


async def viewers(http: httpx.AsyncClient, count: int) -> None:
    """Wait until so many are watching."""
    async with asyncio.timeout(FRAME_S):
        while (await http.get("/api/state")).json()["viewers"] != count:  # noqa: ASYNC110 (over HTTP)
            await asyncio.sleep(0.05)


def prefer(viewer: Peer, kind: str, *codecs: str) -> None:
    """Offer exactly these codecs for one kind, like "video/VP8", in this order."""
    section = next(each for each in viewer.connection.getTransceivers() if each.kind == kind)
    known = {codec.mimeType: codec for codec in RTCRtpReceiver.getCapabilities(kind).codecs}
    section.setCodecPreferences([known[name] for name in codecs])
