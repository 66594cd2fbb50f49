"""Moments of a batch against numpy, and their averages written out."""

import numpy as np
import pytest
import torch
from torch import Tensor

from agents.curiosity.moments import EmaMoments, Moments

T, B, CALLS = 11, 4, 3


def batches(generator: torch.Generator) -> list[tuple[Tensor, Tensor]]:
    """Values and which of them are valid, several times."""
    made = []
    for i in range(CALLS):
        values = torch.rand(T, B, generator=generator) * (i + 1) + torch.arange(B)
        made.append((values, torch.rand(T, B, generator=generator) < 0.8))
    return made


def test_moments_are_numpys_over_the_valid(generator: torch.Generator) -> None:
    for values, valid in batches(generator):
        got = Moments.of(values.masked_fill(~valid, torch.nan), valid)
        kept = values[valid].double().numpy()
        assert got.mean.item() == pytest.approx(kept.mean(), rel=1e-12)
        assert got.rms.item() == pytest.approx(np.sqrt((kept**2).mean()), rel=1e-12)
        assert got.std.item() == pytest.approx(kept.std(), rel=1e-12)
        assert got.mean.dtype == torch.float64
    nothing = Moments.of(values, torch.zeros_like(valid))
    assert nothing.mean == nothing.rms == nothing.std == 0


def test_a_small_spread_is_not_lost_beside_a_large_mean() -> None:
    """As it would be in the difference of mean square and squared mean."""
    values = 1e6 + torch.tensor([[0.0, 0.125], [0.125, 0.0]])
    got = Moments.of(values, torch.ones_like(values).bool())
    assert got.std.item() == pytest.approx(0.0625, rel=1e-9)


@pytest.mark.parametrize("decay", [0.99, 0.6, 0.0])
def test_ema_moments_are_the_written_out_ones(
    generator: torch.Generator, decay: float
) -> None:
    moments = EmaMoments(decay)
    assert moments.mean == moments.rms == moments.std == 0
    means, squares = [], []
    for values, valid in batches(generator):
        moments.update(values, valid)
        moments.update(values + 1e6, torch.zeros_like(valid))  # nothing to see
        kept = values[valid].double()
        means.append(kept.mean().item())
        squares.append((kept**2).mean().item())
        n = len(means)
        weights = [(1 - decay) * decay ** (n - 1 - i) for i in range(n)]
        debias = 1 - decay**n
        mean, square = (
            sum(w * x for w, x in zip(weights, xs, strict=True)) / debias
            for xs in (means, squares)
        )
        assert moments.weight.item() == pytest.approx(debias, rel=1e-12)
        assert moments.mean.item() == pytest.approx(mean, rel=1e-6)
        assert moments.rms.item() == pytest.approx(square**0.5, rel=1e-6)
        assert moments.std.item() == pytest.approx((square - mean**2) ** 0.5, rel=1e-5)


@pytest.mark.parametrize("decay", [-0.1, 1.0])
def test_averages_that_never_move_are_refused(decay: float) -> None:
    with pytest.raises(ValueError, match=f"decay must be .* below 1, not {decay}"):
        EmaMoments(decay)
