import math

import pytest
import torch

from models.loss import nce, negatives_mask


def test_what_overlaps_the_positive_is_no_negative() -> None:
    mask = negatives_mask(torch.tensor([5]), torch.arange(10), torch.zeros(1, 10), span=2, duplicate_share=0.0)
    assert mask.tolist() == [[True, True, True, False, False, False, False, False, True, True]]


def test_without_a_span_all_but_the_query_and_the_positive_are_negatives() -> None:
    mask = negatives_mask(torch.tensor([5]), torch.arange(10), torch.zeros(1, 10), span=0, duplicate_share=0.0)
    assert mask.tolist() == [[True, True, True, True, False, False, True, True, True, True]]


def test_near_duplicates_are_no_negatives() -> None:
    likeness = torch.tensor([[0.1, 0.99, 0.2, 0.3, 0.0, 1.0]])  # 1 looks like the positive, 5
    mask = negatives_mask(torch.tensor([5]), torch.arange(6), likeness, span=1, duplicate_share=0.25)
    assert mask.tolist() == [[True, False, True, True, False, False]]  # 4 overlaps


def test_a_near_duplicate_costs_nothing() -> None:
    similarity = torch.tensor([[0.9, 0.9, -0.5]])
    counted = nce(similarity[:, 0], similarity, torch.tensor([[False, True, True]]), 0.1)
    left_out = nce(similarity[:, 0], similarity, torch.tensor([[False, False, True]]), 0.1)
    assert float(counted) == pytest.approx(math.log(2.0), abs=1e-4)
    assert float(left_out) < 1e-4


def test_without_negatives_the_loss_is_zero() -> None:
    similarity = torch.tensor([[0.3, 0.2]])
    assert float(nce(similarity[:, 0], similarity, torch.zeros(1, 2, dtype=torch.bool), 0.1)) == 0.0


def test_rows_where_everything_overlaps_have_no_negative() -> None:
    mask = negatives_mask(torch.tensor([1]), torch.arange(3), torch.ones(1, 3), span=5, duplicate_share=0.1)
    assert not mask.any()
