"""Wilson's interval by hand, against scipy's, and by how often it is right."""

import pytest
import torch
from scipy.stats import binomtest

from agents.proportion import wilson_interval


@pytest.mark.parametrize(
    ("successes", "trials"), [(0, 7), (1, 9), (150, 200), (12, 12)]
)
@pytest.mark.parametrize("level", [0.95, 0.8])
def test_as_scipy_has_it(successes: int, trials: int, level: float) -> None:
    wanted = binomtest(successes, trials).proportion_ci(level, "wilson")
    found = wilson_interval(successes, trials, level)
    assert found == pytest.approx((wanted.low, wanted.high), abs=1e-12)


def test_by_hand() -> None:
    """p = 1/2 of 4: middle 1/2, half of it z √(1/16 + z²/64) / (1 + z²/4)."""
    z = 1.959963984540054
    reach = z * (1 / 16 + z**2 / 64) ** 0.5 / (1 + z**2 / 4)
    assert wilson_interval(2, 4) == pytest.approx((0.5 - reach, 0.5 + reach))


def test_all_and_none_are_ends_and_no_points() -> None:
    assert wilson_interval(0, 10)[0] == 0.0 < wilson_interval(0, 10)[1]
    assert wilson_interval(10, 10)[1] == 1.0 > wilson_interval(10, 10)[0]


def test_it_holds_the_truth_as_often_as_it_says(generator: torch.Generator) -> None:
    drawn = (torch.rand(2_000, 40, generator=generator) < 0.3).sum(1)
    ends = [wilson_interval(int(x), 40) for x in drawn]
    held = sum(low <= 0.3 <= high for low, high in ends) / 2_000
    assert 0.93 < held < 0.98


@pytest.mark.parametrize(("successes", "trials"), [(1, 0), (3, 2), (-1, 2)])
def test_what_is_no_share_is_refused(successes: int, trials: int) -> None:
    with pytest.raises(ValueError, match="successes in"):
        wilson_interval(successes, trials)
