"""A viewer behind a bad link beside good ones, and the bad link itself."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from bench.namespaces import NamespaceError, linked
from bench.slow_link import Link, LinkSettings, over, server_of, without_candidates
from bench.slow_viewer import RELAY, measure

GOOD = 2
SECONDS = 3.0
CANDIDATE = "a=candidate:abc 1 udp 2130706431 {} {} typ host\r\n"


def link(**settings: float) -> Link:
    return Link(LinkSettings(**settings), np.random.default_rng(0))


def test_a_link_delays_and_lets_so_much_through() -> None:
    slow = link(loss=0.0, delay_s=0.2, rate_bit_s=1e6, queue_s=0.1)
    arrivals = [slow.arrival_s(1250, 0.0) for _ in range(20)]
    assert arrivals[:3] == [pytest.approx(0.21), pytest.approx(0.22), pytest.approx(0.23)]
    assert sum(arrival is not None for arrival in arrivals) == 11  # what its queue holds, and one that is sent
    assert slow.dropped == 9
    assert slow.arrival_s(1250, 5.0) == pytest.approx(5.21)


def test_a_link_loses_its_share() -> None:
    lossy = link(loss=0.1, rate_bit_s=1e12)
    lost = sum(lossy.arrival_s(1000, float(second)) is None for second in range(2000))
    assert lost == pytest.approx(200, abs=45)


def test_netem_is_told_the_same() -> None:
    assert LinkSettings().netem() == ["netem", "loss", "1%", "delay", "200ms", "rate", "500000bit", "limit", "25"]


def test_the_relay_s_address_takes_the_server_s_place() -> None:
    answer = (
        "v=0\r\n" + CANDIDATE.format("127.0.0.1", 5000) + CANDIDATE.format("10.0.0.7", 5001) + "a=end-of-candidates\r\n"
    )
    assert server_of(answer) == ("127.0.0.1", 5000)
    assert over(answer, 6000) == "v=0\r\n" + CANDIDATE.format("127.0.0.1", 6000) + "a=end-of-candidates\r\n"
    assert without_candidates(answer) == "v=0\r\n"


def test_good_viewers_notice_nothing(small_texture: Path) -> None:
    """By `netem` where this kernel has it and we are root, else over a relay: `link` says which."""
    alone, beside, _ = measure(small_texture, GOOD, SECONDS)
    for row in (alone, beside):
        assert row["lost"] == 0
        assert row["drops"] == 0 or row["link"] != "-"
        assert isinstance(row["pictures"], int)
        assert row["pictures"] >= 0.9 * GOOD * SECONDS * 30
    assert beside["link"] in ("netem", RELAY)


@pytest.mark.skipif(sys.platform != "linux", reason="network namespaces are Linux's")
def test_a_link_between_namespaces_is_as_bad_as_told() -> None:
    try:
        with linked(LinkSettings(loss=0.0).netem()) as spaces:
            assert spaces.server != spaces.viewer
    except NamespaceError as error:
        pytest.skip(f"no link by netem here: {error}")


def test_what_cannot_be_made_says_why() -> None:
    with pytest.raises(NamespaceError, match=r"ip|tc"), linked(["no-such-discipline"]):
        pass
