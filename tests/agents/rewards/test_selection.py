"""Standardised features: in which units, and which of them never change."""

import pytest
import torch

from agents.rewards.selection import Standard


def test_units_are_those_of_what_changes_in_the_same_depth() -> None:
    """A dead feature has a spread of 1, which says nothing about its depth."""
    spread = torch.tensor([3.0, 4.0, 1.0, 0.2, 1.0, 1.0])
    live = torch.tensor([True, True, False, True, False, False])
    unit = Standard(torch.zeros(6), spread, live).unit_in([3, 2, 1])
    root = (25 / 2) ** 0.5  # of 3 and 4
    assert unit[live].tolist() == pytest.approx([3 / root, 4 / root, 1.0])
    assert unit.isfinite().all()


def test_each_feature_is_still_by_its_own_size() -> None:
    """One that is small lives beside one that is large."""
    small = torch.tensor([1e-4, 2e-4, 3e-4])
    large = torch.tensor([1e4, 2e4, 3e4])
    rounded = torch.tensor([1.0, 1.0, 1.0 + 2e-7])  # by a last digit
    standard = Standard.of([torch.stack([small, large, rounded], 1)])
    assert standard.live.tolist() == [True, True, False]
    told = standard(torch.stack([small, large, rounded], 1))
    step = (3 / 2) ** 0.5
    assert told[:, 0].tolist() == pytest.approx([-step, 0.0, step], abs=1e-5)
    assert not told[:, 2].any()
