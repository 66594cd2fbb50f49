"""Codes are drawn of what happened."""

import torch
from torch import nn

from world_models.hindsight.generator import CodeGenerator


def test_latents_of_any_scale_are_read_alike() -> None:
    """But for one number, the log of their length."""
    torch.manual_seed(0)
    made = CodeGenerator(3, 4, 5, 2, hidden=8, depth=1)
    known, aim = torch.randn(6, 3), torch.randn(6, 4)
    first = made.network[0]
    assert isinstance(first, nn.Linear)
    with torch.no_grad():
        first.weight[:, 3 + 4] = 0
    torch.testing.assert_close(made(known, aim), made(known, 300 * aim))
    assert made(known, torch.zeros(6, 4)).isfinite().all()
    assert not torch.allclose(made(known, aim), made(known, -aim))


def test_noise_has_unit_variance_and_follows_from_the_step() -> None:
    made = CodeGenerator(1, 1, 1, 3, hidden=1, depth=0)
    like = torch.zeros(20_000, 1)
    one, again = made._noise(like), made._noise(like)
    assert torch.equal(one, again)
    assert one.mean(0).abs().max() < 0.03
    assert (one.std(0) - 1).abs().max() < 0.03
    made.counter.advance()
    assert not torch.equal(made._noise(like), one)
    made.eval()
    assert not made._noise(like).any()
