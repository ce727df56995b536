"""WHEP players that others wrote, against a real server with tokens: npm's in Chromium, and GStreamer's webrtcbin."""

from __future__ import annotations

import functools
import http.server
import json
import shutil
import subprocess
import tarfile
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import chromium
from tests.serving import ServerProcess, serve_process
from tests.stream_media import HEIGHT_PX, WIDTH_PX, write_texture

pytestmark = pytest.mark.e2e

TOKEN = "viewers-token-0123456789"
NPM_PLAYER = "whip-whep@1.2.0"  # by the first author of the WHEP draft; MIT; fetched, never stored here
PAGE = """<!doctype html><video id="video" autoplay muted playsinline></video><script type="module">
import { WHEPClient } from "/package/whep.js";
const peer = new RTCPeerConnection();
for (const kind of ["video", "audio"]) peer.addTransceiver(kind, { direction: "recvonly" });
const stream = new MediaStream();
peer.addEventListener("track", ({ track }) => { stream.addTrack(track); video.srcObject = stream; });
const { url, token } = Object.fromEntries(new URLSearchParams(location.search));
const player = new WHEPClient();
window.player = player;
window.failed = null;
player.view(peer, url, token).catch((error) => { window.failed = String(error); });
</script>"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    texture = write_texture(tmp_path_factory.mktemp("textures") / "watched.texture")
    with serve_process(texture, "--viewer-token", TOKEN) as running:
        yield running


def viewers(server: ServerProcess) -> int:
    request = urllib.request.Request(f"{server.address}api/state", headers={"Authorization": f"Bearer {TOKEN}"})
    with urllib.request.urlopen(request, timeout=10) as response:
        return int(json.load(response)["viewers"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A page of another origin, with the player of npm on it; its address."""
    folder = tmp_path_factory.mktemp("site")
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed; it fetches the player")
    packed = subprocess.run(
        [npm, "pack", "--silent", NPM_PLAYER], cwd=folder, capture_output=True, text=True, timeout=120
    )
    archive = next(folder.glob("*.tgz"), None)
    if archive is None:
        pytest.skip(f"npm cannot fetch {NPM_PLAYER}: {packed.stderr.strip()[-200:]}")
    with tarfile.open(archive) as opened:
        player = opened.extractfile("package/whep.js")
        assert player is not None
        (folder / "package").mkdir()
        (folder / "package" / "whep.js").write_bytes(player.read())
    (folder / "index.html").write_text(PAGE, encoding="utf-8")

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}/"
        listening.shutdown()


def test_the_drafts_own_authors_player_plays(server: ServerProcess, site: str) -> None:
    with chromium() as browser:
        page = browser.new_page()
        page.goto(f"{site}?url={server.address}whep&token={TOKEN}")
        page.wait_for_function("failed || document.querySelector('video').videoWidth > 0", timeout=30_000)
        assert page.evaluate("failed") is None
        assert page.evaluate("[video.videoWidth, video.videoHeight]") == [WIDTH_PX, HEIGHT_PX]
        page.wait_for_function("video.getVideoPlaybackQuality().totalVideoFrames > 30", timeout=30_000)
        kinds = page.evaluate("video.srcObject.getTracks().map((track) => track.kind).sort()")
        assert kinds == ["audio", "video"]
        assert viewers(server) == 1
        page.evaluate("player.stop()")
        page.wait_for_function("!player.pc")
    assert viewers(server) == 0


def test_a_wrong_token_is_refused_to_it(server: ServerProcess, site: str) -> None:
    with chromium() as browser:
        page = browser.new_page()
        page.goto(f"{site}?url={server.address}whep&token={TOKEN[::-1]}")
        page.wait_for_function("failed", timeout=30_000)
        assert "401" in page.evaluate("failed")


def test_gstreamer_plays(server: ServerProcess) -> None:
    python = "/usr/bin/python3"
    looking = "import gi; gi.require_version('GstWebRTC', '1.0'); from gi.repository import Gst; Gst.init(None)\n"
    looking += "assert all(map(Gst.ElementFactory.find, ('webrtcbin', 'nicesrc', 'avdec_h264', 'opusdec')))"
    try:
        subprocess.run([python, "-c", looking], check=True, capture_output=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip(
            "GStreamer is not installed (Debian: python3-gi gir1.2-gst-plugins-bad-1.0 gstreamer1.0-nice "
            "gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-libav)"
        )
    script = Path(__file__).parent / "gst_whep.py"
    ran = subprocess.run(
        [python, str(script), f"{server.address}whep", "40", TOKEN],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    told = json.loads(ran.stdout)
    assert told["status"] == 201
    assert told["size"] == [WIDTH_PX, HEIGHT_PX]
    assert min(told["video"], told["audio"]) >= 40
    assert viewers(server) == 0
