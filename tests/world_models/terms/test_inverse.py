"""Inverse dynamics against a loop over transitions, and whether it learns."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from tests.world_models.terms.unrolling import B, D, Drawn, T, drawn
from world_models.actions import ContinuousEmbedding, DiscreteEmbedding
from world_models.check.samples import small_beliefs
from world_models.terms.inverse import InverseConfig, InverseDynamics
from world_models.terms.term import Unrolled


def discrete(coefficient: float = 1.0) -> InverseDynamics:
    torch.manual_seed(0)
    return InverseDynamics(D, DiscreteEmbedding(5, 6), coefficient, 16)


def continuous() -> InverseDynamics:
    torch.manual_seed(0)
    return InverseDynamics(D, ContinuousEmbedding(2, 6), 1.0, 16)


def value(term: InverseDynamics, unrolled: Unrolled) -> Tensor:
    loss = term(unrolled).regularizer
    assert isinstance(loss, Tensor)
    return loss


@pytest.mark.parametrize("rows", [T, T + 1])
def test_discrete_actions_cost_their_cross_entropy(
    generator: torch.Generator, rows: int
) -> None:
    some, term = drawn(generator), discrete(coefficient=0.7)
    each = []
    for t in range(rows - 1):
        for b in range(B):
            if some.valid[t, b]:
                pair = torch.cat([some.latent[t, b], some.latent[t + 1, b]])
                guess = term.head(pair)
                each.append(cross_entropy(guess, some.action[t, b]))
    mean = torch.stack(each).mean()
    added = term(some.unrolled(rows))
    torch.testing.assert_close(added.regularizer, 0.7 * mean)
    torch.testing.assert_close(added.metrics["inverse"], mean)
    assert not added.metrics["inverse"].requires_grad
    assert not added.terms


def test_continuous_actions_cost_their_squared_error_within_bounds(
    generator: torch.Generator,
) -> None:
    action = 2 * torch.randn(T, B, 2, generator=generator)
    some, term = drawn(generator, action), continuous()
    each = []
    for t, b in some.valid.nonzero().tolist():
        guess = term.head(torch.cat([some.latent[t, b], some.latent[t + 1, b]]))
        each.append((guess - action[t, b].clamp(-1, 1)).square().mean())
    got = value(term, some.unrolled())
    torch.testing.assert_close(got, torch.stack(each).mean())


@pytest.mark.parametrize("kind", ["discrete", "continuous"])
def test_gradient_reaches_latents_of_valid_transitions_alone(
    generator: torch.Generator, kind: str
) -> None:
    """Rows 5 of env 2 lies between two joining transitions."""
    action = torch.randn(T, B, 2, generator=generator)
    some = drawn(generator, None if kind == "discrete" else action)
    term = discrete() if kind == "discrete" else continuous()
    value(term, some.unrolled()).backward()
    grad = some.latent.grad
    assert grad is not None
    reached = grad.any(-1)
    alone = torch.zeros_like(reached)
    alone[5, 2] = True
    assert torch.equal(reached, ~alone)
    assert all(p.grad is not None and p.grad.any() for p in term.parameters())


def test_transitions_that_join_have_no_influence(generator: torch.Generator) -> None:
    some, term = drawn(generator), discrete()
    action = some.action.clone()
    action[~some.valid] = (action[~some.valid] + 1) % 5
    latent = some.latent.detach().clone()
    latent[5, 2] = 1e3
    spoiled = replace(some, action=action, latent=latent)
    torch.testing.assert_close(
        value(term, spoiled.unrolled()), value(term, some.unrolled())
    )
    nothing = replace(some, valid=torch.zeros_like(some.valid))
    assert value(term, nothing.unrolled()) == 0


def test_without_latents_it_adds_nothing(generator: torch.Generator) -> None:
    added = discrete()(drawn(generator).unrolled(None))
    assert (added.regularizer, added.terms, added.metrics) == (0.0, {}, {})


def moves(generator: torch.Generator, action: Tensor) -> Drawn:
    """A latent that walks: each action moves it along an axis of its own."""
    steps = torch.eye(5)[action]
    start = 3 * torch.randn(1, B, D, generator=generator)
    return replace(
        drawn(generator, action), latent=torch.cat([start, start + steps.cumsum(0)])
    )


def test_it_tells_actions_from_what_they_did_and_not_from_others(
    generator: torch.Generator,
) -> None:
    """With shuffled actions nothing is left to learn but their frequencies."""
    found = []
    for shuffled in (False, True):
        torch.manual_seed(0)
        term = InverseDynamics(D, DiscreteEmbedding(5, 6), hidden=32)
        optimizer = torch.optim.Adam(term.parameters(), 3e-3)
        late = []
        for i in range(500):
            action = torch.randint(0, 5, (T, B), generator=generator)
            some = moves(generator, action)
            if shuffled:
                order = torch.randperm(T * B, generator=generator)
                some = replace(some, action=action.flatten()[order].view(T, B))
            loss = value(term, some.unrolled())
            if i >= 450:
                late.append(loss.item())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        found.append(sum(late) / len(late))
    assert found[0] < 0.4
    assert found[1] > 1.5  # ln 5 = 1.61


@pytest.mark.parametrize("name", ["recurrent", "continuous actions"])
def test_its_config_fits_it_to_the_belief(name: str) -> None:
    belief = small_beliefs()[name]()
    term = InverseConfig(coefficient=0.3, hidden=9).build(belief, D + 1)
    widths = [p.shape for p in term.head.parameters() if p.dim() == 2]
    outputs = {"recurrent": 5, "continuous actions": 3}[name]
    assert widths == [(9, 2 * belief.encoder.size), (9, 9), (outputs, 9)]
    assert term.head.discrete == (name == "recurrent")
    assert term.coefficient == 0.3
