"""Curiosity around SB3's envs: what is paid for what, mixed, logged and saved."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack, VecMonitor

from agents.beside.config import CompanionConfig
from agents.curiosity.rnd import RndConfig
from agents.curiosity.scored import Scored
from agents.curiosity.signal import Curiosity, IntrinsicReward, Surroundings
from agents.off_policy.study import StudyConfig
from agents.sb3.curious import CuriousVecEnv, check_envs
from agents.sb3.log import CuriosityLog
from agents.sb3.worlds import WorldVecEnv
from envs.counting import CountingConfig, decode
from envs.tiles.key_door import KeyDoorConfig
from ssl_objectives.encoders.cnn import PatchConfig
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.refusal import ConfigError
from world_models.vector_encoder import VectorMlpConfig

STUDY = StudyConfig(1, 0, 2, 4, 0)
SMALL = CompanionConfig(
    RndConfig(PatchConfig(8, precision=Precision.FLOAT32), 8), num_steps=4, study=STUDY
)
ROOM = KeyDoorConfig(max_episode_steps=3)


class Reading(Curiosity):
    """Pays the step number that the frame arrived at shows."""

    def reward(self, scored: Scored) -> IntrinsicReward:
        step = decode(scored.traj.obs[1:]).step.float()
        return IntrinsicReward(step, step.masked_fill(~scored.valid, 0.0))


class ReadingConfig:
    def build(self, surroundings: Surroundings) -> Curiosity:
        return Reading()


def counting(extrinsic: float, intrinsic: float) -> CuriousVecEnv:
    config = CompanionConfig(ReadingConfig(), num_steps=2)
    worlds = WorldVecEnv(CountingConfig().build(3, "cpu"))
    return CuriousVecEnv(worlds, config, extrinsic, intrinsic)


@pytest.mark.parametrize(
    ("extrinsic", "intrinsic"), [(1.0, 1.0), (0.0, 2.0), (0.5, 0.0)]
)
def test_what_is_arrived_at_is_paid_also_at_an_end(
    extrinsic: float, intrinsic: float
) -> None:
    """The world itself pays the number of the step: both rewards are known."""
    envs, twin = counting(extrinsic, intrinsic), counting(1.0, 0.0)
    envs.reset()
    twin.reset()
    for t in range(30):
        _, reward, dones, _ = envs.step(np.zeros(3, np.int64))
        _, step, _, _ = twin.step(np.zeros(3, np.int64))
        bonus = step if t >= 2 else 0 * step
        np.testing.assert_allclose(reward, extrinsic * step + intrinsic * bonus)
        assert reward.dtype == np.float32
        np.testing.assert_array_equal(envs.score, step)
    assert dones is not None


def test_signals_are_built_by_its_seed_for_what_was_asked() -> None:
    built: list[tuple[Surroundings, float]] = []

    class Asking(ReadingConfig):
        def build(self, surroundings: Surroundings) -> Curiosity:
            built.append((surroundings, torch.rand(()).item()))
            return Reading()

    for seed in (4, 4, 5):
        worlds = WorldVecEnv(CountingConfig().build(3, "cpu"))
        CuriousVecEnv(worlds, Asking(), 0.5, seed=seed, updates=90)
    (one, first), (_, again), (_, other) = built
    assert first == again != other
    assert (one.extrinsic, one.updates) == (0.5, 90)


def room() -> VecMonitor:
    return VecMonitor(WorldVecEnv(ROOM.build(3, "cpu")))


def test_saved_and_loaded_it_gives_the_same_bonus(tmp_path: Path) -> None:
    one, two = CuriousVecEnv(room(), SMALL), CuriousVecEnv(room(), SMALL, seed=7)
    actions = np.random.default_rng(0).integers(5, size=(30, 3))
    one.reset()
    for action in actions[:10]:
        one.step(action)
    assert one.bonus.any()
    one.save(tmp_path / "curiosity.pt")
    two.load(tmp_path / "curiosity.pt")
    for envs in (one, two):
        envs.seed(3)
        envs.reset()
    for action in actions[10:]:
        np.testing.assert_array_equal(one.step(action)[1], two.step(action)[1])


def test_what_cannot_be_loaded_is_refused(tmp_path: Path) -> None:
    envs = CuriousVecEnv(room(), SMALL)
    with pytest.raises(ConfigError, match="no file"):
        envs.load(tmp_path / "none.pt")
    torch.save({"other": 1}, tmp_path / "other.pt")
    with pytest.raises(ConfigError, match="was not saved by a CuriousVecEnv"):
        envs.load(tmp_path / "other.pt")


ALGORITHMS: dict[str, tuple[Any, dict[str, Any]]] = {
    "ppo": (PPO, {"n_steps": 4, "batch_size": 6, "n_epochs": 1}),
    "a2c": (A2C, {"n_steps": 2}),
    "dqn": (DQN, {"learning_starts": 6, "buffer_size": 40, "batch_size": 4}),
}


@pytest.mark.parametrize("name", ALGORITHMS)
def test_algorithms_learn_from_it_and_log_it(name: str, tmp_path: Path) -> None:
    kind, settings = ALGORITHMS[name]
    envs = VecFrameStack(CuriousVecEnv(room(), SMALL, extrinsic=0.0), 2, "first")
    network = {"net_arch": [4]}
    model = kind("MlpPolicy", envs, policy_kwargs=network, seed=0, **settings)
    callback = CuriosityLog()
    model.learn(36, callback=callback, log_interval=None)
    told = callback.logger.name_to_value
    assert told["intrinsic/rnd/raw_mean"] > 0
    assert told["loss/rnd"] > 0
    assert np.mean([x["r"] for x in model.ep_info_buffer]) == 0  # the world's own


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    path = tmp_path / "saved.cur"
    CuriousVecEnv(WorldVecEnv(ROOM.build(2, "cpu")), SMALL).save(path)
    other = replace(SMALL, num_steps=5)
    with pytest.raises(ConfigError, match=r"num_steps.*size mismatch for signals.rnd"):
        CuriousVecEnv(WorldVecEnv(ROOM.build(2, "cpu")), other).load(path)


@pytest.mark.parametrize("weights", [(float("nan"), 1.0), (1.0, float("inf"))])
def test_weights_are_finite_numbers(weights: tuple[float, float]) -> None:
    worlds = WorldVecEnv(ROOM.build(2, "cpu"))
    with pytest.raises(ConfigError, match="trinsic must be a finite number"):
        CuriousVecEnv(worlds, SMALL, *weights)


def test_other_envs_are_told_from_vector_envs() -> None:
    with pytest.raises(ConfigError, match="NativeVectorEnv is no vector env of SB3"):
        check_envs(ROOM.build(2, "cpu"))


@pytest.mark.parametrize(("steps", "warned"), [(8, True), (32, False)])
def test_a_training_that_paid_nothing_says_so(steps: int, warned: bool) -> None:
    config = replace(SMALL, num_steps=4)
    envs = CuriousVecEnv(WorldVecEnv(ROOM.build(4, "cpu")), config)
    model = A2C("CnnPolicy", envs, n_steps=2, policy_kwargs={"net_arch": [8]})
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        model.learn(steps, callback=CuriosityLog())
    told = [x for x in heard if "Nothing was paid" in str(x.message)]
    assert bool(told) is warned


def test_without_curiosity_there_is_nothing_to_log() -> None:
    model = A2C("MlpPolicy", room(), policy_kwargs={"net_arch": [4]})
    with pytest.raises(ConfigError, match="no CuriousVecEnv"):
        model.learn(3, callback=CuriosityLog())


def test_vectors_alone() -> None:
    signal = RndConfig(VectorMlpConfig(hidden=(4,)), 4, share=1.0, warm_up_steps=0)
    config = CompanionConfig(signal, num_steps=4, study=STUDY)
    envs = CuriousVecEnv(make_vec_env("CartPole-v1", 2, seed=0), config)
    envs.reset()
    paid = [envs.step(np.array([0, 1]))[1] for _ in range(9)]
    assert (np.stack(paid)[:4] == 1).all()
    assert (np.stack(paid)[5:] > 1).any()


class Floats(gymnasium.Env[Any, Any]):
    observation_space = gymnasium.spaces.Box(0, 1, (3, 9, 9))
    action_space = gymnasium.spaces.Discrete(2)


def test_images_of_floats_are_refused() -> None:
    with pytest.raises(ConfigError, match="one image of bytes"):
        CuriousVecEnv(DummyVecEnv([Floats]), SMALL)
