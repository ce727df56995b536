"""What stands in front of the whole application: access, the size of bodies, cross-origin headers."""

from __future__ import annotations

from fastapi import HTTPException
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.access import SHARED, Access, Asked, Refusal
from server.exchange import EXPOSED
from server.proxied import path_within

MOST_BODY_BYTES = 128 << 10  # more than any offer


class Gate:
    """ASGI middleware: lets through what `access` permits."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        asked = Asked(
            scope["method"], path_within(scope), headers.get("host"), headers.get("origin"),
            headers.get("authorization"), headers.get("sec-fetch-site"),
        )  # fmt: skip
        answer = self._answering(asked, send)
        refusal = _too_large(headers) or self._access.refusal(asked)
        if refusal is not None:
            challenge = {} if refusal.challenge is None else {"WWW-Authenticate": refusal.challenge}
            await JSONResponse({"detail": refusal.reason}, refusal.status, challenge)(scope, receive, answer)
            return
        await self._app(scope, _bounded(receive), answer)

    def _answering(self, asked: Asked, send: Send) -> Send:
        shares = asked.origin is not None and asked.path.startswith(SHARED) and self._access.may_share(asked)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "no-referrer"
                if asked.path.startswith(SHARED):
                    headers.add_vary_header("Origin")
                if shares:
                    headers["Access-Control-Allow-Origin"] = asked.origin or "*"
                    headers["Access-Control-Expose-Headers"] = EXPOSED
            await send(message)

        return answer


def _too_large(headers: Headers) -> Refusal | None:
    length = headers.get("content-length", "0")
    if length.isdecimal() and int(length) <= MOST_BODY_BYTES:
        return None
    return Refusal(413, f"a body of {length[:20]} bytes, expected {MOST_BODY_BYTES} at most")


def _bounded(receive: Receive) -> Receive:
    """The same for bodies that do not tell their length."""
    taken = 0

    async def bounded() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > MOST_BODY_BYTES:
            raise HTTPException(413, f"a body of more than {MOST_BODY_BYTES} bytes")
        return message

    return bounded
