"""Curiosity about the errors of every world model that agents can be given."""

from dataclasses import replace

import pytest
import torch

from agents.curiosity.prediction_error import PredictionErrorConfig
from agents.ppo.agent import PpoAgent
from experiments.parts.models import OF_OBJECTS
from experiments.train.tables import MODELS
from ssl_objectives.encoders.decoders import DecoderConfig
from ssl_objectives.methods.pretext.autoencoder import ReconstructionConfig
from tests.agents.small import B, K, T, small
from world_models.model_config import LatentDynamicsConfig
from world_models.terms.ensemble import EnsembleConfig

NAMES = sorted(x for x in MODELS.rows if x not in ("none", *OF_OBJECTS))
STILL = ("random-encoder",)
"""whose encoder learns from nobody where PPO does not reach it"""


def config_of(name: str) -> LatentDynamicsConfig:
    """Of the table, with a small decoder where there is one."""
    config = MODELS.make(name)
    assert isinstance(config, LatentDynamicsConfig)
    config = replace(config, horizon=K)
    if isinstance(config.objective, ReconstructionConfig):
        config = replace(config, objective=ReconstructionConfig(DecoderConfig(4)))
    return config


def build(name: str, term: str = "prediction", **changes: bool) -> PpoAgent:
    config = config_of(name)
    if term == "disagreement":
        config = replace(config, terms=(*config.terms, EnsembleConfig(2, 8)))
    return small(3, config, PredictionErrorConfig(term=term), **changes)


def weights_of(agent: PpoAgent) -> list[torch.Tensor]:
    """Of the encoder."""
    encoder = agent.actor.belief.encoder
    return [p.detach().clone() for p in encoder.parameters()]


@pytest.mark.parametrize("term", ["prediction", "disagreement"])
@pytest.mark.parametrize("name", NAMES)
def test_a_step_pays_a_reward_and_learns(name: str, term: str) -> None:
    """Twice: the second rollout has a context, across the seam."""
    agent = build(name, term)
    agent.begin()
    for _ in range(2):
        told = agent.train_step().metrics
        assert all(torch.isfinite(torch.as_tensor(x)) for x in told.values()), told
        assert told["intrinsic/prediction-error/raw_mean"] > 0
        assert told["intrinsic/prediction-error/reward_std"] > 0
        assert told["loss/world_model"] > 0
    assert all(p.isfinite().all() for p in agent.actor.parameters())


@pytest.mark.parametrize("name", NAMES)
def test_each_transition_inside_an_episode_is_paid(name: str) -> None:
    """And none that joins two."""
    agent = build(name)
    agent.begin()
    agent.train_step()
    experience, _ = agent.collector.collect()
    scored = agent._score(experience, describe=False)
    raw = agent.signals["prediction-error"].curiosity.reward(scored).raw
    assert raw.shape == (T, B)
    assert raw.isfinite().all()
    valid = experience.traj.valid
    assert not valid.all()
    assert not raw[~valid].any()
    assert (raw[valid] > 0).float().mean() > 0.9


@pytest.mark.parametrize("name", NAMES)
def test_what_the_model_teaches_the_encoder_without_ppo(name: str) -> None:
    """Random weights stay as they are; every other model shapes its encoder."""
    agent = build(name, rl_gradient=False)
    agent.begin()
    before = weights_of(agent)
    agent.train_step()
    same = [torch.equal(p, q) for p, q in zip(before, weights_of(agent), strict=True)]
    assert all(same) == (name in STILL)
    assert any(same) == all(same)
