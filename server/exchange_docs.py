"""WHEP's and WHIP's requests and answers for the OpenAPI document: SDP and ICE fragments, which no model describes."""

from __future__ import annotations

from typing import Any

from server import fragment
from server.exchange import SDP

TEXT = {"schema": {"type": "string"}}
LOCATION = {
    "Location": {
        "description": "The session, by an address that cannot be guessed; to be resolved against that of the request.",
        "schema": {"type": "string"},
    }
}
TAG = {"ETag": {"description": "Of the ICE session; a PATCH names it in If-Match.", "schema": {"type": "string"}}}
LINK = {"Link": {"description": "A TURN server and its credentials (RFC 9725, 4.6).", "schema": {"type": "string"}}}
RETRY = {"Retry-After": {"description": "In seconds.", "schema": {"type": "integer"}}}

OFFER = {"requestBody": {"required": True, "description": "An SDP offer.", "content": {SDP: TEXT}}}
CHANGE = {
    "requestBody": {
        "required": True,
        "description": "ICE candidates (RFC 8840), or the SDP answer to a counter-offer.",
        "content": {fragment.TYPE: TEXT, SDP: TEXT},
    },
    "parameters": [
        {
            "name": "If-Match", "in": "header", "required": False, "schema": {"type": "string"},
            "description": "The ETag that came with the answer; needed for candidates.",
        }
    ],
}  # fmt: skip


def opened(*, counter_offer: bool = False) -> dict[int | str, dict[str, Any]]:
    """What a POST of an offer may be answered.

    Args:
        counter_offer: whether an offer that takes nothing is answered by one.
    """
    made: dict[int | str, dict[str, Any]] = {
        201: {"description": "The answer.", "content": {SDP: TEXT}, "headers": LOCATION | TAG | LINK},
        400: {"description": "That is no SDP offer."},
        408: {"description": "The offer did not come in time."},
        415: {"description": f"An offer has the type {SDP}."},
        429: {"description": "Too many sessions are opened from this address.", "headers": RETRY},
        503: {"description": "There is no room for another; come again.", "headers": RETRY},
    }
    if counter_offer:
        text = "The offer takes nothing that there is. This is a counter-offer: PATCH its answer to the session."
        made[406] = {"description": text, "content": {SDP: TEXT}, "headers": LOCATION | TAG | LINK}
    return made


GONE: dict[int | str, dict[str, Any]] = {404: {"description": "There is no such session; it may have ended."}}
IS_THERE: dict[int | str, dict[str, Any]] = {204: {"description": "It is there.", "headers": TAG}, **GONE}
CHANGED: dict[int | str, dict[str, Any]] = {
    204: {"description": "Taken."},
    400: {"description": "The body is none of what is expected."},
    **GONE,
    409: {"description": "It has been answered already."},
    412: {"description": "If-Match names an ICE session that is no more."},
    415: {"description": "The body has another type."},
    422: {"description": "An answer that takes nothing, or an ICE restart; neither can be done."},
    428: {"description": "If-Match is missing."},
    503: {"description": "There is no room for another viewer; answer again.", "headers": RETRY},
}
