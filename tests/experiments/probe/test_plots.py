"""What is drawn of a score."""

import pytest
import torch

from experiments.probe.plots import whisker
from world_models.probing.errors import Errors
from world_models.probing.tallies import Score, estimates


def r2_of(truth: torch.Tensor, generator: torch.Generator) -> Score:
    """Of what is read with an error of .1, in 20 episodes of 5 rows."""
    told = truth + 0.1 * torch.randn(100, 1, generator=generator)
    episode = torch.arange(100) // 5
    return estimates(Errors(told, truth, truth.mean(0), episode))["r2"]


def test_a_fact_that_hardly_varies_has_no_whisker(generator: torch.Generator) -> None:
    varied = r2_of(torch.randn(100, 1, generator=generator), generator)
    assert whisker(varied) == (varied.low, varied.high)
    once = torch.zeros(100, 1)
    once[3] = 1.0  # many draws of episodes are without it
    assert whisker(r2_of(once, generator)) is None


@pytest.mark.parametrize(
    ("score", "drawn"),
    [
        (Score(0.1, -0.7, 0.2), (-0.25, 0.2)),
        (Score(-3.0, -3.5, -2.6), (-0.25, -0.25)),
        (Score(0.5, None, None), None),
        (Score(float("nan"), float("nan"), float("nan")), None),
    ],
)
def test_whiskers_end_where_the_axis_does(
    score: Score, drawn: tuple[float, float] | None
) -> None:
    assert whisker(score) == drawn
