"""A world model is built from its config, what a source offers, and a seed alone."""

from dataclasses import replace

import pytest
import torch

from envs.vector_env import ContinuousActions, DiscreteActions
from experiments.model.build import build_model, offered_of, offered_state
from experiments.model.presets import train_model_config
from experiments.sources.source import Offered
from world_models.latent_dynamics import LatentDynamics

PLANE = ContinuousActions((-1.0, -2.0), (1.0, 0.5))
OFFERED = Offered((1, 28, 28), PLANE, 3, ("place",))


def weights(seed: int) -> torch.Tensor:
    config = replace(train_model_config("spr", "debug"), seed=seed)
    model = build_model(config, OFFERED)
    assert isinstance(model, LatentDynamics)
    drawn = [x for x in model.parameters() if x.dim() > 1]  # biases may be constant
    return torch.cat([x.detach().flatten() for x in drawn])


def test_a_seed_fixes_the_weights_and_another_one_gives_others() -> None:
    """Whatever was drawn before; and what is drawn behind does not change."""
    torch.manual_seed(1)
    one = weights(0)
    after = torch.rand(3)
    torch.manual_seed(1)
    assert torch.equal(torch.rand(3), after)
    assert torch.equal(weights(0), one)
    assert float((weights(1) == one).float().mean()) < 0.01


@pytest.mark.parametrize("actions", [PLANE, DiscreteActions(5)])
def test_what_a_checkpoint_keeps_is_what_was_offered(
    actions: ContinuousActions | DiscreteActions,
) -> None:
    offered = replace(OFFERED, actions=actions)
    assert offered_of(offered_state(offered)) == offered
