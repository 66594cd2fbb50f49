"""Target networks: how they follow, and that nothing else moves them."""

import pytest
import torch
from torch import Tensor, nn

from ssl_objectives.parts.targets import EmaTarget

DECAY = 0.97


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 7), nn.BatchNorm1d(7), nn.Linear(7, 3))


def floats(module: nn.Module) -> dict[str, Tensor]:
    state = module.state_dict()
    return {k: v.clone() for k, v in state.items() if v.is_floating_point()}


def disturb(module: nn.Module, generator: torch.Generator) -> None:
    """An arbitrary gradient step, and batch statistics with it."""
    with torch.no_grad():
        for p in module.parameters():
            p.add_(torch.randn(p.shape, generator=generator))
    module(10 * torch.randn(11, 5, generator=generator))


def test_averages_are_the_written_out_sums(generator: torch.Generator) -> None:
    """`φ_n = d^n φ_0 + (1-d) Σ d^(n-1-i) θ_i`, to the last digits of float32."""
    online = network()
    target = EmaTarget(online, DECAY)
    started, seen = floats(online), []
    for n in range(1, 6):
        disturb(online, generator)
        seen.append(floats(online))
        target.follow(online)
        found = target.network.state_dict()
        for name, first in started.items():
            want = DECAY**n * first.double()
            for i, theta in enumerate(seen):
                want += (1 - DECAY) * DECAY ** (n - 1 - i) * theta[name].double()
            assert found[name].dtype == torch.float32
            torch.testing.assert_close(
                found[name].double(), want, rtol=1e-6, atol=3e-7, msg=name
            )
        # a count is no quantity to be averaged
        assert found["1.num_batches_tracked"] == n
        assert found["1.num_batches_tracked"].dtype == torch.int64
    assert not torch.equal(started["1.running_var"], found["1.running_var"])


@pytest.mark.parametrize(("decay", "moves"), [(1.0, False), (0.0, True)])
def test_extreme_rates(decay: float, moves: bool, generator: torch.Generator) -> None:
    online = network()
    target = EmaTarget(online, decay)
    started = floats(online)
    disturb(online, generator)
    target.follow(online)
    wanted = floats(online) if moves else started
    for name, tensor in floats(target.network).items():
        torch.testing.assert_close(tensor, wanted[name])


def test_small_steps_are_not_lost() -> None:
    """In bf16 a step of 0.1 % of the distance would round to nothing."""
    online = nn.Linear(3, 2, bias=False)
    nn.init.ones_(online.weight)
    target = EmaTarget(online, 0.999)
    nn.init.constant_(online.weight, 1.5)
    for _ in range(1000):
        target.follow(online)
    want = 1.5 - 0.5 * 0.999**1000
    assert isinstance(target.network, nn.Linear)
    torch.testing.assert_close(
        target.network.weight, torch.full((2, 3), want), rtol=1e-5, atol=0
    )


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_network_in_half_precision_is_refused(dtype: torch.dtype) -> None:
    """There a share of 0.1 % rounds to nothing: the target would stand still."""
    with pytest.raises(ValueError, match="float32"):
        EmaTarget(network().to(dtype), DECAY)
    exact = EmaTarget(network().double(), DECAY)
    assert all(p.dtype == torch.float64 for p in exact.parameters())


def test_nothing_but_following_moves_it(generator: torch.Generator) -> None:
    online = network()
    target = EmaTarget(online, DECAY)
    before = floats(target.network)
    disturb(online, generator)
    for name, tensor in floats(target.network).items():
        assert torch.equal(tensor, before[name]), name
    assert not any(p.requires_grad for p in target.parameters())
    assert all(p.requires_grad for p in online.parameters())
    target.follow(online)
    assert all(p.grad is None for p in [*target.parameters(), *online.parameters()])
    assert not any(p.requires_grad for p in target.parameters())
    disturbed = floats(online)
    disturb(target.network, generator)
    for name, tensor in floats(online).items():
        assert torch.equal(tensor, disturbed[name]), name
