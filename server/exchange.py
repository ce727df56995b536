"""What WHEP's and WHIP's HTTP have in common: bodies, entity-tags, cross-origin headers (RFC 9725, 4)."""

from __future__ import annotations

import asyncio

from fastapi import HTTPException, Request, Response

from server import fragment
from server.fragment import Fragment, parse_fragment

SDP = "application/sdp"
MOST_SDP_BYTES = 64 << 10
BODY_LIMIT_S = 10.0
EXPOSED = "Location, ETag, Link, Retry-After, Accept-Post, Accept-Patch, WWW-Authenticate"
TAKEN = "Authorization, Content-Type, If-Match"


def content_type(request: Request) -> str:
    """The media type of a body, without parameters."""
    return str(request.headers.get("content-type", "")).split(";")[0].strip().lower()


async def text_of(request: Request, what: str) -> str:
    """The body, as text.

    Args:
        what: it should be, like "offer".

    Raises:
        HTTPException: 400 for no text, 408 where it does not come, 413 where it does not end.
    """
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_LIMIT_S):
            async for part in request.stream():
                body += part
                if len(body) > MOST_SDP_BYTES:
                    raise HTTPException(413, f"an {what} of more than {MOST_SDP_BYTES} bytes")
    except TimeoutError as error:
        raise HTTPException(408, f"the {what} did not come within {BODY_LIMIT_S:.0f} s") from error
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise HTTPException(400, f"the {what} is not UTF-8 text") from error


async def offer_of(request: Request) -> str:
    """The offer that is posted.

    Raises:
        HTTPException: 415 for another type, and as `text_of`.
    """
    if content_type(request) != SDP:
        raise HTTPException(415, f"an offer has the type {SDP}", {"Accept-Post": SDP})
    return await text_of(request, "offer")


async def fragment_of(request: Request, tag: str) -> Fragment:
    """The ICE fragment of a PATCH, whose condition holds.

    Args:
        tag: the entity-tag of the ICE session as it is.

    Raises:
        HTTPException: 400 for no fragment, 412 for another tag, 415 for another type, 428 for no tag.
    """
    if content_type(request) != fragment.TYPE:
        raise HTTPException(
            415, f"what changes a session has the type {fragment.TYPE}", {"Accept-Patch": fragment.TYPE}
        )
    text = await text_of(request, "ICE fragment")
    given = request.headers.get("if-match")
    if given is None:
        raise HTTPException(428, "say which ICE session is meant: If-Match with the ETag of the answer")
    if not _matches(given, tag):
        raise HTTPException(412, "that is not the ICE session there is now; its ETag came with the answer")
    return parse_fragment(text)


def _matches(given: str, tag: str) -> bool:
    """RFC 9110, 13.1.1. Some write the star as a tag, as the drafts' own example does."""
    return any(each.strip() in ("*", '"*"', tag) for each in given.split(","))


def options(allow: str, patch: str | None = None) -> Response:
    """The answer to OPTIONS, whether a browser asks before another origin's page may, or anybody else.

    Args:
        allow: the methods there are.
        patch: the type of what a PATCH takes.
    """
    headers = {"Allow": allow, "Accept-Post": SDP, "Access-Control-Allow-Methods": allow}
    headers |= {"Access-Control-Allow-Headers": TAKEN, "Access-Control-Max-Age": "600"}
    if patch is not None:
        headers["Accept-Patch"] = patch
    return Response(status_code=200, headers=headers)
