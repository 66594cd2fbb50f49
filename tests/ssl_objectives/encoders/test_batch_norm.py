"""Alone, batch norm is PyTorch's (over processes: `test_distributed.py`)."""

import pytest
import torch
from torch import Tensor, nn

from ssl_objectives.encoders.batch_norm import BatchNorm1d, BatchNorm2d
from ssl_objectives.encoders.heads import Mlp

KINDS = pytest.mark.parametrize(
    ("ours", "theirs", "shape"),
    [
        (BatchNorm1d, nn.BatchNorm1d, (7, 4)),
        (BatchNorm1d, nn.BatchNorm1d, (7, 4, 3)),
        (BatchNorm2d, nn.BatchNorm2d, (7, 4, 3, 5)),
    ],
)


@KINDS
def test_is_pytorchs_own(
    ours: type[nn.Module],
    theirs: type[nn.Module],
    shape: tuple[int, ...],
    generator: torch.Generator,
) -> None:
    one, two = ours(4), theirs(4)
    two.load_state_dict(one.state_dict())  # the same names, both ways
    one.load_state_dict(two.state_dict())
    for training in (True, True, False):
        x = 2 * torch.randn(shape, generator=generator) + 3
        assert torch.equal(one.train(training)(x), two.train(training)(x))
    for a, b in zip(one.state_dict().values(), two.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_a_single_row_has_no_variance() -> None:
    norm = BatchNorm1d(4)
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        norm(torch.ones(1, 4))
    assert norm.eval()(torch.ones(1, 4)).shape == (1, 4)


@pytest.mark.parametrize(
    "head", [Mlp(3, 6).build(5), Mlp(3, 6, last_norm=True).build(5)]
)
def test_heads_use_it(head: nn.Sequential, generator: torch.Generator) -> None:
    kinds = {type(x) for x in head if "Norm" in type(x).__name__}
    assert kinds == {BatchNorm1d}
    out: Tensor = head(torch.randn(7, 5, generator=generator))
    assert out.shape == (7, 3)
