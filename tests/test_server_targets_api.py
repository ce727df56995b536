"""Targets of a server as a user runs it: from the command line and over HTTP, and no key in anything that it says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.media_servers import Nginx, free_port
from tests.serving import ServerProcess, serve_process
from tests.stream_media import write_texture
from tests.target_run import received

KEY = "live_99_topSecret"
PATIENCE_S = 20.0


@pytest.fixture(scope="module")
def texture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_texture(tmp_path_factory.mktemp("api") / "numbers.texture")


def targets(server: ServerProcess) -> dict[str, dict[str, Any]]:
    with urllib.request.urlopen(f"{server.address}api/targets", timeout=10) as response:
        return {status["id"]: status for status in json.load(response)}


def until(server: ServerProcess, identifier: str, state: str) -> dict[str, Any]:
    deadline_s = time.monotonic() + PATIENCE_S
    while (status := targets(server)[identifier])["state"] != state:
        assert time.monotonic() < deadline_s, status
        time.sleep(0.05)
    return status


def test_from_the_command_line_and_while_it_runs(texture: Path, tmp_path: Path) -> None:
    with Nginx(tmp_path / "nginx") as nginx:
        options = ["--rtmp", f"{nginx.rtmp}/{KEY}", "--rtmp", f"rtmp://127.0.0.1:{free_port()}/live/{KEY}"]
        options += ["--hls", str(tmp_path / "hls"), "--record", str(tmp_path / "films"), "--record-minutes", "0.1"]
        with serve_process(texture, *options) as server, httpx.Client(base_url=server.address, timeout=20) as http:
            for identifier in ("rtmp-1", "hls-3", "record-4"):
                assert until(server, identifier, "live")["confirmed_bytes"] > 0
            refused = until(server, "rtmp-2", "retrying")
            assert "refused" in refused["reason"]
            assert 0 <= refused["retry_in_s"] <= 30

            added = http.post("/api/targets", json={"kind": "rtmp", "address": f"{nginx.hls}/{KEY}"})
            assert added.status_code == 201
            assert added.json()["state"] == "connecting"
            assert until(server, added.json()["id"], "live")["attempts"] == 1
            assert http.delete("/api/targets/rtmp-2").status_code == 204
            assert http.delete("/api/targets/rtmp-2").status_code == 404
            assert "rtmp-2" not in targets(server)
            assert KEY not in http.get("/api/targets").text
            assert "confirmed_bytes" in http.get("/api/openapi.json").text
            said = server.stop()
        assert KEY not in said
        assert "Traceback" not in said
    (film, *_) = sorted((tmp_path / "films").iterdir())
    assert len(received(film).numbers) > 30  # it was finished as the server ended


def test_what_is_asked_wrongly_is_refused(texture: Path, tmp_path: Path) -> None:
    with (
        serve_process(texture, "--hls", str(tmp_path / "hls")) as server,
        httpx.Client(base_url=server.address, timeout=20) as http,
    ):
        for body, status, why in (
            ({"kind": "rtmp", "address": f"http://a/{KEY}"}, 422, "rtmp://"),
            ({"kind": "ftp", "address": "ftp://a"}, 422, "srt"),
            ({"kind": "rtmp"}, 422, "address"),
            ({"kind": "record", "address": str(tmp_path / "elsewhere")}, 403, "below the folders"),
            ({"kind": "record", "address": str(tmp_path / "hls" / ".." / "x")}, 403, "below the folders"),
            ({"kind": "hls", "address": str(tmp_path / "hls")}, 409, "already"),
        ):
            answer = http.post("/api/targets", json=body)
            assert answer.status_code == status, answer.text
            assert why in answer.text
            assert KEY not in answer.text
        below = http.post("/api/targets", json={"kind": "record", "address": str(tmp_path / "hls" / "films")})
        assert below.status_code == 201
        for port in range(1, 20):
            answer = http.post("/api/targets", json={"kind": "rtmp", "address": f"rtmp://127.0.0.1:{port}/live/k"})
        assert answer.status_code == 409
        assert "16 targets" in answer.text


@pytest.mark.parametrize(
    ("option", "address", "why"),
    [("--rtmp", f"http://a/b/{KEY}", "--rtmp: expected rtmp://"), ("--srt", "srt://a", "--srt: an SRT address")],
)
def test_a_wrong_address_is_told_at_once(texture: Path, option: str, address: str, why: str) -> None:
    command = [sys.executable, "-c", "import videotexture; videotexture.main()", "serve", str(texture), option, address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert why in re.sub(r"\s+", " ", done.stderr)
    assert KEY not in done.stderr
    assert "Traceback" not in done.stderr


def test_events_tell_each_change(texture: Path, tmp_path: Path) -> None:
    with (
        serve_process(texture, "--hls", str(tmp_path)) as server,
        httpx.Client(base_url=server.address, timeout=20) as http,
        http.stream("GET", "/api/events") as events,
    ):
        address = f"rtmp://127.0.0.1:{free_port()}/live/{KEY}"
        assert httpx.post(f"{server.address}api/targets", json={"kind": "rtmp", "address": address}).status_code == 201
        seen, name = [], ""
        for line in events.iter_lines():
            assert KEY not in line
            name = line.removeprefix("event:").strip() if line.startswith("event:") else name
            if line.startswith("data:") and name == "target":
                told = json.loads(line.removeprefix("data:"))
                seen += [told["state"]] if told["id"] == "rtmp-2" else []
            if len(seen) == 4:
                break
    assert seen == ["connecting", "retrying", "connecting", "retrying"]
