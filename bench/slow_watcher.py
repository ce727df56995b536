"""A viewer behind a bad link that does what viewers do: asks for what it lost, reports, decodes what it can.

`python -m bench.slow_watcher ADDRESS OWN [relay]` tells at the end of its input how many pictures it saw, as a line of
JSON. With `relay` the link is made here; without it, the network is one. OWN is its own address.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av.video.frame import VideoFrame

from bench.slow_link import Link, LinkSettings, Relay, over, server_of, without_candidates
from bench.whole_pictures import receive_whole_pictures
from server.ice import offer_addresses

CONNECT_LIMIT_S = 60.0  # a handshake over a link that is full
SEED = 0


@dataclass
class Seen:
    """What came through.

    Attributes:
        pictures: how many were decoded.
        heights: how many of each height, in pixels.
        first_s: how long the first took.
        longest_gap_s: between two of them, or before the first.
    """

    pictures: int = 0
    heights: Counter[int] = field(default_factory=Counter)
    first_s: float = 0.0
    longest_gap_s: float = 0.0
    _began_s: float = 0.0
    _last_s: float = 0.0

    def begin(self, now_s: float) -> None:
        """It is connected from now on."""
        self._began_s = self._last_s = now_s

    def take(self, picture: VideoFrame, now_s: float) -> None:
        """One more, `now_s` by a monotonic clock."""
        self.pictures += 1
        self.heights[picture.height] += 1
        if self.pictures == 1:
            self.first_s = now_s - self._began_s
        self.longest_gap_s = max(self.longest_gap_s, now_s - self._last_s)
        self._last_s = now_s

    def told(self, link: Link | None, now_s: float) -> dict[str, object]:
        """As JSON can say it; the time since the last picture counts."""
        return {
            "pictures": self.pictures,
            "per_s": round(self.pictures / (now_s - self._began_s), 1),
            "heights": dict(self.heights),
            "first_s": round(self.first_s, 2),
            "longest_gap_s": round(max(self.longest_gap_s, now_s - self._last_s), 2),
            "dropped": 0 if link is None else link.dropped,
        }


async def watch(address: str, own_address: str, link: Link | None) -> dict[str, object]:
    """Watch until the end of standard input."""
    offer_addresses((own_address,))
    peer, seen = RTCPeerConnection(RTCConfiguration(iceServers=[])), Seen()
    tasks: list[asyncio.Task[None]] = []

    async def take(track: Any) -> None:
        try:
            while True:
                frame = await track.recv()
                if isinstance(frame, VideoFrame):
                    seen.take(frame, time.monotonic())
        except MediaStreamError:
            return

    peer.on("track", lambda track: tasks.append(asyncio.create_task(take(track), name=f"watch {track.kind}")))
    for kind in ("video", "audio"):
        receiver = peer.addTransceiver(kind, direction="recvonly").receiver
        if kind == "video":
            receive_whole_pictures(receiver)
    await peer.setLocalDescription(await peer.createOffer())
    offer, relay = peer.localDescription.sdp, None
    answer = await asyncio.to_thread(_post, f"{address}whep", offer if link is None else without_candidates(offer))
    if link is not None:
        relay = Relay(link)
        await relay.open(server_of(answer))
        answer = over(answer, relay.port)
    connected = asyncio.Event()
    peer.on("connectionstatechange", lambda: connected.set() if peer.connectionState == "connected" else None)
    await peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    await asyncio.wait_for(connected.wait(), CONNECT_LIMIT_S)
    seen.begin(time.monotonic())
    sys.stdout.write("{}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    told = seen.told(link, time.monotonic())
    await peer.close()
    await asyncio.gather(*tasks)
    if relay is not None:
        relay.close()
    return told


def _post(url: str, offer: str) -> str:
    request = urllib.request.Request(url, offer.encode(), {"Content-Type": "application/sdp"})
    with urllib.request.urlopen(request, timeout=CONNECT_LIMIT_S) as response:
        return str(response.read().decode())


if __name__ == "__main__":
    _, page, own, *how = sys.argv
    made_here = Link(LinkSettings(), np.random.default_rng(SEED)) if how == ["relay"] else None
    sys.stdout.write(json.dumps(asyncio.run(watch(page, own, made_here))) + "\n")
