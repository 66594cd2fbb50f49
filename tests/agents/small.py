"""A small agent in a small world, for tests of what is put together."""

from dataclasses import replace
from typing import Any

from agents.curiosity.signals import SignalConfig
from agents.policy.ppo import PpoConfig, RewardStream
from agents.ppo.agent import PpoAgent
from agents.ppo.build import PpoAgentConfig
from envs.tiles.key_door import KeyDoorConfig
from ssl_objectives.encoders.cnn import PatchConfig
from ssl_objectives.encoders.precision import Precision
from world_models.cores.recurrent import RecurrentConfig
from world_models.model_config import ModelConfig

T, B, K = 9, 4, 3
STREAM = RewardStream(0.5, 0.8, episodic=False)
SMALL = PpoAgentConfig(
    encoder=PatchConfig(24, precision=Precision.FLOAT32),
    core=RecurrentConfig(17, num_frames=2),
    ppo=PpoConfig(num_steps=T, num_minibatches=2, num_epochs=2, learning_rate=1e-3),
    intrinsic=STREAM,
)


def small(
    seed: int,
    model: ModelConfig | None,
    curiosity: Any,
    *also: SignalConfig,
    **changes: Any,
) -> PpoAgent:
    """Not yet begun; in key-door with short episodes."""
    env = KeyDoorConfig(max_episode_steps=7, varied_layouts=True).build(B, "cpu")
    return replace(SMALL, **changes).build(env, model, curiosity, seed, also)
