"""A server behind a reverse proxy: which addresses it tells, and whose word it takes."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest

from server.access import Access, Asked
from server.app import Manners
from server.errors import ServerError
from server.proxied import TRUSTED, given_proxies, given_root_path, parse_prefix
from tests.browser import LIVE, LIVE_MS, chromium
from tests.reverse_proxy import reverse_proxy
from tests.serving import LocalServer, serve_here, serve_process
from tests.sounds import wait_until
from tests.stream_media import write_texture
from tests.whep_peer import SDP, peer


@pytest.fixture(scope="module")
def texture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_texture(tmp_path_factory.mktemp("textures") / "n.texture", seconds=3.0)


@pytest.fixture
async def server(texture: Path) -> AsyncIterator[LocalServer]:
    async with serve_here(texture) as running:
        yield running


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("/wall", "/wall"), ("/wall/", "/wall"), ("/a/b//", "/a/b"), ("/", ""), ("/two walls", "/two%20walls"),
        ("/two%20walls", "/two%20walls"), ("/wänd", "/w%C3%A4nd"), ("/a,b", "/a,b"),
    ],
)  # fmt: skip
def test_a_prefix_is_encoded_and_has_no_slash_at_its_end(said: str, means: str) -> None:
    assert parse_prefix(said) == means
    assert given_root_path(said) == means


@pytest.mark.parametrize(
    "said",
    ["wall", "", "//evil.example", "/a//b", "/a/../b", "/a/%2e%2e", "/a?b", "/a#b", "/a\\b", "/a%0d%0aX: 1", "/%",
     "https://a.example/b", "/" + 2000 * "a"],
)  # fmt: skip
def test_what_is_no_path_is_refused_as_a_setting(said: str) -> None:
    with pytest.raises(ServerError, match="--root-path"):
        given_root_path(said)


def test_proxies_are_addresses_networks_or_all() -> None:
    assert given_proxies(["172.16.0.0/12", "fd00::1"]) == (*TRUSTED, "172.16.0.0/12", "fd00::1")
    assert given_proxies(["*"]) == ("*",)
    assert given_proxies([]) == TRUSTED
    with pytest.raises(ServerError, match="--trusted-proxy traefik"):
        given_proxies(["traefik"])


async def locations(http: httpx.AsyncClient, path: str = "/whep", **headers: str) -> tuple[str, str]:
    """The session's address as it is told, and that of what the document of the interface appends its paths to."""
    async with peer("video") as viewer:
        opened = await http.post(path, content=await viewer.offer(), headers=SDP | headers)
        assert opened.status_code == 201
    document = await http.get(path.replace("whep", "api/openapi.json"), headers=headers)
    return opened.headers["location"].rsplit("/", 1)[0], document.json()["servers"][0]["url"]


@pytest.mark.parametrize(
    ("told", "prefix"),
    [
        ("/wall", "/wall"), ("/wall/", "/wall"), ("/", ""), ("/a, /b", "/a/b"), ("/a,b", "/a,b"), ("/x y", "/x%20y"),
        ("/w\u00c3\u00a4nd", "/w%C3%A4nd"), ("/api", "/api"),
    ],
)  # fmt: skip
async def test_a_proxy_on_this_machine_tells_the_prefix(http: httpx.AsyncClient, told: str, prefix: str) -> None:
    headers = {"X-Forwarded-Prefix": told.encode("latin-1")}
    assert await locations(http, **headers) == (f"{prefix}/whep", prefix or "/")  # type: ignore[arg-type]


async def test_a_prefix_that_is_left_on_the_path_is_found_too(http: httpx.AsyncClient) -> None:
    headers = {"X-Forwarded-Prefix": "/the wall"}
    assert await locations(http, "/the%20wall/whep", **headers) == ("/the%20wall/whep", "/the%20wall")
    for path in ("/the%20wall", "/the%20wall/", "/the%20wall/page/viewer.js", "/page/viewer.js"):
        assert (await http.get(path, headers=headers)).status_code == 200
    assert (await http.get("/the%20wallet/page/viewer.js", headers=headers)).status_code == 404


