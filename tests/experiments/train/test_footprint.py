from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from agents.ppo.agent import PpoAgent
from agents.ppo.build import ReplayConfig
from envs.tiles.key_door import KeyDoorConfig
from envs.vector_env import DiscreteActions, EnvSpec, WorldConfig
from experiments.parts.models import OBJECTIVES, OF_OBJECTS
from experiments.train.activations import followed
from experiments.train.config import TrainConfig
from experiments.train.footprint import _agent, plan_training
from experiments.train.presets import train_config
from experiments.train.tables import CORES, MODELS
from experiments.train.task import build_agent
from ssl_objectives.encoders.cnn import NatureConfig
from ssl_objectives.encoders.planned import planned_for
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.footprint.networks import training_bytes
from ssl_objectives.footprint.plan import MemoryPlan
from tests.envs.probe_world import ProbeConfig
from tests.experiments.train.measured import measured_peak
from tests.experiments.train.ppo_agents import ppo_agent
from world_models.belief import BeliefModel
from world_models.cores.core import BeliefCore
from world_models.cores.frame_stack import FeedForwardCore
from world_models.cores.recurrent import RecurrentConfig
from world_models.latent_dynamics import LatentDynamics
from world_models.presets import byol_explore
from world_models.terms.ensemble import EnsembleConfig
from world_models.terms.goal import GoalConfig
from world_models.terms.inverse import InverseConfig
from world_models.terms.temporal import TemporalConfig

CPU, CUDA = torch.device("cpu"), torch.device("cuda")
SLOW = pytest.mark.slow
WORLDS = ("key-door", "pixel-maze", "atari", "counting")
PRESETS = ("byol-explore", "delta-progress", "rnd", "ppo")


def lines(plan: MemoryPlan) -> dict[str, int]:
    return {x.name: x.num_bytes for x in plan.items}


def small(preset: str = "byol-explore", num_envs: int = 6, **parts: str) -> TrainConfig:
    config = train_config(preset, "debug", "key-door", **parts)
    return replace(config, num_envs=num_envs)


def medium(preset: str, num_envs: int, **parts: str) -> TrainConfig:
    """Laptop sizes, two minibatches of many envs: activations are most of it."""
    config = train_config(preset, "laptop", "key-door", **parts)
    ppo = replace(ppo_agent(config).ppo, num_minibatches=2, num_epochs=1)
    return replace(
        config,
        num_envs=num_envs,
        device="cpu",
        agent=replace(ppo_agent(config), ppo=ppo),
    )


def running(config: TrainConfig) -> PpoAgent:
    """An agent behind its first step: with a context and moments, without gradients."""
    agent = build_agent(config)
    assert isinstance(agent, PpoAgent)
    agent.begin()
    agent.train_step()
    agent.modules.zero_grad(set_to_none=True)
    return agent


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("world", [KeyDoorConfig(), ProbeConfig()])
def test_rollout_and_networks_are_those_of_the_agent(
    preset: str, world: WorldConfig
) -> None:
    config = replace(small(preset), world=world)
    agent = running(config)
    experience, _ = agent.collector.collect()
    plan = lines(plan_training(config, CPU))
    parts = [experience.traj, experience.carry, experience.end]
    for context in (experience.context, agent.collector.context):
        if context is not None:
            parts += [context.traj, context.carry]
    tensors = [x for part in parts for x in vars(part).values()]
    tensors += experience.extras.values()
    held = sum(x.nbytes for x in tensors if isinstance(x, Tensor))
    assert plan["rollout"] == held > experience.traj.obs.nbytes
    assert plan["networks and Adam"] == training_bytes(agent.modules)


