"""Scores of numbers against loops over rows, NumPy and scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.metrics import r2_score
from torch import Tensor

from world_models.probing.errors import Errors
from world_models.probing.tallies import estimates


def scores(
    told: Tensor, truth: Tensor, middle: Tensor | None = None
) -> dict[str, float]:
    middle = truth.mean(0) if middle is None else middle
    tally = Errors(told, truth, middle, torch.arange(len(truth)) // 4)
    return {k: float(x) for k, x in tally.scores(tally.sums.sum(0)).items()}


@pytest.mark.parametrize("size", [1, 3])
def test_error_explained_variance_and_correlation(
    size: int, generator: torch.Generator
) -> None:
    truth = torch.randn(50, size, generator=generator) * 3 + 100
    told = truth + torch.randn(50, size, generator=generator)
    found = scores(told, truth, middle=torch.full((size,), 97.0))
    y, said = truth.double().numpy(), told.double().numpy()
    missed = [np.linalg.norm(a - b) ** 2 for a, b in zip(said, y, strict=True)]
    assert found["rmse"] == pytest.approx(np.mean(missed) ** 0.5)
    expected = r2_score(y, said, multioutput="variance_weighted")
    assert found["r2"] == pytest.approx(expected)
    each = [np.corrcoef(y[:, i], said[:, i])[0, 1] for i in range(size)]
    assert found["r"] == pytest.approx(np.mean(each))


@pytest.mark.parametrize("value", [0.0, 0.1, 1e6])
def test_a_fact_that_never_varies(value: float) -> None:
    """Not missed it is explained; where it was another one before, it is not."""
    constant = torch.full((40, 1), value)
    found = scores(constant, constant)
    assert (found["rmse"], found["r2"]) == (0.0, 1.0)
    missed = scores(constant + 2, constant, middle=constant[0] + 2)
    assert missed["rmse"] == pytest.approx(2.0)
    assert missed["r2"] == 0.0


def test_the_interval_holds_what_episodes_say(generator: torch.Generator) -> None:
    """About episodes that differ in how well they are read."""
    truth = torch.randn(400, 1, generator=generator)
    episode = torch.arange(400) // 20
    noise = torch.rand(20, generator=generator)[episode].unsqueeze(1)
    told = truth + noise * torch.randn(400, 1, generator=generator)
    found = estimates(Errors(told, truth, truth.mean(0), episode))["rmse"]
    assert found.low is not None
    assert found.high is not None
    assert found.low < found.value < found.high
    assert 0.05 < found.high - found.low < 0.5


def test_rows_of_one_episode_narrow_no_interval(generator: torch.Generator) -> None:
    """Each row a hundred times over says no more than once."""
    truth, told = torch.randn(2, 12, 1, generator=generator)
    found = []
    for times in (1, 100):
        y, said = (x.repeat_interleave(times, 0) for x in (truth, told))
        episode = torch.arange(12).repeat_interleave(times)
        found.append(estimates(Errors(said, y, torch.zeros(1), episode)))
    once, often = found
    for name in ("rmse", "r2", "r"):
        assert often[name] == pytest.approx(once[name]), name
