"""HTTP for the WHIP client: one request, on a thread, with limits; redirected as WHIP says (RFC 9725, 4.5)."""

from __future__ import annotations

import asyncio
import http.client
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from server.errors import PublishError, ServerError

LIMIT_S = 10.0
MOST_ANSWER_BYTES = 256 << 10
MOST_REDIRECTIONS = 5
REDIRECTED = (307, 308)  # 301 and 302 may turn a POST into a GET, and are not for WHIP


@dataclass(frozen=True)
class Answer:
    """What a server answered.

    Attributes:
        url: that answered, after redirections; what its `Location` is relative to.
        headers: by lower-case names.
    """

    status: int
    url: str
    headers: dict[str, str]
    text: str


def check_url(url: str) -> str:
    """The address of a WHIP endpoint.

    Raises:
        ServerError: it is none.
    """
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        fits = False
    if not fits:
        raise ServerError(f"{url!r} is no WHIP endpoint; expected one like https://sfu.example.org/whip/live")
    return url


async def request(
    method: str, url: str, headers: dict[str, str], body: str = "", *, limit_s: float = LIMIT_S
) -> Answer:
    """Ask, and follow redirections. The token goes along only to the server that it is for.

    Raises:
        PublishError: no answer came, or one without an end.
    """
    for _ in range(MOST_REDIRECTIONS):
        answer = await asyncio.to_thread(_ask, method, url, headers, body, limit_s)
        if answer.status not in REDIRECTED or "location" not in answer.headers:
            return answer
        onward = urljoin(url, answer.headers["location"])
        if urlsplit(onward)[:2] != urlsplit(url)[:2]:
            headers = {name: value for name, value in headers.items() if name != "Authorization"}
        url = onward
    raise PublishError(f"{url} was redirected more than {MOST_REDIRECTIONS} times")


def _ask(method: str, url: str, headers: dict[str, str], body: str, limit_s: float) -> Answer:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=limit_s)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        connection.request(method, path, body.encode() or None, headers)
        response = connection.getresponse()
        text = response.read(MOST_ANSWER_BYTES + 1)
        if len(text) > MOST_ANSWER_BYTES:
            raise PublishError(f"{parts.hostname} answered more than {MOST_ANSWER_BYTES} bytes")
        fields = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, url, fields, text.decode("utf-8", "replace"))
    except (OSError, http.client.HTTPException) as error:
        raise PublishError(f"{parts.hostname} does not answer: {error or type(error).__name__}") from error
    finally:
        connection.close()
