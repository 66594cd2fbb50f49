"""Learning on one GPU, each within eight minutes: `pytest -m gpu`."""

import time
from dataclasses import replace

import pytest
import torch

from agents.acting import RandomPolicy
from agents.play import PlayedEpisodes, play_episodes
from agents.policy.ppo import PpoConfig, RewardStream
from agents.ppo.build import PpoAgentConfig
from envs.atari.native import AtariConfig
from envs.atari.protocol import NamedProtocol
from envs.tiles.maze.pixel_maze import PixelMazeConfig
from experiments.train.presets import train_config
from ssl_objectives.encoders.cnn import NatureConfig
from world_models.cores.frame_stack import FrameStackConfig

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
SECONDS = 450.0


def test_ppo_reaches_fifteen_in_pong() -> None:
    world = AtariConfig("Pong", protocol=NamedProtocol.RND_PAPER)
    env = world.build(64, "cuda")
    config = PpoAgentConfig(
        encoder=NatureConfig(),
        core=FrameStackConfig(),
        ppo=PpoConfig(num_steps=128, num_minibatches=8, learning_rate=5e-4),
        extrinsic=RewardStream(1.0, 0.99),
    )
    agent = config.build(env, None, None, seed=0)
    agent.begin()
    recent: list[float] = []
    begin = time.monotonic()
    while time.monotonic() - begin < SECONDS:
        ends = agent.train_step().happened
        recent = (recent + ends.episode_return[ends.ended].tolist())[-50:]
        if len(recent) == 50 and sum(recent) / 50 >= 15:
            break
    env.close()
    mean = sum(recent) / max(1, len(recent))
    assert mean >= 15, f"{mean:.1f} after {agent.env_steps:,} env steps"


def test_curiosity_alone_visits_twice_as_many_rooms_as_random_play() -> None:
    config = train_config("byol-explore", size="gpu", world="pixel-maze")
    env = PixelMazeConfig().build(config.num_envs, "cuda")
    assert isinstance(config.agent, PpoAgentConfig)
    blind_to_rewards = replace(config.agent, extrinsic=RewardStream(0.0, 0.999))
    agent = blind_to_rewards.build(env, config.model, config.curiosity, seed=0)
    agent.begin()
    begin = time.monotonic()
    while time.monotonic() - begin < SECONDS:
        agent.train_step()
    few = PixelMazeConfig().build(64, "cuda")
    curious = play_episodes(few, agent.player.acting(1), 64, 1)
    blind = play_episodes(few, RandomPolicy(few, 1), 64, 1)
    assert rooms_per_episode(curious) >= 2 * rooms_per_episode(blind)


def rooms_per_episode(played: PlayedEpisodes) -> float:
    return sum(len(x.rooms or ()) for x in played.episodes) / len(played.episodes)
