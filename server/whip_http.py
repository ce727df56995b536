"""HTTP for the WHIP client: one request, on a thread, with limits; redirected as WHIP says (RFC 9725, 4.5)."""

from __future__ import annotations

import asyncio
import http.client
from dataclasses import dataclass, replace
from urllib.parse import quote, urljoin, urlsplit

from server.errors import PublishError, ServerError
from stream.network_address import NetworkAddress, network_address

LIMIT_S = 10.0
MOST_ANSWER_BYTES = 256 << 10
MOST_REDIRECTIONS = 5
LONGEST_URL = 8000  # tokens may be in it
PORTS = {"http": 80, "https": 443}
PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))  # is sent as it was given
REDIRECTED = (307, 308)  # 301 and 302 may turn a POST into a GET, and are not for WHIP

_EXPECTED = "expected one like https://sfu.example.org/whip/live"


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


def check_url(url: str) -> NetworkAddress:
    """The address of a WHIP endpoint, as it was pasted.

    Raises:
        ServerError: it is none; the message shows no key.
    """
    try:
        address = network_address(url, LONGEST_URL)
    except ValueError as error:
        raise ServerError(f"no WHIP endpoint: {error}; {_EXPECTED}") from error
    if address.scheme not in PORTS or address.port == 0:
        raise ServerError(f"{address.scheme}://{address.place} is no WHIP endpoint; {_EXPECTED}")
    return address


async def request(
    method: str, url: str, headers: dict[str, str], body: str = "", *, limit_s: float = LIMIT_S
) -> Answer:
    """Ask, and follow redirections. The token goes along only to the server that it is for.

    Raises:
        PublishError: no answer came, or one without an end.
    """
    first = url
    for _ in range(MOST_REDIRECTIONS):
        answer = await asyncio.to_thread(_ask, method, url, headers, body, limit_s)
        if answer.status not in REDIRECTED or "location" not in answer.headers:
            return answer
        onward = onward_url(answer)
        if _origin(onward) != _origin(url):
            headers = {name: value for name, value in headers.items() if name != "Authorization"}
        url = onward
    raise PublishError(f"{urlsplit(first).hostname} redirected more than {MOST_REDIRECTIONS} times")


def onward_url(answer: Answer) -> str:
    """Where a `Location` points to: a whole URL, or one relative to what answered (RFC 3986, 5).

    Raises:
        PublishError: to nowhere that can be asked.
    """
    try:
        address = check_url(urljoin(answer.url, quote(answer.headers["location"], safe=PRINTABLE)))
    except (ServerError, ValueError) as error:
        raise PublishError("its Location is no address that can be asked") from error
    return replace(address, user="").text


def _origin(url: str) -> tuple[str, str, int]:
    address = check_url(url)
    return address.scheme, address.host.lower(), address.port or PORTS[address.scheme]


def _ask(method: str, url: str, headers: dict[str, str], body: str, limit_s: float) -> Answer:
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=limit_s)
    path = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=PRINTABLE)
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
