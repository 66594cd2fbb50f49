from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import nn

from agents.build import ReplayConfig
from envs.tiles.key_door import KeyDoorConfig
from experiments.train.config import TrainConfig
from experiments.train.footprint import plan_training
from experiments.train.presets import train_config
from experiments.train.task import build_agent
from ssl_objectives.encoders.cnn import NatureConfig
from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.footprint.networks import activation_bytes, training_bytes
from ssl_objectives.footprint.plan import MemoryPlan
from world_models.belief import BeliefModel
from world_models.latent_dynamics import LatentDynamics
from world_models.presets import ByolExploreConfig

CPU = torch.device("cpu")


def lines(plan: MemoryPlan) -> dict[str, int]:
    return {x.name: x.num_bytes for x in plan.items}


def small(preset: str = "byol-explore", num_envs: int = 6) -> TrainConfig:
    config = train_config(preset, "debug", "key-door")
    return replace(config, num_envs=num_envs)


@pytest.mark.parametrize("preset", ["byol-explore", "rnd", "ppo"])
def test_frames_and_networks_are_those_of_the_agent(preset: str) -> None:
    config = small(preset)
    agent = build_agent(config)
    agent.begin()
    rollout, _ = agent.collector.collect()
    plan = lines(plan_training(config, CPU))
    assert plan["rollout frames"] == rollout.traj.obs.nbytes == 21 * 6 * 3 * 40 * 45
    assert plan["networks and Adam"] == pytest.approx(
        training_bytes(agent.modules), rel=0.01
    )
    assert plan["beliefs and targets"] == 21 * 6 * (48 + 64) * 4


def test_what_grows_with_what() -> None:
    config = small(num_envs=1_000)
    one = lines(plan_training(config, CPU))
    two = lines(plan_training(replace(config, num_envs=2_000), CPU))
    for name in ("rollout frames", "beliefs and targets", "activations"):
        assert two[name] == pytest.approx(2 * one[name], rel=1e-6)
    # some signals remember a number or two of each env
    networks = one["networks and Adam"]
    assert 0 <= two["networks and Adam"] - networks <= 1_000 * 16
    ppo = replace(config.agent.ppo, num_minibatches=10)
    finer = replace(config, agent=replace(config.agent, ppo=ppo))
    assert lines(plan_training(finer, CPU))["activations"] < one["activations"] / 4
    kept = replace(config, agent=replace(config.agent, replay=ReplayConfig(7, 1)))
    assert lines(plan_training(kept, CPU))["replay"] == 7 * one["rollout frames"]
    assert "replay" not in one
    # Where all rows are encoded at once, as on a GPU, scoring can need more.
    cuda = lines(plan_training(finer, torch.device("cuda")))
    assert cuda["activations"] > lines(plan_training(finer, CPU))["activations"]


def test_planning_changes_no_random_numbers_and_allocates_nothing() -> None:
    before, peak = torch.get_rng_state(), most_memory()
    encoder = NatureConfig(size=10_000_000)
    config = small("rnd", num_envs=10**9)
    config = replace(config, agent=replace(config.agent, encoder=encoder))
    assert plan_training(config, CPU).total > 1 << 40
    assert torch.equal(torch.get_rng_state(), before)
    assert most_memory() - peak < 200 << 20


def most_memory() -> int:
    text = Path("/proc/self/status").read_text()
    return next(int(x.split()[1]) << 10 for x in text.splitlines() if "VmHWM" in x)


@dataclass(frozen=True)
class Curious:
    """A model that looks at its values while it is built."""

    def build(self, belief: BeliefModel) -> LatentDynamics:
        size = int(nn.Linear(2, 2).weight.detach().isfinite().sum().item())
        return ByolExploreConfig(horizon=size).build(belief)


def test_models_that_look_at_their_values_are_planned_for_real() -> None:
    state = torch.get_rng_state()
    config = replace(small(), model=Curious())
    plan = plan_training(config, CPU)
    assert plan == plan_training(replace(config, model=ByolExploreConfig(4)), CPU)
    assert torch.equal(torch.get_rng_state(), state)


class Functional(nn.Module):
    """A body without layers: a convolution, a sum, and what makes no new numbers."""

    def __init__(self, looks: bool) -> None:
        super().__init__()
        self.looks = looks
        self.weight = nn.Parameter(torch.randn(7, 3, 4, 4))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        maps = nn.functional.conv2d(image, self.weight, stride=4)
        shift = 1 + (maps.sum().item() if self.looks else 0)
        moved: torch.Tensor = (maps + shift).tanh_()
        return moved.view_as(maps)


@dataclass(frozen=True)
class FunctionalConfig:
    looks: bool = False

    def build(self, image_shape: tuple[int, int, int]) -> Encoder:
        body = Functional(self.looks)
        return Encoder(body, image_shape, 24, Precision.FLOAT32)


def test_bodies_from_outside_are_counted_whatever_they_are_made_of() -> None:
    encoder = FunctionalConfig().build((3, 40, 45))
    # the image, a convolution and a sum of 7 x 10 x 11, the latent
    assert activation_bytes(encoder, CPU) == 4 * (3 * 40 * 45 + 2 * 770 + 24)


def test_bodies_that_look_at_their_values_are_planned_for_real() -> None:
    config = small()
    plans = []
    for looks in (False, True):
        agent = replace(config.agent, encoder=FunctionalConfig(looks))
        plans.append(lines(plan_training(replace(config, agent=agent), CPU)))
    plain, looking = plans
    one, two = plain.pop("activations"), looking.pop("activations")
    assert one < two < 1.01 * one  # the sum that it looks at is one more number
    assert looking == plain


def test_what_does_not_fit_together_is_said_already() -> None:
    config = replace(small(), world=KeyDoorConfig(size=6))  # 30 x 35 pixels
    with pytest.raises(ValueError, match="too small for this encoder"):
        plan_training(config, CPU)
