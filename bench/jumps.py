"""A sheet of a walk's jumps, to be looked at: two frames before each, its bridge, two frames after."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

from stream.bridge_choice import open_bridges
from stream.errors import TextureError
from stream.h264 import decode_gop
from stream.interpolation.choose import AUTO, OFFLINE_S
from stream.player import Player
from stream.splice import MediaPacket
from stream.texture import Texture

JUMPS = 10
MOST_FRAMES = 9000  # some minutes: a calm clip may hardly jump
AROUND = 2
CELL_WIDTH_PX = 196

Picture = npt.NDArray[np.uint8]


def sheet(path: Path, out: Path, *, seed: int = 0, interpolator: str = AUTO) -> list[tuple[int, int]]:
    """Write a PNG with a row for each of the first ten jumps of a walk, as decoded from the packets it sends.

    Args:
        interpolator: what makes the bridges, however long it takes; "auto" for stored ones as they are.

    Returns:
        The last frame of the clip before each jump, and the first one after it.

    Raises:
        TextureError: the walk makes no jump, or `out` cannot be written.
        InterpolatorError: the interpolator is not to be had.
    """
    with (
        Texture.open(path) as texture,
        open_bridges(texture, interpolator, limit_s=OFFLINE_S) as bridges,
        Player(texture, texture.usual_liveliness(), seed=seed, bridges=bridges) as player,
    ):
        packets: list[MediaPacket] = []
        for packet in player.packets():
            if packet.kind == "video":
                packets.append(packet)
            if player.jumps > JUMPS + 1 or len(packets) >= MOST_FRAMES:
                break
    jumps = [at for at, packet in enumerate(packets) if packet.step is not None and packet.step.is_jump and at]
    spans = [(at, _end_of_bridge(packets, at)) for at in jumps[:JUMPS]]
    spans = [span for span in spans if span[0] >= AROUND and span[1] + AROUND <= len(packets)]
    if not spans:
        raise TextureError(f"{path}: no jump in {len(packets)} frames; nothing to show")
    pictures = decode_gop([packet.data for packet in packets[: spans[-1][1] + AROUND]])
    rows = [_row(packets, pictures, range(at - AROUND, end + AROUND)) for at, end in spans]
    widest = max(row.shape[1] for row in rows)
    padded = [np.pad(row, ((0, 0), (0, widest - row.shape[1]), (0, 0))) for row in rows]
    if out.suffix.lower() != ".png" or not cv2.imwrite(str(out), np.vstack(padded)):
        raise TextureError(f"{out}: cannot be written; choose a .png in a folder that exists")
    return [(packets[at - 1].clip_frame or 0, packets[end].clip_frame or 0) for at, end in spans]


def _end_of_bridge(packets: Sequence[MediaPacket], at: int) -> int:
    """The first packet from `at` on that shows the clip."""
    return next((place for place in range(at, len(packets)) if packets[place].clip_frame is not None), len(packets))


def _row(packets: Sequence[MediaPacket], pictures: Sequence[VideoFrame], places: range) -> Picture:
    cells = []
    for place in places:
        picture = np.asarray(pictures[place].to_ndarray(format="bgr24"), np.uint8)
        height = round(CELL_WIDTH_PX * picture.shape[0] / picture.shape[1])
        cell = cv2.resize(picture, (CELL_WIDTH_PX, height), interpolation=cv2.INTER_AREA)
        frame = packets[place].clip_frame
        label = "bridge" if frame is None else str(frame)
        cv2.putText(cell, label, (4, 14), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255, 255, 255), 1, cv2.LINE_AA)
        cells.append(cell)
    return np.asarray(np.hstack(cells), np.uint8)
