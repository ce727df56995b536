"""FFmpeg's WHIP muxer as a publisher: `python -m tests.whip_muxer URL SECONDS [CERTIFICATE KEY]`.

Sends a tone, and a picture in H.264 of the High profile. A process of its own, for the muxer holds the interpreter's
lock while it connects.
"""

from __future__ import annotations

import sys
import time
from fractions import Fraction

import av
import numpy as np

RATE_HZ, BLOCK = 48_000, 960
FPS = 25


def publish(url: str, seconds: float, options: dict[str, str]) -> None:
    """Send in real time."""
    with av.open(url, "w", format="whip", options=options) as output:
        video = output.add_stream("libx264", rate=FPS, options={"bf": "0", "preset": "veryfast", "profile": "high"})
        video.width, video.height, video.pix_fmt = 320, 180, "yuv420p"
        audio = output.add_stream("libopus", rate=RATE_HZ)
        audio.layout = "stereo"
        began_s = time.monotonic()
        for number in range(int(seconds * RATE_HZ / BLOCK)):
            time.sleep(max(0.0, began_s + number * BLOCK / RATE_HZ - time.monotonic()))
            wave = 8000 * np.sin(2 * np.pi * 440 * (np.arange(BLOCK) + number * BLOCK) / RATE_HZ)
            sound = av.AudioFrame.from_ndarray(np.repeat(wave.astype(np.int16), 2)[None], "s16", "stereo")
            sound.sample_rate, sound.pts, sound.time_base = RATE_HZ, number * BLOCK, Fraction(1, RATE_HZ)
            output.mux(audio.encode(sound))
            if number % 2 == 0:
                picture = av.VideoFrame.from_ndarray(np.full((180, 320, 3), number % 256, np.uint8), "rgb24")
                picture.pts, picture.time_base = number // 2, Fraction(1, FPS)
                output.mux(video.encode(picture))


if __name__ == "__main__":
    pair = dict(zip(("cert_file", "key_file"), sys.argv[3:5], strict=False))
    publish(sys.argv[1], float(sys.argv[2]), pair)
