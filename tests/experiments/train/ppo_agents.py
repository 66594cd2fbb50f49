"""The PPO agent of a run's config, which may hold any."""

from agents.ppo.build import PpoAgentConfig
from experiments.train.config import TrainConfig


def ppo_agent(config: TrainConfig) -> PpoAgentConfig:
    """Of presets whose policy nobody has chosen."""
    assert isinstance(config.agent, PpoAgentConfig)
    return config.agent
