"""The loss on each part of a world, under a gaze that no agent chose."""

import pytest
import torch

from envs.attention.config import AttentionConfig
from envs.behaviours.groups import Company
from experiments.runs.watching import loss_of_parts
from tests.agents.resuming import same
from world_models.cores.history import HistoryConfig
from world_models.latent_dynamics import LatentDynamics
from world_models.presets import grouped
from world_models.vector_encoder import VectorMlpConfig

CONFIG = AttentionConfig(company=Company.MIXTURE, pixels=0)
STEPS = 250  # more than two chunks, and not a multiple of one


def model_of(scale: float) -> LatentDynamics:
    """Says that everything goes on moving as it does, `scale` times as fast."""
    torch.manual_seed(0)
    made = grouped().of(
        (1, 1, 1),
        CONFIG.build(1, "cpu").spec.actions,
        VectorMlpConfig(12, 60, ()),
        HistoryConfig(4),
        60,
    )
    with torch.no_grad():
        for x in made.predictor.parameters():
            x.zero_()
        # reads the newest displacements (inputs 8 to 16) through pairs of ReLUs
        first, second, last = made.predictor.network.weights  # type: ignore[misc, union-attr]  # three layers
        for i in range(8):
            for sign in (0, 1):
                unit = 2 * i + sign
                first[:, 8 + i, unit] = 1.0 - 2.0 * sign
                second[:, unit, unit] = 1.0
                last[:, unit, i] = scale * (1.0 - 2.0 * sign)
    return made


def test_each_part_has_the_loss_of_what_it_does() -> None:
    env = CONFIG.build(3, "cpu")
    env.reset(seed=4)
    still = loss_of_parts(CONFIG, env, model_of(0.0), STEPS, 0)
    assert list(still) == ["reaching", "static", "periodic", "noise"]
    # nothing moves it: five times its step, and 1e-3 for what does not move
    assert still["static"] == pytest.approx(1e-3, rel=1e-3)
    assert still["noise"] == pytest.approx(5 * 0.2, rel=1e-3)
    assert 0.4 < still["periodic"] <= 0.501
    going = loss_of_parts(CONFIG, env, model_of(1.0), STEPS, 0)
    assert going["periodic"] < 0.2 * still["periodic"]  # but for where it turns
    assert going["noise"] > 1.2 * still["noise"]


def test_worlds_and_model_are_left_as_they_are() -> None:
    env, model = CONFIG.build(2, "cpu"), model_of(0.5)
    env.reset(seed=4)
    env.step(torch.tensor([3, 1]))
    worlds = env.state_dict()
    weights = {k: x.clone() for k, x in model.state_dict().items()}
    once = loss_of_parts(CONFIG, env, model, STEPS, 7)
    assert loss_of_parts(CONFIG, env, model, STEPS, 7) == once
    assert same(env.state_dict(), worlds) == []
    assert same(dict(model.state_dict()), weights) == []
    assert model.training
    other = loss_of_parts(CONFIG, env, model, STEPS, 8)
    assert other["noise"] != once["noise"]
    assert other["reaching"] == once["reaching"]
