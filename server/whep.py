"""WHEP over HTTP: a viewer posts an offer, gets an answer and a session (draft-ietf-wish-whep-04)."""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import Any

from fastapi import APIRouter, Request, Response

from server import exchange_docs as docs
from server import fragment
from server.exchange import SDP, content_type, fragment_of, offer_of, options, text_of
from server.ice import IceSettings
from server.joins import Joins
from server.microphone import MicrophoneEvent
from server.proxied import address
from server.sessions import CONNECT_LIMIT_S, Sessions

ENDPOINT_METHODS = "GET, HEAD, POST, OPTIONS"
SESSION_METHODS = "GET, HEAD, PATCH, DELETE, OPTIONS"
PREFIX = "/whep"
NOT_HEARD: dict[int | str, dict[str, Any]] = {**docs.GONE, 409: {"description": "It does not listen to viewers."}}


def whep_router(sessions: Sessions, ice: IceSettings | None = None, joins: Joins | None = None) -> APIRouter:
    """The requests of a session's life.

    Args:
        ice: whose relay viewers are told of.
        joins: refuses those who come too often.
    """
    router = APIRouter(prefix=PREFIX, tags=["WHEP"])
    ice = ice or IceSettings()

    @router.get("", response_class=Response)
    async def get_endpoint() -> Response:
        """Nothing, and that it is a WHEP endpoint."""
        return Response(status_code=200, headers={"Accept-Post": SDP, "Allow": ENDPOINT_METHODS}, media_type=SDP)

    @router.options("", response_class=Response)
    async def options_of_endpoint() -> Response:
        """What can be asked for here."""
        return options(ENDPOINT_METHODS)

    @router.post(
        "",
        status_code=201,
        response_class=Response,
        responses=docs.opened(counter_offer=True),
        openapi_extra=docs.OFFER,
    )
    async def post_offer(request: Request, apart: bool = False) -> Response:
        """Answer an SDP offer; `Location` names the session. 406 brings a counter-offer, to be answered by PATCH.

        `apart` asks for sound and picture as two streams where that is quicker.
        """
        offer = await offer_of(request)

        def admit(in_vain: bool) -> None:
            if joins is not None:
                joins.admit(request.client.host if request.client else "", time.monotonic(), in_vain=in_vain)

        session = await sessions.open(offer, apart=apart, admit=admit)
        headers = {
            "Location": address(request.scope, f"{PREFIX}/{session.name}"),
            "ETag": session.tag,
            "Accept-Patch": fragment.TYPE,
        }
        if session.awaits_answer:
            until = formatdate(time.time() + CONNECT_LIMIT_S, usegmt=True)
            headers["Accept-Patch"] = f"{SDP}, {fragment.TYPE}"
            response = Response(session.sdp, 406, headers, media_type=f'{SDP}; valid-until="{until}"')
        else:
            response = Response(session.sdp, 201, headers, media_type=SDP)
        for link in ice.links():
            response.headers.append("Link", link)
        return response

    @router.get("/{name}", status_code=204, response_class=Response, responses=docs.IS_THERE)
    async def get_session(name: str) -> Response:
        """Nothing, and that it is there."""
        return Response(status_code=204, headers={"ETag": sessions.get(name).tag, "Allow": SESSION_METHODS})

    @router.options("/{name}", response_class=Response)
    async def options_of_session(name: str) -> Response:
        """What can be asked for here; without a look whether it is there, for a browser asks without a token."""
        return options(SESSION_METHODS, fragment.TYPE)

    @router.patch(
        "/{name}", status_code=204, response_class=Response, responses=docs.CHANGED, openapi_extra=docs.CHANGE
    )  # fmt: skip
    async def patch_session(name: str, request: Request) -> Response:
        """Take ICE candidates, or the answer to a counter-offer."""
        session = sessions.get(name)
        if content_type(request) == SDP:
            await sessions.accept(name, await text_of(request, "answer"))
        else:
            await sessions.trickle(name, await fragment_of(request, session.tag))
        return Response(status_code=204)

    @router.delete("/{name}", status_code=200, response_class=Response)
    async def delete_session(name: str) -> Response:
        """End the session. One that is gone already is as good as ended."""
        await sessions.close(name)
        return Response(status_code=200)

    return router


def microphone_router(sessions: Sessions) -> APIRouter:
    """Whose microphone is heard."""
    router = APIRouter(prefix=PREFIX, tags=["microphone"])

    @router.post("/{name}/microphone", responses=NOT_HEARD)
    async def claim_microphone(name: str) -> MicrophoneEvent:
        """Hear this viewer's microphone from now on, instead of another's; answers with their number."""
        return sessions.claim_microphone(name)

    @router.delete("/{name}/microphone", status_code=204, response_class=Response, responses=NOT_HEARD)
    async def release_microphone(name: str) -> Response:
        """Hear it no more."""
        sessions.release_microphone(name)
        return Response(status_code=204)

    return router
