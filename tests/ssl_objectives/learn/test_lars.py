"""LARS beside the paper's equations, written down by hand."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ssl_objectives.learn.decay import Decayed
from ssl_objectives.learn.lars import Lars, LarsConfig
from ssl_objectives.learn.pace import set_rate
from ssl_objectives.learn.schedule import Cosine
from ssl_objectives.refusal import ConfigError

STEPS, TRUST, MOMENTUM, DECAY = 20, 1e-3, 0.9, 0.02


def network() -> nn.Sequential:
    torch.manual_seed(0)
    made = nn.Sequential(
        nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3), nn.Flatten(), nn.Linear(12, 4)
    )
    return made.double()


def gradients(made: nn.Module, step: int) -> None:
    generator = torch.Generator().manual_seed(step)
    images = torch.randn(6, 2, 4, 4, generator=generator, dtype=torch.float64)
    made.zero_grad()
    made(images).square().mean().backward()


def paper(
    w: Tensor, g: Tensor, v: Tensor, rate: float, vector: bool
) -> tuple[Tensor, Tensor]:
    """Algorithm 1 of 1708.03888, for vectors without decay and rate of their own."""
    beta = 0.0 if vector else DECAY
    local = TRUST * float(w.pow(2).sum()) ** 0.5
    local /= float(g.pow(2).sum()) ** 0.5 + beta * float(w.pow(2).sum()) ** 0.5
    if vector:
        local = 1.0
    v = MOMENTUM * v + rate * local * (g + beta * w)
    return w - v, v


def test_a_constant_rate_gives_the_papers_trajectory() -> None:
    made = network()
    config = LarsConfig(learning_rate=0.7, weight_decay=DECAY)
    optimizer = config.build(made)
    weights = [x.detach().clone() for x in made.parameters()]
    moved = [torch.zeros_like(x) for x in weights]
    for step in range(STEPS):
        gradients(made, step)
        for i, x in enumerate(made.parameters()):
            assert x.grad is not None
            weights[i], moved[i] = paper(weights[i], x.grad, moved[i], 0.7, x.ndim == 1)
        optimizer.step()
        for x, expected in zip(made.parameters(), weights, strict=True):
            torch.testing.assert_close(x.detach(), expected, rtol=0, atol=1e-12)
    for x, before in zip(made.parameters(), network().parameters(), strict=True):
        assert x.ndim == 1 or (x - before).abs().max() > 1e-4


def test_a_rate_that_changes_stands_behind_the_momentum() -> None:
    """As in PyTorch's SGD: what is remembered knows no rate."""
    made = network()
    config = LarsConfig(0.5, weight_decay=DECAY, warm_up=0.25, fall=Cosine(0.001))
    optimizer = config.build(made)
    weights = [x.detach().clone() for x in made.parameters()]
    moved = [torch.zeros_like(x) for x in weights]
    for step in range(STEPS):
        rate = config.rate((step + 0.5) / STEPS)
        set_rate(optimizer, rate)
        gradients(made, step)
        for i, x in enumerate(made.parameters()):
            assert x.grad is not None
            before, behind = weights[i], MOMENTUM * moved[i]
            # one step of the paper's from no memory, at rate 1
            after, _ = paper(before, x.grad, 0 * before, 1.0, x.ndim == 1)
            moved[i] = behind + before - after
            weights[i] = before - rate * moved[i]
        optimizer.step()
    for x, expected in zip(made.parameters(), weights, strict=True):
        torch.testing.assert_close(x.detach(), expected, rtol=0, atol=1e-12)


def test_weights_or_gradients_of_zero_move_as_in_sgd() -> None:
    zero, still = nn.Parameter(torch.zeros(2, 2)), nn.Parameter(torch.ones(2, 2))
    optimizer = Lars([zero, still], lr=0.5, weight_decay=0.1)
    zero.grad, still.grad = torch.ones(2, 2), torch.zeros(2, 2)
    optimizer.step()
    torch.testing.assert_close(zero.detach(), torch.full((2, 2), -0.5))
    torch.testing.assert_close(still.detach(), torch.full((2, 2), 1 - 0.5 * 0.1))


def test_a_step_of_a_layer_is_a_share_of_its_weights() -> None:
    """Whatever the scale of the loss: that is what LARS is for."""
    for scale in (1e-3, 1.0, 1e4):
        x = nn.Parameter(torch.randn(5, 7, generator=torch.Generator().manual_seed(1)))
        before = x.detach().clone()
        x.grad = scale * torch.ones_like(x)
        Lars([x], lr=2.0, trust=0.01, momentum=0.0).step()
        share = float((x.detach() - before).norm() / before.norm())
        assert share == pytest.approx(2.0 * 0.01, rel=1e-4)


def test_groups_say_who_decays_adapts_and_learns_how_fast() -> None:
    config = LarsConfig(weight_decay=0.5, spared_rate=0.024)
    groups = config.build(network()).param_groups
    found = {
        (x.ndim > 1, group["weight_decay"], group["adapted"], group["pace"])
        for group in groups
        for x in group["params"]
    }
    assert found == {(True, 0.5, True, 1.0), (False, 0.0, False, 0.024)}
    all_of_it = LarsConfig(weight_decay=0.5, decayed=Decayed.ALL)
    assert {
        (group["weight_decay"], group["adapted"])
        for group in all_of_it.build(network()).param_groups
    } == {(0.5, True)}


def test_settings_are_those_of_the_config() -> None:
    config = LarsConfig(0.7, momentum=0.8, trust=0.02)
    for group in config.build(network()).param_groups:
        assert (group["lr"], group["momentum"], group["trust"]) == (0.7, 0.8, 0.02)


def test_frozen_parameters_are_left_out() -> None:
    made = network()
    made[0].requires_grad_(False)
    given = {
        id(x)
        for group in LarsConfig().build(made).param_groups
        for x in group["params"]
    }
    assert given == {id(x) for x in made.parameters() if x.requires_grad}


def test_a_closure_gives_the_loss() -> None:
    x = nn.Parameter(torch.ones(2, 2))
    optimizer = Lars([x], lr=0.1)

    def closure() -> Any:
        optimizer.zero_grad()
        loss = x.square().sum()
        loss.backward()
        return loss

    assert optimizer.step(closure).item() == 4.0
    assert float(x.detach().max()) < 1


@pytest.mark.parametrize("flag", ["trust", "spared-rate"])
@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
def test_impossible_numbers_are_refused(flag: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"--optimizer.{flag} must be above 0"):
        LarsConfig(**{flag.replace("-", "_"): value})  # type: ignore[arg-type]
