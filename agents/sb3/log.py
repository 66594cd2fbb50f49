"""What curiosity tells, in the log of Stable-Baselines3."""

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

    def _on_rollout_end(self) -> None:
        for name, x in self._curious().metrics.items():
            self.logger.record(name, float(x))
