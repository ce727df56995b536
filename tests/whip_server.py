"""A WHIP server in a process of its own: an SFU's front door, with aiortc behind it, that can be told to misbehave.

`python -m tests.whip_server PORT` prints a line when it listens. What it has got is at /got; `POST /mood` sets how it
answers from then on: "well", "refuse" (503), "deny" (401), "nonsense", "elsewhere" (307 to /moved).
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import uvicorn
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from fastapi import FastAPI, Request, Response

from server.ice import LOOPBACK, offer_addresses

TOKEN = "publisher-token-0123456789"


def create() -> FastAPI:
    app = FastAPI()
    peers: dict[str, RTCPeerConnection] = {}
    taking: set[asyncio.Task[None]] = set()
    got: dict[str, Any] = {
        "posts": 0, "deletes": 0, "video": 0, "audio": 0, "offer": "", "type": "", "token": "", "mood": "well",
    }  # fmt: skip

    async def take(track: MediaStreamTrack) -> None:
        try:
            while True:
                await track.recv()
                got[track.kind] += 1
        except MediaStreamError:
            return

    @app.post("/whip/live")
    @app.post("/moved")
    async def post(request: Request) -> Response:
        got["posts"] += 1
        got["offer"], got["type"] = (await request.body()).decode(), request.headers["content-type"]
        got["token"] = request.headers.get("authorization", "")
        if got["mood"] == "elsewhere" and request.url.path != "/moved":
            return Response(status_code=307, headers={"Location": "/moved"})
        if got["mood"] == "refuse":
            return Response("no room", 503, {"Retry-After": "1", "Content-Type": "text/plain"})
        if got["mood"] == "deny" or got["token"] != f"Bearer {TOKEN}":
            return Response(status_code=401, headers={"WWW-Authenticate": "Bearer"})
        if got["mood"] == "nonsense":
            return Response("<html>", 201, {"Location": "/nowhere"}, media_type="application/sdp")
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))

        @peer.on("track")
        def on_track(track: MediaStreamTrack) -> None:
            task = asyncio.create_task(take(track))
            taking.add(task)
            task.add_done_callback(taking.discard)

        await peer.setRemoteDescription(RTCSessionDescription(got["offer"], "offer"))
        await peer.setLocalDescription(await peer.createAnswer())
        name = str(len(peers))
        peers[name] = peer
        return Response(peer.localDescription.sdp, 201, {"Location": f"session/{name}"}, media_type="application/sdp")

    @app.delete("/whip/session/{name}")
    @app.delete("/session/{name}")
    async def delete(name: str) -> Response:
        got["deletes"] += 1
        await peers.pop(name).close()
        return Response(status_code=200)

    @app.get("/got")
    async def tell() -> dict[str, Any]:
        return got

    @app.post("/mood")
    async def mood(request: Request) -> None:
        got["mood"] = (await request.body()).decode()

    return app


if __name__ == "__main__":
    offer_addresses((LOOPBACK,))
    uvicorn.run(create(), host=LOOPBACK, port=int(sys.argv[1]), log_level="warning")