@pytest.mark.parametrize("told", ["", "wall", "//evil.example", "/a/../b", "https://evil.example", "/a\\b"])
async def test_garbage_is_ignored(http: httpx.AsyncClient, told: str, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        assert await locations(http, **{"X-Forwarded-Prefix": told}) == ("whep", "..")
    assert caplog.text.count("X-Forwarded-Prefix is ignored") == 1


async def test_two_headers_are_the_outer_and_the_inner_prefix(http: httpx.AsyncClient) -> None:
    headers = [("X-Forwarded-Prefix", "/outer"), ("X-Forwarded-Prefix", "/inner")]
    document = await http.get("/api/openapi.json", headers=headers)
    assert document.json()["servers"] == [{"url": "/outer/inner"}]


async def test_nobody_else_is_believed(texture: Path) -> None:
    manners = Manners(trusted_proxies=("192.0.2.1",))
    async with serve_here(texture, manners=manners) as server, httpx.AsyncClient(base_url=server.address) as http:
        assert await locations(http, **{"X-Forwarded-Prefix": "/wall"}) == ("whep", "..")


async def test_what_the_command_line_says_wins(texture: Path) -> None:
    async with (
        serve_here(texture, manners=Manners(root_path="/wall")) as server,
        httpx.AsyncClient(base_url=server.address) as http,
    ):
        assert await locations(http, **{"X-Forwarded-Prefix": "/other"}) == ("/wall/whep", "/wall")
        assert await locations(http, "/wall/whep") == ("/wall/whep", "/wall")


async def test_below_a_prefix_the_same_token_is_needed(texture: Path) -> None:
    manners = Manners(Access("viewer-token-0123456789", "control-token-012345678"), root_path="/page")
    async with serve_here(texture, manners=manners) as server, httpx.AsyncClient(base_url=server.address) as http:
        assert (await http.get("/api/state")).status_code == 401
        assert (await http.get("/page/viewer.js")).status_code == 200
        assert (await http.get("/page/api/state")).status_code == 404  # the page's own file of that name
    manners = Manners(manners.access, root_path="/healthz")
    async with serve_here(texture, manners=manners) as server, httpx.AsyncClient(base_url=server.address) as http:
        assert (await http.get("/healthz/api/state")).status_code in (401, 404)


@pytest.mark.parametrize(
    ("host", "site", "allowed"),
    [
        ("127.0.0.1:8080", "same-origin", True),  # a proxy told its own name for us; the browser knows better
        ("127.0.0.1:8080", "cross-site", False),
        ("127.0.0.1:8080", "same-site", False), ("127.0.0.1:8080", None, False),
        ("evil.example", "same-origin", False),  # a name that somebody else may have pointed at us
    ],
)  # fmt: skip
def test_the_browser_says_whether_it_is_the_servers_own_page(host: str, site: str | None, allowed: bool) -> None:
    asked = Asked("PATCH", "/api/settings", host, "https://show.example", None, site)
    assert (Access().refusal(asked) is None) is allowed


def test_a_named_site_is_served_by_its_name() -> None:
    access = Access(origins=("https://show.example",))
    assert access.refusal(Asked("PATCH", "/api/settings", "show.example", "https://show.example")) is None
    assert access.refusal(Asked("GET", "/api/state", "evil.example")) is not None


def _is_frozen(address: str) -> bool:
    return bool(httpx.get(f"{address}api/performance").json()["freeze"])


@pytest.mark.e2e
def test_the_page_plays_behind_a_proxy_that_says_nothing(texture: Path, tmp_path: Path) -> None:
    with serve_process(texture) as server, chromium() as browser:
        passed = f"{{ proxy_pass {server.address}; }}"
        locations = f"location /wall/ {passed} location = /bare {passed} location /bare/ {passed}"
        log = tmp_path / "nginx" / "access.log"
        with reverse_proxy(tmp_path / "nginx", locations) as site:
            for path, goes_wrong in (("/wall/", 0), ("/wall/?kiosk", 0), ("/bare", 400)):
                page, bad = browser.new_page(), []
                page.on("response", lambda answer, bad=bad: bad.append(answer) if answer.status >= 400 else None)
                page.goto(f"{site}{path}")
                page.wait_for_function(LIVE, timeout=LIVE_MS)
                page.wait_for_function("videotexture.steps.length > 1", timeout=LIVE_MS)
                if path == "/wall/":
                    page.keyboard.press("p")
                    page.locator("#liveliness:enabled").fill("500")
                    for is_frozen in (True, False):  # told to the server before the page is left, or it stays frozen
                        page.keyboard.press("z")
                        wait_until(lambda is_frozen=is_frozen: _is_frozen(server.address) is is_frozen)
                    page.wait_for_selector("#held:empty", state="attached", timeout=LIVE_MS)
                    page.goto("about:blank")
                    wait_until(lambda: bool(re.search(r"DELETE /wall/whep/\S+ HTTP/1.1. 200", log.read_text())))
                page.close()
                # Without a slash the browser looks ahead, before it is told where things are.
                assert [answer.url for answer in bad if not goes_wrong] == []
            page = browser.new_page()
            page.goto(f"{site}/wall/api/docs/")
            state = "#operations-control-get_state_api_state_get"
            page.click(f"{state} .opblock-summary-control", timeout=LIVE_MS)
            page.click(f"{state} .try-out__btn")
            page.click(f"{state} .execute")
            page.wait_for_selector(f"{state} .live-responses-table .response-col_status")
            assert page.locator(f"{state} .request-url").inner_text().endswith(f"{site}/wall/api/state")


async def test_a_session_is_ended_behind_a_proxy_that_says_nothing(server: LocalServer, tmp_path: Path) -> None:
    location = f"location /a/wall/ {{ proxy_pass {server.address}/; }}"
    with reverse_proxy(tmp_path / "nginx", location) as site:
        async with httpx.AsyncClient(timeout=20) as http, peer("video") as viewer:
            opened = await http.post(f"{site}/a/wall/whep?apart=true", content=await viewer.offer(), headers=SDP)
            session = urljoin(str(opened.url), opened.headers["location"])
            assert session.startswith(f"{site}/a/wall/whep/")
            assert (await http.get(session)).status_code == 204
            assert (await http.delete(session)).status_code == 200
            assert (await http.get(session)).status_code == 404