@pytest.mark.parametrize(
    ("preset", "num_envs", "parts"),
    [
        ("byol-explore", 64, {}),
        pytest.param(
            "byol-explore", 64, {"core": "frame-stack"}, marks=pytest.mark.slow
        ),
        ("byol-explore", 64, {"model": "jepa-vicreg"}),
        ("byol-explore", 64, {"also": "rnd"}),
        pytest.param("byol-explore", 16, {"encoder": "impala"}, marks=SLOW),
        pytest.param("rnd", 64, {}, marks=SLOW),
        ("rnd", 64, {"core": "frame-stack"}),
        ("ppo", 128, {}),
        pytest.param("ppo", 128, {"core": "frame-stack"}, marks=SLOW),
    ],
    ids=lambda x: " ".join(x.values()) if isinstance(x, dict) else str(x),
)
def test_a_plan_is_what_a_step_really_holds(
    preset: str, num_envs: int, parts: dict[str, str]
) -> None:
    config = medium(preset, num_envs, **parts)
    plan = lines(plan_training(config, CPU))
    agent = running(config)
    really = measured_peak(agent.train_step)
    # of the networks a step makes the gradients, at least in part
    planned = plan["rollout"] + plan["activations"]
    assert really > 40 << 20
    assert 0.85 < planned / really < 1.2


@SLOW
def test_a_plan_is_what_scoring_really_holds() -> None:
    """Minibatches so small that whole rollouts take more than learning does."""
    config = medium("byol-explore", 64)
    ppo = replace(ppo_agent(config).ppo, num_minibatches=32)
    config = replace(config, agent=replace(ppo_agent(config), ppo=ppo))
    plan = lines(plan_training(config, CPU))
    really = measured_peak(running(config).train_step)
    assert 0.85 < (plan["rollout"] + plan["activations"]) / really < 1.2


def test_what_replay_holds() -> None:
    config = small()
    replay = ReplayConfig(7, 1)
    config = replace(config, agent=replace(ppo_agent(config), replay=replay))
    agent = running(config)
    assert agent.replay is not None
    held = sum(x.nbytes for x in agent.replay.buffer.state_dict()["rows"].values())
    assert lines(plan_training(config, CPU))["replay"] == held
    assert "replay" not in lines(plan_training(small(), CPU))


def test_what_grows_with_what() -> None:
    plans = {
        num_envs: lines(plan_training(small(num_envs=num_envs), CPU))
        for num_envs in (1_000, 2_000, 4_000)
    }
    for num_envs in (1_000, 2_000):
        one, two = plans[num_envs], plans[2 * num_envs]
        assert two["rollout"] == 2 * one["rollout"]
        # beyond 768 envs in a minibatch along a line, and the same line
        assert two["activations"] == pytest.approx(2 * one["activations"], rel=0.05)
        # some signals remember a number or two of each env
        more = two["networks and Adam"] - one["networks and Adam"]
        assert 0 <= more <= num_envs * 16
    config = small(num_envs=1_000)
    ppo = replace(ppo_agent(config).ppo, num_minibatches=10)
    finer = replace(config, agent=replace(ppo_agent(config), ppo=ppo))
    assert lines(plan_training(finer, CPU))["activations"] < (
        plans[1_000]["activations"] / 2
    )


def test_ppo_is_not_charged_for_what_it_never_does() -> None:
    """Neither for scoring, nor for targets: its activations are those of learning."""
    config = small("ppo", num_envs=1_000)
    ppo = replace(ppo_agent(config).ppo, num_minibatches=100)
    finer = replace(config, agent=replace(ppo_agent(config), ppo=ppo))
    coarse, fine = (
        lines(plan_training(x, CPU))["activations"] for x in (config, finer)
    )
    assert fine < coarse / 10
    curious = replace(small(num_envs=1_000), agent=finer.agent)
    assert lines(plan_training(curious, CPU))["activations"] > 4 * fine


