"""Actor-critic: policy and value heads on a belief, and action distributions."""

import math
from abc import ABC, abstractmethod

import torch
from jaxtyping import Float32, Int64, Shaped
from torch import Tensor, nn

from agents.draws import drawn_like
from envs.vector_env import ActionSpace, ContinuousActions, DiscreteActions


class ActionDistribution(ABC):
    """A distribution over actions, whatever its batch axes."""

    @abstractmethod
    def sample(self, generator: torch.Generator) -> Shaped[Tensor, "..."]:
        """Draw one action each; with several processes from one stream of all."""

    @abstractmethod
    def mode(self) -> Shaped[Tensor, "..."]:
        """The likeliest action."""

    @abstractmethod
    def log_prob(self, action: Shaped[Tensor, "..."]) -> Float32[Tensor, "*batch"]:
        """Log density of actions, in nats."""

    @abstractmethod
    def entropy(self) -> Float32[Tensor, "*batch"]:
        """Entropy, in nats."""


class Categorical(ActionDistribution):
    """Over discrete actions, from unnormalised logits."""

    def __init__(self, logits: Float32[Tensor, "*batch A"]) -> None:
        self.log_probs = torch.log_softmax(logits, -1)

    def sample(self, generator: torch.Generator) -> Int64[Tensor, "*batch"]:
        """Gumbel-max, so that nothing is checked on the host."""
        noise = drawn_like(
            self.log_probs, lambda x: x.exponential_(generator=generator)
        )
        return (self.log_probs - noise.log()).argmax(-1)

    def mode(self) -> Int64[Tensor, "*batch"]:
        """The likeliest action."""
        return self.log_probs.argmax(-1)

    def log_prob(self, action: Int64[Tensor, "*batch"]) -> Float32[Tensor, "*batch"]:
        """Log probability of actions."""
        return self.log_probs.gather(-1, action.unsqueeze(-1)).squeeze(-1)

    def entropy(self) -> Float32[Tensor, "*batch"]:
        """`-Σ p log p`."""
        return -(self.log_probs.exp() * self.log_probs).sum(-1)


class DiagonalGaussian(ActionDistribution):
    """Over real vectors, not squashed; worlds clip what lies outside [-1, 1].

    `log p(a) = Σ_i -½ ((a_i - μ_i) / σ_i)² - log σ_i - ½ log 2π`, of the action as
    drawn, before any clipping.
    """

    def __init__(
        self, mean: Float32[Tensor, "*batch A"], log_std: Float32[Tensor, "A"]
    ) -> None:
        self.mean, self.log_std = mean, log_std

    def sample(self, generator: torch.Generator) -> Float32[Tensor, "*batch A"]:
        """Mean plus noise."""
        noise = drawn_like(self.mean, lambda x: x.normal_(generator=generator))
        return self.mean + noise * self.log_std.exp()

    def mode(self) -> Float32[Tensor, "*batch A"]:
        """The mean."""
        return self.mean

    def log_prob(
        self, action: Float32[Tensor, "*batch A"]
    ) -> Float32[Tensor, "*batch"]:
        """Sum over components of the log densities."""
        scaled = (action - self.mean) / self.log_std.exp()
        each = -0.5 * scaled**2 - self.log_std - 0.5 * math.log(2 * math.pi)
        return each.sum(-1)

    def entropy(self) -> Float32[Tensor, "*batch"]:
        """`Σ log σ + ½ log 2πe`, the same for every belief."""
        total = (self.log_std + 0.5 * math.log(2 * math.pi * math.e)).sum()
        return total.expand(self.mean.shape[:-1])


class ActorCritic(nn.Module):
    """One linear layer for the action, one for a value per reward stream.

    The actor starts near uniform (gain 0.01), as in the reference PPO code. For
    continuous actions it gives μ, and σ is one number per component, learned but the
    same for every belief. It starts at 0.5, so that 95 % of first draws lie in [-1, 1],
    where worlds act without clipping; the reference code's 1 would clip a third.
    """

    def __init__(self, belief_size: int, actions: ActionSpace, num_values: int) -> None:
        super().__init__()
        self.critic = nn.Linear(belief_size, num_values)
        nn.init.orthogonal_(self.critic.weight, 1.0)
        nn.init.zeros_(self.critic.bias)
        outputs = (
            actions.n if isinstance(actions, DiscreteActions) else len(actions.low)
        )
        self.actor = nn.Linear(belief_size, outputs)
        nn.init.orthogonal_(self.actor.weight, 0.01)
        nn.init.zeros_(self.actor.bias)
        self.log_std: nn.Parameter | None = None
        if isinstance(actions, ContinuousActions):
            self.log_std = nn.Parameter(torch.full((outputs,), math.log(0.5)))

    def forward(
        self, belief: Float32[Tensor, "*batch S"]
    ) -> tuple[ActionDistribution, Float32[Tensor, "V *batch"]]:
        """Distribution over actions and the value of each reward stream."""
        out: Tensor = self.actor(belief)
        value = self.critic(belief).movedim(-1, 0)
        if self.log_std is None:
            return Categorical(out), value
        return DiagonalGaussian(out, self.log_std), value
