"""Agents in two processes, and what one process makes of the same; in float64.

Run by `test_processes.py`.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from agents.curiosity.counts.counts import ExactCountsConfig, HashCountsConfig
from agents.curiosity.embeddings.dynamics import DynamicsConfig
from agents.curiosity.episodic.e3b import E3bConfig
from agents.curiosity.episodic.ngu import NguConfig
from agents.curiosity.episodic.noveld import NoveldConfig
from agents.curiosity.episodic.ride import RideConfig
from agents.curiosity.errors.ama import AmaConfig
from agents.curiosity.errors.critic import CuriosityCriticConfig
from agents.curiosity.errors.lpm import LpmConfig
from agents.curiosity.hindsight import HindsightErrorConfig
from agents.curiosity.icm import IcmConfig
from agents.curiosity.particles.apt import AptConfig
from agents.curiosity.particles.re3 import Re3Config
from agents.curiosity.prediction_error import PredictionErrorConfig
from agents.curiosity.progress.config import GammaProgressConfig
from agents.curiosity.progress.frozen_features import ChangeOfFeaturesConfig
from agents.curiosity.progress.own_loss import OwnLossConfig
from agents.curiosity.progress.own_model import OwnModelConfig
from agents.curiosity.rnd import RndConfig
from agents.curiosity.sight import NumbersConfig
from agents.curiosity.signals import SignalConfig
from agents.off_policy.build import OffPolicyAgentConfig
from agents.policy.ppo import PpoConfig, RewardStream
from agents.ppo.agent import PpoAgent
from agents.ppo.build import PpoAgentConfig, ReplayConfig
from agents.ppo.head_start import HeadStartConfig
from envs.native_env import NativeVectorEnv
from envs.tiles.key_door import KeyDoorConfig, KeyDoorWorld
from envs.tiles.trackers.config import TrackerMazeConfig
from envs.toys.moving_dot import MovingDotConfig
from envs.vector_env import Step, WorldConfig
from experiments.runs.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from experiments.train.config import TrainConfig
from experiments.train.task import train
from ssl_objectives.distributed import num_processes
from ssl_objectives.encoders.cnn import PatchConfig
from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.refusal import ConfigError
from tests.agents.coded import CodedConfig
from tests.agents.resuming import leaves
from tests.agents.shared_worlds import SharedWorldsConfig
from tests.ssl_objectives.launch import report_from
from world_models.cores.frame_stack import FrameStackConfig
from world_models.cores.recurrent import RecurrentConfig
from world_models.hindsight.config import HindsightHeadConfig
from world_models.predictor import LatentHeadConfig
from world_models.presets import byol_explore, byol_hindsight, jepa_vicreg
from world_models.vector_encoder import VectorMlpConfig

T, B, K, STEPS = 7, 8, 3, 3
KEY_DOOR = KeyDoorConfig(max_episode_steps=5, varied_layouts=True)
DOT = MovingDotConfig(max_episode_steps=5)
RND = RndConfig(PatchConfig(8, width=4, precision=Precision.FLOAT32), 6, 0.4, 3)


class InDouble(Encoder):
    """An encoder of bytes that computes in the format of its weights."""

    def forward(self, image: Tensor) -> Tensor:
        maps = self.body(image.flatten(0, -4).double() / 255)
        latent: Tensor = self.head(maps.permute(0, 2, 3, 1).flatten(1))
        return latent.view(*image.shape[:-3], self.size)


@dataclass(frozen=True)
class Eyes:
    """A few layers over patches."""

    def build(self, image_shape: tuple[int, int, int]) -> Encoder:
        like = PatchConfig(10, width=4, precision=Precision.FLOAT32).build(image_shape)
        encoder = InDouble(like.body, image_shape, like.size, like.precision)
        encoder.head = like.head
        return encoder


AGENT = PpoAgentConfig(
    encoder=Eyes(),
    core=RecurrentConfig(9, num_frames=2),
    ppo=PpoConfig(num_steps=T, num_epochs=2, num_minibatches=2, learning_rate=1e-3),
    extrinsic=RewardStream(1.0, 0.9, clip=10.0, normalize=True),
    intrinsic=RewardStream(0.5, 0.8, episodic=False),
    action_size=5,
)
BYOL = byol_explore(K, predictor=LatentHeadConfig(8))
HINDSIGHT = byol_hindsight(
    K, predictor=HindsightHeadConfig(6, 5, hidden=12, group=20), standardized=3
)
PROGRESS = GammaProgressConfig(
    warm_start=3, yardstick=ChangeOfFeaturesConfig(Eyes(), 6, readout=8)
)
DYNAMICS = DynamicsConfig(Eyes(), hidden=8)
COMPARED = (
    ExactCountsConfig(places=99, cell=4, levels=8),
    E3bConfig(Eyes(), hidden=8),
    NoveldConfig(RND, rows=4),
    NguConfig(Eyes(), hidden=8, rows=4, nearest=2, novelty=RND),
    RideConfig(DYNAMICS, rows=4),
    IcmConfig(DYNAMICS),
    Re3Config(Eyes(), rows=5, every=2),
    AptConfig(DYNAMICS, nearest=3, every=2),
)
MLP = VectorMlpConfig(hidden=(6,), size=5)
RND_OF_VECTORS = RndConfig(MLP, 6, 0.4, 3)
TOLD = (
    RND_OF_VECTORS,
    ExactCountsConfig(places=99, levels=8, sight=NumbersConfig(0, 40)),
    E3bConfig(MLP, hidden=8),
    NoveldConfig(RND_OF_VECTORS, rows=4),
    NguConfig(MLP, hidden=8, rows=4, nearest=2, novelty=RND_OF_VECTORS),
    RideConfig(DynamicsConfig(MLP, hidden=8), rows=4),
    IcmConfig(DynamicsConfig(MLP, hidden=8)),
    Re3Config(MLP, rows=5, every=2),
    AptConfig(DynamicsConfig(MLP, hidden=8), nearest=3, every=2),
    AmaConfig(MLP, hidden=8),
)


@dataclass(frozen=True)
class Case:
    """An agent; what it predicts, what is paid, and where it lives."""

    model: Any = None
    curiosity: Any = None
    also: tuple[SignalConfig, ...] = ()
    agent: PpoAgentConfig = AGENT
    world: WorldConfig = KEY_DOOR

    def build(self, seed: int = 5) -> PpoAgent:
        env = SharedWorldsConfig(self.world).build(B // num_processes(), "cpu")
        agent = self.agent
        budget = STEPS * T * B
        return agent.build(env, self.model, self.curiosity, seed, self.also, budget)


CASES = {
    "ppo": Case(),
    "ppo, stacked frames, continuous actions": Case(
        agent=replace(AGENT, core=FrameStackConfig(3)), world=DOT
    ),
    "rnd": Case(None, RND),
    "signals that people compare": Case(
        None,
        HashCountsConfig(bits=9, grid=5),
        tuple(SignalConfig(x) for x in COMPARED),
    ),
    "signals that expect errors": Case(
        BYOL,
        CuriosityCriticConfig(hidden=8),
        (
            SignalConfig(LpmConfig(hidden=8, steps=9)),
            SignalConfig(AmaConfig(Eyes(), hidden=8, grid=5)),
        ),
    ),
    "signals that read vectors": Case(
        None,
        HashCountsConfig(bits=9, sight=NumbersConfig()),
        tuple(SignalConfig(x) for x in TOLD),
        replace(AGENT, encoder=MLP, core=RecurrentConfig(9)),
        TrackerMazeConfig(pixels=0, max_episode_steps=5),
    ),
    "byol-explore": Case(BYOL, PredictionErrorConfig()),
    "byol-explore and rnd": Case(BYOL, PredictionErrorConfig(), (SignalConfig(RND),)),
    "byol-hindsight": Case(HINDSIGHT, HindsightErrorConfig()),
    "gamma-progress": Case(BYOL, PROGRESS),
    "gamma-progress of a model of its own": Case(
        None,
        replace(
            PROGRESS,
            yardstick=OwnLossConfig(),
            model=OwnModelConfig(BYOL, Eyes(), RecurrentConfig(7), 5),
        ),
    ),
    "scored across processes": Case(
        jepa_vicreg(K),
        replace(PROGRESS, yardstick=OwnLossConfig()),
        agent=replace(AGENT, ppo=replace(AGENT.ppo, num_minibatches=1)),
    ),
    "head start and replay": Case(
        BYOL,
        PredictionErrorConfig(),
        agent=replace(
            AGENT, head_start=HeadStartConfig(1, 2), replay=ReplayConfig(2, 2, 2)
        ),
    ),
}


class Forgetful(NativeVectorEnv):
    """Cannot save its state; keeps the seeds that it was begun with."""

    def reset(self, seed: int | None = None, mask: Tensor | None = None) -> Step:
        self.__dict__.setdefault("seeds", []).append(seed)
        return super().reset(seed, mask)

    def state_dict(self) -> None:  # type: ignore[override]
        return None


def whole_state(agent: PpoAgent) -> dict[str, Any]:
    """All that is the same in all processes."""
    state = agent.state_dict()
    del state["own"]
    return leaves(state)


def steps(agent: PpoAgent, num: int) -> list[dict[str, Any]]:
    """What is told of some steps, and what happened in them."""
    told = []
    for _ in range(num):
        report = agent.train_step()
        happened = leaves(vars(report.happened))
        told.append({**report.metrics, **happened, "env_steps": agent.env_steps})
    return told


def in_double() -> None:
    torch.set_default_dtype(torch.float64)
    torch.Tensor.float = torch.Tensor.double  # type: ignore[method-assign]


def alone() -> dict[str, Any]:
    found = {}
    for name, case in CASES.items():
        agent = case.build()
        agent.begin()
        begun = weights(agent)
        told = steps(agent, STEPS)
        found[name] = {"begun": begun, "told": told, "state": whole_state(agent)}
    return found


def together(rank: int, expected: dict[str, Any]) -> dict[str, Any]:
    """How far from one process two are."""
    found = {}
    for name, case in CASES.items():
        agent, want = case.build(), expected[name]
        agent.begin()
        told = steps(agent, STEPS - 1)
        state = saved(agent, rank)
        told += steps(agent, 1)
        resumed = case.build(seed=6)  # another one, so that nothing agrees by chance
        resumed.load_state_dict(state)
        again = steps(resumed, 1)
        dist.barrier()
        found[name] = {
            "told": max(apart(*x) for x in zip(told, want["told"], strict=True)),
            "state": apart(whole_state(agent), want["state"]),
            "resumed": max(
                apart(whole_state(resumed), want["state"]),
                apart(again[0], want["told"][-1]),
            ),
            "moved": moved(agent, want["begun"]),
        }
    return {
        "cases": found,
        "seeds": seeds(rank),
        "refused": {k: refused(x) for k, x in REFUSED.items()},
    }


def saved(agent: PpoAgent, rank: int) -> dict[str, Any]:
    """Its state, from the first process's file."""
    file, state = Path(sys.argv[2]).with_name("state.safetensors"), agent.state_dict()
    if rank == 0:
        save_checkpoint(file, state, agent.env_steps)
    dist.barrier()
    loaded: dict[str, Any] = load_checkpoint(file).state
    return loaded