def test_a_gpu_is_planned_for_without_one() -> None:
    plans = {}
    for precision in (Precision.FLOAT32, Precision.BFLOAT16):
        config = small("ppo", num_envs=2_000)
        encoder = NatureConfig(64, precision)
        config = replace(config, agent=replace(ppo_agent(config), encoder=encoder))
        plans[precision] = lines(plan_training(config, CUDA))["activations"]
        # on a CPU gradients are taken chunk by chunk, on a GPU at once
        assert lines(plan_training(config, CPU))["activations"] < plans[precision]
    assert plans[Precision.BFLOAT16] < 0.7 * plans[Precision.FLOAT32]


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("world", ["pixel-maze", "key-door", "atari"])
def test_gpu_presets_fit_a_gpu(preset: str, world: str) -> None:
    plan = plan_training(train_config(preset, "gpu", world), CUDA)
    assert 1 << 30 < plan.total < 40 << 30


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize(
    "world", [x if x == "key-door" else pytest.param(x, marks=SLOW) for x in WORLDS]
)
def test_a_refusal_of_any_preset_says_which_flag_helps(preset: str, world: str) -> None:
    config = replace(train_config(preset, "debug", world), num_envs=4 * 10**9)
    plan = plan_training(config, CPU)
    assert plan.total > 1 << 44
    for item in plan.items:
        assert item.lever
        if item.num_bytes > 1 << 40:
            assert "--num-envs" in item.lever


def test_planning_changes_no_random_numbers_and_allocates_nothing() -> None:
    before, peak = torch.get_rng_state(), most_memory()
    encoder = NatureConfig(size=10_000_000)
    config = small("rnd", num_envs=10**9)
    config = replace(config, agent=replace(ppo_agent(config), encoder=encoder))
    assert plan_training(config, CPU).total > 1 << 40
    assert torch.equal(torch.get_rng_state(), before)
    assert most_memory() - peak < 200 << 20


def most_memory() -> int:
    text = Path("/proc/self/status").read_text()
    return next(int(x.split()[1]) << 10 for x in text.splitlines() if "VmHWM" in x)


class Wide(FeedForwardCore):
    """A core with a layer of many units, which may look at what it computes."""

    def __init__(self, latent_size: int, units: int, looks: bool) -> None:
        super().__init__(latent_size)
        self.units, self.looks = units, looks
        self.layers = nn.Sequential(
            nn.Linear(latent_size, units), nn.Tanh(), nn.Linear(units, latent_size)
        )

    def forward(
        self, latent: Tensor, action: Tensor, first: Tensor, memory: Tensor
    ) -> tuple[Tensor, Tensor]:
        latent = self.layers(latent)
        if self.looks and not bool(latent.isfinite().all()):
            raise FloatingPointError
        return super().forward(latent, action, first, memory)


@dataclass(frozen=True)
class WideConfig:
    units: int = 8
    looks: bool = False
    num_frames: int = 2

    def build(self, latent_size: int, action_size: int) -> BeliefCore:
        return Wide(latent_size, self.units, self.looks)


def with_core(config: TrainConfig, core: Any) -> TrainConfig:
    return replace(config, agent=replace(ppo_agent(config), core=core))


@SLOW
def test_parts_from_outside_are_followed_whatever_they_are_made_of() -> None:
    config = medium("ppo", 32)
    narrow, wide = (with_core(config, WideConfig(units)) for units in (8, 16_384))
    before, after = (lines(plan_training(x, CPU)) for x in (narrow, wide))
    rows = 32 * 16  # T steps of a minibatch's envs
    layer = rows * (16_384 - 8) * 4
    weights = after["networks and Adam"] // 4  # as many bytes of gradients at most
    more = after["activations"] - before["activations"]
    assert layer < more < 4 * layer + weights
    really = measured_peak(running(wide).train_step)
    planned = after["rollout"] + after["activations"]
    assert 0.9 < planned / really < 1.1


def test_gradients_are_counted_once() -> None:
    """Weights of a hundred megabytes, and hardly any rows."""
    config = with_core(medium("ppo", 2), WideConfig(16_384))
    agent = running(config)
    already = training_bytes(agent.modules) * 3 // 4  # values and moments, in front
    total = already + measured_peak(agent.train_step)
    assert total > 256 << 20
    assert 0.9 < plan_training(config, CPU).total / total < 1.2


