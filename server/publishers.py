"""Those who publish sound by WHIP, for the picture to move to: their peer connections, from the offer to the end."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from itertools import count

from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.exceptions import OperationError
from fastapi import HTTPException

from server.handshakes import watch_handshakes
from server.ice import IceSettings
from server.microphone import ViewersMicrophone
from server.negotiation import closed_on_failure
from server.offer import (
    SENDING,
    advertising,
    as_whip_says,
    asking_for_short_packets,
    check_directions,
    parsed,
    prefer_codecs,
    set_answer,
)
from server.places import RETRY_AFTER_S, busy, longest_waiting, with_a_port
from server.prompt_receiver import receive_promptly
from server.sdp import Description
from server.session import Session, close_peer
from server.sessions import CONNECT_LIMIT_S
from server.viewer import Viewer
from server.woven_answer import plan, woven

log = logging.getLogger(__name__)

MOST_PUBLISHERS = 4  # the newest is heard; the others may be about to leave


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

    async def open(self, offer: str, admit: Callable[[], None] | None = None) -> Session:
        """Answer an offer; whoever makes it is heard as soon as their sound comes.

        Args:
            admit: refuses those who come too often.

        Raises:
            HTTPException: 400 for no SDP, 422 for one without sound that can be heard, 503 where too many publish.
        """
        if admit is not None:
            admit()
        description = parsed(offer)
        check_directions(description, SENDING, "publisher")
        if "audio/opus" not in description.codecs():
            raise HTTPException(422, "sound is listened to here, in Opus; this offer has none")
        if len(self._sessions) + self._opening >= MOST_PUBLISHERS and not await self._end_one_that_waits():
            raise busy(f"{MOST_PUBLISHERS} publish already; the newest is heard", RETRY_AFTER_S)
        self._opening += 1
        try:
            session = await with_a_port(lambda: self._answered(description), self._end_one_that_waits)
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
        await close_peer(session.peer)
        return True

    async def close_all(self) -> None:
        """End every session."""
        await asyncio.gather(*(self.close(name) for name in list(self._sessions)))

    async def _answered(self, offer: Description) -> Session:
        peer = RTCPeerConnection(self._ice.configuration())
        session = Session(secrets.token_urlsafe(18), next(self._numbers), Viewer(set()), peer)
        # A picture is taken, since some publishers insist on one, whatever its codec, and is thrown away undecoded:
        # aiortc does not know of its section, and what comes in it belongs to nobody.
        answer = plan(offer, {"audio"}, swallowed={"video": "recvonly"})
        session.theirs = offer.only(answer.seen)
        async with closed_on_failure(peer):
            sound = peer.addTransceiver("audio", direction="recvonly")
            receive_promptly(sound.receiver)
            prefer_codecs(peer)
            try:
                await peer.setRemoteDescription(RTCSessionDescription(session.theirs.sdp(), "offer"))
            except OperationError as error:
                raise HTTPException(422, f"this offer has codecs that are not known here: {error}") from error
            await set_answer(peer)
            sdp = as_whip_says(asking_for_short_packets(woven(peer.localDescription.sdp, offer, answer)))
            session.sdp = sdp if self._ice.advertised is None else advertising(sdp, self._ice.advertised)
        return session

    async def _end_one_that_waits(self) -> bool:
        session = longest_waiting(self._sessions.values(), time.monotonic())
        if session is None:
            return False
        log.info("publisher %s… makes room for another: %s", session.name[:6], session.why_not_connected())
        return await self.close(session.name)

    def _hear(self, session: Session) -> None:
        track = next(
            (each.track for each in session.peer.getReceivers() if each.track and each.track.kind == "audio"), None
        )
        if track is None:
            raise HTTPException(400, "the offer's sound has no track")
        watch_handshakes(session.peer, f"publisher {session.name[:6]}…")
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
        if not session.is_connected:
            why = session.why_not_connected()
            log.warning("publisher %s… is given up after %d s: %s", session.name[:6], CONNECT_LIMIT_S, why)
            self._close_soon(session.name)

    def _close_soon(self, name: str) -> None:
        if name in self._sessions:
            task = asyncio.create_task(self.close(name), name=f"close {name[:6]}")
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
