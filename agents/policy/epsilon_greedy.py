"""Acting ε-greedily on Q values."""

from collections.abc import Mapping
from typing import Any, NamedTuple, final

import torch
from torch import Tensor

from agents.acting import Acted, ActingPolicy
from agents.perceiving import perceive
from agents.policy.q_network import QNetwork
from envs.vector_env import Step
from world_models.belief import Carry


class Epsilon(NamedTuple):
    """`ε = max(least, 1 - rate · max(0, steps - begin))`.

    Attributes:
        begin: env steps, of all envs together, before it falls.
        rate: by which it falls per env step.
        least: where it stays.
    """

    begin: int
    rate: float
    least: float

    @staticmethod
    def always(epsilon: float) -> "Epsilon":
        """The same at all times."""
        return Epsilon(-1, 1.0, epsilon)

    def at(self, steps: int) -> float:
        """ε behind so many env steps."""
        return max(self.least, 1.0 - self.rate * max(0, steps - self.begin))


@final
class EpsilonGreedy(ActingPolicy):
    """The action of the largest Q value; with probability ε a uniformly random one.

    Counts its actions, those of all envs and also those that a reset ignores, so that
    ε follows without waiting for a device.

    Args:
        network: gives the Q values.
        generator: of the draws, on the network's device.
        epsilon: how ε falls.
    """

    def __init__(
        self, network: QNetwork, generator: torch.Generator, epsilon: Epsilon
    ) -> None:
        self.network, self.generator, self.epsilon = network, generator, epsilon
        self.steps = 0

    def start(self, num_envs: int) -> Carry:
        """The belief's."""
        return self.network.belief.start(num_envs)

    @torch.no_grad()
    def act(self, row: Step, carry: Carry) -> Acted:
        """One action per env."""
        belief, carry = perceive(self.network.belief, row, carry)
        best: Tensor = self.network(belief).argmax(-1)
        num, device = best.shape, best.device
        drawn = torch.randint(
            self.network.num_actions, num, generator=self.generator, device=device
        )
        chance = torch.rand(num, generator=self.generator, device=device)
        action = torch.where(chance < self.epsilon.at(self.steps), drawn, best)
        self.steps += len(action)
        return Acted(action, carry.acted(action))

    def state_dict(self) -> dict[str, Any]:
        """The stream of draws, and how far ε has fallen."""
        return {"generator": self.generator.get_state(), "steps": self.steps}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on drawing."""
        self.generator.set_state(state["generator"].cpu())
        self.steps = state["steps"]
