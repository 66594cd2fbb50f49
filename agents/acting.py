"""Acting policies: from the row that the envs show to one action each."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

import torch
from jaxtyping import Shaped
from torch import Tensor

from envs.check import random_action
from envs.vector_env import DiscreteActions, EnvSpec, Step, VectorEnv
from world_models.belief import Carry


@dataclass(frozen=True)
class Acted:
    """One action per env, the carry of the next row, and what was noted.

    Attributes:
        action: int64 `[B]`, or float32 `[B, A]` in [-1, 1].
        carry: with this action in it.
        extras: whatever learning wants to know later, by name.
    """

    action: Shaped[Tensor, "B ..."]
    carry: Carry
    extras: Mapping[str, Shaped[Tensor, "B ..."]] = field(default_factory=dict)


class ActingPolicy(ABC):
    """Who chooses the actions of B envs, row by row: trained, scripted or random.

    Collection, evaluation and recording ask for nothing else.
    """

    @abstractmethod
    def start(self, num_envs: int) -> Carry:
        """The carry before the first row of all."""

    @abstractmethod
    def act(self, row: Step, carry: Carry) -> Acted:
        """Act in all envs, without gradient."""

    def state_dict(self) -> dict[str, Any]:
        """What goes on from row to row besides the carry: random streams."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:  # noqa: B027 - most hold nothing
        """Restore what `state_dict` gave."""


@final
class RandomPolicy(ActingPolicy):
    """The random agent: a baseline that acts uniformly at random."""

    def __init__(self, env: VectorEnv, seed: int) -> None:
        self.env = env
        self.generator = torch.Generator().manual_seed(seed)

    def start(self, num_envs: int) -> Carry:
        """It remembers nothing."""
        return nothing_carried(self.env.spec, num_envs)

    def act(self, row: Step, carry: Carry) -> Acted:
        """Draw one action per env."""
        action = random_action(self.env, self.generator)
        return Acted(action, carry.acted(action))

    def state_dict(self) -> dict[str, Any]:
        """The stream of draws."""
        return {"generator": self.generator.get_state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on drawing."""
        self.generator.set_state(state["generator"].cpu())


def nothing_carried(spec: EnvSpec, num_envs: int) -> Carry:
    """The carry of a policy that remembers nothing but its last action."""
    device, space = spec.device, spec.actions
    frames = torch.zeros(0, num_envs, *spec.obs_shape, dtype=torch.uint8, device=device)
    memory = torch.zeros(num_envs, 0, device=device)
    if isinstance(space, DiscreteActions):
        none = torch.zeros(num_envs, dtype=torch.int64, device=device)
    else:
        none = torch.zeros(num_envs, len(space.low), device=device)
    return Carry(frames, memory, none)
