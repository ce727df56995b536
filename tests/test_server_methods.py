"""What follows from a path's methods: HEAD, OPTIONS, `Allow`, and a needless slash; asked of every route there is."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from tests.serving import LocalServer, serve_here
from tests.stream_media import write_texture

GOES_ON = "/api/events"


@pytest.fixture(scope="module")
def texture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_texture(tmp_path_factory.mktemp("textures") / "n.texture", seconds=3.0)


@pytest.fixture
async def server(texture: Path) -> AsyncIterator[LocalServer]:
    async with serve_here(texture) as running:
        yield running


def routes(server: LocalServer) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for each in iter_route_contexts(server.app.routes):
        if each.path is not None and each.methods:
            found.setdefault(re.sub(r"\{.*?\}", "nobody", each.path), set()).update(each.methods)
    assert len(found) > 15
    return found


async def test_head_is_get_without_a_body_on_every_route(server: LocalServer, http: httpx.AsyncClient) -> None:
    paths = [path for path, methods in routes(server).items() if "GET" in methods]
    assert GOES_ON in paths
    for path in [*paths, "/page/viewer.js", "/page/swagger/swagger-ui.css"]:
        async with asyncio.timeout(5):
            head = await http.head(path)
        async with http.stream("GET", path) as got:
            body = b"" if path == GOES_ON else await got.aread()
        assert (head.status_code, head.content) == (got.status_code, b""), path
        assert head.headers.get("content-type") == got.headers.get("content-type"), path
        if path not in ("/api/state", "/metrics", "/readyz"):  # figures grow
            assert head.headers.get("content-length") == got.headers.get("content-length"), path
        assert path == GOES_ON or "content-length" not in got.headers or int(got.headers["content-length"]) == len(body)


async def test_heads_of_an_endless_stream_leave_nothing_behind(server: LocalServer, http: httpx.AsyncClient) -> None:
    before = len(asyncio.all_tasks())
    for _ in range(20):
        assert (await http.head(GOES_ON)).status_code == 200
    async with asyncio.timeout(5):
        while len(asyncio.all_tasks()) > before + 1:  # noqa: ASYNC110 (what is cancelled ends by itself)
            await asyncio.sleep(0.05)


async def test_each_path_tells_all_its_methods_and_refuses_others(server: LocalServer, http: httpx.AsyncClient) -> None:
    for path, methods in routes(server).items():
        wanted = methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
        told = await http.options(path)
        assert told.status_code in (200, 204), path
        allowed = set(told.headers["allow"].split(", "))
        assert allowed == wanted or path.startswith("/whep"), path  # which tells of its own, by its own rules
        for method in {"GET", "HEAD", "PUT", "TRACE"} - wanted:
            refused = await http.request(method, path)
            assert refused.status_code == 405, (method, path)
            assert set(refused.headers["allow"].split(", ")) == wanted, (method, path)
    assert (await http.options("/nowhere")).status_code == 404
    refused = await http.post("/page/viewer.js")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS")


async def test_one_slash_too_many_leads_to_the_path_by_a_relative_address(http: httpx.AsyncClient) -> None:
    answer = await http.get("/api/state/?a=1")
    assert (answer.status_code, answer.headers["location"]) == (307, "../state?a=1")
    assert (await http.get("/api/state/", follow_redirects=True)).status_code == 200
    assert (await http.head("/whep/", follow_redirects=True)).headers["content-type"] == "application/sdp"
    assert (await http.get("/nowhere/")).status_code == 404
