"""Who takes a place: not those who leave a counter-offer unanswered, and not for long those who never connect."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from server.app import Manners
from server.ice import LOOPBACK, IceSettings
from server.places import MOST_COUNTER_OFFERS
from server.publishers import MOST_PUBLISHERS
from server.udp_ports import PortRange
from server.whip import WhipSource
from tests.offers import CHROMIUM, FFMPEG
from tests.serving import serve_here
from tests.sounds import Ear
from tests.stream_media import write_texture
from tests.whep_peer import SDP, peer, watch

AV1_ALONE = re.sub(r"a=(rtpmap|fmtp|rtcp-fb):(96|97|102|103)\b[^\r\n]*\r\n", "", CHROMIUM)


@pytest.fixture(scope="module")
def texture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_texture(tmp_path_factory.mktemp("textures") / "crowded.texture")


async def post(http: httpx.AsyncClient, offer: str, path: str = "/whep") -> httpx.Response:
    return await http.post(path, content=offer, headers=SDP)


async def test_counter_offers_that_nobody_answers_take_no_viewers_place(texture: Path) -> None:
    manners = Manners(most_viewers=3)
    async with serve_here(texture, manners=manners) as server, httpx.AsyncClient(base_url=server.address) as http:
        told = [await post(http, AV1_ALONE) for _ in range(100)]
        assert [each.status_code for each in told[:MOST_COUNTER_OFFERS]] == MOST_COUNTER_OFFERS * [406]
        assert {each.status_code for each in told[MOST_COUNTER_OFFERS:]} <= {406, 429, 503}
        assert all(int(each.headers["retry-after"]) >= 1 for each in told if each.status_code != 406)
        assert len(server.sessions) <= MOST_COUNTER_OFFERS
        for _ in range(3):
            assert (await post(http, CHROMIUM)).status_code == 201
        full = await post(http, CHROMIUM)
        assert full.status_code == 503
        assert "0 are watching" in full.json()["detail"]


async def test_an_answered_counter_offer_takes_a_place(texture: Path) -> None:
    async with (
        serve_here(texture, manners=Manners(most_viewers=1)) as server,
        httpx.AsyncClient(base_url=server.address) as http,
        peer("video") as viewer,
    ):
        countered = (await post(http, AV1_ALONE)).headers["location"]
        await watch(http, viewer)
        await viewer.frames("video", 1)
        ours = server.sessions.get(countered.rsplit("/", 1)[1]).sdp
        answer = ours.replace("actpass", "active").replace("sendonly", "recvonly")
        refused = await http.patch(countered, content=answer, headers=SDP)
        assert refused.status_code == 503
        assert "1 are watching" in refused.json()["detail"]


async def test_who_does_not_connect_makes_room_and_who_watches_does_not(
    texture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manners = Manners(most_viewers=2)
    async with (
        serve_here(texture, manners=manners) as server,
        httpx.AsyncClient(base_url=server.address) as http,
        peer("video") as viewer,
    ):
        watching = await watch(http, viewer)
        await viewer.frames("video", 1)
        gone = (await post(http, CHROMIUM)).headers["location"]
        assert (await post(http, CHROMIUM)).status_code == 503  # it may yet come
        monkeypatch.setattr("server.places.GRACE_S", 0.0)
        assert (await post(http, CHROMIUM)).status_code == 201
        assert (await http.get(gone)).status_code == 404
        assert (await http.get(watching)).status_code == 204
        await viewer.frames("video", 1)


async def test_ports_of_those_who_never_come_are_given_to_others(
    texture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ice = IceSettings(addresses=(LOOPBACK,), ports=PortRange(42_310, 42_313))
    try:
        ice.use()
        async with (
            serve_here(texture, manners=Manners(ice=ice)) as server,
            httpx.AsyncClient(base_url=server.address) as http,
        ):
            told = [await post(http, AV1_ALONE) for _ in range(2)] + [await post(http, CHROMIUM) for _ in range(3)]
            assert 503 in {each.status_code for each in told}, "the range is too large for this test"
            monkeypatch.setattr("server.places.GRACE_S", 0.0)
            assert (await post(http, CHROMIUM)).status_code == 201
            assert (await http.get(told[0].headers["location"])).status_code == 404
    finally:
        IceSettings(addresses=(LOOPBACK,)).use()


async def test_publishers_that_never_connect_make_room(texture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with WhipSource() as source:
        source.start(Ear())
        async with serve_here(texture, hears=source) as server, httpx.AsyncClient(base_url=server.address) as http:
            told = [await post(http, FFMPEG, "/whip") for _ in range(MOST_PUBLISHERS + 1)]
            assert [each.status_code for each in told] == [*(MOST_PUBLISHERS * [201]), 503]
            monkeypatch.setattr("server.places.GRACE_S", 0.0)
            assert (await post(http, FFMPEG, "/whip")).status_code == 201
            assert (await http.get(told[0].headers["location"])).status_code == 404
