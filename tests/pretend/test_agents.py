"""Whole training steps of agents on the pretend device: results, copies and waiting."""

from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from agents.agent import Agent, TrainStepResult
from agents.collect import Happened
from agents.curiosity.prediction_error import PredictionErrorConfig
from agents.curiosity.progress.config import GammaProgressConfig
from agents.curiosity.progress.frozen_features import ChangeOfFeaturesConfig
from agents.curiosity.progress.own_loss import OwnLossConfig
from agents.curiosity.rnd import RndConfig
from agents.curiosity.signals import SignalConfig
from agents.experience import Experience
from agents.off_policy.build import OffPolicyAgentConfig
from agents.off_policy.study import StudyConfig
from agents.policy.dqn import DqnConfig
from agents.policy.ppo import PpoConfig
from agents.policy.wanderer import DwellConfig
from agents.ppo.agent import PpoAgent
from agents.ppo.build import PpoAgentConfig, ReplayConfig
from envs.atari.native import AtariConfig
from envs.atari.ram import AtariFact
from envs.counting import CountingConfig
from envs.gym.env import GymnasiumConfig
from envs.tiles.key_door import KeyDoorConfig
from envs.tiles.maze.pixel_maze import PixelMazeConfig
from envs.vector_env import VectorEnv
from experiments.runs.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from ssl_objectives.encoders.cnn import NatureConfig
from ssl_objectives.encoders.precision import Precision
from tests.pretend.crossings import Crossing
from tests.pretend.cuda import pretend_cuda
from world_models.cores.frame_stack import FrameStackConfig
from world_models.cores.recurrent import RecurrentConfig
from world_models.predictor import LatentHeadConfig
from world_models.presets import byol_explore

B, T = 4, 4
PPO = PpoConfig(num_steps=T, num_minibatches=2, num_epochs=1)
GRAY = AtariConfig("Pong", height=36, width=36, num_threads=1)

NATIVE: dict[str, Callable[[str], VectorEnv]] = {
    "counting": lambda device: CountingConfig().build(B, device),
    "key-door": lambda device: KeyDoorConfig(
        max_episode_steps=4, varied_layouts=True
    ).build(B, device),
    "pixel-maze": lambda device: PixelMazeConfig(
        rooms=(2, 2), locks=1, slip=0.2, key_reward=0.1, max_episode_steps=7
    ).build(B, device),
}
SIMULATED: dict[str, Callable[[str], VectorEnv]] = {
    "atari": lambda device: GRAY.build(B, device),
    "emulator": lambda device: replace(
        GRAY, game="MontezumaRevenge", facts=(AtariFact.EXPLORATION,)
    ).build(B, device),
    "gymnasium": lambda device: GymnasiumConfig("CartPole-v1").build(B, device),
}


def agent(kind: str, env: VectorEnv, precision: Precision = Precision.FLOAT32) -> Agent:
    """Not yet begun."""
    nature = NatureConfig(size=24, precision=precision)
    if kind in ("dqn", "dwell"):
        dqn = DqnConfig(nature, FrameStackConfig(2), batch=5, updates_per_rollout=2)
        study = StudyConfig(2, 0, updates_per_rollout=2, batch=3, burn_in=1)
        apart = OffPolicyAgentConfig(
            nature,
            RecurrentConfig(size=17),
            dqn if kind == "dqn" else DwellConfig(0.5),
            study,
            num_steps=T,
        )
        model = byol_explore(horizon=3, predictor=LatentHeadConfig(13))
        return apart.build(env, model, PredictionErrorConfig(), 5)
    if kind == "byol-explore":
        config = PpoAgentConfig(
            nature, RecurrentConfig(size=17), PPO, replay=ReplayConfig(2, 1, burn_in=1)
        )
        model = byol_explore(horizon=3, predictor=LatentHeadConfig(13))
        return config.build(env, model, PredictionErrorConfig(), 5)
    if kind == "gamma-progress":  # of both its yardsticks, and paid from the second on
        config = PpoAgentConfig(
            nature, RecurrentConfig(size=17), PPO, replay=ReplayConfig(2, 1, burn_in=1)
        )
        model = byol_explore(horizon=3, predictor=LatentHeadConfig(13))
        change = ChangeOfFeaturesConfig(nature, readout=14)
        also = GammaProgressConfig(2, OwnLossConfig(), gamma=0.9)
        progress = GammaProgressConfig(2, change, gamma=0.9)
        return config.build(env, model, progress, 5, [SignalConfig(also)])
    if kind == "rnd":
        rnd = RndConfig(size=14, warm_up_steps=2, encoder=nature)
        return PpoAgentConfig(nature, FrameStackConfig(3), PPO).build(env, None, rnd, 5)
    return PpoAgentConfig(nature, FrameStackConfig(1), PPO).build(env, None, None, 5)


