"""The pattern of a sparse matrix, against the full one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from stream.ways import Ways

COUNT = 23


@pytest.fixture(scope="module")
def mask() -> npt.NDArray[np.bool_]:
    mask = np.random.default_rng(0).random((COUNT, COUNT)) < 0.2
    mask[[0, 7, 8, COUNT - 1]] = False  # rows without ways: at both ends, and two in a row
    return mask


@pytest.fixture(scope="module")
def ways(mask: npt.NDArray[np.bool_]) -> Ways:
    return Ways.of_mask(mask)


@pytest.fixture(scope="module")
def values(ways: Ways) -> npt.NDArray[np.float32]:
    return np.random.default_rng(1).normal(size=len(ways)).round(1).astype(np.float32)  # rounded: some are equal


def full(ways: Ways, values: npt.NDArray[np.float32], absent: float) -> npt.NDArray[np.float32]:
    matrix = np.full((COUNT, COUNT), absent, np.float32)
    matrix[ways.sources, ways.targets] = values
    return matrix


def test_it_is_the_mask(mask: npt.NDArray[np.bool_], ways: Ways) -> None:
    assert (ways.count, len(ways)) == (COUNT, mask.sum())
    np.testing.assert_array_equal(full(ways, np.ones(len(ways), np.float32), 0), mask)
    np.testing.assert_array_equal(ways.lengths, mask.sum(axis=1))
    np.testing.assert_array_equal(ways.natural, ways.targets == ways.sources + 1)
    np.testing.assert_array_equal(ways.offsets == 0, ways.natural)


def test_of_each_row(ways: Ways, values: npt.NDArray[np.float32]) -> None:
    matrix = full(ways, values, -np.inf)
    np.testing.assert_array_equal(ways.row_max(values), matrix.max(axis=1))
    some = ways.lengths > 0
    best = ways.row_best(values)
    np.testing.assert_array_equal(ways.targets[best[some]], matrix.argmax(axis=1)[some])
    assert (best[~some] == -1).all()
    np.testing.assert_allclose(ways.row_sum(values), full(ways, values, 0).sum(axis=1), atol=1e-5)


def test_some_of_them(ways: Ways, values: npt.NDArray[np.float32]) -> None:
    kept = ways.kept(values > 0)
    np.testing.assert_array_equal(full(kept, values[values > 0], 0), np.maximum(full(ways, values, 0), 0))
    rows = [9, 7, 2]
    expected = [index for row in rows for index in np.flatnonzero(ways.sources == row)]
    assert ways.in_rows(rows).tolist() == expected
    assert ways.in_rows([]).tolist() == []


def test_a_way_is_found_by_its_ends(ways: Ways) -> None:
    which = np.random.default_rng(2).permutation(len(ways))[:40]
    np.testing.assert_array_equal(ways.find(ways.sources[which], ways.targets[which]), which)


@pytest.mark.parametrize(("row", "column"), [(0, 1), (COUNT - 1, COUNT - 1), (7, 3)])
def test_what_is_no_way_is_not_found(ways: Ways, row: int, column: int) -> None:
    with pytest.raises(ValueError, match="some of these steps are no ways"):
        ways.find([row], [column])


def test_values_become_a_matrix(ways: Ways, values: npt.NDArray[np.float32]) -> None:
    np.testing.assert_array_equal(ways.matrix(values).toarray(), full(ways, values, 0))


@pytest.mark.parametrize("longest", [5, 8, COUNT, 100])
def test_coarse_is_the_largest_of_each_block(ways: Ways, values: npt.NDArray[np.float32], longest: int) -> None:
    coarse = ways.coarse(values, longest)
    assert len(coarse) <= longest
    size = -(-COUNT // longest)
    matrix = full(ways, values, -np.inf)
    for row in range(len(coarse)):
        for column in range(len(coarse)):
            block = matrix[row * size : (row + 1) * size, column * size : (column + 1) * size]
            largest = block.max(initial=-np.inf)
            assert coarse[row, column] == largest or (np.isnan(coarse[row, column]) and np.isneginf(largest))
