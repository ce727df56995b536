"""One exchange of offer and answer over HTTP, and what may still be said of it (WHEP and WHIP alike)."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from dataclasses import dataclass, field

from aiortc import RTCPeerConnection
from aiortc.sdp import candidate_from_sdp
from fastapi import HTTPException

from server.candidates import MOST_CANDIDATES
from server.fragment import Fragment
from server.sdp import Description
from server.viewer import Viewer

log = logging.getLogger(__name__)


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
        theirs: the other half; None until it has come.
        awaits_answer: whether `sdp` is an offer that has not been answered yet.
        opened_s: when it was, by a monotonic clock.
        trickled: candidates that came after the offer.
        listening: takes what comes from the viewer's microphone.
        giving_up: ends it if it does not connect.
    """

    name: str
    number: int
    viewer: Viewer
    peer: RTCPeerConnection
    tag: str = field(default_factory=new_tag)
    sdp: str = ""
    theirs: Description | None = None
    awaits_answer: bool = False
    opened_s: float = field(default_factory=time.monotonic)
    trickled: int = 0
    listening: asyncio.Task[None] | None = None
    giving_up: asyncio.TimerHandle = field(init=False)

    @property
    def is_connected(self) -> bool:
        """Whether media can go now."""
        return self.peer.connectionState == "connected"

    def why_not_connected(self) -> str:
        """How far it came, for whoever looks why."""
        if self.awaits_answer:
            return "our counter-offer was not answered"
        if self.peer.iceConnectionState == "completed":
            return "its packets come through (ICE), but it does not finish the DTLS handshake"
        return "no packets of it came through (ICE); are the UDP ports open, and the addresses in the answer right?"


async def add_candidates(session: Session, fragment: Fragment) -> None:
    """Give what a fragment says to a session's connection.

    Raises:
        HTTPException: 400 for too many candidates, 409 before there is anything to add them to, 422 for an ICE restart,
            which aiortc cannot do; the ICE session there is goes on.
    """
    peer, theirs = session.peer, session.theirs
    if theirs is None or peer.remoteDescription is None:
        raise HTTPException(409, "our offer has not been answered yet; PATCH an answer first")
    if fragment.ufrag is not None and (fragment.ufrag, fragment.password) not in theirs.credentials:
        raise HTTPException(422, "ICE restarts are not supported here; open another session")
    session.trickled += len(fragment.candidates)
    if session.trickled > MOST_CANDIDATES:
        raise HTTPException(400, f"more than {MOST_CANDIDATES} candidates have come after the offer")
    for mid, each in fragment.candidates:
        candidate = candidate_from_sdp(str(each))
        candidate.sdpMid = theirs.carrier_of(mid)
        await peer.addIceCandidate(candidate)
    if fragment.is_end and (session.trickled or any(each.transport.candidates for each in theirs.sections)):
        await peer.addIceCandidate(None)


async def close_peer(peer: RTCPeerConnection) -> None:
    """Close a connection, whatever state it is in. Never raises, but for cancellation.

    aiortc stops the parts of a connection one behind the other; if one of them fails, the sockets of the others would
    stay open (1.16). So those are stopped here then.
    """
    try:
        await peer.close()
    except Exception:
        log.exception("aiortc could not close a connection; its sockets are closed one by one")
        for transceiver in peer.getTransceivers():
            transport = transceiver.receiver.transport
            if transport is not None:
                await asyncio.gather(transport.stop(), transport.transport.stop(), return_exceptions=True)
