"""A small picture of a transition matrix."""

from __future__ import annotations

import cv2
import numpy as np

from stream.graph import Graph
from stream.transitions import Matrix, Transitions

LONGEST_SIDE_PX = 512


def matrix_png(graph: Graph, transitions: Transitions) -> bytes:
    """The likeness of all pairs of segments, dim; on it the ways that the walk may take, bright. PNG."""
    likeness = np.where(graph.allowed, graph.similarity, np.nan)
    low, high = np.nanquantile(likeness, [0.02, 0.998])
    base = np.nan_to_num((likeness - low) / max(float(high - low), 1e-6), nan=0.0).clip(0, 1) ** 2
    ways = transitions.probabilities.toarray()
    image = _smaller(np.maximum(0.62 * base, np.where(ways > 0, 0.7 + 0.3 * np.sqrt(ways), 0)).astype(np.float32))
    coloured = cv2.applyColorMap((image * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)
    encoded, png = cv2.imencode(".png", coloured)
    assert encoded
    return png.tobytes()


def _smaller(image: Matrix) -> Matrix:
    """At most `LONGEST_SIDE_PX`, by the maximum of each block, so that no single way is lost."""
    factor = -(-len(image) // LONGEST_SIDE_PX)
    padded = np.pad(image, (0, -len(image) % factor))
    side = len(padded) // factor
    return np.asarray(padded.reshape(side, factor, side, factor).max(axis=(1, 3)))
