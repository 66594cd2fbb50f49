"""What a config builds: which networks are compiled, and what it refuses."""

import pytest
import torch
from torch import nn

from agents.ppo.build import PpoAgentConfig, ReplayConfig
from envs.vector_env import DiscreteActions, EnvSpec
from ssl_objectives.encoders.cnn import PatchConfig
from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.encoders.precision import Precision
from world_models.presets import byol_explore, jepa_vicreg

SPEC = EnvSpec(4, (1, 40, 44), DiscreteActions(5), torch.device("cpu"))
PATCH = PatchConfig(24, precision=Precision.FLOAT32)


def is_compiled(module: nn.Module) -> bool:
    return module._compiled_call_impl is not None


@pytest.mark.parametrize("compiled", [False, True])
def test_compile_is_for_the_target_network_too(compiled: bool) -> None:
    config = PpoAgentConfig(encoder=PATCH, compile=compiled)
    actor = config.build_player(SPEC, byol_explore(horizon=3), 0)
    model = actor.world_model
    assert model is not None
    assert model.target is not None
    [copy] = [x for x in model.target.modules() if isinstance(x, Encoder)]
    encoder = actor.belief.encoder
    assert isinstance(encoder, Encoder)
    assert is_compiled(encoder.body) is compiled
    assert is_compiled(copy.body) is compiled
    jepa = config.build_player(SPEC, jepa_vicreg(horizon=3), 0).world_model
    assert jepa is not None
    assert jepa.target is None


def test_numbers_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="burn_in must be at least 0, not -1"):
        ReplayConfig(burn_in=-1)
    with pytest.raises(ValueError, match="action_size must be at least 1"):
        PpoAgentConfig(action_size=0)
