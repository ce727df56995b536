"""Publishing to an SFU by WHIP (RFC 9725): the same packets that viewers get, for ever, whatever the server does."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import numpy as np
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.exceptions import OperationError
from aiortc.stats import RTCTransportStats

from server.channel import Channel
from server.errors import PublishError, SdpError
from server.exchange import SDP
from server.handshakes import watch_handshakes
from server.ice import IceSettings
from server.negotiation import UNANSWERABLE
from server.offer import as_whip_says, prefer_codecs
from server.read_sdp import NothingTakenError, read_answer, read_description
from server.session import close_peer
from server.viewer import Viewer
from server.whip_http import Answer, onward_url, request
from server.whip_target import PublishReport, PublishState, WhipTarget

log = logging.getLogger(__name__)

FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 30.0
CONNECT_LIMIT_S = 20.0
GOODBYE_LIMIT_S = 2.0
SILENT_LIMIT_S = 8.0  # reports on what arrives come about once a second; ICE alone would notice after 30 s
LOOK_S = 1.0
STEADY_S = 10.0  # a session that lasted so long makes the next loss a fresh one


class Backoff:
    """Exponential, with jitter, so that a restarted server is not met by all its publishers at once."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        self._failures = 0

    def next_s(self, asked_s: float = 0.0) -> float:
        """How long to wait now; each call doubles it, up to the limit.

        Args:
            asked_s: the server's own wish, which is not undercut, up to the limit.
        """
        full_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(self._failures, 16))
        self._failures += 1
        return float(max(full_s * self._rng.uniform(0.5, 1.0), min(asked_s, LONGEST_WAIT_S)))

    def reset(self) -> None:
        """It went well."""
        self._failures = 0