def seeds(rank: int) -> list[int]:
    """Those that this process's worlds begin with, and go on with."""
    worlds = [Forgetful(KeyDoorWorld(KEY_DOOR, "cpu"), B // 2) for _ in range(2)]
    one, other = (AGENT.build(x, None, None, 5, (), STEPS * T * B) for x in worlds)
    one.begin()
    one.env_steps = 64  # as if it had played so long
    other.load_state_dict(saved(one, rank))
    dist.barrier()
    return [x for world in worlds for x in vars(world)["seeds"]]


def weights(agent: PpoAgent) -> dict[str, Any]:
    return {k: x.detach().clone() for k, x in agent.modules.named_parameters()}


def moved(agent: PpoAgent, begun: dict[str, Any]) -> float:
    """How far the weight has moved that has moved most."""
    return max(float((x - begun[k]).abs().max()) for k, x in weights(agent).items())


def apart(got: dict[str, Any], want: dict[str, Any]) -> float:
    """The largest distance of two states, tensor by tensor, beside the tensor's size.

    What is no float must be equal.
    """
    assert got.keys() == want.keys(), got.keys() ^ want.keys()
    most = 0.0
    for name, x in want.items():
        y = got[name]
        if not isinstance(x, Tensor) or not x.is_floating_point():
            same = torch.equal(x, y) if isinstance(x, Tensor) else x == y
            assert same, f"{name}: {y}, not {x}"
            continue
        assert x.shape == y.shape, name
        if x.numel():
            size = float(x.double().abs().max()) + 1e-6
            most = max(most, float((x.double() - y.double()).abs().max()) / size)
    return most


def saved_by_three() -> None:
    agent = Case().build()
    agent.begin()
    state = agent.state_dict()
    agent.load_state_dict({**state, "own": [state["own"][0]] * 3})


REFUSED: dict[str, Callable[[], Any]] = {
    "envs": lambda: Case(
        agent=replace(AGENT, ppo=replace(AGENT.ppo, num_minibatches=8))
    ).build(),
    "signal": lambda: Case(None, CodedConfig()).build(),
    "processes": saved_by_three,
    "worlds": lambda: train(replace(TrainConfig(), num_envs=7, device="cpu")),
    "policy": lambda: OffPolicyAgentConfig().build(KEY_DOOR.build(2, "cpu")),
}


def refused(attempt: Callable[[], Any]) -> str:
    try:
        attempt()
    except (ConfigError, ValueError) as error:
        return str(error)
    return "nothing"


if __name__ == "__main__":
    report_from(alone, together, in_double)
