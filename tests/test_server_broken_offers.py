"""Whatever is sent as an offer, an answer or an ICE fragment: a 4XX in one line, or a session; and nothing is left."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from server.app import Manners
from server.whip import WhipSource
from tests.mutations import mutate
from tests.offers import CHROMIUM, PLAYERS, PUBLISHERS
from tests.serving import LocalServer, serve_here
from tests.sounds import Ear
from tests.stream_media import write_texture
from tests.whep_peer import SDP

FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag", "If-Match": "*"}
CANDIDATES = (
    f"a=ice-ufrag:aBcD\r\na=ice-pwd:{'p' * 24}\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n"
    "a=candidate:1 1 udp 2122260223 127.0.0.1 9 typ host\r\na=candidate:2 1 udp 1 x.local 9 typ host\r\n"
)
MUTATIONS = 75  # of each kind; 1500 of them were tried by hand
REFUSALS = (400, 406, 409, 422)


@pytest.fixture(scope="module")
def texture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_texture(tmp_path_factory.mktemp("textures") / "asked.texture")


@pytest.fixture
async def server(texture: Path) -> AsyncIterator[LocalServer]:
    with WhipSource() as source:
        source.start(Ear())
        async with serve_here(texture, hears=source, manners=Manners(joins_hz=1e6)) as serving:
            yield serving


@pytest.fixture
async def http(server: LocalServer) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.address, timeout=20) as client:
        await client.get("/api/state")
        yield client


def is_one_line(response: httpx.Response) -> bool:
    detail = response.json()["detail"]
    return isinstance(detail, str) and 0 < len(detail) < 400 and "\n" not in detail and "Traceback" not in detail


async def held() -> tuple[int, int]:
    """How many tasks and open files there are, once what was closed is gone."""
    await asyncio.sleep(0.3)
    return len(asyncio.all_tasks()), len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize(("path", "offers", "seed"), [("/whep", PLAYERS, 1), ("/whip", PUBLISHERS, 2)])
async def test_nothing_that_is_sent_breaks_or_stays(
    path: str, offers: dict[str, str], seed: int, server: LocalServer, http: httpx.AsyncClient,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    unhandled: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: unhandled.append(context))
    rng, before = np.random.default_rng(seed), await held()
    answered = 0
    for _ in range(MUTATIONS):
        body = mutate(str(rng.choice(list(offers.values()))), rng)
        response = await http.post(path, content=body, headers=SDP)
        assert response.status_code == 201 or response.status_code in REFUSALS, (body, response.text)
        if "location" not in response.headers:
            assert is_one_line(response), response.text
            continue
        answered += 1
        session = response.headers["location"]
        patched = await http.patch(session, content=mutate(CANDIDATES, rng), headers=FRAGMENT)
        assert patched.status_code == 204 or patched.status_code in REFUSALS, patched.text
        if response.status_code == 406:
            answer = mutate(CHROMIUM.replace("actpass", "active"), rng)
            assert (await http.patch(session, content=answer, headers=SDP)).status_code in (204, *REFUSALS)
        assert (await http.delete(session)).status_code == 200
    assert MUTATIONS / 10 < answered < MUTATIONS * 9 / 10, "the mutations spoil too little, or too much"
    assert len(server.sessions) == 0
    assert await held() == before
    assert not unhandled
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (("a=mid:0", "a=mid:9"), "bundles '0'"),
        (("a=setup:actpass", "a=setup:holdconn"), "setup"),
        (("a=fingerprint:sha-256", "a=fingerprint:sha-1"), "sha-1"),
        (("a=fingerprint:", "a=finger:"), "has no a=fingerprint"),
        (("a=ice-pwd:", "a=pwd:"), "has no a=ice-ufrag with an a=ice-pwd"),
        (("a=rtcp-mux\r\n", ""), "has no a=rtcp-mux"),
        (("SAVPF 96 97", "SAVPF 300 97"), "a number of 127 at most"),
        (("SAVPF 96 97", "SAVPF 72 97"), "none from 72 to 76"),
        (("a=rtpmap:102 H264/90000", "a=rtpmap:102 H264"), "is no rtpmap"),
        (("a=mid:1", "a=mid:0"), "the same a=mid"),
        (("m=video 9 UDP/TLS/RTP/SAVPF", "m=video 9 udp"), "WebRTC"),
        (("m=video 9", "m=video 70000"), "is no media section"),
    ],
    ids=lambda each: each if isinstance(each, str) else each[1],
)
async def test_what_is_wrong_is_said(change: tuple[str, str], reason: str, http: httpx.AsyncClient) -> None:
    response = await http.post("/whep", content=CHROMIUM.replace(*change), headers=SDP)
    assert response.status_code == 400
    assert reason in response.json()["detail"]


async def test_an_offer_has_so_many_sections_and_no_more(http: httpx.AsyncClient) -> None:
    names = " ".join(f"x{number}" for number in range(1500))
    sections = "".join(f"m=text 9 RTP/AVP 0\r\na=mid:x{number}\r\n" for number in range(1500))
    offer = CHROMIUM.replace("BUNDLE 0 1", f"BUNDLE 0 1 {names}") + sections
    response = await http.post("/whep", content=offer, headers=SDP)
    assert response.status_code == 400
    assert "1502 media sections" in response.json()["detail"]


async def test_a_session_takes_so_many_candidates_and_no_more(http: httpx.AsyncClient) -> None:
    session = (await http.post("/whep", content=CHROMIUM, headers=SDP)).headers["location"]
    line = "a=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n"
    statuses = [
        (await http.patch(session, content=30 * line, headers=FRAGMENT)).status_code for _ in range(3)
    ]  # fmt: skip
    assert statuses == [204, 204, 400]
