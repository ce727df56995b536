"""The page and its token, in a real Chromium; and what the command line says of what it will not serve."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser import chromium, viewer
from tests.serving import ServerProcess, serve_process
from tests.stream_media import write_texture

VIEWER, CONTROL = "viewers-token-0123456789", "control-token-0123456789"


@pytest.fixture(scope="module")
def texture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_texture(tmp_path_factory.mktemp("textures") / "guarded.texture")


@pytest.fixture(scope="module")
def server(texture: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    file = tmp_path_factory.mktemp("secrets") / "control"
    file.write_text(f"{CONTROL}\n")
    with serve_process(texture, "--viewer-token", VIEWER, "--control-token", f"@{file}") as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as opened:
        yield opened


@pytest.mark.e2e
def test_a_page_with_the_control_token_watches_and_steers(browser: Browser, server: ServerProcess) -> None:
    with viewer(browser, f"{server.address}#token={CONTROL}") as watching:
        page = watching.page
        page.wait_for_function("videotexture.steps.length > 3", timeout=20_000)  # events come, too
        page.wait_for_function("!document.querySelector('#matrix-image').hidden", timeout=20_000)
        page.keyboard.press("b")
        page.wait_for_function("document.querySelector('#held').textContent.trim() !== ''", timeout=20_000)
        page.keyboard.press("b")
        assert watching.complaints == []


@pytest.mark.e2e
def test_a_page_with_the_viewer_token_watches_and_is_told_that_it_cannot_steer(
    browser: Browser, server: ServerProcess
) -> None:
    with viewer(browser, f"{server.address}#token={VIEWER}") as watching:
        page = watching.page
        page.keyboard.press("i")
        page.wait_for_function("document.body.textContent.includes('steering needs the control token')", timeout=20_000)


@pytest.mark.e2e
def test_a_page_without_a_token_says_what_it_wants(browser: Browser, server: ServerProcess, tmp_path: Path) -> None:
    page = browser.new_page(viewport={"width": 960, "height": 720})
    page.goto(server.address)
    page.wait_for_function("document.documentElement.dataset.connection === 'refused'", timeout=20_000)
    assert "#token=" in page.inner_text("#state")
    page.screenshot(path=tmp_path / "refused.png")
    page.close()


WILL_NOT = [
    (["--host", "0.0.0.0"], "it needs --viewer-token and --control-token"),
    (["--host", "0.0.0.0", "--viewer-token", VIEWER], "it needs --control-token"),
    (["--viewer-token", "short"], "expected 16 or more"),
    (["--viewer-token", "@/nowhere"], "no token can be read"),
    (["--tls-cert", "/nowhere"], "go together"),
    (["--udp-ports", "5-x"], "no range of UDP ports"),
    (["--relay-only"], "there is no relay"),
    (["--turn", "relay"], "no TURN server"),
    (["--turn-secret", "word"], "say which with --turn"),
    (["--advertise", "box.example"], "no IP address to advertise"),
    (["--whip", "sfu"], "no WHIP endpoint"),
]
ASKING = """
import contextlib, io, json, sys, videotexture
for options in json.loads(sys.argv[2]):
    arguments, said = ["videotexture", "serve", sys.argv[1], "--port", "0", *options], io.StringIO()
    real, sys.argv = sys.argv, arguments
    try:
        with contextlib.redirect_stderr(said):
            videotexture.main()
    except SystemExit as ended:
        print(json.dumps([ended.code, said.getvalue()]), flush=True)
    sys.argv = real
"""


def test_what_will_not_be_served_is_said_in_one_line(texture: Path) -> None:
    asked = json.dumps([options for options, _ in WILL_NOT])
    command = [sys.executable, "-c", ASKING, str(texture), asked]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    told = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(told) == len(WILL_NOT)
    for (code, said), (options, reason) in zip(told, WILL_NOT, strict=True):
        assert code == 1, options
        assert reason in said
        assert len(said.strip().splitlines()) == 1
