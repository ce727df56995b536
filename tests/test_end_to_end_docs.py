"""The page that shows the HTTP interface, in a Chromium that reaches nothing but this server."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Route

from tests.browser import LIVE_MS, chromium
from tests.serving import serve_process
from tests.stream_media import write_texture

pytestmark = pytest.mark.e2e

VIEWER, CONTROL = "viewer-token-0123456789", "control-token-012345678"


def test_it_needs_no_internet_and_asks_with_its_token(tmp_path: Path) -> None:
    texture = write_texture(tmp_path / "n.texture", seconds=3.0)
    elsewhere: list[str] = []

    def only_here(route: Route) -> None:
        if urlsplit(route.request.url).hostname == "127.0.0.1":
            route.continue_()
        else:
            elsewhere.append(route.request.url)
            route.abort()

    with (
        serve_process(texture, "--viewer-token", VIEWER, "--control-token", CONTROL) as server,
        chromium() as browser,
    ):
        page = browser.new_page()
        page.route("**", only_here)
        page.goto(f"{server.address}api/docs#token={VIEWER}")
        page.wait_for_selector("#operations-control-get_state_api_state_get", timeout=LIVE_MS)
        assert page.locator(".opblock").count() > 30
        page.click("#operations-control-get_state_api_state_get .opblock-summary-control")
        page.click("#operations-control-get_state_api_state_get .try-out__btn")
        page.click("#operations-control-get_state_api_state_get .execute")
        page.wait_for_selector("#operations-control-get_state_api_state_get .live-responses-table .response-col_status")
        page.goto("about:blank")
        page.goto(f"{server.address}api/docs")
        page.wait_for_selector("text=Failed to load API definition", timeout=LIVE_MS)
    assert elsewhere == []
