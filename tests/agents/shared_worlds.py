"""The very worlds of one process, shared out among several."""

from dataclasses import dataclass

import torch
from torch import Tensor

from envs.vector_env import EnvState, Step, VectorEnv, WorldConfig
from ssl_objectives.distributed import gathered_rows, num_processes, own_rows


class SharedWorlds(VectorEnv):
    """Every process steps all worlds, by the actions of all, and shows its own part.

    So two processes live in what one lives in, whatever worlds draw.
    """

    def __init__(self, whole: VectorEnv, num_envs: int) -> None:
        self.whole = whole
        self.spec = type(whole.spec)(**{**vars(whole.spec), "num_envs": num_envs})

    def reset(self, seed: int | None = None, mask: Tensor | None = None) -> Step:
        assert seed is not None
        assert mask is None
        first = gathered_rows(torch.tensor([seed]), 0)[0]
        return self._own(self.whole.reset(int(first)))

    def step(self, action: Tensor) -> Step:
        return self._own(self.whole.step(gathered_rows(action, 0)))

    def state_dict(self) -> EnvState | None:
        return self.whole.state_dict()

    def load_state_dict(self, state: EnvState) -> Step:
        return self._own(self.whole.load_state_dict(state))

    def _own(self, row: Step) -> Step:
        def own(x: Tensor) -> Tensor:
            return own_rows(x, 0).clone()

        return Step(
            own(row.obs),
            own(row.reward),
            own(row.terminated),
            own(row.truncated),
            own(row.first),
            {name: own(x) for name, x in row.facts.items()},
            None if row.vector is None else own(row.vector),
        )


def by_sight(row: Step, generator: torch.Generator) -> Tensor:
    """One of five actions, which the frame alone decides: a scripted policy."""
    return row.obs.long().sum((1, 2, 3)) % 5


@dataclass(frozen=True)
class SharedWorldsConfig:
    """So many of some worlds in all processes together."""

    world: WorldConfig

    def build(self, num_envs: int, device: torch.device | str) -> SharedWorlds:
        whole = self.world.build(num_processes() * num_envs, device)
        return SharedWorlds(whole, num_envs)
