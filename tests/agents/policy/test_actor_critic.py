"""Distributions over actions against torch.distributions and their own samples."""

import math

import pytest
import torch

from agents.policy.actor_critic import ActorCritic, Categorical, DiagonalGaussian
from envs.vector_env import ActionSpace, ContinuousActions, DiscreteActions
from world_models.actions import (
    ContinuousEmbedding,
    DiscreteEmbedding,
    embedding_of,
)

T, B, A = 7, 3, 5
DISCRETE = DiscreteActions(A)
CONTINUOUS = ContinuousActions((-1.0, -2.0), (1.0, 3.0))


def test_categorical_is_torchs(generator: torch.Generator) -> None:
    logits = 3 * torch.randn(T, B, A, generator=generator)
    action = torch.randint(A, (T, B), generator=generator)
    ours = Categorical(logits)
    reference = torch.distributions.Categorical(logits=logits)
    torch.testing.assert_close(ours.log_prob(action), reference.log_prob(action))
    torch.testing.assert_close(ours.entropy(), reference.entropy())
    assert torch.equal(ours.mode(), reference.probs.argmax(-1))
    shifted = Categorical(logits + 100.0)
    torch.testing.assert_close(shifted.entropy(), ours.entropy(), rtol=1e-3, atol=1e-4)


def test_an_impossible_action_is_never_drawn(generator: torch.Generator) -> None:
    """Near-certain policies must not give infinite or undefined numbers."""
    logits = torch.tensor([[200.0, 0.0, -200.0]]).expand(1000, 3)
    ours = Categorical(logits)
    assert (ours.sample(generator) == 0).all()
    assert ours.entropy().abs().max() < 1e-6
    assert ours.log_prob(torch.full((1000,), 2)).isfinite().all()


def test_gaussian_is_torchs(generator: torch.Generator) -> None:
    mean = torch.randn(T, B, A, generator=generator)
    log_std = torch.randn(A, generator=generator)
    action = 2 * torch.randn(T, B, A, generator=generator)
    ours = DiagonalGaussian(mean, log_std)
    normal = torch.distributions.Normal(mean, log_std.exp())
    reference = torch.distributions.Independent(normal, 1)
    torch.testing.assert_close(ours.log_prob(action), reference.log_prob(action))
    torch.testing.assert_close(ours.entropy(), reference.entropy())
    assert torch.equal(ours.mode(), mean)


def test_discrete_actions_are_drawn_as_often_as_likely(
    generator: torch.Generator,
) -> None:
    logits = torch.tensor([[0.0, 1.0, 2.0, -1.0, 0.5], [3.0, 0.0, 0.0, 0.0, -2.0]])
    draws = 20_000
    drawn = Categorical(logits.expand(draws, 2, A)).sample(generator)
    for i in range(2):
        expected = draws * torch.softmax(logits[i], -1)
        counts = torch.bincount(drawn[:, i], minlength=A)
        chi_square = ((counts - expected) ** 2 / expected).sum()
        assert chi_square < 23.5  # 4 degrees of freedom: passed but once in 10,000


def test_continuous_actions_are_drawn_as_often_as_likely(
    generator: torch.Generator,
) -> None:
    mean, log_std = torch.tensor([1.0, -2.0, 0.0]), torch.tensor([-1.0, 0.0, 1.0])
    draws = 20_000
    drawn = DiagonalGaussian(mean.expand(draws, 3), log_std).sample(generator)
    scaled = (drawn - mean) / log_std.exp()
    # deciles of the standard normal, per component
    cells = (torch.special.ndtr(scaled) * 10).long()
    for i in range(3):
        counts = torch.bincount(cells[:, i], minlength=10)
        chi_square = ((counts - draws / 10) ** 2 / (draws / 10)).sum()
        assert chi_square < 33.7  # 9 degrees of freedom: once in 10,000
    assert torch.corrcoef(scaled.T).triu(1).abs().max() < 0.03


@pytest.mark.parametrize("actions", [DISCRETE, CONTINUOUS], ids=["discrete", "real"])
def test_the_generator_alone_decides_the_draws(actions: ActionSpace) -> None:
    torch.manual_seed(0)
    distribution, _ = ActorCritic(13, actions, 2)(torch.randn(T, B, 13))

    def draw(seed: int) -> torch.Tensor:
        drawn: torch.Tensor = distribution.sample(torch.Generator().manual_seed(seed))
        return drawn

    one = draw(1)
    torch.manual_seed(99)
    assert torch.equal(one, draw(1))
    assert not torch.equal(one, draw(2))


@pytest.mark.parametrize("batch", [(), (B,), (T, B)])
def test_actor_critic_over_any_batch(
    generator: torch.Generator, batch: tuple[int, ...]
) -> None:
    torch.manual_seed(0)
    policy = ActorCritic(13, CONTINUOUS, 4)
    belief = torch.randn(*batch, 13, generator=generator)
    distribution, value = policy(belief)
    assert value.shape == (4, *batch)
    for v in range(4):
        want = belief @ policy.critic.weight[v] + policy.critic.bias[v]
        torch.testing.assert_close(value[v], want)
    assert isinstance(distribution, DiagonalGaussian)
    action = distribution.sample(generator)
    assert action.shape == (*batch, 2)
    assert distribution.log_prob(action).shape == batch
    assert distribution.entropy().shape == batch
    assert policy.log_std is not None
    entropy = distribution.entropy().flatten()[0].item()
    assert entropy == pytest.approx(math.log(2 * math.pi * math.e) + 2 * math.log(0.5))


def test_new_policies_are_nearly_uniform(generator: torch.Generator) -> None:
    torch.manual_seed(0)
    distribution, _ = ActorCritic(256, DISCRETE, 2)(
        torch.randn(T, B, 256, generator=generator)
    )
    assert distribution.entropy().min() > math.log(A) - 1e-2


def test_new_gaussians_seldom_leave_the_bounds(generator: torch.Generator) -> None:
    """A σ of 0.5: 4.6 % of draws lie outside [-1, 1], per component."""
    torch.manual_seed(0)
    distribution, _ = ActorCritic(256, CONTINUOUS, 2)(
        torch.randn(4000, 256, generator=generator)
    )
    outside = (distribution.sample(generator).abs() > 1).float().mean(0)
    assert outside.shape == (2,)
    assert ((outside > 0.03) & (outside < 0.09)).all()


def test_embeddings_fit_their_action_space() -> None:
    torch.manual_seed(0)
    discrete = embedding_of(DISCRETE, 6)
    assert isinstance(discrete, DiscreteEmbedding)
    nothing = discrete.none(B)
    assert nothing.dtype == torch.int64
    assert discrete(nothing).shape == (B, 6)
    rows = torch.arange(A)
    assert torch.equal(discrete(rows), discrete.table.weight)
    continuous = embedding_of(CONTINUOUS, 6)
    assert isinstance(continuous, ContinuousEmbedding)
    nothing = continuous.none(B)
    assert nothing.shape == (B, 2)
    assert nothing.dtype == torch.float32
    weight, bias = continuous.linear.weight, continuous.linear.bias
    inside, outside = torch.tensor([[0.5, -0.7]]), torch.tensor([[0.5, -1.7]])
    want = 0.5 * weight[:, 0] - 0.7 * weight[:, 1] + bias
    torch.testing.assert_close(continuous(inside)[0], want)
    done = 0.5 * weight[:, 0] - weight[:, 1] + bias  # what the world does
    torch.testing.assert_close(continuous(outside)[0], done)
