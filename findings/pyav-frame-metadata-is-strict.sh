#!/bin/sh
# PyAV 18.1.0 (FFmpeg 8.1): `metadata_errors="replace"` holds for a container and its streams, but not for a picture.
#
# FFmpeg's MJPEG decoder hands on the EXIF of each JPEG as the picture's metadata, and `frame.metadata` decodes all of it
# as strict UTF-8. A Motion JPEG of a camera whose owner is called René, in Latin-1, thus cannot be asked for what a
# filter said of a picture (such as `lavfi.scd.time`), however the file was opened. With a filter
# `metadata=mode=delete` before that one, it can.
#
# Exits with 0 while that is so, and with another status once it has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet av==18.1.0
"$folder/venv/bin/python" - "$folder/camera.avi" <<'PYTHON'
import struct
import sys

import av
from av.filter import Graph

path = sys.argv[1]
artist = "René".encode("latin-1") + b"\0"
tiff = b"II*\0" + struct.pack("<IHHHIII", 8, 1, 0x13B, 2, len(artist), 26, 0) + artist
exif = b"Exif\0\0" + tiff
segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif

with av.open(path, "w") as container:
    stream = container.add_stream("mjpeg", rate=30)
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
    packets = [packet for _ in range(5) for packet in stream.encode(av.VideoFrame(64, 48, "yuvj420p"))]
    for number, packet in enumerate([*packets, *stream.encode(None)]):
        jpeg = bytes(packet)
        tagged = av.Packet(jpeg[:2] + segment + jpeg[2:])
        tagged.stream, tagged.time_base, tagged.is_keyframe = stream, packet.time_base, True
        tagged.pts = tagged.dts = number
        container.mux(tagged)

print("PyAV", av.__version__, "FFmpeg", av.ffmpeg_version_info)
with av.open(path, metadata_errors="replace") as container:
    stream = container.streams.video[0]
    picture = next(container.decode(stream))
    try:
        print("frame.metadata:", picture.metadata)
        sys.exit(1)
    except UnicodeDecodeError as error:
        print("frame.metadata:", error)
    graph = Graph()
    graph.link_nodes(graph.add_buffer(template=stream), graph.add("metadata", "mode=delete"), graph.add("buffersink"))
    graph.configure()
    graph.vpush(picture)
    print("behind metadata=mode=delete:", graph.vpull().metadata)
PYTHON
