"""An adversary learns by itself, and what trains the model leaves it alone."""

import io
from collections.abc import Callable
from copy import deepcopy

import pytest
import torch
from torch import Tensor, nn

from ssl_objectives.check.state import unchanged
from world_models.adversary import Adversary, AdversaryLoss

D = 4


def adversary(steps: int = 1, learning_rate: float = 0.01) -> Adversary:
    torch.manual_seed(0)
    critic = nn.Sequential(nn.Linear(D, 5), nn.Tanh(), nn.Linear(5, 1))
    return Adversary(critic, learning_rate, steps)


def rows(generator: torch.Generator) -> Tensor:
    return torch.randn(6, D, generator=generator)


def loss_on(playing: Adversary, x: Tensor) -> AdversaryLoss:
    return lambda: (playing.critic(x) - 1).square().mean()


def weights(playing: Adversary) -> list[Tensor]:
    return [p.detach().clone() for p in playing.critic.parameters()]


def equal(one: list[Tensor], two: list[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


def test_gradient_passes_through_a_frozen_critic_to_the_model(
    generator: torch.Generator,
) -> None:
    playing, model = adversary(), nn.Linear(D, D)
    x = rows(generator)
    playing.critic(model(x)).mean().backward()
    assert model.weight.grad is not None
    assert model.weight.grad.any()
    assert all(p.grad is None for p in playing.critic.parameters())
    # and so who collects what requires gradient never meets it
    whole = nn.ModuleList([model, playing])
    trained = {id(p) for p in whole.parameters() if p.requires_grad}
    assert trained == {id(p) for p in model.parameters()}


@pytest.mark.parametrize("steps", [1, 3])
def test_it_takes_its_steps_on_the_mean_of_the_losses(
    generator: torch.Generator, steps: int
) -> None:
    """By an Adam of its own, also where gradient is switched off."""
    playing = adversary(steps)
    twin = adversary(steps).critic.requires_grad_(True)
    optimizer = torch.optim.Adam(twin.parameters(), 0.01)
    one, two = rows(generator), rows(generator)
    calls = 0

    def counted() -> Tensor:
        nonlocal calls
        calls += 1
        assert all(p.requires_grad for p in playing.critic.parameters())
        loss: Tensor = (playing.critic(one) - 1).square().mean()
        return loss

    with torch.no_grad():
        playing.learn([counted, loss_on(playing, two)])
    assert calls == steps
    for _ in range(steps):
        optimizer.zero_grad()
        losses = [(twin(x) - 1).square().mean() for x in (one, two)]
        (sum(losses) / 2).backward()
        optimizer.step()
    for p, q in zip(playing.critic.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(p, q)
        assert not p.requires_grad
        assert p.grad is None


def test_nothing_to_learn_from_changes_nothing() -> None:
    playing = adversary()
    before = weights(playing)
    playing.learn([])
    assert equal(weights(playing), before)


def test_its_gradient_is_clipped(generator: torch.Generator) -> None:
    """By plain descent, whose step is the gradient itself."""
    moved = []
    for limit in (1e-3, 1e3):
        torch.manual_seed(0)
        playing = Adversary(nn.Linear(D, 1), max_grad_norm=limit)
        playing.optimizer = torch.optim.SGD(playing.critic.parameters(), 1.0)  # type: ignore[assignment]  # a simpler one
        before, x = weights(playing), torch.ones(1, D)
        playing.learn([lambda p=playing, x=x: 7 * p.critic(x).sum()])  # type: ignore[misc]  # bound here
        gone = [a - b for a, b in zip(before, weights(playing), strict=True)]
        moved.append(torch.cat([x.flatten() for x in gone]).norm().item())
    assert moved[0] == pytest.approx(1e-3, rel=1e-2)
    assert moved[1] == pytest.approx(7 * 5**0.5, rel=1e-4)


def test_a_loss_that_fails_leaves_the_critic_frozen() -> None:
    playing = adversary()

    def broken() -> Tensor:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        playing.learn([broken])
    assert not any(p.requires_grad for p in playing.critic.parameters())


def test_its_state_and_that_of_its_optimiser_are_restored_exactly(
    generator: torch.Generator,
) -> None:
    """From a file that may hold nothing but data."""
    playing, batches = adversary(2), [rows(generator) for _ in range(6)]
    for x in batches[:3]:
        playing.learn([loss_on(playing, x)])
    file = io.BytesIO()
    torch.save(playing.state_dict(), file)
    file.seek(0)
    fresh = adversary(2)
    with torch.no_grad():
        for p in fresh.critic.parameters():
            p.zero_()
    fresh.load_state_dict(torch.load(file, weights_only=True))
    assert equal(weights(fresh), weights(playing))
    for x in batches[3:]:
        playing.learn([loss_on(playing, x)])
        fresh.learn([loss_on(fresh, x)])
        assert equal(weights(fresh), weights(playing))
    # without the moments the first step would be another
    other = adversary(2)
    other.critic.load_state_dict(playing.critic.state_dict())
    for each in (playing, other):
        each.learn([loss_on(each, batches[0])])
    assert not equal(weights(other), weights(playing))


@pytest.mark.parametrize("by", [deepcopy, None], ids=["copied", "loaded"])
def test_a_twin_learns_apart(
    generator: torch.Generator, by: Callable[[Adversary], Adversary] | None
) -> None:
    """Neither weights nor moments are shared with the one it was made of."""
    playing, x = adversary(), rows(generator)
    playing.learn([loss_on(playing, x)])
    if by is None:
        twin = adversary()
        twin.load_state_dict(playing.state_dict())
    else:
        twin = by(playing)
    before, state = weights(playing), deepcopy(playing.get_extra_state())
    twin.learn([loss_on(twin, x)])
    assert equal(weights(playing), before)
    assert not equal(weights(twin), before)
    assert unchanged(state, playing.get_extra_state())
    assert not unchanged(state, twin.get_extra_state())


def test_steps_are_at_least_one() -> None:
    with pytest.raises(ValueError, match="at least 1, not 0"):
        adversary(0)
