"""`walk.safetensors`: the walk that was solved when a texture was made, so that playing it solves nothing.

And what was seen of its jumps then, by which other walks are solved later.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file
from scipy.sparse import csr_array

from stream.arrays import write_arrays
from stream.errors import TextureError
from stream.seen_seams import SeenSeams
from stream.transitions import Transitions

MEND = "copy the texture again, or fit it again"
ROUNDING = 1e-3  # by which a row of float32 chances may miss 1


def write_walk(transitions: Transitions, seen: SeenSeams, path: Path) -> None:
    """Store a transition matrix and what was seen.

    That is `starts` int32 (N + 1,), `targets` int32 (E,), `probabilities` float32 (E,), and `seen_leaves` int32 (M,),
    `seen_lands` int32 (M,), `seen_seams` float32 (M,).
    """
    matrix = transitions.probabilities
    arrays = {
        "starts": matrix.indptr.astype(np.int32),
        "targets": matrix.indices.astype(np.int32),
        "probabilities": matrix.data.astype(np.float32),
        "seen_leaves": seen.leaves,
        "seen_lands": seen.lands,
        "seen_seams": seen.seams,
    }
    write_arrays(arrays, path)


def read_walk(path: Path, count: int) -> tuple[Transitions, SeenSeams]:
    """Read one of `count` segments, and what was seen of its jumps: nothing, in textures of before it was looked at.

    Raises:
        TextureError: it is missing or damaged, or does not lead on from each of so many segments.
    """
    try:
        arrays = load_file(path)
        starts, targets, chances = (arrays[name] for name in ("starts", "targets", "probabilities"))
    except (OSError, SafetensorError) as error:
        raise TextureError(f"{path}: not readable ({error}); {MEND}") from error
    except KeyError as error:
        raise TextureError(f"{path}: no {error} in it; {MEND}") from error
    fits = (
        len(starts) == count + 1
        and starts[0] == 0
        and starts[-1] == len(targets) == len(chances)
        and (np.diff(starts) > 0).all()
        and 0 <= targets.min() <= targets.max() < count
    )
    if not fits:
        raise TextureError(f"{path}: is no walk over {count} segments; {MEND}")
    rows = np.add.reduceat(chances, starts[:-1])
    if not ((chances >= 0).all() and (np.abs(rows - 1) < ROUNDING).all()):
        raise TextureError(f"{path}: its chances do not add up to 1 for each segment; {MEND}")
    transitions = Transitions(csr_array((chances, targets, starts), shape=(count, count)))
    return transitions, _read_seen(arrays, path, count)


def _read_seen(arrays: dict[str, npt.NDArray[Any]], path: Path, count: int) -> SeenSeams:
    if "seen_seams" not in arrays:
        return SeenSeams.none()
    try:
        seen = SeenSeams(arrays["seen_leaves"], arrays["seen_lands"], arrays["seen_seams"])
    except KeyError as error:
        raise TextureError(f"{path}: no {error} in it; {MEND}") from error
    jumps = np.append(seen.leaves, seen.lands)
    if not (len(jumps) == 2 * len(seen) and len(seen.leaves) == len(seen) and ((jumps >= 0) & (jumps < count)).all()):
        raise TextureError(f"{path}: the jumps that were seen are not of {count} segments; {MEND}")
    if not (np.isfinite(seen.seams) & (seen.seams > 0)).all():
        raise TextureError(f"{path}: what was seen of its jumps are no multiples; {MEND}")
    return seen
