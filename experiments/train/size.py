"""The one dial for what a training run may cost: `curious train --size`."""

from dataclasses import dataclass

from agents.off_policy.study import StudyConfig
from agents.policy.ppo import PpoConfig
from experiments.config.choices import Row, Table


@dataclass(frozen=True)
class Scale:
    """What the size dial sets.

    Attributes:
        encoder: which one, where none was asked for.
        latent, belief: D and S, sizes of the two.
        horizon: K, in env steps.
        reward_decay: of the bonus's running mean and std, per rollout.
        env_steps, checkpoint_every, evaluate_every: in steps of all envs together;
            0 for never.
        off_policy: what is otherwise where a policy acts apart from the world model.
    """

    ppo: PpoConfig
    encoder: str
    latent: int
    belief: int
    horizon: int
    reward_decay: float
    num_envs: int
    env_steps: int
    checkpoint_every: int
    evaluate_every: int
    off_policy: "OffPolicyScale"
    video_steps: int = 900

    @property
    def batch(self) -> int:
        """Windows in a gradient step on the replay."""
        return self.off_policy.study.batch

    @property
    def updates(self) -> int:
        """Gradient steps on the replay, per rollout."""
        return self.off_policy.study.updates_per_rollout


@dataclass(frozen=True)
class OffPolicyScale:
    """What the size dial sets where a policy acts apart from the world model."""

    num_envs: int
    num_steps: int
    env_steps: int
    study: StudyConfig


SIZES: Table[Scale] = Table(
    "size",
    None,
    {
        "debug": Row.of(
            Scale(
                ppo=PpoConfig(num_steps=20, num_epochs=2, num_minibatches=2),
                encoder="nature",
                latent=64,
                belief=48,
                horizon=4,
                reward_decay=0.5,
                num_envs=4,  # two processes may share them
                env_steps=1_200,
                checkpoint_every=600,
                evaluate_every=0,
                off_policy=OffPolicyScale(
                    num_envs=2,
                    num_steps=20,
                    env_steps=400,
                    study=StudyConfig(
                        capacity=20,
                        learning_starts=80,
                        updates_per_rollout=2,
                        batch=16,
                    ),
                ),
                video_steps=60,
            ),
            "seconds on any machine: does it run at all",
        ),
        "laptop": Row.of(
            Scale(
                ppo=PpoConfig(num_steps=32),
                encoder="nature",
                latent=512,
                belief=256,
                horizon=8,
                reward_decay=0.8,
                num_envs=16,
                env_steps=34_816,
                checkpoint_every=8_192,
                evaluate_every=0,
                off_policy=OffPolicyScale(
                    num_envs=4,
                    num_steps=40,
                    env_steps=24_000,
                    study=StudyConfig(),
                ),
            ),
            "about five minutes on two CPU cores",
        ),
        "gpu": Row.of(
            Scale(
                ppo=PpoConfig(num_steps=96, num_minibatches=8),
                encoder="impala",
                latent=512,
                belief=256,
                horizon=8,
                reward_decay=0.99,
                num_envs=128,
                env_steps=50_000_000,
                checkpoint_every=1_000_000,
                evaluate_every=5_000_000,
                off_policy=OffPolicyScale(
                    num_envs=128,
                    num_steps=40,
                    env_steps=5_000_000,
                    study=StudyConfig(
                        capacity=100,
                        learning_starts=50_000,
                        updates_per_rollout=40,
                        batch=256,
                    ),
                ),
            ),
            "hours on one GPU",
        ),
    },
)
