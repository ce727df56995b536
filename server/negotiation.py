"""Offers and answers: what of a viewer's offer is taken, and what is offered where it takes nothing."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count

from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.exceptions import InvalidStateError, OperationError
from fastapi import HTTPException

from server.channel import Channel
from server.frame import Codec
from server.ice import IceSettings
from server.microphone import ViewersMicrophone
from server.offer import (
    advertising,
    as_whip_says,
    asking_for_short_packets,
    prefer_codecs,
    set_answer,
)
from server.places import RETRY_AFTER_S, busy
from server.prompt_receiver import receive_promptly
from server.sdp import Description
from server.session import Session, close_peer
from server.viewer import Viewer
from server.woven_answer import plan, woven

# What aiortc may still stumble with, though what reaches it was checked.
UNANSWERABLE = (ValueError, KeyError, AssertionError, AttributeError, TypeError, IndexError, InvalidStateError)


class Negotiator:
    """Makes the sessions of a channel's viewers; keeps none.

    Args:
        microphone: what hears a viewer's own microphone; without one, none is asked for.
        ice: how media finds its way.
    """

    def __init__(self, channel: Channel, microphone: ViewersMicrophone | None, ice: IceSettings) -> None:
        self._channel = channel
        self._microphone = microphone
        self._ice = ice
        self._numbers = count(1)

    def takes(self, offer: Description) -> bool:
        """Whether an offer can be answered, and need not be countered."""
        return bool(self._wanted_kinds(offer))

    async def negotiate(self, offer: Description) -> Session:
        """A session that answers an offer or, where nothing of it fits, makes one of our own.

        Raises:
            HTTPException: 400 for an offer that cannot be answered, 503 where there is no way for the media.
            NoPortError: there is no UDP port for it.
        """
        kinds = self._wanted_kinds(offer)
        for codec in _codecs(offer) if kinds else ():
            session = await self._answered(offer, kinds, codec)
            if session is not None:
                return session
        return await self._countered()

    async def _answered(self, offer: Description, kinds: set[str], codec: Codec) -> Session | None:
        """A session that answers the offer; None where aiortc finds no codec of it to take."""
        session = self._new(kinds, codec)
        peer = session.peer
        answer = plan(offer, kinds)
        session.theirs = offer.only(answer.seen)
        try:
            async with closed_on_failure(peer):
                for section in session.theirs.sections:  # aiortc connects what is not bundled in this order
                    self._add(peer, section.kind, session.viewer)
                prefer_codecs(peer, session.viewer.codec)
                self._hear_promptly(peer)
                await peer.setRemoteDescription(RTCSessionDescription(session.theirs.sdp(), "offer"))
                await set_answer(peer)
                sdp = woven(peer.localDescription.sdp, offer, answer)
                session.sdp = self._finished(asking_for_short_packets(sdp))
        except OperationError:
            return None
        return session

    async def _countered(self) -> Session:
        """A session that offers what there is (WHEP, server sends counter-offer)."""
        session = self._new(self._sent_kinds())
        peer = session.peer
        async with closed_on_failure(peer):
            for kind in sorted(session.viewer.kinds):
                session.viewer.add_to(peer, kind)
            prefer_codecs(peer)
            await peer.setLocalDescription(await peer.createOffer())
            session.sdp, session.awaits_answer = self._finished(peer.localDescription.sdp), True
        return session

    def _new(self, kinds: set[str], codec: Codec = Codec.H264) -> Session:
        name = secrets.token_urlsafe(18)
        number = next(self._numbers)
        viewer = Viewer(kinds & self._sent_kinds(), number, adapts=True, codec=codec)
        return Session(name, number, viewer, RTCPeerConnection(self._ice.configuration()))

    def _finished(self, sdp: str) -> str:
        if "a=candidate:" not in sdp:
            raise busy("the relay gives no address just now", RETRY_AFTER_S)
        sdp = as_whip_says(sdp)
        return sdp if self._ice.advertised is None else advertising(sdp, self._ice.advertised)

    def _wanted_kinds(self, offer: Description) -> set[str]:
        """The sections to take; none where a picture is asked for that takes no codec of ours, or nothing fits."""
        taken = offer.codecs()
        asked = {section.kind for section in offer.sections if not section.is_refused}
        if not _codecs(offer):
            return set()
        wanted = self._sent_kinds() if self._microphone is None else {"video", "audio"}
        wanted = wanted & asked if "audio/opus" in taken else wanted & asked - {"audio"}
        return wanted if wanted & self._sent_kinds() else set()

    def _sent_kinds(self) -> set[str]:
        return {"video"} if self._channel.player.texture.track is None else {"video", "audio"}

    def _add(self, peer: RTCPeerConnection, kind: str, viewer: Viewer) -> None:
        """A section of what is sent and heard: the picture goes one way, sound may go both."""
        is_heard = kind == "audio" and self._microphone is not None
        if kind in viewer.kinds:
            viewer.add_to(peer, kind, "sendrecv" if is_heard else "sendonly")
        else:
            peer.addTransceiver(kind, direction="recvonly")

    def _hear_promptly(self, peer: RTCPeerConnection) -> None:
        for transceiver in peer.getTransceivers():
            if transceiver.kind == "audio" and self._microphone is not None:
                receive_promptly(transceiver.receiver)


def _codecs(offer: Description) -> list[Codec]:
    """How a picture can be sent to this viewer, the best first: VP8 only to those who take nothing else."""
    if offer.of_kind("video") is None:
        return [Codec.H264]
    return [codec for codec in Codec if codec.mime_type.lower() in offer.codecs()]


@asynccontextmanager
async def closed_on_failure(peer: RTCPeerConnection) -> AsyncIterator[None]:
    """Close a connection whose exchange fails, and say to the other end why."""
    try:
        yield
    except BaseException as error:
        await close_peer(peer)
        if isinstance(error, UNANSWERABLE):
            raise HTTPException(400, f"this offer cannot be answered: {error}") from error
        raise
