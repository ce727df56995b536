"""hls.js, as players on the web use it, on a page beside the folder that it plays."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from server.ice import LOOPBACK
from tests.media_servers import need

HLS_JS = "hls.js@1.7.4"
PAGE = """<!doctype html><title>hls.js</title><video muted autoplay style="width: 384px"></video>
<script src="hls.js"></script><script>
const video = document.querySelector("video");
window.fatal = [];
window.sizes = [];
const hls = new Hls();
hls.on(Hls.Events.ERROR, (_, data) => { if (data.fatal) window.fatal.push(data.details); });
video.addEventListener("resize", () => window.sizes.push(video.videoWidth));
video.addEventListener("ended", () => window.fatal.push("ended"));
hls.loadSource("live.m3u8");
hls.attachMedia(video);
</script>"""


def fetch_hls_js(folder: Path) -> str:
    """The script, from the npm registry; without npm or the registry the test is skipped, and in CI it fails."""
    need(shutil.which("npm") is not None, "npm")
    command = ["npm", "pack", "--silent", HLS_JS]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    need(done.returncode == 0, f"{HLS_JS} (npm: {done.stderr.strip()[-200:]})")
    with tarfile.open(folder / done.stdout.split()[-1]) as packed:
        script = packed.extractfile("package/dist/hls.min.js")
        assert script is not None
        return script.read().decode()


class _Quiet(SimpleHTTPRequestHandler):
    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def web_server(folder: Path) -> Iterator[str]:
    """Deliver a folder on loopback; gives the address, with a slash at its end."""
    server = ThreadingHTTPServer((LOOPBACK, 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, name="web server", daemon=True)
    thread.start()
    try:
        yield f"http://{LOOPBACK}:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
