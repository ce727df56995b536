"""A viewer behind a bad link that does what viewers do: asks for what it lost, reports, decodes what it can.

`python -m bench.slow_watcher ADDRESS OWN [relay]` tells at the end of its input how many pictures it saw, as a line of
JSON. With `relay` the link is made here; without it, the network is one. OWN is its own address.
"""

from __future__ import annotations

import asyncio
import json
import sys
import urllib.request
from typing import Any

import numpy as np
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError

from bench.slow_link import Link, LinkSettings, Relay, over, server_of, without_candidates
from server.ice import offer_addresses

CONNECT_LIMIT_S = 60.0  # a handshake over a link that is full
SEED = 0


async def watch(address: str, own_address: str, link: Link | None) -> dict[str, int]:
    """Watch until the end of standard input."""
    offer_addresses((own_address,))
    peer, seen = RTCPeerConnection(RTCConfiguration(iceServers=[])), {"pictures": 0, "dropped": 0}
    tasks: list[asyncio.Task[None]] = []

    async def take(track: Any) -> None:
        try:
            while True:
                await track.recv()
                seen["pictures"] += track.kind == "video"
        except MediaStreamError:
            return

    peer.on("track", lambda track: tasks.append(asyncio.create_task(take(track), name=f"watch {track.kind}")))
    for kind in ("video", "audio"):
        peer.addTransceiver(kind, direction="recvonly")
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
    sys.stdout.write("{}\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    if link is not None:
        seen["dropped"] = link.dropped
    await peer.close()
    await asyncio.gather(*tasks)
    if relay is not None:
        relay.close()
    return seen


def _post(url: str, offer: str) -> str:
    request = urllib.request.Request(url, offer.encode(), {"Content-Type": "application/sdp"})
    with urllib.request.urlopen(request, timeout=CONNECT_LIMIT_S) as response:
        return str(response.read().decode())


if __name__ == "__main__":
    _, page, own, *how = sys.argv
    made_here = Link(LinkSettings(), np.random.default_rng(SEED)) if how == ["relay"] else None
    sys.stdout.write(json.dumps(asyncio.run(watch(page, own, made_here))) + "\n")