@pytest.mark.parametrize("preset", PRESETS)
def test_parts_that_look_at_their_values_are_run_for_real_and_scaled(
    preset: str,
) -> None:
    """A rollout is longer, and has more envs, than what is run."""
    for config in (medium(preset, 64), replace(small(preset), num_envs=32)):
        plain, looking = (
            lines(plan_training(with_core(config, WideConfig(64, looks)), CPU))
            for looks in (False, True)
        )
        one, two = plain.pop("activations"), looking.pop("activations")
        assert 0.8 < two / one < 1.25
        assert looking == plain


TERMS = (EnsembleConfig(), InverseConfig(), GoalConfig(), TemporalConfig())
OURS = {
    **{
        f"{x} objective": small(objective=x)
        for x in ("byol", "direct-pred", "moco", "tico")
    },
    **{
        f"{x} objective": small(model="jepa-vicreg", objective=x)
        for x in ("vicreg", "sigreg", "info-nce", "cpc", "dcl")
    },
    **{
        f"{x} objective": small(model="random-encoder", objective=x)
        for x in ("sim-siam", "regression", "reconstruction")
    },
    **{
        f"{x} model": small(model=x)
        for x in MODELS.rows
        if x not in ("none", *OF_OBJECTS)
    },
    "grouped model": small(model="grouped", encoder="objects", core="history"),
    "jepa-objects model": small(
        model="jepa-objects", encoder="object-latents", core="history"
    ),
    **{
        f"{x} encoder": small(encoder=x) for x in ("nature", "impala", "patch", "menet")
    },
    **{f"{x} core": small(core=x) for x in CORES.rows},
    **{f"{x} preset": small(x) for x in PRESETS},
    "terms": replace(small(), model=byol_explore(4, terms=TERMS)),
}


@pytest.mark.parametrize("name", OURS)
def test_our_own_parts_never_look_at_their_values(name: str) -> None:
    spec = EnvSpec(
        6, (3, 40, 45), DiscreteActions(5), torch.device("meta"), vector_size=60
    )
    with planned_for(CPU):
        config = OURS[name]
        build = partial(_agent, config)
        assert followed(config.agent, spec, build) > 1 << 20


def test_all_objectives_are_among_them() -> None:
    assert set(OBJECTIVES.rows) == {
        x.removesuffix(" objective") for x in OURS if x.endswith(" objective")
    }


@dataclass(frozen=True)
class Curious:
    """A model that looks at its values while it is built."""

    def build(self, belief: BeliefModel) -> LatentDynamics:
        size = int(nn.Linear(2, 2).weight.detach().isfinite().sum().item())
        return byol_explore(horizon=size).build(belief)


def test_models_that_look_at_their_values_are_built_for_real() -> None:
    state = torch.get_rng_state()
    config = replace(small(), model=Curious())
    plan = plan_training(config, CPU)
    assert plan == plan_training(replace(config, model=byol_explore(4)), CPU)
    assert torch.equal(torch.get_rng_state(), state)


def test_what_is_run_for_real_is_as_long_as_the_models_horizon_asks() -> None:
    config = replace(small(), model=byol_explore(horizon=12))
    plain, looking = (
        lines(plan_training(with_core(config, WideConfig(64, looks)), CPU))
        for looks in (False, True)
    )
    assert 0.8 < looking["activations"] / plain["activations"] < 1.25


def test_what_does_not_fit_together_is_said_already() -> None:
    config = replace(small(), world=KeyDoorConfig(size=6))  # 30 x 35 pixels
    with pytest.raises(ValueError, match="too small for this encoder"):
        plan_training(config, CPU)
    with pytest.raises(ValueError, match="7 envs cannot be split into 2"):
        plan_training(small(num_envs=7), CPU)
    steps = replace(ppo_agent(small()).ppo, num_steps=2)
    agent = replace(ppo_agent(small()), ppo=steps, core=RecurrentConfig(48))
    with pytest.raises(ValueError, match="needs rollouts of at least 3"):
        plan_training(replace(small(), agent=agent), CPU)