def values(made: Agent, report: TrainStepResult) -> dict[str, Tensor]:
    """All weights, statistics and metrics, on the host."""
    state = {k: x.cpu() for k, x in made.modules.state_dict().items()}
    return state | {k: x.cpu() for k, x in report.metrics.items()}


@dataclass(frozen=True)
class Ran:
    """What two training steps left, and what crossed in the second."""

    values: dict[str, Tensor]
    state: dict[str, Any]
    acting: list[Crossing]
    learning: list[Crossing]


@cache
def ran(kind: str, world: str, name: str) -> Ran:
    """Two training steps in a native world."""
    crossings: list[Crossing] = []
    acting = 0
    with pretend_cuda() if name == "cuda" else nullcontext() as device:
        made = agent(kind, NATIVE[world](name))
        made.begin()
        made.train_step()
        if device is not None:
            device.crossings = crossings
        collect = made.collector.collect

        def watched() -> tuple[Experience, Happened]:
            nonlocal acting
            collected = collect()
            acting = len(crossings)
            return collected

        made.collector.collect = watched  # type: ignore[method-assign]
        report = made.train_step()
        learnt = len(crossings)
        assert all(x.device.type == name for x in report.metrics.values())
        assert report.happened.ended.device.type == name
        left = values(made, report)
        return Ran(
            left, made.state_dict(), crossings[:acting], crossings[acting:learnt]
        )


RUNS = pytest.mark.parametrize(
    ("kind", "world"),
    [
        ("byol-explore", "counting"),
        ("gamma-progress", "key-door"),
        ("rnd", "key-door"),
        ("ppo", "pixel-maze"),
        ("dqn", "key-door"),
        ("dwell", "counting"),
    ],
)


@RUNS
def test_two_steps_equal_those_of_a_cpu(kind: str, world: str) -> None:
    found, wanted = (ran(kind, world, x).values for x in ("cuda", "cpu"))
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-6)


@RUNS
def test_a_rollout_in_a_native_world_neither_waits_nor_copies(
    kind: str, world: str
) -> None:
    assert ran(kind, world, "cuda").acting == []


@RUNS
def test_learning_waits_once_per_rollout_for_its_steps_and_once_for_a_rank(
    kind: str, world: str
) -> None:
    waits = Counter(
        x.file for x in ran(kind, world, "cuda").learning if x.kind == "wait"
    )
    apart = kind in ("dqn", "dwell")
    steps = "agents/off_policy/agent.py" if apart else "agents/ppo/agent.py"
    rank = "ssl_objectives/measure/diagnostics.py"
    with_model = kind not in ("rnd", "ppo")
    assert waits == {steps: 1} | ({rank: 1} if with_model else {})


@RUNS
def test_learning_copies_nothing(kind: str, world: str) -> None:
    learning = ran(kind, world, "cuda").learning
    assert [x for x in learning if x.kind != "wait"] == []


@pytest.mark.parametrize("world", SIMULATED)
def test_a_step_of_a_simulator_waits_for_the_actions_alone(world: str) -> None:
    if world == "gymnasium":
        pytest.importorskip("pygame")  # draws CartPole
    with pretend_cuda() as device:
        made = agent("ppo", SIMULATED[world]("cuda"))
        try:
            made.begin()
            device.crossings.clear()
            report = made.train_step()
        finally:
            made.env.close()
        assert report.metrics["loss/policy"].isfinite()
        assert report.happened.ended.is_cuda
    acting = [x for x in device.crossings if x.file.startswith("envs/")]
    awaited = [x for x in acting if x.awaited]
    assert [(x.kind, x.shape[0]) for x in awaited] == [("download", B)] * T
    frames = [x for x in acting if x.shape == (B, *made.env.spec.obs_shape)]
    assert [x.kind for x in frames] == ["upload"] * T


def test_low_precision() -> None:
    with pretend_cuda():
        made = agent("ppo", NATIVE["counting"]("cuda"), Precision.AUTO)
        assert isinstance(made, PpoAgent)
        lowered = made.belief.encoder.precision.dtype(made.env.spec.device)
        assert lowered == torch.bfloat16
        made.begin()
        metrics = made.train_step().metrics
        assert all(bool(x.isfinite()) for x in metrics.values())


@pytest.mark.parametrize("name", ["cpu", "cuda"])
def test_a_checkpoint_goes_on_on_either_device(name: str, tmp_path: Path) -> None:
    kind, world, file = "byol-explore", "counting", tmp_path / "step.safetensors"
    after = []
    for saved, loaded in (("cpu", "cpu"), ("cuda", name)):
        state = ran(kind, world, saved).state
        with pretend_cuda():
            save_checkpoint(file, state, state["env_steps"])
        with pretend_cuda() if loaded == "cuda" else nullcontext():
            again = agent(kind, NATIVE[world](loaded))
            again.load_state_dict(load_checkpoint(file).state)
            after.append(values(again, again.train_step()))
    torch.testing.assert_close(*after, rtol=1e-4, atol=1e-6)
