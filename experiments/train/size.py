"""The one dial for what a training run may cost: `curious train --size`."""

from dataclasses import dataclass

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
    video_steps: int = 900


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
                num_envs=6,
                env_steps=1_200,
                checkpoint_every=600,
                evaluate_every=0,
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
            ),
            "hours on one GPU",
        ),
    },
)
