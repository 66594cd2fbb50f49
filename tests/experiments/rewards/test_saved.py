"""A learned reward comes back whole, or says why not; agents are paid by it."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from agents.curiosity.demonstrated import DemonstratedReward, Shaping
from agents.curiosity.signal import Surroundings
from agents.rewards.perceptual import PerceptualReward, PerceptualRewardConfig
from agents.rewards.segmentation import GreedySegmentation, MeanSpread
from agents.rewards.selection import AgainstRest
from envs.vector_env import DiscreteActions, EnvSpec
from experiments.rewards.paid import PerceptualConfig, PerceptualShapingConfig
from experiments.rewards.saved import (
    REWARD_FILE,
    RewardDescription,
    SavedRewardError,
    describe_reward,
    load_reward,
    save_reward,
)
from ssl_objectives.encoders.cnn import PatchConfig
from tests.agents.rewards.planted import SHAPE, several

EYES = PatchConfig(5, 2, 4)
CONFIG = PerceptualRewardConfig(
    4, 7, AgainstRest(4.0), 0.2, GreedySegmentation(2, MeanSpread())
)
ABOUT = RewardDescription(CONFIG, EYES, SHAPE, "of a test")


def saved(folder: Path) -> PerceptualReward:
    reward = CONFIG.fit(EYES.build(SHAPE), several(range(3)))
    save_reward(folder / REWARD_FILE, reward, ABOUT)
    return reward


def around() -> Surroundings:
    return Surroundings(
        EnvSpec(2, SHAPE, DiscreteActions(3), torch.device("cpu")), 5, 6, 0.9
    )


def test_it_comes_back_with_its_encoder(tmp_path: Path) -> None:
    reward, frames = saved(tmp_path), several(range(50, 51))[0].frames
    state = torch.get_rng_state()
    for place in (tmp_path, tmp_path / REWARD_FILE, str(tmp_path)):
        again = load_reward(place)
        assert isinstance(again, PerceptualReward)
        assert torch.equal(again(frames), reward(frames))
        assert torch.equal(again.starts(frames), reward.starts(frames))
        assert again.config == CONFIG
    assert torch.equal(torch.get_rng_state(), state)
    assert describe_reward(tmp_path) == ABOUT
    with torch.device("meta"):
        assert load_reward(tmp_path)(frames).device.type == "cpu"


def test_signals_are_made_of_the_file(tmp_path: Path) -> None:
    reward, frames = saved(tmp_path), several(range(50, 51))[0].frames
    pays = PerceptualConfig(tmp_path).build(around())
    shapes = PerceptualShapingConfig(tmp_path).build(around())
    assert isinstance(pays, DemonstratedReward)
    assert isinstance(shapes, Shaping)
    for signal in (pays, shapes):
        assert torch.equal(signal.model(frames), reward(frames))
        assert signal.discount == 0.9
        assert not any(x.requires_grad for x in signal.parameters())
    with pytest.raises(SavedRewardError, match=r"--curiosity\.path FOLDER"):
        PerceptualConfig().build(around())


def test_what_is_no_reward_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SavedRewardError, match="no learned reward at"):
        load_reward(tmp_path)
    other = tmp_path / "other.safetensors"
    save_file({"x": torch.zeros(2)}, other)
    with pytest.raises(SavedRewardError, match="not a learned reward"):
        load_reward(other)
    saved(tmp_path)
    file = tmp_path / REWARD_FILE
    data = bytearray(file.read_bytes())
    data[-3] ^= 1
    file.write_bytes(data)
    with pytest.raises(SavedRewardError, match="damaged"):
        load_reward(tmp_path)
