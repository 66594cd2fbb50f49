"""What `curious reward fit` hands on: its seed, and encoders that are whole."""

import io
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from agents.rewards.distance_to_goal import TemporalRewardConfig
from agents.rewards.temporal.learning import EmbeddingConfig
from agents.rewards.temporal.time_contrast import TimeContrast
from experiments.encoders.pretrained import PretrainedConfig
from experiments.encoders.saved import save_encoder
from experiments.reward import eyes, fitting
from experiments.reward.demonstrations import Demonstrated
from experiments.reward.eyes import WorldModelEncoderConfig, opened
from experiments.reward.fit_config import FitConfig
from ssl_objectives.encoders.cnn import PatchConfig
from ssl_objectives.encoders.encoder import EncoderConfig
from ssl_objectives.encoders.vit import ViTConfig
from tests.agents.rewards.moving import SHAPE, moving
from world_models.actions import DiscreteEmbedding
from world_models.belief import BeliefModel
from world_models.cores.recurrent import RecurrentCore

PATCHES = PatchConfig(5, 2, 4)


def test_its_seed_is_the_encoders_and_of_all_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    demos = [moving(x) for x in range(2)]

    def read(*_: Any, **__: Any) -> Demonstrated:
        return Demonstrated(demos)

    monkeypatch.setattr(fitting, "read_demonstrations", read)
    method = TemporalRewardConfig(TimeContrast(), EmbeddingConfig(4, 6, steps=1))
    asked = FitConfig("mine", method, PATCHES, tmp_path, seed=7, device="cpu")
    told = fitting.fit(asked, Console(file=io.StringIO())).reward.state_dict()
    torch.manual_seed(7)
    expected = method.fit(PATCHES.build(SHAPE), demos, seed=7).state_dict()
    for key, x in expected.items():
        assert torch.equal(told[key], x), key


def of_a_model(
    config: EncoderConfig, shape: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> BeliefModel:
    """What lies in the run of a world model whose encoder was built by a config."""
    encoder = config.build(shape)
    core = RecurrentCore(encoder.size, 6, 7)
    belief = BeliefModel(encoder, core, DiscreteEmbedding(3, 6))

    def read(_: Path) -> tuple[BeliefModel, object]:
        return belief, config

    monkeypatch.setattr(eyes, "_belief_at", read)
    return belief


def test_what_a_model_began_with_is_not_needed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its encoder was a pretrained one: the reward's file names no other file."""
    file = tmp_path / "encoder.safetensors"
    save_encoder(file, PATCHES.build(SHAPE), PATCHES, SHAPE)
    belief = of_a_model(PretrainedConfig(file), SHAPE, monkeypatch)
    encoder, plain = opened(WorldModelEncoderConfig(tmp_path), SHAPE)
    assert encoder is belief.encoder
    assert plain == PATCHES


def test_a_model_whose_encoder_pools_looks_at_demonstrations_of_any_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    small = ViTConfig(patch=4, width=8, depth=1, heads=2)
    of_a_model(small, (1, 8, 8), monkeypatch)
    encoder, plain = opened(WorldModelEncoderConfig(Path("run")), SHAPE)
    assert encoder.image_shape == SHAPE
    assert encoder.maps_shape == (8, 2, 6)
    assert plain == small
