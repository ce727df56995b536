"""Bridges side by side, to be looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from av.video.frame import VideoFrame

HEIGHT_PX = 120
LABEL_PX = 18
GREY = 40


def write_sheet(shown: Mapping[str, Mapping[str, Sequence[VideoFrame]]], path: Path) -> None:
    """A row of pictures for each texture and interpolator, two before each bridge and two after it, as a PNG."""
    rows = [
        _labelled(np.hstack([_small(picture) for picture in pictures]), f"{texture}, {name}")
        for texture, by_name in shown.items()
        for name, pictures in by_name.items()
    ]
    width = max(row.shape[1] for row in rows)
    padded = [
        cv2.copyMakeBorder(row, 0, 0, 0, width - row.shape[1], cv2.BORDER_CONSTANT, value=(GREY,) * 3) for row in rows
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    encoded = cv2.imencode(".png", np.vstack(padded))[1]
    path.write_bytes(encoded.tobytes())


def _small(picture: VideoFrame) -> npt.NDArray[np.uint8]:
    width = round(picture.width * HEIGHT_PX / picture.height)
    bgr = picture.to_ndarray(format="bgr24")
    return np.asarray(cv2.resize(bgr, (width, HEIGHT_PX), interpolation=cv2.INTER_AREA), np.uint8)


def _labelled(row: npt.NDArray[np.uint8], text: str) -> npt.NDArray[np.uint8]:
    label = np.full((LABEL_PX, row.shape[1], 3), GREY, np.uint8)
    cv2.putText(label, text, (4, LABEL_PX - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255, 255, 255), 1, cv2.LINE_AA)
    return np.vstack([label, row])
