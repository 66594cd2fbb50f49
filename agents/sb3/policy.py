"""Our trained players under `evaluate_policy` of Stable-Baselines3."""

from typing import Any, final

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from agents.player import Player
from agents.sb3.senses import Senses
from envs.vector_env import Step
from world_models.belief import Carry


@final
class PlayerPolicy:
    """A player as whatever SB3 asks `predict` of: `evaluate_policy(policy, envs)`.

    Its memory is the state that `predict` returns and is given again.

    Args:
        player: `load_agent(run)` gives one.
        venv: envs like those that it plays in; `WorldVecEnv` of its own world, say.
        seed: of its draws.
    """

    def __init__(self, player: Player, venv: VecEnv, seed: int = 0) -> None:
        self.senses = Senses(venv, player.device)
        self.acting = {
            greedy: player.acting(seed, greedy=greedy) for greedy in (False, True)
        }

    @torch.no_grad()
    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: NDArray[Any] | None = None,
        deterministic: bool = False,
    ) -> tuple[NDArray[Any], Any]:
        """Actions of all envs, and the state of the next call.

        Args:
            observation: of all envs, `[B, …]`.
            state: what the last call returned; None begins without a memory.
            episode_start: `[B]`, where an episode begins.
            deterministic: always what it thinks best.
        """
        acting, spec = self.acting[deterministic], self.senses.spec
        begun = isinstance(state, Carry)
        carry = state if begun else acting.start(spec.num_envs)
        first = np.full(spec.num_envs, not begun)
        if begun and episode_start is not None:
            first = np.array(episode_start, np.bool_)
        shown = self.senses.see(observation)
        nothing = torch.zeros(spec.num_envs, device=spec.device)
        never = nothing.bool()
        begins = torch.from_numpy(first).to(spec.device)
        row = Step(shown.obs, nothing, never, never, begins, {}, shown.vector)
        acted = acting.act(row, carry)
        return self.senses.told(acted.action), acted.carry
