"""A WHIP endpoint that takes sound, from OBS or any WHIP client, as what the picture moves to (RFC 9725)."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from itertools import count

from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.exceptions import OperationError
from aiortc.sdp import SessionDescription
from fastapi import APIRouter, HTTPException, Request, Response

from server import exchange_docs as docs
from server import fragment
from server.exchange import SDP, fragment_of, offer_of, options
from server.ice import IceSettings
from server.joins import Joins
from server.microphone import ViewersMicrophone
from server.negotiation import RETRY_AFTER_S, closed_on_failure
from server.offer import (
    advertising,
    as_whip_says,
    asking_for_short_packets,
    parsed,
    set_answer,
    without_hidden_candidates,
)
from server.prompt_receiver import receive_promptly
from server.proxied import address
from server.session import Session, add_candidates
from server.sessions import CONNECT_LIMIT_S
from server.viewer import Viewer
from stream.hearing.browser import NOBODY, BrowserSource

log = logging.getLogger(__name__)

PREFIX = "/whip"
MOST_PUBLISHERS = 4  # the newest is heard; the others may be about to leave
ENDPOINT_METHODS = "GET, HEAD, POST, OPTIONS"
SESSION_METHODS = "GET, HEAD, PATCH, DELETE, OPTIONS"
SENDING = ("sendonly", "sendrecv")


class WhipSource(BrowserSource):
    """The sound of whoever publishes; one at a time, the newest."""

    def __init__(self) -> None:
        super().__init__()
        self.name = "what is published by WHIP"

    @property
    def trouble(self) -> str:
        """Why nothing is heard."""
        told = super().trouble
        return f"nobody publishes; send to {PREFIX} by WHIP, with the control token" if told == NOBODY else told


class Publishers:
    """All who publish; owns their peer connections.

    Args:
        microphone: lets one of them into the source.
    """

    def __init__(self, microphone: ViewersMicrophone, ice: IceSettings) -> None:
        self._microphone = microphone
        self._ice = ice
        self._numbers = count(1)
        self._sessions: dict[str, Session] = {}
        self._opening = 0
        self._closing: set[asyncio.Task[bool]] = set()

    def __len__(self) -> int:
        return len(self._sessions)

    async def open(self, offer: str) -> Session:
        """Answer an offer; whoever makes it is heard as soon as their sound comes.

        Raises:
            HTTPException: 400 for no SDP, 422 for one without sound that can be heard, 503 where too many publish.
        """
        if len(self._sessions) + self._opening >= MOST_PUBLISHERS:
            retry = {"Retry-After": str(RETRY_AFTER_S)}
            raise HTTPException(503, f"{MOST_PUBLISHERS} publish already; the newest is heard", retry)
        offer = without_hidden_candidates(offer)
        description = parsed(offer)
        _check_sends(description)
        self._opening += 1
        try:
            session = await self._answered(offer, {media.kind for media in description.media})
        finally:
            self._opening -= 1
        self._sessions[session.name] = session
        self._hear(session)
        self._watch(session)
        return session

    def get(self, name: str) -> Session:
        """The session of that name.

        Raises:
            HTTPException: 404 for none.
        """
        session = self._sessions.get(name)
        if session is None:
            raise HTTPException(404, "there is no such session; it may have ended")
        return session

    async def close(self, name: str) -> bool:
        """End a session; False if there is none of that name."""
        session = self._sessions.pop(name, None)
        if session is None:
            return False
        session.giving_up.cancel()
        if session.listening is not None:
            session.listening.cancel()
        await session.peer.close()
        return True

    async def close_all(self) -> None:
        """End every session."""
        await asyncio.gather(*(self.close(name) for name in list(self._sessions)))

    async def _answered(self, offer: str, kinds: set[str]) -> Session:
        peer = RTCPeerConnection(self._ice.configuration())
        session = Session(secrets.token_urlsafe(18), next(self._numbers), Viewer(set()), peer)
        async with closed_on_failure(peer):
            sound = peer.addTransceiver("audio", direction="recvonly")
            receive_promptly(sound.receiver)
            # A picture is taken, since some publishers insist on one, and thrown away undecoded: for aiortc the section
            # is inactive, and what comes in it belongs to nobody.
            if "video" in kinds:
                peer.addTransceiver("video", direction="inactive")
            try:
                await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
            except OperationError as error:
                raise HTTPException(422, f"this offer has codecs that are not known here: {error}") from error
            await set_answer(peer)
            answer = peer.localDescription.sdp.replace("a=inactive\r\n", "a=recvonly\r\n")
            answer = as_whip_says(asking_for_short_packets(answer))
            session.sdp = answer if self._ice.advertised is None else advertising(answer, self._ice.advertised)
        return session

    def _hear(self, session: Session) -> None:
        track = next(
            (each.track for each in session.peer.getReceivers() if each.track and each.track.kind == "audio"), None
        )
        if track is None:
            raise HTTPException(400, "the offer's sound has no track")
        self._microphone.claim(session.number)
        listening = self._microphone.listen(session.number, track)
        session.listening = asyncio.create_task(listening, name=f"publisher {session.number}")

    def _watch(self, session: Session) -> None:
        loop = asyncio.get_running_loop()
        session.giving_up = loop.call_later(CONNECT_LIMIT_S, self._give_up, session)

        @session.peer.on("connectionstatechange")
        def changed() -> None:
            log.info("publisher %s… %s at %.3f", session.name[:6], session.peer.connectionState, time.monotonic())
            if session.peer.connectionState in ("failed", "closed"):
                self._close_soon(session.name)

    def _give_up(self, session: Session) -> None:
        if session.peer.connectionState != "connected":
            self._close_soon(session.name)

    def _close_soon(self, name: str) -> None:
        if name in self._sessions:
            task = asyncio.create_task(self.close(name), name=f"close {name[:6]}")
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


def _check_sends(description: SessionDescription) -> None:
    """A publisher sends, and what it sends has sound in Opus.

    Raises:
        HTTPException: 400 for a section that does not send, 422 without Opus.
    """
    for media in description.media:
        if media.kind in ("video", "audio") and (media.direction or "sendrecv") not in SENDING:
            raise HTTPException(400, f"the offer's {media.kind} is {media.direction}; a publisher's is sendonly")
    codecs = {codec.mimeType.lower() for media in description.media for codec in media.rtp.codecs}
    if "audio/opus" not in codecs:
        raise HTTPException(422, "sound is listened to here, in Opus; this offer has none")


def whip_router(publishers: Publishers, ice: IceSettings, joins: Joins) -> APIRouter:
    """The requests of a publisher's session.

    Args:
        ice: whose relay publishers are told of.
        joins: refuses those who come too often.
    """
    router = APIRouter(prefix=PREFIX, tags=["WHIP"])

    @router.get("", status_code=204, response_class=Response)
    async def get_endpoint() -> Response:
        """Nothing."""
        return Response(status_code=204, headers={"Accept-Post": SDP, "Allow": ENDPOINT_METHODS})

    @router.options("", response_class=Response)
    async def options_of_endpoint() -> Response:
        """What can be asked for here."""
        return options(ENDPOINT_METHODS)

    @router.post(
        "", status_code=201, response_class=Response, responses=docs.opened(), openapi_extra=docs.OFFER
    )  # fmt: skip
    async def post_offer(request: Request) -> Response:
        """Answer an SDP offer; `Location` names the session."""
        offer = await offer_of(request)
        joins.admit(request.client.host if request.client else "", time.monotonic())
        session = await publishers.open(offer)
        headers = {
            "Location": address(request.scope, f"{PREFIX}/{session.name}"),
            "ETag": session.tag,
            "Accept-Patch": fragment.TYPE,
        }
        response = Response(session.sdp, 201, headers, media_type=SDP)
        for link in ice.links():
            response.headers.append("Link", link)
        return response

    @router.get("/{name}", status_code=204, response_class=Response, responses=docs.IS_THERE)
    async def get_session(name: str) -> Response:
        """Nothing, and that it is there."""
        return Response(status_code=204, headers={"ETag": publishers.get(name).tag, "Allow": SESSION_METHODS})

    @router.options("/{name}", response_class=Response)
    async def options_of_session(name: str) -> Response:
        """What can be asked for here."""
        return options(SESSION_METHODS, fragment.TYPE)

    @router.patch(
        "/{name}", status_code=204, response_class=Response, responses=docs.CHANGED, openapi_extra=docs.CHANGE
    )  # fmt: skip
    async def patch_session(name: str, request: Request) -> Response:
        """Take ICE candidates."""
        session = publishers.get(name)
        await add_candidates(session.peer, await fragment_of(request, session.tag))
        return Response(status_code=204)

    @router.delete("/{name}", status_code=200, response_class=Response)
    async def delete_session(name: str) -> Response:
        """End the session. One that is gone already is as good as ended."""
        await publishers.close(name)
        return Response(status_code=200)

    return router
