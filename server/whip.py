"""A WHIP endpoint that takes sound, from OBS or any WHIP client, as what the picture moves to (RFC 9725)."""

from __future__ import annotations

import time

from fastapi import APIRouter, Request, Response

from server import exchange_docs as docs
from server import fragment
from server.exchange import SDP, fragment_of, offer_of, options
from server.ice import IceSettings
from server.joins import Joins
from server.proxied import address
from server.publishers import Publishers
from server.session import add_candidates
from stream.hearing.browser import NOBODY, BrowserSource

PREFIX = "/whip"
ENDPOINT_METHODS = "GET, HEAD, POST, OPTIONS"
SESSION_METHODS = "GET, HEAD, PATCH, DELETE, OPTIONS"


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

        def admit() -> None:
            joins.admit(request.client.host if request.client else "", time.monotonic())

        session = await publishers.open(offer, admit)
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
        await add_candidates(session, await fragment_of(request, session.tag))
        return Response(status_code=204)

    @router.delete("/{name}", status_code=200, response_class=Response)
    async def delete_session(name: str) -> Response:
        """End the session. One that is gone already is as good as ended."""
        await publishers.close(name)
        return Response(status_code=200)

    return router
