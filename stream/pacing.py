"""When a packet is due: a pure function of media time and a monotonic clock. It never sleeps and reads no clock."""

from __future__ import annotations

from dataclasses import dataclass, field

from stream.histogram import Histogram

TOLERATED_LATENESS_S = 0.25  # more than this is not caught up, it is forgotten: a burst would be worse
LATE_S = 0.02


@dataclass
class Pacer:
    """Ties media time to a clock, and ties it anew after a stall.

    Attributes:
        late: packets that came more than 20 ms after they were due.
        re_anchored: how often the stream stood still (a suspended machine, say) and went on from where it was.
        lateness: how long after they were due packets left.
    """

    late: int = 0
    re_anchored: int = 0
    lateness: Histogram = field(default_factory=Histogram)
    _origin_s: float | None = field(default=None, repr=False)

    def delay_s(self, media_s: float, now_s: float) -> float:
        """How long to wait before a packet that is shown at `media_s` is sent, if it is now `now_s`."""
        if self._origin_s is None:
            self._origin_s = now_s - media_s
        delay_s = self._origin_s + media_s - now_s
        if delay_s < -TOLERATED_LATENESS_S:
            self._origin_s = now_s - media_s
            self.re_anchored += 1
            return 0.0
        if delay_s < -LATE_S:
            self.late += 1
        return max(0.0, delay_s)

    def left(self, media_s: float, now_s: float) -> None:
        """A packet that is shown at `media_s` leaves, and it is now `now_s`."""
        if self._origin_s is not None:
            self.lateness.observe(now_s - self._origin_s - media_s)
