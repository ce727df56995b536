"""Optical flow between two pictures, as bridges are made by it and the small interpolator is trained on it. No torch.

Source: Kroeger et al. 2016, "Fast optical flow using dense inverse search" (DIS), OpenCV's.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

LONG_SIDE_PX = 320  # flow is smooth: computed small, used large
LEAST_SIDE_PX = 32  # OpenCV's DIS gives NaN, or crashes, on less: flat pictures are stretched

Plane = npt.NDArray[np.uint8]
Field = npt.NDArray[np.float32]


def flow_size(height_px: int, width_px: int) -> tuple[int, int]:
    """(width, height) at which the flow between pictures of some size is measured."""
    scale = min(1.0, LONG_SIDE_PX / max(height_px, width_px))
    height, width = (max(LEAST_SIDE_PX, round(side * scale)) for side in (height_px, width_px))
    return width, height


def measured_flows(first: Plane, last: Plane) -> tuple[Field, Field]:
    """Flow first -> last and back of two grey pictures (h, w), right or wrong.

    Returns:
        Each (h', w', 2), to the right and down, in pixels of its own size, `flow_size`.
    """
    size = flow_size(*first.shape)
    small = [cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in (first, last)]
    estimator = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    still = np.zeros((*small[0].shape, 2), np.float32)
    forward = np.asarray(estimator.calc(small[0], small[1], still.copy()), np.float32)
    return forward, np.asarray(estimator.calc(small[1], small[0], still), np.float32)
