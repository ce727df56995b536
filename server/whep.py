"""WHEP: a viewer posts an offer, gets an answer and a session (draft-ietf-wish-whep)."""

from __future__ import annotations

import asyncio
import logging
import secrets

from aiortc import (
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpCodecCapability,
    RTCRtpSender,
    RTCSessionDescription,
)
from aiortc.exceptions import OperationError
from aiortc.sdp import SessionDescription
from fastapi import APIRouter, HTTPException, Request, Response

from server.channel import Channel
from server.viewer import Viewer

log = logging.getLogger(__name__)

SDP = "application/sdp"
STORED_CODECS = ("video/H264", "video/rtx", "audio/opus")
MOST_OFFER_BYTES = 64 << 10
MOST_VIEWERS = 100
RETRY_AFTER_S = 5
CONNECT_LIMIT_S = 30
CLOSE_LIMIT_S = 2


class Session:
    """One viewer's peer connection."""

    def __init__(self, viewer: Viewer, peer: RTCPeerConnection) -> None:
        self.viewer = viewer
        self.peer = peer


class Sessions:
    """All sessions of one channel; owns their peer connections."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._sessions: dict[str, Session] = {}
        self._opening = 0
        self._closing: set[asyncio.Task[bool]] = set()

    def __len__(self) -> int:
        return len(self._sessions)

    async def open(self, offer: str) -> tuple[str, str]:
        """Answer an offer.

        Returns:
            The new session's name, and the answer with all candidates in it.

        Raises:
            HTTPException: 400 for no SDP, 406 for one without H.264, 503 when the house is full.
        """
        if len(self._sessions) + self._opening >= MOST_VIEWERS:
            raise HTTPException(
                503, f"{MOST_VIEWERS} viewers are watching already", {"Retry-After": str(RETRY_AFTER_S)}
            )
        offer = _without_hidden_candidates(offer)
        kinds = self._wanted_kinds(_parsed(offer))
        viewer = Viewer(kinds)
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._opening += 1
        try:
            for track in viewer.tracks.values():
                peer.addTrack(track)
            _prefer_stored_codecs(peer)
            await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
            await peer.setLocalDescription(await peer.createAnswer())
        except Exception as error:
            await peer.close()
            if isinstance(error, OperationError):
                raise HTTPException(406, f"the stream is H.264 and Opus, the offer is not: {error}") from error
            if isinstance(error, ValueError | KeyError | AssertionError):
                raise HTTPException(400, f"this offer cannot be answered: {error}") from error
            raise
        finally:
            self._opening -= 1
        name = secrets.token_urlsafe(18)
        self._sessions[name] = Session(viewer, peer)
        self._watch(name, peer)
        return name, peer.localDescription.sdp

    async def close(self, name: str) -> bool:
        """End a session; False if there is none of that name."""
        session = self._sessions.pop(name, None)
        if session is None:
            return False
        self._channel.viewers.discard(session.viewer)
        session.viewer.close()
        await session.peer.close()
        return True

    async def close_all(self) -> None:
        """End every session."""
        closing = asyncio.gather(*(self.close(name) for name in list(self._sessions)))
        try:
            await asyncio.wait_for(closing, CLOSE_LIMIT_S)
        except TimeoutError:
            log.warning("some viewers could not be told that it is over within %d s", CLOSE_LIMIT_S)

    def _wanted_kinds(self, offer: SessionDescription) -> set[str]:
        """What both sides have: video always, sound if the texture has some and the viewer takes it."""
        taken = {codec.mimeType.lower() for media in offer.media for codec in media.rtp.codecs}
        if "video/h264" not in taken:
            raise HTTPException(406, "the stream is H.264, the offer has no video section that takes it")
        has_sound = self._channel.player.texture.track is not None
        return {"video", "audio"} if has_sound and "audio/opus" in taken else {"video"}

    def _watch(self, name: str, peer: RTCPeerConnection) -> None:
        # A viewer that never comes, because its page is gone, would otherwise be waited for for ever.
        asyncio.get_running_loop().call_later(CONNECT_LIMIT_S, self._give_up, name)

        @peer.on("connectionstatechange")
        def changed() -> None:
            session = self._sessions.get(name)
            if session is None:
                return
            log.info("viewer %s… %s", name[:6], peer.connectionState)
            if peer.connectionState == "connected":
                self._channel.viewers.add(session.viewer)
            elif peer.connectionState in ("failed", "closed"):
                self._close_soon(name)

    def _give_up(self, name: str) -> None:
        session = self._sessions.get(name)
        if session is not None and session.peer.connectionState != "connected":
            self._close_soon(name)

    def _close_soon(self, name: str) -> None:
        task = asyncio.create_task(self.close(name), name=f"close {name[:6]}")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


def whep_router(sessions: Sessions) -> APIRouter:
    """The two requests of a session's life."""
    router = APIRouter(prefix="/whep", tags=["WHEP"])

    @router.post("", status_code=201, response_class=Response)
    async def post_offer(request: Request) -> Response:
        """Answer an SDP offer; `Location` names the session."""
        if request.headers.get("content-type", "").split(";")[0].strip().lower() != SDP:
            raise HTTPException(415, f"an offer has the type {SDP}")
        name, answer = await sessions.open(await _offer_of(request))
        return Response(answer, 201, {"Location": f"/whep/{name}"}, media_type=SDP)

    @router.delete("/{name}", status_code=200, response_class=Response)
    async def delete_session(name: str) -> Response:
        """End the session. One that is gone already is as good as ended."""
        await sessions.close(name)
        return Response(status_code=200)

    return router


async def _offer_of(request: Request) -> str:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_OFFER_BYTES:
            raise HTTPException(413, f"an offer of more than {MOST_OFFER_BYTES} bytes")
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise HTTPException(400, "the offer is not UTF-8 text") from error


def _without_hidden_candidates(offer: str) -> str:
    """The offer without candidates that hide behind a multicast name.

    Looking one up takes a second where nobody answers, and gains nothing: a viewer that reaches our candidates is
    found by that (RFC 8445, 7.3.1.3), one that does not cannot be reached by its own either.
    """
    lines = offer.splitlines(keepends=True)
    return "".join(line for line in lines if not (line.startswith("a=candidate:") and ".local " in line))


def _parsed(offer: str) -> SessionDescription:
    try:
        description = SessionDescription.parse(offer)
    except (ValueError, IndexError, KeyError, AssertionError) as error:
        raise HTTPException(400, f"the offer is no SDP: {error}") from error
    if not description.media:
        raise HTTPException(400, "the offer is no SDP with media in it")
    if any(media.dtls is None for media in description.media):
        raise HTTPException(400, "the offer has a media section without a=setup, it is cut short")
    return description


def _prefer_stored_codecs(peer: RTCPeerConnection) -> None:
    """Before the offer is set, or the viewer's first choice is taken, for which our packets are noise (trap 5)."""
    for transceiver in peer.getTransceivers():
        codecs = RTCRtpSender.getCapabilities(transceiver.kind).codecs
        chosen: list[RTCRtpCodecCapability] = [codec for codec in codecs if codec.mimeType in STORED_CODECS]
        transceiver.setCodecPreferences(chosen)
