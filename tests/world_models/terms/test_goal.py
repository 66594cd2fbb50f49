"""Actions towards goals against a loop over rows, and whether they are learned."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from tests.shapes import rounds
from tests.world_models.terms.unrolling import B, D, Drawn, T, drawn
from world_models.actions import ContinuousEmbedding, DiscreteEmbedding
from world_models.check.model import check_model
from world_models.check.samples import small_beliefs
from world_models.presets import jepa_vicreg, spr
from world_models.terms.goal import GoalConditioned, GoalConfig
from world_models.terms.term import Unrolled

K = 4


def discrete(horizon: int = K, coefficient: float = 1.0) -> GoalConditioned:
    torch.manual_seed(0)
    return GoalConditioned(D, DiscreteEmbedding(5, 6), horizon, coefficient, 16)


def continuous() -> GoalConditioned:
    torch.manual_seed(0)
    return GoalConditioned(D, ContinuousEmbedding(2, 6), K, 1.0, 16)


def value(term: GoalConditioned, unrolled: Unrolled) -> Tensor:
    loss = term(unrolled).regularizer
    assert isinstance(loss, Tensor)
    return loss


def pairs_of(
    term: GoalConditioned, some: Drawn, rows: int
) -> list[tuple[int, int, int]]:
    """Rows and goals that count, and their env, step by step from the draws."""
    drawn_ahead = term._drawn(some.valid[: rows - 1])
    assert drawn_ahead.shape == (rows - 1, B)
    assert drawn_ahead.min() >= 1
    assert drawn_ahead.max() <= term.horizon
    found = []
    for b in range(B):
        for t in range(rows - 1):
            goal = t + int(drawn_ahead[t, b])
            if goal < rows and all(some.valid[i, b] for i in range(t, goal)):
                found.append((t, goal, b))
    return found


@pytest.mark.parametrize("rows", [T, T + 1])
@pytest.mark.parametrize("steps", [0, 1, 2])
def test_discrete_actions_cost_their_cross_entropy(
    generator: torch.Generator, rows: int, steps: int
) -> None:
    some, term = drawn(generator), discrete(coefficient=0.7)
    for _ in range(steps):
        term.follow()
    each = []
    for t, goal, b in pairs_of(term, some, rows):
        guess = term.head(torch.cat([some.latent[t, b], some.latent[goal, b]]))
        each.append(cross_entropy(guess, some.action[t, b]))
    assert 0 < len(each) < (rows - 1) * B
    mean = torch.stack(each).mean()
    added = term(some.unrolled(rows))
    torch.testing.assert_close(added.regularizer, 0.7 * mean)
    torch.testing.assert_close(added.metrics["goal"], mean)
    assert not added.metrics["goal"].requires_grad
    assert not added.terms


def test_continuous_actions_cost_their_squared_error_within_bounds(
    generator: torch.Generator,
) -> None:
    action = 2 * torch.randn(T, B, 2, generator=generator)
    some, term = drawn(generator, action), continuous()
    each = []
    for t, goal, b in pairs_of(term, some, T + 1):
        guess = term.head(torch.cat([some.latent[t, b], some.latent[goal, b]]))
        each.append((guess - action[t, b].clamp(-1, 1)).square().mean())
    torch.testing.assert_close(value(term, some.unrolled()), torch.stack(each).mean())


@pytest.mark.parametrize("kind", ["discrete", "continuous"])
def test_pairs_across_the_end_of_an_episode_have_no_gradient(
    generator: torch.Generator, kind: str
) -> None:
    """Each pair alone: its two rows are reached if it counts, and no others ever."""
    action = torch.randn(T, B, 2, generator=generator)
    some = drawn(generator, None if kind == "discrete" else action)
    term = discrete() if kind == "discrete" else continuous()
    value(term, some.unrolled()).backward()
    grad = some.latent.grad
    assert grad is not None
    wanted = torch.zeros(T + 1, B, dtype=torch.bool)
    for t, goal, b in pairs_of(term, some, T + 1):
        wanted[t, b] = wanted[goal, b] = True
    assert torch.equal(grad.any(-1), wanted)
    assert not wanted.all(), "nothing would be seen of the rest"
    assert not wanted[5, 2], "an episode of one row has no goals"
    assert all(p.grad is not None and p.grad.any() for p in term.parameters())


def test_what_does_not_count_has_no_influence(generator: torch.Generator) -> None:
    some, term = drawn(generator), discrete()
    counted = {(t, b) for t, _, b in pairs_of(term, some, T + 1)}
    action, latent = some.action.clone(), some.latent.detach().clone()
    for t in range(T):
        for b in range(B):
            if (t, b) not in counted:
                action[t, b] = (action[t, b] + 1) % 5
    latent[5, 2] = 1e3
    spoiled = replace(some, action=action, latent=latent)
    torch.testing.assert_close(
        value(term, spoiled.unrolled()), value(term, some.unrolled())
    )
    nothing = replace(some, valid=torch.zeros_like(some.valid))
    assert value(term, nothing.unrolled()) == 0


def test_goals_are_those_of_the_step(generator: torch.Generator) -> None:
    """The same ones until the step is done, then others; and so after loading."""
    some, term, other = drawn(generator), discrete(), discrete()
    first = value(term, some.unrolled())
    assert torch.equal(first, value(term, some.unrolled()))
    term.follow()
    second = value(term, some.unrolled())
    assert not torch.equal(first, second)
    other.load_state_dict(term.state_dict())
    assert torch.equal(second, value(other, some.unrolled()))


def test_each_step_of_a_model_has_other_goals() -> None:
    config = jepa_vicreg(3, terms=(GoalConfig(8, hidden=7),))
    model = config.build(small_beliefs()["recurrent"]())
    [term] = model.terms
    assert isinstance(term, GoalConditioned)
    valid = torch.ones(30, 3, dtype=torch.bool)
    goals = []
    for _ in range(3):
        goals.append(term._drawn(valid))
        model.after_update()
    assert not torch.equal(goals[0], goals[1])
    assert not torch.equal(goals[1], goals[2])


def test_goals_lie_evenly_up_to_the_horizon_or_the_window() -> None:
    valid = torch.ones(5000, 3, dtype=torch.bool)
    counts = discrete(K)._drawn(valid).flatten().bincount()
    assert counts[0] == 0
    share = counts[1:] / counts.sum()
    torch.testing.assert_close(share, torch.full((K,), 1 / K), rtol=0, atol=0.02)
    assert discrete(K)._drawn(valid[:2]).max() == 2


def test_without_two_latents_it_adds_nothing(generator: torch.Generator) -> None:
    for rows in (None, 1):
        added = discrete()(drawn(generator).unrolled(rows))
        assert (added.regularizer, added.terms, added.metrics) == (0.0, {}, {})


def walks(generator: torch.Generator, action: Tensor) -> Drawn:
    """Whoever begins an episode walks along one axis until its end."""
    steps = torch.eye(5)[action]
    start = 3 * torch.randn(1, B, D, generator=generator)
    return replace(
        drawn(generator, action), latent=torch.cat([start, start + steps.cumsum(0)])
    )


@pytest.mark.parametrize("told", [True, False])
def test_a_goal_that_tells_the_action_is_learned_and_one_that_does_not_is_not(
    generator: torch.Generator, told: bool
) -> None:
    """With actions of others nothing is left to learn but how frequent they are."""
    torch.manual_seed(0)
    term = GoalConditioned(D, DiscreteEmbedding(5, 6), K, hidden=32)
    optimizer = torch.optim.Adam(term.parameters(), 3e-3)
    late = []
    for i in rounds(500):
        way = torch.randint(0, 5, (1, B), generator=generator).expand(T, B)
        some = walks(generator, way)
        if not told:
            other = torch.randint(0, 5, (T, B), generator=generator)
            some = replace(some, action=other)
        loss = value(term, some.unrolled())
        if i >= 450:
            late.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        term.follow()
    mean = sum(late) / len(late)
    assert mean < 0.4 if told else mean > 1.5  # ln 5 = 1.61


@pytest.mark.parametrize("name", ["recurrent", "continuous actions"])
def test_its_config_fits_it_to_the_belief(name: str) -> None:
    belief = small_beliefs()[name]()
    term = GoalConfig(horizon=3, coefficient=0.3, hidden=9).build(belief, D + 1)
    layers = [x for x in term.head if isinstance(x, nn.Linear)]
    widths = [tuple(x.weight.shape) for x in layers]
    outputs = {"recurrent": 5, "continuous actions": 3}[name]
    assert widths == [(9, 2 * belief.encoder.size), (9, 9), (outputs, 9)]
    assert term.head.discrete == (name == "recurrent")
    assert (term.horizon, term.coefficient) == (3, 0.3)


@pytest.mark.parametrize("horizon", [0, -1])
def test_goals_lie_ahead(horizon: int) -> None:
    with pytest.raises(ValueError, match=f"horizon must be at least 1, not {horizon}"):
        GoalConfig(horizon)


@pytest.mark.parametrize("preset", [jepa_vicreg, spr])
def test_models_with_it_keep_the_contract(preset: object) -> None:
    assert callable(preset)
    check_model(preset(3, terms=(GoalConfig(2, hidden=7),)).build)
