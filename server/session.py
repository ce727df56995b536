"""One exchange of offer and answer over HTTP, and what may still be said of it (WHEP and WHIP alike)."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field

from aiortc import RTCPeerConnection
from aiortc.sdp import SessionDescription
from fastapi import HTTPException

from server.fragment import Fragment
from server.viewer import Viewer


def new_tag() -> str:
    """A strong entity-tag for an ICE session (RFC 9110, 8.8.3)."""
    return f'"{secrets.token_urlsafe(9)}"'


@dataclass(eq=False)
class Session:
    """One viewer's peer connection.

    Attributes:
        name: by which its owner has power over it; cannot be guessed (144 bits).
        number: by which this viewer is known to others; knowing it gives no power over it.
        tag: of its ICE session.
        sdp: our half of the exchange.
        awaits_answer: whether `sdp` is an offer that has not been answered yet.
        listening: takes what comes from the viewer's microphone.
        giving_up: ends it if it does not connect.
    """

    name: str
    number: int
    viewer: Viewer
    peer: RTCPeerConnection
    tag: str = field(default_factory=new_tag)
    sdp: str = ""
    awaits_answer: bool = False
    listening: asyncio.Task[None] | None = None
    giving_up: asyncio.TimerHandle = field(init=False)


async def add_candidates(peer: RTCPeerConnection, fragment: Fragment) -> None:
    """Give what a fragment says to a connection.

    Raises:
        HTTPException: 422 for an ICE restart, which aiortc cannot do; the ICE session there is goes on.
    """
    if peer.remoteDescription is None:
        raise HTTPException(409, "our offer has not been answered yet; PATCH an answer first")
    remote = SessionDescription.parse(peer.remoteDescription.sdp)
    first = remote.media[0]
    known = {(media.ice.usernameFragment, media.ice.password) for media in remote.media if media.ice is not None}
    if fragment.ufrag is not None and (fragment.ufrag, fragment.password) not in known:
        raise HTTPException(422, "ICE restarts are not supported here; open another session")
    for candidate in fragment.candidates:
        candidate.sdpMid = first.rtp.muxId  # all sections share the first one's transport
        await peer.addIceCandidate(candidate)
    if fragment.is_end:
        await peer.addIceCandidate(None)
