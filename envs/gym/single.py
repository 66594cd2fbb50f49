"""One world of ours as a Gymnasium env, for everybody's wrappers and checkers."""

from importlib import import_module
from typing import Any, final

import gymnasium
import numpy as np
import torch

from envs.gym.spaces import action_space, observation_space, picture, shown
from envs.vector_env import DiscreteActions, Step, VectorEnv, WorldConfig


@final
class SingleWorld(gymnasium.Env[Any, Any]):
    """A `gymnasium.Env` around one env of a world.

    It ends where the world ends, and waits for `reset`. Facts are in `info`, by name.

    Args:
        world: any config of a world.

    Raises:
        RuntimeError: it is stepped before `reset`, or behind an end.
    """

    metadata = {  # noqa: RUF012 - as Gymnasium declares it
        "render_modes": ["rgb_array"],
        "render_fps": 15,
    }

    def __init__(self, world: WorldConfig) -> None:
        self.world: VectorEnv = world.build(1, "cpu")
        self.render_mode = "rgb_array"
        self.observation_space = observation_space(self.world.spec)
        self.action_space = action_space(self.world.spec.actions)
        self._row: Step | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin an episode; a seed makes all that follows repeatable."""
        super().reset(seed=seed)
        self._row = self.world.reset(seed)
        return self._told(self._row)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Act once."""
        before = self._row
        if before is None or bool(before.terminated | before.truncated):
            raise RuntimeError("No episode is running: call reset() first")
        discrete = isinstance(self.world.spec.actions, DiscreteActions)
        asked = np.asarray(action, np.int64 if discrete else np.float32)
        self._row = row = self.world.step(torch.from_numpy(asked[None].copy()))
        seen, info = self._told(row)
        ends = bool(row.terminated), bool(row.truncated)
        return seen, float(row.reward), *ends, info

    def render(self) -> Any:
        """What it shows, `[H, W, 3]`."""
        if self._row is None:
            raise RuntimeError("There is nothing to draw yet: call reset() first")
        return picture(self._row, 0)

    def close(self) -> None:
        """Release the world."""
        self.world.close()

    def _told(self, row: Step) -> tuple[Any, dict[str, Any]]:
        seen = shown(self.world.spec, row)
        one = {k: v[0] for k, v in seen.items()} if isinstance(seen, dict) else seen[0]
        return one, {name: x[0].cpu().numpy().copy() for name, x in row.facts.items()}


def single_world(
    config: str, render_mode: str | None = None, **fields: Any
) -> SingleWorld:
    """What `gymnasium.make` calls for the ids of `envs.registration`.

    Args:
        config: `module:name` of what makes the config.
        render_mode: `rgb_array`, or nothing: pictures can be had in any case.
        fields: of the config.

    Raises:
        ValueError: any other `render_mode`.
    """
    if render_mode not in (None, "rgb_array"):
        raise ValueError(f"render_mode must be 'rgb_array', not '{render_mode}'")
    module, name = config.split(":")
    return SingleWorld(getattr(import_module(module), name)(**fields))
