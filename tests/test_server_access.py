"""Who may watch and who may steer: decided without a server, and then asked of a real one."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from server.access import Access, Asked, Right, Tls, read_token
from server.app import Manners
from server.errors import ServerError
from server.gate import MOST_BODY_BYTES
from server.serve import ServerSettings
from tests.serving import LocalServer, serve_here, serve_process
from tests.stream_media import write_texture
from tests.whep_peer import SDP, peer

VIEWER, CONTROL = "viewers-token-0123456789", "control-token-0123456789"
OURS = "127.0.0.1:8080"
BOTH = Access(VIEWER, CONTROL, is_local=False)


def asked(
    method: str, path: str, token: str | None = None, *, host: str | None = OURS, origin: str | None = None
) -> Asked:
    return Asked(method, path, host, origin, None if token is None else f"Bearer {token}")


def status(access: Access, request: Asked) -> int:
    refusal = access.refusal(request)
    return 200 if refusal is None else refusal.status


@pytest.mark.parametrize(
    ("method", "path", "nobody", "viewer", "control"),
    [
        ("GET", "/", 200, 200, 200),
        ("GET", "/page/viewer.js", 200, 200, 200),
        ("GET", "/api/state", 401, 200, 200),
        ("GET", "/api/events", 401, 200, 200),
        ("GET", "/api/openapi.json", 401, 200, 200),
        ("PATCH", "/api/settings", 401, 403, 200),
        ("POST", "/api/hit", 401, 403, 200),
        ("POST", "/whep", 401, 200, 200),
        ("DELETE", "/whep/name", 401, 200, 200),
        ("OPTIONS", "/whep", 200, 200, 200),
        ("POST", "/whip", 401, 403, 200),
        ("OPTIONS", "/whip/name", 200, 200, 200),
        ("GET", "/what/others/add", 401, 200, 200),
        ("DELETE", "/what/others/add", 401, 403, 200),
    ],
)
def test_what_each_token_opens(method: str, path: str, nobody: int, viewer: int, control: int) -> None:
    told = [status(BOTH, asked(method, path, token)) for token in (None, VIEWER, CONTROL)]
    assert told == [nobody, viewer, control]


@pytest.mark.parametrize("token", ["", VIEWER[:-1], VIEWER + "x", CONTROL.upper(), "é" * 20])
def test_what_is_almost_a_token_is_none(token: str) -> None:
    refusal = BOTH.refusal(asked("GET", "/api/state", token))
    assert refusal is not None
    assert refusal.status == 401
    assert refusal.challenge is not None
    assert refusal.challenge.startswith("Bearer")


def test_other_schemes_are_challenged() -> None:
    refusal = BOTH.refusal(Asked("GET", "/api/state", OURS, None, f"Basic {VIEWER}"))
    assert refusal is not None
    assert refusal.challenge == 'Bearer realm="videotexture"'  # no error where there was no token (RFC 6750, 3)


def test_one_viewer_token_protects_steering_too() -> None:
    access = Access(VIEWER)
    assert status(access, asked("PATCH", "/api/settings")) == 401
    assert status(access, asked("PATCH", "/api/settings", VIEWER)) == 200


def test_watching_can_be_open_while_steering_is_not() -> None:
    access = Access(control_token=CONTROL, no_auth=True, is_local=False)
    assert status(access, asked("GET", "/api/state", host="show.example.org")) == 200
    assert status(access, asked("POST", "/api/hit", host="show.example.org")) == 401
    assert access.needed("POST", "/api/hit") is Right.CONTROL


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, "--viewer-token and --control-token"),
        ({"viewer_token": VIEWER}, "needs --control-token"),
        ({"control_token": CONTROL}, "needs --viewer-token"),
    ],
)
def test_other_machines_need_both_tokens(given: dict[str, str], reason: str) -> None:
    with pytest.raises(ServerError, match=f"{reason}.*--no-auth"):
        Access(**given, is_local=False)
    Access(**given, is_local=False, no_auth=True)
    Access(**given, is_local=True)


@pytest.mark.parametrize("token", ["short", "with spaces in it all", "x" * 15, "umlaut-ü-0123456789"])
def test_a_weak_token_is_refused(token: str) -> None:
    with pytest.raises(ServerError, match=r"expected 16 or more.*openssl rand"):
        Access(token)


def test_tokens_differ_and_are_not_shown() -> None:
    with pytest.raises(ServerError, match="the same"):
        Access(VIEWER, VIEWER)
    assert VIEWER not in repr(BOTH)
    assert CONTROL not in repr(BOTH)


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (asked("POST", "/api/hit", origin=f"http://{OURS}"), 200),
        (asked("POST", "/api/hit", origin="https://evil.example"), 403),
        (asked("POST", "/api/hit", origin="null"), 403),
        (asked("POST", "/api/hit"), 200),  # no browser
        (asked("POST", "/whep", origin="https://evil.example"), 403),
        (asked("POST", "/whep", origin="https://friend.example"), 200),
        (asked("POST", "/whep", origin="http://localhost:3000"), 200),
        (asked("GET", "/api/state", host="rebound.example:8080"), 421),
        (asked("POST", "/whep", host="rebound.example:8080", origin="http://rebound.example:8080"), 421),
        (asked("GET", "/api/state", host="localhost:8080"), 200),
        (asked("GET", "/api/state", host="[::1]:8080"), 200),
    ],
)
def test_pages_from_elsewhere_cannot_use_a_local_server(request_: Asked, expected: int) -> None:
    assert status(Access(origins=("https://friend.example",)), request_) == expected


def test_where_a_token_protects_any_page_may_ask() -> None:
    elsewhere = asked("POST", "/whep", VIEWER, host="box.example", origin="https://player.example")
    assert status(BOTH, elsewhere) == 200
    assert BOTH.may_share(elsewhere)
    assert not Access().may_share(elsewhere)


def test_tokens_come_from_files(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{VIEWER}\n")
    assert read_token(f"@{tmp_path}/token") == VIEWER
    assert read_token(VIEWER) == VIEWER
    assert read_token(None) is None
    with pytest.raises(ServerError, match="no token can be read"):
        read_token(f"@{tmp_path}/none")


def test_osc_which_has_no_tokens_stays_local() -> None:
    assert ServerSettings("0.0.0.0", manners=Manners(BOTH)).osc_host == "127.0.0.1"
    open_to_all = Manners(Access(no_auth=True, is_local=False))
    assert ServerSettings("0.0.0.0", manners=open_to_all).osc_host == "0.0.0.0"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    folder = tmp_path_factory.mktemp("tls")
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem"), "-days", "1"]
    try:
        subprocess.run([*command, *subject, *files], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("openssl is not installed; it makes the certificate for this test")
    return Tls(folder / "cert.pem", folder / "key.pem")


def test_tls_files_are_looked_at_before_anything_starts(certificate: Tls, tmp_path: Path) -> None:
    assert ssl.create_default_context(cafile=certificate.certificate)
    with pytest.raises(ServerError, match="no certificate and its key"):
        Tls(certificate.key, certificate.certificate)
    with pytest.raises(ServerError, match="No such file"):
        Tls(tmp_path / "none", certificate.key)
    with pytest.raises(ServerError, match="go together"):
        Tls.given(certificate.certificate, None)
    assert Tls.given(None, None) is None


def test_tls_files_make_it_https(certificate: Tls, texture: Path) -> None:
    files = ["--tls-cert", str(certificate.certificate), "--tls-key", str(certificate.key)]
    with serve_process(texture, *files) as server:
        assert server.address.startswith("https://")
        trusted = ssl.create_default_context(cafile=certificate.certificate)
        assert httpx.get(f"{server.address}api/state", verify=trusted).status_code == 200


@pytest.fixture(scope="module")
def texture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_texture(tmp_path_factory.mktemp("textures") / "guarded.texture")


@pytest.fixture
async def guarded(texture: Path) -> AsyncIterator[LocalServer]:
    async with serve_here(texture, manners=Manners(BOTH, most_viewers=1, joins_hz=0.5)) as server:
        yield server


async def test_a_guarded_server(guarded: LocalServer) -> None:
    async with httpx.AsyncClient(base_url=guarded.address, timeout=20) as http, peer("video") as viewer:
        offer = await viewer.offer()
        assert (await http.get("/")).status_code == 200
        refused = await http.post("/whep", content=offer, headers=SDP)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == 'Bearer realm="videotexture"'
        viewing = {"Authorization": f"Bearer {VIEWER}"}
        opened = await http.post("/whep", content=offer, headers=SDP | viewing)
        assert opened.status_code == 201
        assert (await http.delete(opened.headers["location"])).status_code == 401
        full = await http.post("/whep", content=offer, headers=SDP | viewing)
        assert full.status_code == 503
        assert int(full.headers["retry-after"]) > 0
        assert (await http.delete(opened.headers["location"], headers=viewing)).status_code == 200
        assert (await http.patch("/api/settings", json={"jumps_per_minute": 20}, headers=viewing)).status_code == 403
        steering = {"Authorization": f"Bearer {CONTROL}"}
        assert (await http.patch("/api/settings", json={"jumps_per_minute": 20}, headers=steering)).status_code == 200


async def test_who_comes_too_often_is_told_when_to_come_again(guarded: LocalServer) -> None:
    viewing = {"Authorization": f"Bearer {VIEWER}"}
    async with httpx.AsyncClient(base_url=guarded.address, timeout=20, headers=SDP | viewing) as http:
        async with asyncio.timeout(20):
            while (response := await http.post("/whep", content="v=0")).status_code != 429:
                assert response.status_code == 400
        assert 1 <= int(response.headers["retry-after"]) <= 2


async def test_bodies_are_bounded_whether_they_tell_their_length_or_not(guarded: LocalServer) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(MOST_BODY_BYTES // 1000 + 2):
            yield 1000 * b" "

    steering = {"Authorization": f"Bearer {CONTROL}", "Content-Type": "application/json"}
    async with httpx.AsyncClient(base_url=guarded.address, timeout=20, headers=steering) as http:
        assert (await http.patch("/api/settings", content=(MOST_BODY_BYTES + 1) * b" ")).status_code == 413
        assert (await http.patch("/api/settings", content=endless())).status_code == 413
