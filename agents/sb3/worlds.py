"""Our worlds as vector envs of Stable-Baselines3."""

from collections.abc import Sequence
from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from envs.gym.spaces import action_space, observation_space, picture, shown
from envs.vector_env import DiscreteActions, Step, VectorEnv


@final
class WorldVecEnv(VecEnv):
    """B worlds behind SB3's `VecEnv`.

    Worlds of ours show an episode's last observation, and the first of the next one a
    row later; SB3 wants both within one step. So whatever has ended is reset there and
    then (`VectorEnv.reset(mask=…)`), and its last observation is in
    `infos[i]["terminal_observation"]`; a cut-off episode has `TimeLimit.truncated`.

    Observations are bytes `[C, H, W]`, with a vector a dictionary of `image` and
    `vector`; of worlds that draw nothing the vector. Continuous actions are in [-1, 1],
    as SB3 recommends. SB3's seeds count up from one number; the first is the seed of
    all worlds.

    Args:
        env: worlds that heed masks; all of ours and Gymnasium's own do.
        facts: tell the facts of each step in `infos`, by name.
    """

    def __init__(self, env: VectorEnv, facts: bool = False) -> None:
        self.env, self.facts = env, facts
        self._row: Step | None = None
        self._asked: Any = None
        spec = env.spec
        super().__init__(
            spec.num_envs, observation_space(spec), action_space(spec.actions)
        )

    def reset(self) -> Any:
        """Begin new episodes in all envs."""
        self._row = self.env.reset(self._seeds[0])
        self._reset_seeds()
        self._reset_options()
        self.reset_infos = self._told(self._row)
        return shown(self.env.spec, self._row)

    def step_async(self, actions: NDArray[Any]) -> None:
        """Say what to do."""
        self._asked = actions

    def step_wait(self) -> tuple[Any, NDArray[Any], NDArray[Any], list[dict[str, Any]]]:
        """Do it, and reset what has ended."""
        spec = self.env.spec
        kind = np.int64 if isinstance(spec.actions, DiscreteActions) else np.float32
        asked = torch.from_numpy(np.array(self._asked, kind)).to(spec.device)
        row = self._row = self.env.step(asked)
        truncated = row.truncated.cpu().numpy()
        ended = row.terminated.cpu().numpy() | truncated
        infos, seen = self._told(row), shown(spec, row)
        if ended.any():
            for i in np.flatnonzero(ended).tolist():
                infos[i]["terminal_observation"] = _of_one(seen, i)
                infos[i]["TimeLimit.truncated"] = bool(truncated[i])
            mask = torch.from_numpy(ended).to(spec.device)
            self._row = self.env.reset(mask=mask)
            seen = shown(spec, self._row)
        return seen, row.reward.cpu().numpy(), ended, infos

    def _told(self, row: Step) -> list[dict[str, Any]]:
        if not self.facts:
            return [{} for _ in range(self.num_envs)]
        told = {name: x.cpu().numpy() for name, x in row.facts.items()}
        return [{name: x[i] for name, x in told.items()} for i in range(self.num_envs)]

    def close(self) -> None:
        """Release the worlds."""
        self.env.close()

    def get_images(self) -> Sequence[NDArray[np.uint8] | None]:
        """What each env shows, `[H, W, 3]`."""
        if self._row is None:
            return [None] * self.num_envs
        return [picture(self._row, i) for i in range(self.num_envs)]

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """An attribute of the worlds, the same for each; `render_mode` is pixels.

        Raises:
            AttributeError: they have none of that name.
        """
        known = {"render_mode": "rgb_array"}
        value = known.get(attr_name) or getattr(self.env, attr_name)
        return [value for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Refused: worlds are built by their configs.

        Raises:
            AttributeError: always.
        """
        raise AttributeError(
            f"worlds have no {attr_name} that can be set: build them by another config"
        )

    def env_method(
        self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any
    ) -> list[Any]:
        """Refused: B worlds are stepped together, and have no methods one by one.

        Raises:
            AttributeError: always.
        """
        raise AttributeError(
            f"worlds are stepped together: {method_name} of a single one is not there"
        )

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """No Gymnasium wrapper is around any of them: put `VecMonitor` around all."""
        return [False for _ in self._get_indices(indices)]


def _of_one(seen: Any, env: int) -> Any:
    if isinstance(seen, dict):
        return {name: x[env].copy() for name, x in seen.items()}
    return seen[env].copy()
