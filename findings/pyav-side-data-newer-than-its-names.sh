#!/usr/bin/env bash
# PyAV 18.1.0 (FFmpeg 8.1): `frame.side_data` of a JPEG with EXIF raises ValueError, whatever one asks of it.
#
# FFmpeg 8 hands EXIF on as side data of a kind that PyAV's list of names ends before, and the container of a frame's
# side data is filled with all of it when it is first touched. So the display matrix of such a picture, which stands
# beside, cannot be read (`frame.rotation` can, but knows only turns). The filter `sidedata=mode=delete:type=31` takes
# the unnamed kind away by its number.
#
# Seen 2026-11-28: "31 is not a valid Type", and behind the filter a display matrix. Exits with another status than 0 if
# that changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet av==18.1.0
"$folder/venv/bin/python" - "$folder/camera.jpg" <<'PYTHON'
import struct
import sys
from fractions import Fraction

import av

plain = av.CodecContext.create("mjpeg", "w")
plain.width, plain.height, plain.pix_fmt, plain.time_base = 64, 48, "yuvj420p", Fraction(1, 25)
frame = av.VideoFrame(64, 48, "yuvj420p")
frame.pts = 0
(packet,) = plain.encode(frame)
# One entry, orientation (0x0112) = 5: mirrored and turned, which a rotation alone does not say.
exif = b"Exif\0\0II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, 5, 0, 0)
jpeg = bytes(packet)[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + bytes(packet)[2:]
open(sys.argv[1], "wb").write(jpeg)

with av.open(sys.argv[1]) as container:
    picture = next(container.decode(video=0))
try:
    picture.side_data.get("DISPLAYMATRIX")
except ValueError as error:
    print("PyAV", av.__version__, "FFmpeg", av.ffmpeg_version_info, "side_data:", error)
    assert "31 is not a valid Type" in str(error)
else:
    raise SystemExit("side_data can be read: PyAV has changed")

graph = av.filter.Graph()
source = graph.add_buffer(width=64, height=48, format=picture.format, time_base=picture.time_base)
graph.link_nodes(source, graph.add("sidedata", "mode=delete:type=31"), graph.add("buffersink")).configure()
graph.vpush(picture)
print("behind the filter:", [each.type.name for each in graph.vpull().side_data])
PYTHON
