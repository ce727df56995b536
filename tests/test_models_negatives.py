import dataclasses

import numpy as np
import pytest

from models.negatives import draw
from models.preset import FitSettings

ALLOWED = np.arange(10, 90)
BATCH = np.array([60, 12, 35])


def _drawn(settings: FitSettings, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    candidates = draw(BATCH, ALLOWED, settings, np.random.default_rng(seed))
    return candidates[: len(BATCH)], candidates[len(BATCH) :]


@pytest.mark.parametrize("near", [0, 6])
def test_the_positives_come_first_and_nothing_twice(near: int) -> None:
    for seed in range(20):
        positives, others = _drawn(FitSettings(negatives=15, near_negatives=near), seed)
        np.testing.assert_array_equal(positives, [61, 13, 36])
        assert len(np.unique(np.concatenate([positives, others]))) == 3 + len(others)
        assert len(others) <= 15
        assert np.isin(others, ALLOWED).all()


def test_near_ones_are_the_neighbours_of_the_authors_code() -> None:
    settings = FitSettings(negatives=6, near_negatives=6)
    seen = {int(other) for seed in range(200) for other in _drawn(settings, seed)[1]}
    offsets = (-4, -3, -2, -1, 2, 3, 4, 5)
    assert seen == {pair + offset for pair in (60, 12, 35) for offset in offsets} & set(range(10, 90))


def test_more_near_ones_than_there_are_are_filled_up_with_others() -> None:
    near = {int(other) for seed in range(200) for other in _drawn(FitSettings(negatives=6, near_negatives=6), seed)[1]}
    _, others = _drawn(FitSettings(negatives=60, near_negatives=60))
    assert near < set(others.tolist())


def test_the_seed_decides() -> None:
    settings = dataclasses.replace(FitSettings(), negatives=8, near_negatives=3)
    np.testing.assert_array_equal(_drawn(settings, 5)[1], _drawn(settings, 5)[1])
    assert not np.array_equal(_drawn(settings, 5)[1], _drawn(settings, 6)[1])
