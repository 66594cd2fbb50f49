"""Projectors and predictors."""

import pytest
import torch
from torch import Tensor, nn

from ssl_objectives.encoders.heads import (
    HeadConfig,
    Mlp,
    ResidualMlp,
    Standardized,
    Straight,
)


@pytest.mark.parametrize(
    "config",
    [
        Mlp(),
        Mlp(3, 6, 1),
        Mlp(3, 6, 3),
        Mlp(3, last_norm=True),
        Straight(),
        Standardized(),
        ResidualMlp(6),
    ],
)
def test_a_head_has_the_outputs_it_promises(
    config: HeadConfig, generator: torch.Generator
) -> None:
    assert isinstance(config, HeadConfig)
    made: Tensor = config.build(5)(torch.randn(7, 5, generator=generator))
    assert made.shape == (7, config.outputs(5))


def test_layers_of_an_mlp() -> None:
    def kinds(head: nn.Sequential) -> list[str]:
        return [type(x).__name__ for x in head]

    block = ["Linear", "BatchNorm1d", "ReLU"]
    assert kinds(Mlp(layers=1).build(5)) == ["Linear"]
    assert kinds(Mlp(layers=3).build(5)) == [*block, *block, "Linear"]
    assert kinds(Mlp(last_norm=True).build(5)) == [*block, "Linear", "BatchNorm1d"]
    last = Mlp(layers=3).build(5)[-1]
    assert last.bias is None


def test_the_last_norm_has_no_weights(generator: torch.Generator) -> None:
    head = Mlp(3, 6, last_norm=True).build(5)
    assert not list(head[-1].parameters())
    made: Tensor = head(torch.randn(50, 5, generator=generator))
    torch.testing.assert_close(made.mean(0), torch.zeros(3), rtol=0, atol=1e-6)
    torch.testing.assert_close(
        made.var(0, correction=0), torch.ones(3), rtol=1e-2, atol=0
    )


def test_no_head_changes_nothing(generator: torch.Generator) -> None:
    rows = torch.randn(7, 5, generator=generator)
    assert Straight().build(5)(rows) is rows


def test_a_residual_head_adds_to_what_comes_in(generator: torch.Generator) -> None:
    rows = torch.randn(7, 5, generator=generator)
    head = ResidualMlp(6).build(5)
    first, _, last = head.change.children()
    assert isinstance(first, nn.Linear)
    assert isinstance(last, nn.Linear)
    want = rows + (rows @ first.weight.T + first.bias).relu() @ last.weight.T
    torch.testing.assert_close(head(rows), want + last.bias)
    with pytest.raises(ValueError, match="hidden must be at least 1, not 0"):
        ResidualMlp(0)


def test_standardised_numbers_have_mean_0_and_variance_1(
    generator: torch.Generator,
) -> None:
    """Of the batch in training, of what went by in evaluation; without weights."""
    rows = 3 + 2 * torch.randn(50, 5, generator=generator)
    head = Standardized().build(5)
    assert not list(head.parameters())
    mean, variance = rows.mean(0), rows.var(0, correction=0)
    torch.testing.assert_close(
        head(rows), (rows - mean) / (variance + 1e-5).sqrt(), rtol=1e-4, atol=1e-5
    )
    head.eval()
    # one batch of momentum 0.1, the variance unbiased
    went_by = 0.1 * mean, 0.9 + 0.1 * rows.var(0)
    want = (rows - went_by[0]) / (went_by[1] + 1e-5).sqrt()
    torch.testing.assert_close(head(rows), want, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(head(rows[:1]), want[:1], rtol=1e-4, atol=1e-5)
