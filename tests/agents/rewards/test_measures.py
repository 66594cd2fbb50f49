"""Measures of steps and rewards, against SciPy, scikit-learn and by hand."""

import pytest
import torch
from scipy.stats import spearmanr
from sklearn.metrics import jaccard_score

from agents.rewards.measures import (
    jaccard,
    order_in_time,
    ordered_random_jaccard,
    spearman,
)


def test_jaccard_is_that_of_scikit_learn() -> None:
    generator = torch.Generator().manual_seed(0)
    for _ in range(5):
        found, truth = torch.randint(0, 3, (2, 20), generator=generator)
        expected = jaccard_score(truth, found, average="macro")
        assert jaccard(found, truth, 3) == pytest.approx(expected)
    same = torch.tensor([0, 0, 1])
    assert jaccard(same, same, 4) == 1.0


def test_random_steps_are_every_cut_alike() -> None:
    """Two steps of three frames: two cuts, of which one is right."""
    truth = torch.tensor([0, 0, 1])
    generator = torch.Generator().manual_seed(0)
    mean = ordered_random_jaccard(truth, 2, 2000, generator)
    assert mean == pytest.approx((1 + 0.5) / 2, abs=0.02)


def test_order_in_time_is_spearmans() -> None:
    generator = torch.Generator().manual_seed(0)
    for num in (2, 9, 30):
        reward = torch.randint(0, 6, (num,), generator=generator).float()
        reward[0] += 0.5
        expected = spearmanr(reward, range(num)).statistic
        assert order_in_time(reward) == pytest.approx(expected, abs=1e-9)
        other = torch.randint(0, 4, (num,), generator=generator).float()
        other[0] += 0.5
        both = spearmanr(reward, other).statistic
        assert spearman(reward, other) == pytest.approx(both, abs=1e-9)
    assert order_in_time(torch.full((7,), 0.3)) == 0.0
    assert order_in_time(torch.arange(5).float()) == pytest.approx(1.0)
