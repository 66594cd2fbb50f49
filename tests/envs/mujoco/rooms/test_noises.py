"""Every noise lies around rooms, and keeps the contract."""

from dataclasses import replace

import pytest

from envs.check import check_env
from envs.noise.config import NoisyConfig
from tests.envs.mujoco.rooms.played import BLIND
from tests.envs.noise.test_noisy_env import NOISES


@pytest.mark.parametrize("noise", NOISES)
def test_the_contract_is_kept(noise: str) -> None:
    world = replace(BLIND, pixels=8, rooms=(2, 2), locks=1, max_episode_steps=4)
    check_env(lambda: NoisyConfig(world, NOISES[noise]).build(2, "cpu"), 7)
