"""The choice of a rendition: down fast, up slowly, and never to and fro."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from server.rendition_choice import (
    ESTIMATED_LOW_S,
    FIRST_WAIT_S,
    LONGEST_WAIT_S,
    PACKET_BITS,
    PROBATION_S,
    SETTLE_S,
    RenditionChoice,
)

RATES = (2.6e6, 0.7e6, 0.3e6)
STRIDE_S = 0.2
REPORT_EVERY = 5  # strides


def watched(
    link_bit_s: float,
    seconds: float,
    *,
    estimates: bool = False,
    noise: float = 0.0,
    choice: RenditionChoice | None = None,
) -> list[int]:
    """What a viewer behind a link is sent, at each IDR.

    Args:
        estimates: whether it reports some, as browsers do: at most half as much again as it gets.
        noise: of the share of packets lost, whatever is sent.
    """
    choice, rng, sent = choice or RenditionChoice(), np.random.default_rng(0), []
    for place in range(round(seconds / STRIDE_S)):
        now_s = 1000 + place * STRIDE_S
        rendition = choice.choose(RATES, now_s)
        sent.append(rendition)
        if place % REPORT_EVERY == REPORT_EVERY - 1:
            rate = np.mean([RATES[each] for each in sent[-REPORT_EVERY:]])
            lost = max(0.0, 1 - link_bit_s / rate)
            choice.report_loss(min(1.0, lost + abs(rng.normal(0, noise))), now_s)
            if estimates:
                through = min(rate, link_bit_s)
                choice.report_estimate(0.85 * through if lost else 1.5 * through, now_s)
    return sent


@pytest.mark.parametrize("estimates", [False, True], ids=["losses", "estimates"])
def test_a_good_link_is_sent_all_for_ever(estimates: bool) -> None:
    assert set(watched(10e6, 600, estimates=estimates, noise=0.02)) == {0}


@pytest.mark.parametrize("estimates", [False, True], ids=["losses", "estimates"])
@pytest.mark.parametrize(("link_bit_s", "fits"), [(0.5e6, 2), (1.0e6, 1)])
def test_a_narrow_link_is_soon_sent_what_it_carries(link_bit_s: float, fits: int, estimates: bool) -> None:
    sent = watched(link_bit_s, 900, estimates=estimates)
    assert sent[0] == 0
    reached = next(place for place, rendition in enumerate(sent) if rendition >= fits)
    assert reached * STRIDE_S <= 3, "by one report, or an estimate that lasts"
    assert sent[len(sent) // 2 :].count(fits) > 0.9 * len(sent) / 2
    assert np.mean(np.array(sent[reached:]) >= fits) > 0.95
    up = [place * STRIDE_S for place, (now, then) in enumerate(pairwise(sent)) if then < now <= fits]
    assert len(up) >= 3, "it is tried again"
    waits = np.diff(up)
    assert (waits[1:] > 1.5 * waits[:-1]).all() or waits.max() >= LONGEST_WAIT_S, "ever more rarely"


def test_losses_of_one_in_a_hundred_are_no_reason() -> None:
    assert set(watched(10e6, 300, noise=0.01)) == {0}


def test_one_packet_of_a_few_is_not_much() -> None:
    choice, rng = RenditionChoice(), np.random.default_rng(0)
    watched(0.5e6, 30, choice=choice)
    assert choice.rendition == 2
    sent = []
    for place in range(300):  # some seven packets in each report of the lightest, of which one in fifty is lost
        packets = round(RATES[choice.rendition] * STRIDE_S / PACKET_BITS)
        choice.report_loss(rng.binomial(packets, 0.02) / packets, 1030 + place * STRIDE_S)
        sent.append(choice.choose(RATES, 1030 + place * STRIDE_S))
    assert sent[-1] == 0


def test_an_estimate_that_fits_is_gone_to_at_once() -> None:
    choice = RenditionChoice()
    for place in range(20):
        choice.report_loss(0.04, place * STRIDE_S)
        choice.report_estimate(0.4e6, place * STRIDE_S)
        if choice.choose(RATES, place * STRIDE_S):
            break
    assert choice.rendition == 2
    assert place * STRIDE_S == pytest.approx(ESTIMATED_LOW_S, abs=STRIDE_S)
    assert choice.changes == 1


def test_an_estimate_that_is_low_because_little_is_sent_is_no_reason() -> None:
    choice = RenditionChoice()
    for place in range(100):
        choice.report_loss(0.0, place * STRIDE_S)
        choice.report_estimate(0.4e6, place * STRIDE_S)
        assert choice.choose(RATES, place * STRIDE_S) == 0


def test_a_dip_is_no_reason() -> None:
    choice = RenditionChoice()
    for place in range(100):
        choice.report_estimate(0.4e6 if place % 4 == 0 else 3e6, place * STRIDE_S)
        choice.report_loss(0.2 if place % 5 == 0 else 0.0, place * STRIDE_S)
        assert choice.choose(RATES, place * STRIDE_S) == 0


def test_an_old_estimate_is_worth_nothing() -> None:
    choice = RenditionChoice()
    choice.report_estimate(0.4e6, 0.0)
    assert [choice.choose(RATES, now_s) for now_s in (6.0, 8.0, 10.0)] == [0, 0, 0]


def test_what_is_reported_of_before_a_change_is_not_counted() -> None:
    choice = RenditionChoice()
    choice.report_loss(0.3, 10.0)
    assert choice.choose(RATES, 10.1) == 1
    choice.report_loss(0.6, 10.1 + SETTLE_S / 2)
    assert choice.choose(RATES, 10.2 + SETTLE_S) == 1


def test_who_gets_on_better_gets_more_and_starts_afresh() -> None:
    choice = RenditionChoice()
    watched(0.5e6, 600, choice=choice)
    assert choice.rendition == 2
    later = [1000 + 600 + place * STRIDE_S for place in range(round(1500 / STRIDE_S))]
    sent = [choice.choose(RATES, now_s) for now_s in later]
    assert sent[-1] == 0
    assert choice._wait_s == FIRST_WAIT_S
    assert PROBATION_S > SETTLE_S


def test_a_texture_with_fewer_renditions_is_sent_what_it_has() -> None:
    choice = RenditionChoice()
    watched(0.5e6, 30, choice=choice)
    assert choice.choose(RATES[:2], 2000.0) <= 1
    assert RenditionChoice().choose((), 0.0) == 0
