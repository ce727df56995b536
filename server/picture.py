"""A small picture of a transition matrix."""

from __future__ import annotations

import cv2
import numpy as np

from stream.graph import Graph
from stream.transitions import Transitions
from stream.ways import Ways

LONGEST_SIDE_PX = 512


def matrix_png(graph: Graph, transitions: Transitions) -> bytes:
    """The likeness of all pairs of segments, dim; on it the ways that the walk may take, bright. PNG.

    Of a long clip each pixel is a block of pairs: the likest of the kept ones is shown, and no way of the walk is lost.
    """
    low, high = np.quantile(graph.similarity, [0.02, 0.998])
    base = ((graph.similarity - low) / max(float(high - low), 1e-6)).clip(0, 1) ** 2
    taken = Ways(transitions.probabilities.indptr, transitions.probabilities.indices)
    bright = 0.7 + 0.3 * np.sqrt(transitions.probabilities.data)
    image = np.fmax(graph.ways.coarse(0.62 * base, LONGEST_SIDE_PX), taken.coarse(bright, LONGEST_SIDE_PX))
    image = np.nan_to_num(image, nan=0.0)
    coloured = cv2.applyColorMap((image * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
    encoded, png = cv2.imencode(".png", coloured)
    assert encoded
    return png.tobytes()
