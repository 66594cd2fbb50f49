"""Two controls that learn nothing: uniformly random actions, and dwelling."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, final

import torch
from torch import Tensor

from agents.acting import Acted, ActingPolicy, nothing_carried
from agents.policy.off_policy import OffPolicy
from envs.vector_env import DiscreteActions, EnvSpec, Step
from world_models.belief import Carry


@final
class Wanderer(OffPolicy):
    """A uniformly random action with probability p, else action 0.

    Args:
        spec: of worlds with discrete actions.
        chance: p.
    """

    def __init__(self, spec: EnvSpec, chance: float) -> None:
        super().__init__()
        self.spec = spec
        self.register_buffer("chance", torch.tensor(chance))
        self.chance: Tensor

    def exploring(self, generator: torch.Generator) -> ActingPolicy:
        """As it always acts."""
        return _Wandering(self, generator)

    def playing(self, generator: torch.Generator, greedy: bool) -> ActingPolicy:
        """As it always acts: it thinks nothing best."""
        return _Wandering(self, generator)


@final
class _Wandering(ActingPolicy):
    def __init__(self, wanderer: Wanderer, generator: torch.Generator) -> None:
        self.wanderer, self.generator = wanderer, generator
        assert isinstance(wanderer.spec.actions, DiscreteActions)
        self.num_actions = wanderer.spec.actions.n

    def start(self, num_envs: int) -> Carry:
        """It remembers nothing."""
        here = replace(self.wanderer.spec, device=self.wanderer.chance.device)
        return nothing_carried(here, num_envs)

    def act(self, row: Step, carry: Carry) -> Acted:
        """Draw whether to move, and where to."""
        num, device = row.first.shape, row.first.device
        drawn = torch.randint(
            self.num_actions, num, generator=self.generator, device=device
        )
        moves = torch.rand(num, generator=self.generator, device=device)
        action = drawn * (moves < self.wanderer.chance)
        return Acted(action, carry.acted(action))

    def state_dict(self) -> dict[str, Any]:
        """The stream of draws."""
        return {"generator": self.generator.get_state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on drawing."""
        self.generator.set_state(state["generator"].cpu())


@dataclass(frozen=True)
class UniformConfig:
    """Act uniformly at random; world model and curiosity learn all the same."""

    def build(self, spec: EnvSpec, begin: int) -> Wanderer:
        """Build the policy."""
        return _wanderer(spec, 1.0)


@dataclass(frozen=True)
class DwellConfig:
    """Stay (action 0), and now and then act at random: patient, and indifferent."""

    chance: float = 0.025
    """of a uniformly random action, per env and step"""

    def __post_init__(self) -> None:
        if not 0.0 <= self.chance <= 1.0:
            raise ValueError(f"chance must be between 0 and 1, not {self.chance}")

    def build(self, spec: EnvSpec, begin: int) -> Wanderer:
        """Build the policy."""
        return _wanderer(spec, self.chance)


def _wanderer(spec: EnvSpec, chance: float) -> Wanderer:
    if not isinstance(spec.actions, DiscreteActions):
        raise ValueError(
            "policies random and dwell choose among discrete actions, and this world "
            "takes real numbers: use --policy ppo"
        )
    return Wanderer(spec, chance)
