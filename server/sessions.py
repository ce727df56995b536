"""The sessions of those who watch: their peer connections, from the offer to the end (draft-ietf-wish-whep)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable

from aiortc import RTCSessionDescription
from aiortc.exceptions import OperationError
from fastapi import HTTPException

from server.channel import Channel
from server.errors import SdpError
from server.fragment import Fragment
from server.handshakes import watch_handshakes
from server.ice import IceSettings
from server.microphone import MicrophoneEvent, ViewersMicrophone
from server.negotiation import UNANSWERABLE, Negotiator
from server.offer import RECEIVING, as_two_streams, check_directions, parsed
from server.places import GRACE_S, MOST_COUNTER_OFFERS, RETRY_AFTER_S, busy, longest_waiting, with_a_port
from server.read_sdp import NothingTakenError, read_answer, read_description
from server.session import Session, add_candidates, close_peer
from stream.histogram import Histogram

log = logging.getLogger(__name__)

MOST_VIEWERS = 100
CONNECT_LIMIT_S = 30
CLOSE_LIMIT_S = 2


class Sessions:
    """All sessions of one channel; owns their peer connections.

    Args:
        microphone: what hears a viewer's own microphone; without one, none is asked for.
        is_prompt: whether a player that asks for it is shown pictures as soon as they come, out of step with their
            sound if need be.
        ice: how media finds its way.
        most_viewers: how many there can be at once, those who are still connecting too; who has not connected after
            `GRACE_S` makes room for another.

    Attributes:
        answering: how long offers took to answer.
    """

    def __init__(
        self,
        channel: Channel,
        microphone: ViewersMicrophone | None = None,
        *,
        is_prompt: bool = False,
        ice: IceSettings | None = None,
        most_viewers: int = MOST_VIEWERS,
    ) -> None:
        self._channel = channel
        self._microphone = microphone
        self._is_prompt = is_prompt
        self._negotiator = Negotiator(channel, microphone, ice or IceSettings())
        self._most_viewers = most_viewers
        self._sessions: dict[str, Session] = {}
        self._opening = {True: 0, False: 0}  # offers that are being countered, and answered
        self.answering = Histogram()
        self._closing: set[asyncio.Task[bool]] = set()

    def __len__(self) -> int:
        return len(self._sessions)

    async def open(self, offer: str, *, apart: bool = False, admit: Callable[[bool], None] | None = None) -> Session:
        """Answer an offer; or, where it takes nothing that there is, make one of our own.

        Args:
            apart: the player wants sound and picture as two streams where that is quicker.
            admit: refuses those who come too often; is told whether it can only be in vain.

        Returns:
            The new session; its `sdp` is the answer, or the counter-offer, with all candidates in it.

        Raises:
            HTTPException: 400 for no SDP, 503 when the house is full.
        """
        admit = admit or _let_in
        try:
            description = parsed(offer)
            check_directions(description, RECEIVING, "player")
        except HTTPException:
            admit(True)
            raise
        is_countered = not self._negotiator.takes(description)
        admit(is_countered)
        await self._find_place(is_countered)
        self._opening[is_countered] += 1
        began_s = time.monotonic()
        try:
            session = await with_a_port(lambda: self._negotiator.negotiate(description), self._end_one_that_waits)
        finally:
            self._opening[is_countered] -= 1
        self.answering.observe(time.monotonic() - began_s)
        if apart and self._is_prompt:
            session.sdp = as_two_streams(session.sdp)
        self._sessions[session.name] = session
        if not session.awaits_answer:
            self._answered(session)
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

    async def accept(self, name: str, answer: str) -> None:
        """Take the answer to a counter-offer.

        Raises:
            HTTPException: 404 for no such session, 409 where nothing waits for an answer, 400 for none, 422 where it
                takes nothing of the offer, 503 where there is no room for another viewer.
        """
        session = self.get(name)
        if not session.awaits_answer:
            raise HTTPException(409, "this session has been answered; it cannot be negotiated again, open another")
        try:
            theirs = read_answer(answer, read_description(session.sdp, "counter-offer"))
        except NothingTakenError as error:
            await self.close(name)
            raise HTTPException(422, str(error)) from error
        except SdpError as error:
            raise HTTPException(400, str(error)) from error
        await self._find_place(False)
        session.awaits_answer, session.theirs = False, theirs
        try:
            await session.peer.setRemoteDescription(RTCSessionDescription(theirs.sdp(), "answer"))
        except (OperationError, *UNANSWERABLE) as error:
            await self.close(name)
            raise HTTPException(422, f"this answer cannot be taken: {error}") from error
        self._answered(session)

    async def trickle(self, name: str, fragment: Fragment) -> None:
        """Take candidates that come after the offer.

        Raises:
            HTTPException: 404 for no such session, 422 for an ICE restart, which aiortc cannot do.
        """
        await add_candidates(self.get(name), fragment)

    async def close(self, name: str) -> bool:
        """End a session; False if there is none of that name."""
        session = self._sessions.pop(name, None)
        if session is None:
            return False
        session.giving_up.cancel()
        self._channel.audience.leave(session.viewer)
        session.viewer.close()
        if session.listening is not None:
            session.listening.cancel()  # which gives the microphone back
        await close_peer(session.peer)
        return True

    def claim_microphone(self, name: str) -> MicrophoneEvent:
        """From now on this viewer is heard.

        Raises:
            HTTPException: 404 for no such session, 409 where no viewer's microphone is wanted.
        """
        microphone, session = self._microphone_of(name)
        microphone.claim(session.number)
        return microphone.now

    def release_microphone(self, name: str) -> None:
        """This viewer is to be heard no more.

        Raises:
            HTTPException: as for `claim_microphone`.
        """
        microphone, session = self._microphone_of(name)
        microphone.release(session.number)

    def _microphone_of(self, name: str) -> tuple[ViewersMicrophone, Session]:
        if self._microphone is None:
            raise HTTPException(409, "the picture does not listen to viewers; start it with `serve --mic browser`")
        return self._microphone, self.get(name)

    async def close_all(self) -> None:
        """End every session."""
        closing = asyncio.gather(*(self.close(name) for name in list(self._sessions)))
        try:
            await asyncio.wait_for(closing, CLOSE_LIMIT_S)
        except TimeoutError:
            log.warning("some viewers could not be told that it is over within %d s", CLOSE_LIMIT_S)

    async def _find_place(self, is_countered: bool) -> None:
        """See that there is room for another; whoever has not connected for long makes room.

        Raises:
            HTTPException: 503, there is none.
        """
        taking = [each for each in self._sessions.values() if each.awaits_answer == is_countered]
        most = MOST_COUNTER_OFFERS if is_countered else self._most_viewers
        if len(taking) + self._opening[is_countered] < most or await self._end_one_that_waits(taking):
            return
        if is_countered:
            raise busy(f"{most} counter-offers wait for an answer already", GRACE_S)
        watching = sum(each.is_connected for each in taking)
        raise busy(f"all {most} places are taken: {watching} are watching, the others just connect", RETRY_AFTER_S)

    async def _end_one_that_waits(self, among: Iterable[Session] | None = None) -> bool:
        session = longest_waiting(self._sessions.values() if among is None else among, time.monotonic())
        if session is None:
            return False
        log.info("viewer %s… makes room for another: %s", session.name[:6], session.why_not_connected())
        return await self.close(session.name)

    def _answered(self, session: Session) -> None:
        """Both halves are there: what comes may be heard, and if no connection comes of it, the log says why."""
        watch_handshakes(session.peer, f"viewer {session.name[:6]}…")
        tracks = [receiver.track for receiver in session.peer.getReceivers() if receiver.track is not None]
        sound = next((track for track in tracks if track.kind == "audio"), None)
        if self._microphone is not None and sound is not None:
            listening = self._microphone.listen(session.number, sound)
            session.listening = asyncio.create_task(listening, name=f"microphone of viewer {session.number}")

    def _watch(self, session: Session) -> None:
        # A viewer that never comes, because its page is gone, would otherwise be waited for for ever.
        loop = asyncio.get_running_loop()
        session.giving_up = loop.call_later(CONNECT_LIMIT_S, self._give_up, session.name)

        @session.peer.on("connectionstatechange")
        def changed() -> None:
            if session.name not in self._sessions:
                return
            log.info("viewer %s… %s", session.name[:6], session.peer.connectionState)
            if session.peer.connectionState == "connected":
                self._channel.audience.join(session.viewer)
            elif session.peer.connectionState in ("failed", "closed"):
                self._close_soon(session.name)

    def _give_up(self, name: str) -> None:
        session = self._sessions.get(name)
        if session is not None and not session.is_connected:
            log.info("viewer %s… is given up after %d s: %s", name[:6], CONNECT_LIMIT_S, session.why_not_connected())
            self._close_soon(name)

    def _close_soon(self, name: str) -> None:
        task = asyncio.create_task(self.close(name), name=f"close {name[:6]}")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


def _let_in(_: bool) -> None:
    """Nobody comes too often."""
