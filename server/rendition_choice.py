"""Which rendition one viewer is sent: down as soon as its link cannot carry what it gets, up slowly. Pure.

What a link carries is known by what the viewer reports: the share of packets that were lost (RFC 3550, 6.4.1), and,
from browsers, what they estimate that they could receive (REMB, draft-alvestrand-rmcat-remb-03). An estimate counts
only downwards, for it never gets far beyond what is sent; whether more would go through is found out by sending more.
Each time that this goes wrong, the next attempt waits twice as long.
"""

from __future__ import annotations

from collections.abc import Sequence

MUCH_LOST = 0.1  # share of packets: no wireless link at its best, where GCC begins to send less too
MOST_LOST = 0.25  # where one report is enough
ENOUGH_PACKETS = 30  # of which a share means something; reports on fewer count for less
PACKET_BITS = 8 * 1100
LEAST_ESTIMATE = 0.7  # of a rendition's mean rate; an estimate is low too where less is sent, as in a quiet part
SOME_LOST = 0.02  # without which a low estimate says nothing
ESTIMATED_LOW_S = 1.0  # how long it must have been so low
FITTING = 0.9  # of an estimate that a rendition may take
GOT_THROUGH = 0.5  # of what did get through that a rendition may take: queues and repeated packets took part of it
FRESH_S = 5.0  # for how long an estimate is worth something
SETTLE_S = 2.0  # after a change, what is reported is still of before
FIRST_WAIT_S, LONGEST_WAIT_S = 10.0, 320.0  # before more is tried
PROBATION_S = 15.0  # how long it must go well to have been right


class RenditionChoice:
    """The choice for one viewer; 0 is the full rendition.

    All times are of one monotonic clock, in seconds.

    Attributes:
        rendition: what it is to be sent.
        changes: how often that became another.
        lost: the share of packets that it reported lost lately, 0 to 1; None before a report.
        estimate_bit_s: what it could receive, as it reported last; None where it reports none.
    """

    def __init__(self) -> None:
        self.rendition = self.changes = 0
        self.lost: float | None = None
        self.estimate_bit_s: float | None = None
        self._estimated_s = self._reported_s = self._changed_s = float("-inf")
        self._low_since_s: float | None = None
        self._rate_bit_s = float("inf")  # of what it is sent; as good as that before it is known
        self._much_lost = 0  # reports one behind the other
        self._clean_since_s: float | None = None
        self._wait_s = FIRST_WAIT_S
        self._on_probation = False

    def report_loss(self, share: float, now_s: float) -> None:
        """The viewer says how much of what was sent since its last report it did not get, 0 to 1."""
        told_of = (now_s - self._reported_s) * self._rate_bit_s / PACKET_BITS  # packets: of seven, one is no tenth
        weight = min(1.0, told_of / ENOUGH_PACKETS)
        self.lost = share if self.lost is None else self.lost + weight * (share - self.lost)
        self._reported_s = now_s
        if now_s - self._changed_s < SETTLE_S:
            return
        self._much_lost = self._much_lost + 1 + (self.lost >= MOST_LOST) if self.lost >= MUCH_LOST else 0
        if self.lost >= MUCH_LOST:
            self._clean_since_s = None

    def report_estimate(self, bit_s: float, now_s: float) -> None:
        """The viewer says how much it could receive."""
        self.estimate_bit_s, self._estimated_s = bit_s, now_s

    def choose(self, rates_bit_s: Sequence[float], now_s: float) -> int:
        """What to send from now on, `rendition`. To be asked wherever it could be changed: at every IDR.

        Args:
            rates_bit_s: what each rendition takes, the full one first.
        """
        if not rates_bit_s or now_s - self._changed_s < SETTLE_S:
            return self.rendition
        self.rendition = min(self.rendition, len(rates_bit_s) - 1)
        self._rate_bit_s = rates_bit_s[self.rendition]
        self._look_at_estimate(self._rate_bit_s, now_s)
        if self._clean_since_s is None:
            self._clean_since_s = now_s
        if self._is_too_much(now_s):
            self._go_down(rates_bit_s, now_s)
        elif self.rendition and now_s - self._clean_since_s >= self._wait_s:
            self._go_to(self.rendition - 1, now_s)
            self._on_probation = True
        elif self._on_probation and now_s - self._changed_s >= PROBATION_S:
            self._on_probation, self._wait_s = False, FIRST_WAIT_S
        return self.rendition

    def _look_at_estimate(self, rate_bit_s: float, now_s: float) -> None:
        estimate = self._fresh_estimate(now_s)
        loses = self.lost is not None and self.lost >= SOME_LOST
        if estimate is None or estimate >= LEAST_ESTIMATE * rate_bit_s or not loses:
            self._low_since_s = None
            return
        self._clean_since_s = None
        if self._low_since_s is None:
            self._low_since_s = now_s

    def _is_too_much(self, now_s: float) -> bool:
        return self._much_lost >= 2 or (self._low_since_s is not None and now_s - self._low_since_s >= ESTIMATED_LOW_S)

    def _go_down(self, rates_bit_s: Sequence[float], now_s: float) -> None:
        lightest = len(rates_bit_s) - 1
        target = min(self.rendition + 1, lightest)
        if self._on_probation:  # what it had before was good
            self._wait_s, self._on_probation = min(2 * self._wait_s, LONGEST_WAIT_S), False
        else:
            most_bit_s = self._carried_bit_s(self._rate_bit_s, now_s)
            while target < lightest and rates_bit_s[target] > most_bit_s:
                target += 1
        self._much_lost, self._low_since_s = 0, None
        self._go_to(target, now_s)

    def _carried_bit_s(self, rate_bit_s: float, now_s: float) -> float:
        """What the link carries at most, as far as is known."""
        estimate, carried = self._fresh_estimate(now_s), rate_bit_s
        if self._much_lost >= 2 and self.lost is not None:
            carried = GOT_THROUGH * (1 - self.lost) * rate_bit_s
        return carried if estimate is None else min(carried, FITTING * estimate)

    def _go_to(self, rendition: int, now_s: float) -> None:
        if rendition != self.rendition:
            self.rendition, self._changed_s = rendition, now_s
            self.changes += 1
        self._clean_since_s = None

    def _fresh_estimate(self, now_s: float) -> float | None:
        return self.estimate_bit_s if now_s - self._estimated_s <= FRESH_S else None
