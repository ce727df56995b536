"""HEAD and OPTIONS of every path, and what a refused method is told, by one rule (RFC 9110, 9.3 and 15.5.6).

Routes name only the methods that do something. What follows from them is here: HEAD wherever there is GET, OPTIONS
everywhere, an `Allow` that lists every method of the path, and a way on for a path with one slash too many.
"""

from __future__ import annotations

import re

import anyio
from fastapi import FastAPI, Request, Response
from fastapi.exception_handlers import http_exception_handler
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.routing import Mount, compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.proxied import path_within

ORDER = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class HeadAsGet:
    """ASGI middleware: answers HEAD with the headers that GET would bring.

    Whatever answers is cancelled as soon as its headers are known: a body, which may never end, is not made for nobody.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        with anyio.CancelScope() as answering:

            async def send_head(message: Message) -> None:
                if message["type"] == "http.response.start":
                    await send(message)
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
                    answering.cancel()

            await self._app({**scope, "method": "GET"}, receive, send_head)


def answer_other_methods(app: FastAPI) -> None:
    """Let the application, all of whose routes it has by now, answer OPTIONS, refused methods and needless slashes."""
    routes = [(compile_path(each.path)[0], frozenset(each.methods or ())) for each in iter_route_contexts(app.routes)
              if each.path is not None]  # fmt: skip
    files = [each.path + "/" for each in app.routes if isinstance(each, Mount)]

    def allowed(path: str) -> str:
        methods = _methods(path, routes)
        if any(path.startswith(each) for each in files):
            methods = methods | {"GET"}
        if "GET" in methods:
            methods = methods | {"HEAD"}
        return ", ".join(each for each in ORDER if each in methods | {"OPTIONS"})

    async def answer(request: Request, error: HTTPException) -> Response:
        path = path_within(request.scope)
        if error.status_code == 405:
            allow = allowed(path)
            if request.method == "OPTIONS":
                return Response(status_code=204, headers={"Allow": allow})
            error = HTTPException(405, error.detail, {"Allow": allow})
        elif error.status_code == 404 and path.endswith("/") and _methods(path.rstrip("/"), routes):
            # Relative, for a proxy may have taken a prefix and a name away: "/whep/" leads to "/whep".
            query = f"?{request.url.query}" if request.url.query else ""
            return Response(status_code=307, headers={"Location": f"../{path.rstrip('/').rsplit('/', 1)[-1]}{query}"})
        return await http_exception_handler(request, error)

    app.add_exception_handler(HTTPException, answer)  # type: ignore[arg-type]  # it is given no other exceptions


def _methods(path: str, routes: list[tuple[re.Pattern[str], frozenset[str]]]) -> frozenset[str]:
    return frozenset().union(*(methods for pattern, methods in routes if pattern.match(path)))
