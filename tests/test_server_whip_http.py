"""Requests to WHIP servers, by the addresses that servers print and the `Location`s that they give."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from server.errors import PublishError, ServerError
from server.ice import LOOPBACK
from server.whip_http import Answer, onward_url, request
from server.whip_target import WhipTarget

ASKED: list[tuple[str, str | None]] = []


class Endpoint(BaseHTTPRequestHandler):
    """Writes down what it is asked for; what is under /from is redirected to where its query says."""

    def do_POST(self) -> None:
        ASKED.append((self.path, self.headers["Authorization"]))
        self.send_response(307 if self.path.startswith("/from?") else 201)
        self.send_header("Location", self.path.partition("?")[2] or "session/1")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def place() -> Iterator[str]:
    with HTTPServer((LOOPBACK, 0), Endpoint) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"{LOOPBACK}:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _nothing_asked() -> None:
    ASKED.clear()


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("/NAME/whip", "/NAME/whip"),  # MediaMTX
        ("/rtc/v1/whip/?app=live&stream=livestream", "/rtc/v1/whip/?app=live&stream=livestream"),  # SRS
        ("/app/stream?direction=whip", "/app/stream?direction=whip"),  # OvenMediaEngine
        ("/a+b%2Bc/webRTC/publish?k=x+y/z=#part", "/a+b%2Bc/webRTC/publish?k=x+y/z="),  # the part is the browser's
        ("/caf\u00e9?k='(1)'|2", "/caf%C3%A9?k='(1)'|2"),
        ("", "/"),
        ("?k=1", "/?k=1"),
    ],
)
async def test_an_endpoint_is_asked_as_it_was_given(place: str, given: str, asked: str) -> None:
    target = WhipTarget(f" 'HTTP://me:pa%3Ass@{place}{given}'\n", "token")
    answer = await request("POST", target.url, target.headers())
    assert answer.status == 201
    assert [(asked, "Basic bWU6cGE6c3M=")] == ASKED


@pytest.mark.parametrize(
    ("location", "onward"),
    [
        ("session/1", "http://a.example:99/live/session/1"),
        ("/whip/1?x=y", "http://a.example:99/whip/1?x=y"),
        ("?action=delete&token=1", "http://a.example:99/live/whip?action=delete&token=1"),
        ("//b.example/1", "http://b.example/1"),
        ("HTTPS://B.example:443/1 2", "https://B.example:443/1%202"),
        ("../caf\u00e9", "http://a.example:99/caf%C3%A9"),
        ("/" + 3000 * "t", "http://a.example:99/" + 3000 * "t"),
    ],
)
def test_where_a_location_points_to(location: str, onward: str) -> None:
    assert onward_url(Answer(201, "http://a.example:99/live/whip", {"location": location}, "")) == onward


@pytest.mark.parametrize("location", ["ftp://b.example/1", "http://[::g]/1", "http://b:99999/", "//a:x/"])
def test_a_location_that_is_none(location: str) -> None:
    with pytest.raises(PublishError, match="Location is no address"):
        onward_url(Answer(201, "http://a.example:99/live/whip", {"location": location}, ""))


async def test_a_redirection_to_the_same_server_keeps_the_token(place: str) -> None:
    port = place.partition(":")[2]
    for location in (f"HTTP://{place}/whip", "/whip", f"http://localhost:{port}/whip"):
        await request("POST", f"http://{place}/from?{location}", {"Authorization": "Bearer token"})
    assert [token for path, token in ASKED if path == "/whip"] == ["Bearer token", "Bearer token", None]


async def test_a_server_that_redirects_nowhere_is_no_surprise(place: str) -> None:
    with pytest.raises(PublishError, match="Location is no address"):
        await request("POST", f"http://{place}/from?mailto:me", {})


@pytest.mark.parametrize("url", ["http://a b/whip", "http://me:pass@/whip", "whip://me:pass@a/pass", "http://a:0/pass"])
def test_a_refusal_shows_no_secret(url: str) -> None:
    with pytest.raises(ServerError, match="no WHIP endpoint") as refusal:
        WhipTarget(url)
    assert "pass" not in str(refusal.value)
