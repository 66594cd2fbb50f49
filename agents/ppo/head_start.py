"""A head start of the world model: it learns alone, from random play."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, final

import torch
from jaxtyping import Shaped
from torch import Tensor

from agents.acting import Acted, ActingPolicy
from agents.at_least import check_least
from agents.draws import drawn_like
from agents.ppo.actor import ActorPolicy
from envs.vector_env import ActionSpace, DiscreteActions, Step
from world_models.belief import Carry


@dataclass(frozen=True)
class HeadStartConfig:
    """Rollouts of random play in front, from which the world model learns alone.

    Nothing is paid for them, so statistics of rewards begin behind them, and PPO takes
    no step: curiosity begins with a model that knows what is common.
    """

    rollouts: int = 0
    """how many; 0: none"""
    epochs: int = 7
    """passes over each of them"""

    def __post_init__(self) -> None:
        check_least(self, 0, "rollouts")
        check_least(self, 1, "epochs")


@final
class RandomActor(ActingPolicy):
    """Notes what an actor notes, and acts uniformly at random.

    Args:
        actor: whose beliefs are noted; its draws go on as if it had acted.
        actions: what the worlds accept.
    """

    def __init__(self, actor: ActorPolicy, actions: ActionSpace) -> None:
        self.actor = actor
        self.choices = actions.n if isinstance(actions, DiscreteActions) else None

    def start(self, num_envs: int) -> Carry:
        """The actor's."""
        return self.actor.start(num_envs)

    @torch.no_grad()
    def act(self, row: Step, carry: Carry) -> Acted:
        """One action per env, and what the actor notes of the row."""
        did = self.actor.act(row, carry)
        drawn = drawn_like(did.action, self._draw)
        return replace(did, action=drawn, carry=did.carry.acted(drawn))

    def _draw(self, actions: Shaped[Tensor, "..."]) -> Shaped[Tensor, "..."]:
        """Uniformly, in place."""
        generator = self.actor.generator
        if self.choices is None:
            return actions.uniform_(-1.0, 1.0, generator=generator)
        return actions.random_(self.choices, generator=generator)

    def state_dict(self) -> dict[str, Any]:
        """The actor's."""
        return self.actor.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on drawing."""
        self.actor.load_state_dict(state)
