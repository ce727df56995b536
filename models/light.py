"""How much brighter one picture is than another, whatever moved in between. No torch."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

GAINS = (0.5, 2.0)  # beyond, two pictures have nothing to do with each other
SAMPLES = 1000  # pixels that the light is fitted on
PASSES = 3

Levels = npt.NDArray[np.float32]


def relit_by(seen: Levels, wanted: Levels) -> tuple[float, float]:
    """Gain and offset that make `seen` as bright as `wanted`, where most of it is the same; both (P,), 0 to 255.

    Reweighted least squares with weights 1 / (1 + |residual| / median): what moved does not count as light.
    """
    apart = max(1, len(seen) // SAMPLES)
    seen, wanted = seen[::apart], wanted[::apart]
    weights = np.full_like(seen, 1 / len(seen))
    gain, offset = 1.0, 0.0
    for _ in range(PASSES):
        mean_seen, mean_wanted = weights @ seen, weights @ wanted
        centred = seen - mean_seen
        spread = weights @ (centred * centred)
        shared = weights @ (centred * (wanted - mean_wanted))
        gain = float(np.clip(shared / spread, *GAINS)) if spread > 1 else 1.0
        offset = float(mean_wanted - gain * mean_seen)
        residual = np.abs(wanted - gain * seen - offset)
        weights = (1 + residual / (np.partition(residual, len(residual) // 2)[len(residual) // 2] + 1)) ** -2
        weights /= weights.sum()
    return gain, offset
