"""What curiosity tells, in the log of Stable-Baselines3."""

import warnings
from typing import final

from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import unwrap_vec_wrapper

from agents.sb3.curious import CuriousVecEnv
from ssl_objectives.refusal import ConfigError


@final
class CuriosityLog(BaseCallback):
    """Records the metrics of a `CuriousVecEnv` wherever SB3 logs.

    Under the names that they have in runs of ours: `intrinsic/rnd/reward_mean`,
    `loss/rnd`, `world_model/…`. Table, TensorBoard, CSV: what `model.logger` writes.

    It warns at the end of a training in which nothing was paid yet.

    Raises:
        ConfigError: the model's envs are not curious.
    """

    def _curious(self) -> CuriousVecEnv:
        found = unwrap_vec_wrapper(self.training_env, CuriousVecEnv)
        if not isinstance(found, CuriousVecEnv):
            raise ConfigError(
                "There is no CuriousVecEnv around the envs of this model: "
                "PPO('CnnPolicy', CuriousVecEnv(envs, RndConfig()))"
            )
        return found

    def _on_training_start(self) -> None:
        self._curious()

    def _on_step(self) -> bool:
        return True

    def _on_training_end(self) -> None:
        curious = self._curious()
        if not curious.stepwise.companion.warm:
            warnings.warn(
                f"Nothing was paid: the first {curious.stepwise.num_steps} steps of "
                "each env are watched alone. Train for longer, or let curiosity learn "
                "more often: CompanionConfig(RndConfig(), num_steps=16).",
                stacklevel=2,
            )

    def _on_rollout_end(self) -> None:
        for name, x in self._curious().metrics.items():
            self.logger.record(name, float(x))
