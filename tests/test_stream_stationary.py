"""Where long walks stay, against a dense solve; chains that are hard for an iteration first of all."""

from __future__ import annotations

import logging

import numpy as np
import numpy.typing as npt
import pytest
from scipy.sparse import coo_array, csr_array, diags_array

from stream.stationary import stationary_shares

Matrix = npt.NDArray[np.float64]


def exact(chain: Matrix) -> Matrix:
    """By elimination without subtraction, which loses no digits.

    Source: Grassmann, Taksar, Heyman 1985.
    """
    left = chain.copy()
    for last in range(len(left) - 1, 0, -1):
        left[:last, last] /= left[last, :last].sum()
        left[:last, :last] += np.outer(left[:last, last], left[last, :last])
    shares = np.ones(len(left))
    for place in range(1, len(left)):
        shares[place] = shares[:place] @ left[:place, place]
    return np.asarray(shares / shares.sum())


def mixed(count: int) -> Matrix:
    """Most steps go on, some jump anywhere."""
    random = np.random.default_rng(0)
    jumps = random.random((count, count)) ** 20
    jumps /= jumps.sum(axis=1, keepdims=True)
    return 0.9 * np.roll(np.eye(count), 1, axis=1) + 0.1 * jumps


def ring(count: int, step: int) -> Matrix:
    return np.roll(np.eye(count), step, axis=1)


def islands(count: int, leave: float) -> Matrix:
    """Six parts that are hardly ever left; their segments do not lie together."""
    random = np.random.default_rng(1)
    part = random.permutation(np.arange(count) % 6)
    inside = np.where(part[:, None] == part, random.random((count, count)) ** 8, 0)
    inside /= inside.sum(axis=1, keepdims=True)
    away = np.eye(count)[random.integers(count, size=count)]
    return (1 - leave) * inside + leave * away


def loops(count: int, leave: float) -> Matrix:
    """Runs of 30 that jump back to their own begin, and almost never go on."""
    chain = np.roll(np.eye(count), 1, axis=1)
    ends = np.arange(29, count, 30)
    chain[ends] *= leave
    chain[ends, ends - 29] += 1 - leave
    return chain


def drift(count: int, back: float) -> Matrix:
    """One step on or one back: shares fall like a power of the odds."""
    chain = np.zeros((count, count))
    places = np.arange(count)
    np.add.at(chain, (places, np.minimum(places + 1, count - 1)), 1 - back)
    np.add.at(chain, (places, np.maximum(places - 1, 0)), back)
    return chain


CHAINS = {
    "one": np.ones((1, 1)),
    "two by turns": ring(2, 1),
    "three": mixed(3),
    "mixed": mixed(400),
    "round": ring(301, 1),
    "round backwards": ring(300, -1),
    "round in sevens": ring(300, 7),
    "islands": islands(300, 1e-3),
    "islands, years apart": islands(300, 1e-6),
    "loops": loops(600, 1e-2),
    "loops, hardly left": loops(600, 1e-5),
    "even drift": drift(400, 0.5),
    "drift back": drift(400, 0.7),
    "drift on": drift(400, 0.2),
}


@pytest.mark.parametrize("name", CHAINS)
def test_it_is_what_elimination_gives(name: str, caplog: pytest.LogCaptureFixture) -> None:
    chain = CHAINS[name].astype(np.float32)
    shares = stationary_shares(csr_array(chain))
    single = chain.astype(np.float64)
    np.testing.assert_allclose(shares, exact(single / single.sum(axis=1, keepdims=True)), atol=1e-6)
    assert shares.sum() == pytest.approx(1)
    assert (shares > 0).all()
    assert not caplog.records


def long_chain(count: int, reach: int | None, jump: float) -> csr_array:
    """Of an hour: on, or by eight jumps; anywhere, or at most `reach` segments far and rather back."""
    random = np.random.default_rng(2)
    rows = np.repeat(np.arange(count), 8)
    if reach is None:
        columns = random.integers(count, size=len(rows))
    else:
        offsets = random.integers(10, reach, len(rows)) * random.choice([-1, -1, -1, 1], len(rows))
        columns = np.clip(rows + offsets, 0, count - 1)
    data = np.full(len(rows), jump / 8)
    on = (np.full(count, 1 - jump), (np.arange(count), (np.arange(count) + 1) % count))
    chain = csr_array(coo_array((data, (rows, columns)), shape=(count, count)) + coo_array(on, shape=(count, count)))
    return csr_array(diags_array(1 / chain.sum(axis=1)) @ chain)


@pytest.mark.parametrize("reach", [None, 40, 130, 2000])
@pytest.mark.parametrize("jump", [0.02, 0.5])
def test_an_hours_chain_is_solved_wherever_its_jumps_go(
    reach: int | None, jump: float, caplog: pytest.LogCaptureFixture
) -> None:
    chain = long_chain(18_000, reach, jump)
    shares = stationary_shares(chain)
    assert np.abs(shares @ chain - shares).sum() < 1e-6
    assert not caplog.records


def test_shares_that_are_not_known_well_are_told_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("stream.stationary.MOST_CYCLES", 1)
    monkeypatch.setattr("stream.stationary.INNER", 1)
    monkeypatch.setattr("stream.stationary.KEPT", 0)
    monkeypatch.setattr("stream.stationary.ROUNDS", 1)
    with caplog.at_level(logging.WARNING):
        stationary_shares(csr_array(islands(300, 1e-3)))
    assert "where a walk over 300 segments stays is known only to" in caplog.text
