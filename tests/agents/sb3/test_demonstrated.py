"""Learned rewards around SB3's envs: as they are, and as shaping."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from stable_baselines3 import PPO

from agents.beside.config import CompanionConfig
from agents.curiosity.demonstrated import DemonstratedReward, Shaping
from agents.curiosity.signal import Curiosity, Surroundings
from agents.rewards.perceptual import PerceptualReward
from agents.rewards.reward_model import RewardModel
from agents.sb3.curious import CuriousVecEnv
from agents.sb3.worlds import WorldVecEnv
from envs.tiles.key_door import KeyDoorConfig
from ssl_objectives.encoders.raw_pixels import PixelsConfig
from tests.agents.rewards.expert import demonstrated

WORLD = KeyDoorConfig(size=5, max_episode_steps=30)


@dataclass(frozen=True)
class Pays:
    kind: type[Shaping | DemonstratedReward]

    def build(self, surroundings: Surroundings) -> Curiosity:
        return self.kind.within(surroundings, learned())


def learned() -> RewardModel:
    demos = demonstrated(WORLD, 4)
    shape = WORLD.build(1, "cpu").spec.obs_shape
    return PerceptualReward.fit(demos, 3, PixelsConfig().build(shape))


def wrapped(
    kind: type[Shaping | DemonstratedReward], extrinsic: float
) -> CuriousVecEnv:
    config = CompanionConfig(Pays(kind), num_steps=4)
    return CuriousVecEnv(WorldVecEnv(WORLD.build(2, "cpu")), config, extrinsic)


def test_shaping_is_the_change_of_potential_step_by_step() -> None:
    """By what SB3 is shown; what ends cut off keeps its potential."""
    envs, reward = wrapped(Shaping, 1.0), learned()
    draws = np.random.default_rng(0)
    seen = envs.reset()
    ended = 0
    for step in range(80):
        before = reward(torch.from_numpy(seen))
        seen, paid, dones, infos = envs.step(draws.integers(0, 5, 2))
        now = np.stack(
            [
                info["terminal_observation"] if done else row
                for row, done, info in zip(seen, dones, infos, strict=True)
            ]
        )
        after = reward(torch.from_numpy(now))
        cut = [x.get("TimeLimit.truncated", False) for x in infos]
        over = torch.from_numpy(dones & ~np.array(cut))
        expected = 0.99 * after.masked_fill(over, 0.0) - before
        if step >= 4:  # before, signals look on
            np.testing.assert_allclose(envs.bonus, expected, atol=1e-5)
            np.testing.assert_allclose(paid, envs.score + envs.bonus, atol=1e-6)
        ended += int(dones.sum())
    assert ended > 2


def test_the_reward_alone_teaches_ppo() -> None:
    envs = wrapped(DemonstratedReward, 0.0)
    model = PPO("MlpPolicy", envs, n_steps=8, batch_size=8, n_epochs=1, device="cpu")
    before = [x.clone() for x in model.policy.parameters()]
    model.learn(32)
    assert (envs.bonus >= 0).all()
    assert any(
        not torch.equal(x, y)
        for x, y in zip(before, model.policy.parameters(), strict=True)
    )


def test_shaping_alone_is_refused() -> None:
    with pytest.raises(ValueError, match="shaping alone teaches nothing"):
        wrapped(Shaping, 0.0)
