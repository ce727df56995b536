"""All of a clip's segment embeddings, by an engine. Needs no torch."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from export.engine import Engine
from export.spec import EngineError
from models.progress import Progress, silent
from models.segments import Segments
from models.windows import UInt8Frames, check_frames, gather, gather_following

Embeddings = npt.NDArray[np.float32]

FRAMES, QUERY, TARGET = "frames", "query", "target"  # the encoder's tensors


def embed(
    engine: Engine,
    frames: UInt8Frames,
    segments: Segments,
    progress: Progress = silent,
    batch: int = 32,
) -> tuple[Embeddings, Embeddings]:
    """Run the exported encoder over every segment.

    Args:
        engine: an open engine of an encoder.
        frames: the clip at the encoder's frame size, uint8 RGB (F, h, w, 3).
        segments: its windows.
        progress: told how far it is.
        batch: windows per run, at least 1.

    Returns:
        (query, target), float32 (N, D), each row of norm 1.

    Raises:
        ValueError: frames that are not the clip of `segments`.
        EngineError: the engine's network is no encoder, or one for other windows or another frame size.
    """
    check_frames(frames, segments)
    spec = engine.spec
    if spec.name != "encoder":
        raise EngineError(f"{engine.name}: its network is {spec.name!r}, expected 'encoder'")
    for fact, got in (
        ("window_frames", segments.window_frames),
        ("stride_frames", segments.stride_frames),
        ("frame_height_px", frames.shape[1]),
        ("frame_width_px", frames.shape[2]),
    ):
        if spec.fact(fact) != got:
            raise EngineError(
                f"{engine.name}: made for {fact} = {spec.fact(fact)}, the clip has {got}: "
                "fit again, or decode the clip as the encoder's facts say"
            )
    width = spec.outputs[QUERY].shape[1] or 0
    query = np.empty((segments.count, width), dtype=np.float32)
    target = np.empty_like(query)
    for first in range(0, segments.count, batch):
        which = np.arange(first, min(first + batch, segments.count))
        outputs = engine.run({FRAMES: gather(frames, segments, which)})
        query[which], target[which] = outputs[QUERY], outputs[TARGET]
        progress("embed", float(which[-1] + 1) / segments.count)
    if spec.facts.get("looks_ahead"):  # what follows a segment is its successor, unless a shot ends there
        query[:-1] = query[1:].copy()
        last = np.flatnonzero(~np.append(segments.clean[1:], False))
        for part in np.array_split(last, -(-len(last) // batch)):
            query[part] = engine.run({FRAMES: gather_following(frames, segments, part)})[QUERY]
    return query, target
