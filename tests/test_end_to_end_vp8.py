"""A Chromium that takes no H.264 sees the same page, by VP8."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import pytest

from tests.browser import LIVE, LIVE_MS, chromium
from tests.serving import serve_process
from tests.stream_media import BITS, BLOCK_PX, write_texture

pytestmark = pytest.mark.e2e

WITHOUT_H264 = """(() => {
    const make = RTCPeerConnection.prototype.createOffer;
    RTCPeerConnection.prototype.createOffer = function (...given) {
        const codecs = RTCRtpReceiver.getCapabilities("video").codecs.filter((each) => each.mimeType !== "video/H264");
        for (const each of this.getTransceivers())
            if (each.receiver.track.kind === "video") each.setCodecPreferences(codecs);
        return make.apply(this, given);
    };
})()"""
READ = f"""() => {{
    const video = videotexture.video, canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
    const context = canvas.getContext("2d");
    context.drawImage(video, 0, 0);
    let number = 0;
    for (let bit = 0; bit < {BITS}; bit++) {{
        const middle = context.getImageData((bit + 0.5) * {BLOCK_PX}, {BLOCK_PX}, 1, 1);
        if (middle.data[0] > 125) number += 1 << bit;
    }}
    return number;
}}"""


def test_the_page_plays_without_h264(tmp_path: Path) -> None:
    texture = write_texture(tmp_path / "n.texture", seconds=6.0)
    with serve_process(texture) as server, chromium() as browser:
        page, errors = browser.new_page(), []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.add_init_script(WITHOUT_H264)
        page.goto(server.address)
        page.wait_for_function(LIVE, timeout=LIVE_MS)
        numbers = set()
        for _ in range(30):
            page.wait_for_timeout(100)
            numbers.add(page.evaluate(READ))
        assert sum(number < 6 * 30 for number in numbers) > 10, "what is on a bridge mixes two numbers"
        with urllib.request.urlopen(f"{server.address}api/viewers") as answer:
            (told,) = json.load(answer)
        assert told["codec"] == "VP8"
        assert errors == []
