"""Whatever a WHIP server says to be its session's address: the publisher is told, and lives."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import pytest

from server.errors import PublishError
from server.whip_http import request


@pytest.fixture
def elsewhere() -> Iterator[str]:
    """A server that redirects to what is asked for."""

    class Redirecting(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(307)
            self.send_header("Location", self.path[1:])
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Redirecting) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()


@pytest.mark.parametrize("location", ["http://[::1", "http://host:port/x", "http://host:99999/", "http://host:0/"])
async def test_a_location_that_is_no_address(location: str, elsewhere: str) -> None:
    with pytest.raises(PublishError, match="its Location is no address"):
        await request("POST", f"{elsewhere}/{location}", {}, limit_s=5.0)