class _RefusedError(PublishError):
    """The server said no, and perhaps when to try again."""

    def __init__(self, message: str, retry_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_s = retry_s


class WhipPublisher:
    """Publishes a channel to one WHIP server, until cancelled.

    Args:
        rng: of the jitter.
    """

    def __init__(self, channel: Channel, target: WhipTarget, ice: IceSettings, rng: np.random.Generator) -> None:
        self._channel, self._target, self._ice = channel, target, ice
        self._backoff = Backoff(rng)
        self._report = PublishReport(target.name)
        self._viewer: Viewer | None = None
        self._live_since_s: float | None = None
        self._dropped = 0

    def report(self) -> dict[str, Any]:
        """How it goes, now."""
        self._report.live_s = 0.0 if self._live_since_s is None else round(time.monotonic() - self._live_since_s, 1)
        self._report.dropped_packets = self._dropped + (0 if self._viewer is None else self._viewer.dropped)
        return asdict(self._report)

    async def run(self) -> None:
        """Publish, and whenever that ends, again; never returns."""
        try:
            while True:
                self._report.attempts += 1
                self._report.state, self._report.retry_s = PublishState.CONNECTING, 0.0
                wish_s = 0.0
                try:
                    await self._publish()
                except PublishError as error:
                    self._report.trouble = self._target.redacted(str(error))
                    wish_s = error.retry_s if isinstance(error, _RefusedError) else 0.0
                wait_s = self._backoff.next_s(wish_s)
                self._report.state, self._report.retry_s = PublishState.WAITING, round(wait_s, 2)
                log.warning("WHIP to %s: %s; again in %.1f s", self._target.name, self._report.trouble, wait_s)
                await asyncio.sleep(wait_s)
        finally:
            self._report.state = PublishState.ENDED

    async def _publish(self) -> None:
        """One session, until it is lost, which it raises."""
        kinds = {"video"} if self._channel.player.texture.track is None else {"video", "audio"}
        viewer, peer = Viewer(kinds), RTCPeerConnection(self._ice.configuration())
        changed = asyncio.Event()
        peer.on("connectionstatechange", changed.set)
        self._viewer, session_url = viewer, None
        try:
            offer = await self._offer(peer, viewer)
            answer = await self._post(offer)
            session_url = onward_url(answer)
            await _accept(peer, offer, answer.text)
            watch_handshakes(peer, f"WHIP to {self._target.name}")
            await self._until_connected(peer, changed)
            await self._until_lost(peer, viewer, changed)
        finally:
            self._live_since_s = None
            self._channel.audience.leave(viewer)
            self._dropped, self._viewer = self._dropped + viewer.dropped, None
            viewer.close()
            await close_peer(peer)
            if session_url is not None:
                await self._delete(session_url)

    async def _offer(self, peer: RTCPeerConnection, viewer: Viewer) -> str:
        for kind in sorted(viewer.kinds):
            viewer.add_to(peer, kind)
        prefer_codecs(peer)
        await peer.setLocalDescription(await peer.createOffer())
        return as_whip_says(peer.localDescription.sdp)

    async def _post(self, offer: str) -> Answer:
        answer = await request("POST", self._target.url, self._target.headers(**{"Content-Type": SDP}), offer)
        if answer.status != 201:
            after = answer.headers.get("retry-after", "")
            raise _RefusedError(
                f"it answered {answer.status}{_words(answer)}", float(after) if after.isdecimal() else 0.0
            )
        if "location" not in answer.headers:
            raise PublishError("it answered 201 without a Location: that is no WHIP server")
        return answer

    async def _until_connected(self, peer: RTCPeerConnection, changed: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(CONNECT_LIMIT_S):
                while peer.connectionState in ("new", "connecting"):
                    changed.clear()
                    await changed.wait()
        except TimeoutError as error:
            raise PublishError(
                f"no media connection within {CONNECT_LIMIT_S:.0f} s; are its UDP ports open?"
            ) from error

    async def _until_lost(self, peer: RTCPeerConnection, viewer: Viewer, changed: asyncio.Event) -> None:
        if peer.connectionState != "connected":
            raise PublishError(f"the media connection {peer.connectionState}")
        began_s = self._live_since_s = time.monotonic()
        self._report.state, self._report.trouble = PublishState.LIVE, ""
        self._report.sessions += 1
        self._channel.audience.join(viewer)
        heard, heard_at_s = 0, began_s
        while peer.connectionState == "connected" and time.monotonic() - heard_at_s < SILENT_LIMIT_S:
            changed.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), LOOK_S)
            if (now := await _packets_from(peer)) != heard:
                heard, heard_at_s = now, time.monotonic()
        if time.monotonic() - began_s > STEADY_S:
            self._backoff.reset()
        raise PublishError("the connection was lost")

    async def _delete(self, url: str) -> None:
        try:
            await request("DELETE", url, self._target.headers(), limit_s=GOODBYE_LIMIT_S)
        except PublishError as error:
            log.info(
                "WHIP to %s: its session could not be ended: %s", self._target.name, self._target.redacted(str(error))
            )


async def _packets_from(peer: RTCPeerConnection) -> int:
    """How many packets the server has sent so far: its reports on what it gets."""
    reports = (await peer.getStats()).values()
    return sum(report.packetsReceived for report in reports if isinstance(report, RTCTransportStats))


async def _accept(peer: RTCPeerConnection, offer: str, answer: str) -> None:
    try:
        theirs = read_answer(answer, read_description(offer, "offer"))
        refused = [section.kind for section in theirs.sections if section.is_refused]
        if "video" in refused:
            raise PublishError("its answer refuses the picture; it must take H.264")
        await peer.setRemoteDescription(RTCSessionDescription(theirs.sdp(), "answer"))
    except NothingTakenError as error:
        raise PublishError(f"{error}; it must take H.264") from error
    except (SdpError, OperationError, *UNANSWERABLE) as error:
        raise PublishError(str(error)) from error


def _words(answer: Answer) -> str:
    """What else it said, if that is for people."""
    kind = answer.headers.get("content-type", "")
    return f": {' '.join(answer.text.split())[:120]}" if kind.startswith(("text/plain", "application/json")) else ""
