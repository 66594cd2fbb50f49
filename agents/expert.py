"""Who knows the rules and goes the shortest way: a source of demonstrations."""

from collections.abc import Mapping
from typing import Any, final

import torch
from torch import Tensor

from agents.acting import Acted, ActingPolicy, nothing_carried
from envs.native_env import NativeVectorEnv
from envs.shortest_way import ShortestWay
from envs.vector_env import Step, VectorEnv
from ssl_objectives.refusal import ConfigError
from world_models.belief import Carry


@final
class Expert(ActingPolicy):
    """A way to the reward, the shortest where that can be known, with mistakes.

    Some worlds have a guide who knows it; of others all states are tried. Where several
    actions lead there equally fast, one of them is drawn at every step. It reads the
    state of the worlds itself, which nobody who learns can see.

    Args:
        env: torch-native worlds with discrete actions, in which nothing is chance, or
            which have a guide.
        seed: of all draws.
        mistakes: probability of an action that is uniformly random.

    Raises:
        ConfigError: other worlds.
    """

    def __init__(self, env: VectorEnv, seed: int, mistakes: float = 0.0) -> None:
        if not isinstance(env, NativeVectorEnv):
            raise ConfigError(
                "The expert knows the rules of torch-native worlds alone, without "
                "noise: key-door, pixel-maze, rooms, push-button, sequence, carry, "
                "chain, deep-sea. Record a policy of yours, my_module:MyPolicy, or a "
                "run's."
            )
        self.env, self.mistakes = env, mistakes
        try:
            guide = env.world.guide()
            self.way = guide or ShortestWay(env.world, env.spec.device)
        except ValueError as error:
            raise ConfigError(f"There is no expert: {error}") from error
        self.generator = torch.Generator().manual_seed(seed)

    def start(self, num_envs: int) -> Carry:
        """It remembers nothing."""
        return nothing_carried(self.env.spec, num_envs)

    def act(self, row: Step, carry: Carry) -> Acted:
        """One of the best actions, or a mistake; anything where an episode is over.

        Raises:
            ConfigError: the world has too many states to look at all of them.
        """
        num = self.env.spec.num_envs
        try:
            best = self.way.best(self.env.state)
        except ValueError as error:
            raise ConfigError(f"There is no expert: {error}") from error
        wrong = torch.rand(num, generator=self.generator) < self.mistakes
        weights = (best | wrong[:, None]).float()
        drawn: Tensor = torch.multinomial(weights, 1, generator=self.generator)
        action = drawn[:, 0].to(self.env.spec.device)
        return Acted(action, carry.acted(action))

    def state_dict(self) -> dict[str, Any]:
        """The stream of draws."""
        return {"generator": self.generator.get_state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on drawing."""
        self.generator.set_state(state["generator"].cpu())
