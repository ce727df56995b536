"""Where this server is reached, and by whom, when a reverse proxy stands before it.

A proxy may put the server below a path, a prefix like "/wall", and take it away from each request or leave it there.
What the page loads is relative to the page, and needs to know nothing of that. Where the prefix is known, from
`--root-path` or `X-Forwarded-Prefix`, routes are found with it and without it, and what the server says of its own
addresses begins with it.

Source: RFC 3986 3.3 (paths), ASGI's `root_path`, which `path` begins with; the meaning of a list in
`X-Forwarded-Prefix` is that of Spring and Traefik: the outer prefix first.
"""

from __future__ import annotations

import ipaddress
import logging
import posixpath
import re
from collections.abc import Collection
from urllib.parse import quote, unquote

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from server.errors import ServerError

log = logging.getLogger(__name__)

HEADER = "x-forwarded-prefix"
TRUSTED = ("127.0.0.1", "::1")  # proxies on this machine
MOST_CHARACTERS = 1000
_KNOWN = "videotexture.prefix"  # in a request's scope: the prefix as an address has it; absent where it is unknown
_SAFE = "/%!$&'()*+,;=:@~"  # of a path, and what `quote` leaves anyway
_PATH = re.compile(r"(/(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})+)+")


def parse_prefix(text: str) -> str:
    """A prefix as an address has it: encoded, with a slash before it and none behind; "" for the root.

    Args:
        text: encoded or not, like "/wall", "/two walls/" or "/".

    Raises:
        ValueError: it is no path. Nor are "//host" and "/a/../b", by which an address could lead elsewhere.
    """
    encoded = quote(text.strip().rstrip("/"), safe=_SAFE)
    if not encoded and text.strip().startswith("/"):
        return ""
    segments = unquote(encoded).split("/")
    if set("?#") & set(text):
        raise ValueError(f"{text[:80]!r} is more than a path; expected one like /wall")
    if len(encoded) > MOST_CHARACTERS or not _PATH.fullmatch(encoded) or {".", ".."} & {*segments}:
        raise ValueError(f"{text[:80]!r} is no path; expected one like /wall")
    if any(ord(character) < 0x20 or character in "\\\x7f" for character in unquote(encoded)):
        raise ValueError(f"{text[:80]!r} has characters that no path has; expected one like /wall")
    return encoded


def given_root_path(text: str | None) -> str | None:
    """What `--root-path` means.

    Raises:
        ServerError: it is no path.
    """
    if text is None:
        return None
    try:
        return parse_prefix(text)
    except ValueError as error:
        raise ServerError(f"--root-path {error}, the part of the address that comes before the page's own /") from error


def given_proxies(addresses: Collection[str]) -> tuple[str, ...]:
    """Whose word is taken, with those of `--trusted-proxy`.

    Raises:
        ServerError: one is neither an address nor a network.
    """
    for each in addresses:
        try:
            ipaddress.ip_network(each) if each != "*" else None
        except ValueError as error:
            raise ServerError(
                f"--trusted-proxy {each}: {error}; expected an address, a network like 172.16.0.0/12, or * for all"
            ) from error
    return ("*",) if "*" in addresses else (*TRUSTED, *addresses)


def path_within(scope: Scope) -> str:
    """The path of a request as this server's own routes have it."""
    root = scope.get("app_root_path", scope.get("root_path", ""))  # the former where a mounted application answers
    return str(scope["path"]).removeprefix(root)


def address(scope: Scope, path: str) -> str:
    """The address of a path of ours, for whoever made this request: a reference to be resolved as RFC 3986, 5 has it.

    Where the prefix is known, even as none, it begins with a slash, which clients understand that know half of the
    rules; else it is relative to what was asked for, and right behind any proxy.
    """
    if _KNOWN in scope:
        return f"{scope[_KNOWN]}{path}"
    return posixpath.relpath(path, posixpath.dirname(path_within(scope)))


class Proxied(ProxyHeadersMiddleware):
    """ASGI middleware: believes what trusted proxies say of the client, of its scheme, and of the prefix.

    Args:
        root_path: the prefix, as `parse_prefix` gives it; None where it is not known.
        trusted: addresses and networks of proxies; "*" trusts everybody.
        own: the first segments of our own paths. A prefix that is one of them is always taken away by the proxy: else
            nobody could tell "/api" below "/api" from "/" there.
    """

    def __init__(
        self, app: ASGIApp, root_path: str | None = None, trusted: Collection[str] = TRUSTED, own: Collection[str] = ()
    ) -> None:
        super().__init__(app, list(trusted))  # type: ignore[arg-type]  # uvicorn's types are ASGI's, in more words
        self._root_path, self._own = root_path, own
        self._has_told = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # type: ignore[override]
        """One request."""
        if scope["type"] == "http":
            scope = dict(scope)
            prefix = self._root_path if self._root_path is not None else self._forwarded(scope)
            if prefix is not None:
                self._place(scope, prefix)
        await super().__call__(scope, receive, send)  # type: ignore[arg-type]

    def _forwarded(self, scope: Scope) -> str | None:
        """The prefix that the proxy tells of; one that is no path is told once, and ignored."""
        values = Headers(scope=scope).getlist(HEADER)
        if not values or (scope.get("client") or ("",))[0] not in self.trusted_hosts:
            return None
        try:
            parts = [part for value in values for part in re.split(r",\s*(?=/)", _utf8(value))]
            return "".join(map(parse_prefix, parts))
        except ValueError as error:
            if not self._has_told:
                log.warning("X-Forwarded-Prefix is ignored: %s", error)
            self._has_told = True
            return None

    def _place(self, scope: Scope, prefix: str) -> None:
        root = unquote(prefix)
        path = scope["path"]
        is_left_there = root == path or path.startswith(f"{root}/")
        if root and (not is_left_there or root.split("/")[1] in self._own):
            path = root + path
        scope["path"] = f"{path}/" if path == root else path
        scope["raw_path"] = quote(scope["path"]).encode("ascii")
        scope["root_path"] = root
        scope[_KNOWN] = prefix


def _utf8(value: str) -> str:
    """Header fields are read as Latin-1; whoever writes more letters than that writes UTF-8."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return value


def own_segments(app: FastAPI) -> frozenset[str]:
    """The first segments of all paths of an application, but of the page's own."""
    paths = [each.path for each in iter_route_contexts(app.routes) if each.path] + ["/page"]
    return frozenset(path.split("/")[1] for path in paths) - {""}
