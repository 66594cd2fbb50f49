"""Our worlds behind SB3's vector envs: the same rows, with ends within a step."""

import gymnasium
import numpy as np
import pytest
import torch
from stable_baselines3.common.vec_env import VecMonitor

from agents.sb3.worlds import WorldVecEnv
from envs.counting import CountingConfig, decode
from envs.tiles.key_door import KeyDoorConfig
from tests.envs.probe_world import ProbeConfig


def test_ends_and_beginnings_are_of_one_step() -> None:
    envs = WorldVecEnv(CountingConfig().build(3, "cpu"), facts=True)
    before = decode(torch.from_numpy(envs.reset()))
    ends = 0
    for _ in range(40):
        seen, reward, dones, infos = envs.step(np.zeros(3, np.int64))
        now = decode(torch.from_numpy(seen))
        for i in range(3):
            assert reward[i] == before.step[i] + 1 == infos[i]["step"]
            if not dones[i]:
                assert "terminal_observation" not in infos[i]
                assert now.step[i] == before.step[i] + 1
                continue
            ends += 1
            last = decode(torch.from_numpy(infos[i]["terminal_observation"]))
            assert last.env == i
            assert last.step == before.step[i] + 1
            assert now.step[i] == 0
            assert now.episode[i] == last.episode + 1
            assert infos[i]["TimeLimit.truncated"] == (last.episode % 2 == 1)
        before = now
    assert ends > 6


def test_seeds_repeat_and_go_on() -> None:
    world = KeyDoorConfig(varied_layouts=True)
    one, two = (WorldVecEnv(world.build(2, "cpu")) for _ in range(2))
    for envs in (one, two):
        envs.seed(5)
    first = one.reset()
    assert np.array_equal(first, two.reset())
    assert not np.array_equal(first, one.reset())


def test_what_is_observed_beside_pixels() -> None:
    envs = WorldVecEnv(ProbeConfig().build(3, "cpu"))
    seen = envs.reset()
    assert isinstance(seen, dict)
    space = envs.observation_space
    assert isinstance(space, gymnasium.spaces.Dict)
    assert space["image"].contains(seen["image"][0])
    assert seen["vector"].dtype == np.float32
    actions = np.stack([envs.action_space.sample() for _ in range(3)])
    assert set(envs.step(actions)[0]) == {"image", "vector"}


def test_pictures_and_what_single_worlds_have_not() -> None:
    envs = VecMonitor(WorldVecEnv(KeyDoorConfig().build(2, "cpu")))
    envs.reset()
    assert [np.shape(x) for x in envs.get_images() if x is not None] == [
        (40, 45, 3)
    ] * 2
    assert envs.env_is_wrapped(gymnasium.Wrapper) == [False, False]
    with pytest.raises(AttributeError, match="another config"):
        envs.set_attr("size", 3)
    with pytest.raises(AttributeError, match="stepped together"):
        envs.env_method("walk")
    envs.close()
