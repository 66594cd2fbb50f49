"""A blank rollout is what a real one is, but for its values."""

from collections.abc import Mapping
from dataclasses import is_dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from agents.curiosity.rnd import RndConfig
from agents.policy.ppo import PpoConfig
from agents.ppo.build import PpoAgentConfig
from envs.gym.env import GymnasiumConfig
from envs.tiles.key_door import KeyDoorConfig
from envs.vector_env import ContinuousActions, EnvSpec, WorldConfig
from experiments.train.rehearsal import NoWorlds, blank_experience
from world_models.cores.frame_stack import FrameStackConfig
from world_models.cores.recurrent import RecurrentConfig
from world_models.model_config import ModelConfig
from world_models.presets import byol_explore

PPO = PpoConfig(num_steps=6, num_minibatches=1, num_epochs=1)


def form(part: object) -> Any:
    """Shapes and types in place of tensors."""
    if isinstance(part, Tensor):
        return tuple(part.shape), part.dtype
    if is_dataclass(part):
        return {k: form(v) for k, v in vars(part).items()}
    if isinstance(part, Mapping):
        return {k: form(v) for k, v in part.items()}
    return part


@pytest.mark.parametrize("model", [None, byol_explore(1), byol_explore(4)])
@pytest.mark.parametrize("core", [RecurrentConfig(12), FrameStackConfig(3)])
@pytest.mark.parametrize(
    "world",
    [KeyDoorConfig(), GymnasiumConfig("Pendulum-v1")],
    ids=["discrete", "continuous"],
)
def test_a_blank_rollout_has_the_form_of_a_real_one(
    world: WorldConfig, core: Any, model: ModelConfig | None
) -> None:
    config = PpoAgentConfig(core=core, ppo=PPO)
    agent = config.build(world.build(2, "cpu"), model, RndConfig(warm_up_steps=0))
    agent.begin()
    agent.train_step()
    real, _ = agent.collector.collect()
    blank = blank_experience(agent)
    agent.env.close()
    assert form(blank) == form(real)
    assert (real.context is None) == (model is None or model == byol_explore(1))


def test_an_agent_learns_nothing_from_rehearsing() -> None:
    config = PpoAgentConfig(core=RecurrentConfig(12), ppo=PPO)
    agent = config.build(KeyDoorConfig().build(2, "cpu"), byol_explore(2))
    before = [x.clone() for x in agent.actor.parameters()]
    agent.rehearse(blank_experience(agent))
    after = list(agent.actor.parameters())
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))
    assert all(x.grad is not None for x in agent.actor.parameters() if x.requires_grad)


def test_vectors_are_there_where_worlds_have_them() -> None:
    spec = EnvSpec(
        3, (5, 40, 40), ContinuousActions((-1.0,), (1.0,)), torch.device("meta")
    )
    config = PpoAgentConfig(core=RecurrentConfig(12), ppo=PPO)
    for size, wanted in ((0, None), (4, (7, 3, 4))):
        env = NoWorlds(replace(spec, vector_size=size))
        with torch.device("meta"):
            experience = blank_experience(config.build(env))
        found = experience.traj.vector
        assert (None if found is None else tuple(found.shape)) == wanted
