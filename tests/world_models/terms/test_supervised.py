"""Supervision by facts, against a loop; and who may not be taught by them."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from agents.curiosity.prediction_error import PredictionErrorConfig
from ssl_objectives.refusal import ConfigError, Refusal
from tests.agents.small import small
from tests.world_models.terms.unrolling import B, D, T, drawn
from world_models.check.samples import random_trajectory, small_beliefs
from world_models.presets import byol_explore, supervised
from world_models.terms.supervised import Supervised, SupervisedConfig
from world_models.terms.term import Unrolled

F = 2


def term(coefficient: float = 1.0) -> Supervised:
    torch.manual_seed(0)
    return Supervised(D, "place", F, coefficient)


def told(generator: torch.Generator, rows: int | None = T + 1) -> Unrolled:
    """A place, in units and around a middle of its own, and another fact beside it."""
    place = 40 + 7 * torch.randn(T + 1, B, F, generator=generator)
    facts = {"place": place, "room": torch.zeros(T + 1, B, dtype=torch.int64)}
    return replace(drawn(generator).unrolled(rows), facts=facts)


def value(loss: Tensor | float) -> Tensor:
    assert isinstance(loss, Tensor)
    return loss


@pytest.mark.parametrize("rows", [T, T + 1])
def test_it_reads_the_standardised_fact_off_each_latent(
    rows: int, generator: torch.Generator
) -> None:
    """Of the rows that have latents, reset rows as well."""
    some, learner = told(generator, rows), term(0.7)
    assert some.latent is not None
    weight, bias = learner.head.weight, learner.head.bias
    total = torch.zeros(())
    for f in range(F):
        truth = [
            float(some.facts["place"][t, b, f]) for t in range(rows) for b in range(B)
        ]
        mean = sum(truth) / len(truth)
        std = (sum((x - mean) ** 2 for x in truth) / len(truth)) ** 0.5
        n = 0
        for t in range(rows):
            for b in range(B):
                guess = (weight[f] * some.latent[t, b]).sum() + bias[f]
                total = total + (guess - (truth[n] - mean) / std) ** 2
                n += 1
    mean_error = total / (rows * B * F)
    added = learner(some)
    torch.testing.assert_close(added.regularizer, 0.7 * mean_error)
    torch.testing.assert_close(added.metrics["supervised"], mean_error.detach())
    assert not added.terms
    assert not added.weights


def test_units_and_middle_of_a_fact_do_not_matter(generator: torch.Generator) -> None:
    some, learner = told(generator), term()
    moved = {"place": 1000 - 0.01 * some.facts["place"]}
    learner.head.weight.data.zero_()
    learner.head.bias.data.zero_()
    # nothing is known: the whole variance is left, whatever the units
    for facts in (some.facts, moved):
        got = value(learner(replace(some, facts=facts)).regularizer)
        torch.testing.assert_close(got, torch.ones(()), rtol=1e-3, atol=0)


def test_a_fact_that_never_changes_gives_finite_numbers(
    generator: torch.Generator,
) -> None:
    some = replace(told(generator), facts={"place": torch.full((T + 1, B, F), 3.0)})
    got = value(term()(some).regularizer)
    assert some.latent is not None
    (given,) = torch.autograd.grad(got, some.latent)
    assert got.isfinite()
    assert given.isfinite().all()


def test_whole_numbers_and_further_axes_are_facts_too(
    generator: torch.Generator,
) -> None:
    room = torch.randint(0, 9, (T + 1, B), generator=generator)
    some = replace(
        told(generator), facts={"room": room, "grid": room.view(T + 1, B, 1, 1)}
    )
    flat, deep = Supervised(D, "room", 1), Supervised(D, "grid", 1)
    deep.load_state_dict(flat.state_dict())
    torch.testing.assert_close(flat(some).regularizer, deep(some).regularizer)


def test_without_latents_it_adds_nothing(generator: torch.Generator) -> None:
    """Where rewards are scored there are no facts either."""
    added = term()(drawn(generator).unrolled(None))
    assert (added.regularizer, added.terms, added.metrics) == (0.0, {}, {})


@pytest.mark.parametrize(
    ("learner", "message"),
    [
        (
            Supervised(D, "speed", F),
            "taught the fact 'speed', and here are place, room",
        ),
        (Supervised(D, "place", 3), "The fact 'place' has size 2, .* one of size 3"),
        (Supervised(D, "room", 2), "The fact 'room' has size 1, .* one of size 2"),
    ],
)
def test_facts_that_are_not_there_are_refused(
    learner: Supervised, message: str, generator: torch.Generator
) -> None:
    with pytest.raises(ConfigError, match=message):
        learner(told(generator))


def test_the_encoder_learns_the_fact_and_from_it_alone() -> None:
    """Its control: predictions are detached, and shape nothing."""
    torch.manual_seed(0)
    belief = small_beliefs()["recurrent"]()
    traj = random_trajectory(belief, 9, 3, 4, {"place": 2})
    model = supervised(3).build(belief)
    optimizer = torch.optim.Adam(model.parameters(), 3e-3)
    errors = []
    for _ in range(40):
        loss = model.loss(traj, model.start(3))
        errors.append(loss.metrics["supervised"].item())
        optimizer.zero_grad()
        loss.mean().backward()
        optimizer.step()
        model.after_update(loss)
    assert errors[0] > 0.8
    assert errors[-1] < 0.1 * errors[0]


def test_an_agent_is_not_taught_facts() -> None:
    """Its worlds tell some, its trajectories none: a clear message, and no learning."""
    model = byol_explore(3, terms=(SupervisedConfig("agent"),))
    agent = small(0, model, PredictionErrorConfig())
    agent.begin()
    with pytest.raises(Refusal, match=r"here are none\. .* never to agents"):
        agent.train_step()
