"""How long to wait before the next try. Pure: reads no clock."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

FACTOR = 2.0
LEAST_SHARE = 0.5  # of the full delay; the rest is chance, so that many senders do not come back at once


@dataclass
class Backoff:
    """Exponential, with jitter, for ever.

    Attributes:
        rng: of the jitter.
        first_s: the full delay after the first failure.
        longest_s: no delay is longer.
        failures: in a row.
    """

    rng: np.random.Generator
    first_s: float = 1.0
    longest_s: float = 30.0
    failures: int = 0

    def full_s(self) -> float:
        """The longest that the next delay can be."""
        return float(min(self.longest_s, self.first_s * FACTOR ** min(self.failures, 30)))

    def next_s(self) -> float:
        """The delay after one more failure: between half of the full one and all of it."""
        full_s = self.full_s()
        self.failures += 1
        return full_s * float(self.rng.uniform(LEAST_SHARE, 1.0))

    def succeed(self) -> None:
        """It went well for a while: begin anew."""
        self.failures = 0
