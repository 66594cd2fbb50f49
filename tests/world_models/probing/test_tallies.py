"""Sums over episodes against loops, and bootstrap intervals against resampled rows."""

import numpy as np
import pytest
import torch
from torch import Tensor

from world_models.probing.probe import Tally
from world_models.probing.tallies import DRAWS, LEAST_EPISODES, by_episode, estimates


class MeanOf(Tally):
    """The mean of a column."""

    def scores(self, sums: Tensor) -> dict[str, Tensor]:
        return {"mean": sums[..., 1] / sums[..., 0]}


def tally(values: Tensor, episode: Tensor) -> MeanOf:
    ones = torch.ones_like(values)
    return MeanOf(by_episode(torch.stack([ones, values], 1), episode))


def test_rows_are_summed_by_episode(generator: torch.Generator) -> None:
    values = torch.randn(30, 2, generator=generator)
    episode = torch.tensor([7, 2, 2, 9, 7] * 6)
    found = by_episode(values, episode)
    for i, number in enumerate((2, 7, 9)):
        rows = [values[j] for j in range(30) if episode[j] == number]
        assert found[i].tolist() == pytest.approx(torch.stack(rows).sum(0).tolist())


def test_an_interval_is_that_of_resampled_episodes(generator: torch.Generator) -> None:
    """With the same draws, by putting rows together again for each of them."""
    episode = torch.arange(60) // 6
    values = torch.randn(60, generator=generator) + torch.arange(60) // 6
    found = estimates(tally(values, episode))["mean"]
    draws = torch.randint(10, (DRAWS, 10), generator=torch.Generator().manual_seed(0))
    means = [
        np.mean(np.concatenate([values[episode == i].numpy() for i in draw]))
        for draw in draws.tolist()
    ]
    assert found.value == pytest.approx(float(values.mean()))
    assert [found.low, found.high] == pytest.approx(np.quantile(means, [0.025, 0.975]))


def test_rows_that_are_alike_make_no_interval_narrower(
    generator: torch.Generator,
) -> None:
    """A row of each episode a hundred times over says no more than once."""
    values = torch.randn(12, generator=generator)
    once = estimates(tally(values, torch.arange(12)))["mean"]
    often = estimates(
        tally(values.repeat_interleave(100), torch.arange(12).repeat_interleave(100))
    )["mean"]
    assert (once.low, once.high) == pytest.approx((often.low, often.high))


def test_few_episodes_have_no_interval() -> None:
    values = torch.arange(8.0)
    few = torch.arange(8) % (LEAST_EPISODES - 1)
    found = estimates(tally(values, few))["mean"]
    assert found == (3.5, None, None)
