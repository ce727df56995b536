#!/usr/bin/env bash
# FFmpeg's FLV muxer (av 18.1.0 from PyPI, FFmpeg 8.1) keeps 31 bits of a picture's milliseconds: after 24.9 days its
# times begin at 0 within the stream, without a word.
# Seen: 2147482500 2147483000 2147483500 352, and no warning. Exits with another status than 0 if that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet av==18.1.0
"$folder/venv/bin/python" - <<'PYTHON'
import io

import av

written = io.BytesIO()
with av.open(written, "w", format="flv") as container:
    stream = container.add_stream("libx264", rate=2)
    stream.width, stream.height, stream.options = 64, 64, {"tune": "zerolatency"}
    first = (2**31 - 1000) // 500
    for number in range(first, first + 4):
        frame = av.VideoFrame(64, 64, "yuv420p")
        frame.pts = number
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
data, at, times = written.getvalue(), 13, []
while at + 12 < len(data):
    size = int.from_bytes(data[at + 1 : at + 4], "big")
    if data[at] == 9 and data[at + 12] == 1:  # a picture, neither the decoder's settings nor the end
        times.append(data[at + 7] << 24 | int.from_bytes(data[at + 4 : at + 7], "big"))
    at += 15 + size
print("FFmpeg", av.ffmpeg_version_info, "times of pictures in ms:", *times)
assert times[0] > 2**31 - 2000 and times[-1] < 2000, "the times go on: FFmpeg has changed"
PYTHON
