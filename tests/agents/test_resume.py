"""2N training steps equal N, a checkpoint in a fresh agent, and N more: bit for bit."""

import pytest
import torch

from agents.curiosity.prediction_error import PredictionErrorConfig
from agents.curiosity.rnd import RndConfig
from agents.curiosity.signal import CuriosityConfig
from agents.policy.ppo import PpoConfig
from agents.ppo.agent import PpoAgent
from agents.ppo.build import PpoAgentConfig, ReplayConfig
from envs.counting import CountingConfig, CountingWorld
from envs.native_env import NativeVectorEnv
from envs.tiles.key_door import KeyDoorConfig
from envs.vector_env import EnvState, VectorEnv
from ssl_objectives.encoders.cnn import NatureConfig
from ssl_objectives.encoders.precision import Precision
from tests.agents.resuming import goes_on_exactly, leaves, same, saved, train
from world_models.cores.recurrent import RecurrentConfig
from world_models.model_config import LatentDynamicsConfig
from world_models.predictor import LatentHeadConfig
from world_models.presets import byol_explore

T, B, N = 7, 4, 2
NATURE = NatureConfig(size=24, precision=Precision.FLOAT32)

KINDS: dict[
    str, tuple[LatentDynamicsConfig | None, CuriosityConfig | None, ReplayConfig]
] = {
    "ppo": (None, None, ReplayConfig()),
    "rnd": (
        None,
        RndConfig(size=14, warm_up_steps=3, encoder=NATURE),
        ReplayConfig(),
    ),
    "byol": (
        byol_explore(5, predictor=LatentHeadConfig(13)),
        PredictionErrorConfig(),
        ReplayConfig(),
    ),
    "replay": (
        byol_explore(5, predictor=LatentHeadConfig(13)),
        PredictionErrorConfig(),
        ReplayConfig(3, 2),
    ),
}


@pytest.fixture(autouse=True)
def _one_thread(_quiet_threads: None) -> None:
    """Sums split over threads are not bound to an order."""
    torch.set_num_threads(1)


def worlds() -> dict[str, VectorEnv]:
    return {
        "counting": CountingConfig().build(B, "cpu"),
        "key_door": KeyDoorConfig(max_episode_steps=9, varied_layouts=True).build(
            B, "cpu"
        ),
    }


def build(kind: str, env: VectorEnv, seed: int) -> PpoAgent:
    model, curiosity, replay = KINDS[kind]
    config = PpoAgentConfig(
        encoder=NATURE,
        core=RecurrentConfig(size=17, num_frames=2),
        ppo=PpoConfig(num_steps=T, num_minibatches=2, num_epochs=1),
        replay=replay,
    )
    return config.build(env, model, curiosity, seed)


@pytest.mark.parametrize("world", ["counting", "key_door"])
@pytest.mark.parametrize("kind", list(KINDS))
def test_resuming_is_exact(kind: str, world: str) -> None:
    goes_on_exactly(lambda seed: build(kind, worlds()[world], seed), N)


def test_a_state_holds_all_kinds_of_memory() -> None:
    """Each of these would be noticed late if it were forgotten."""
    agent = build("replay", worlds()["key_door"], seed=5)
    agent.begin()
    train(agent, N)
    paths = set(leaves(agent.state_dict()))
    for part in (
        "/env_steps",
        "/modules/actor.policy.actor.weight",
        "/modules/actor.model.target.network.0.head.weight",
        "/modules/actor.model.updates",
        "/modules/signals.prediction-error.scale.moments.second",
        "/modules/signals.prediction-error.prioritizer.moments.weight",
        "/learner/state/0/exp_avg_sq",
        "/own/0/collector/env/generator",
        "/own/0/collector/carry/memory",
        "/own/0/collector/carry/frames",
        "/own/0/collector/context/carry/memory",
        "/own/0/collector/context/traj/obs",
        "/own/0/collector/row/obs",
        "/own/0/collector/return",
        "/own/0/collector/policy/generator",
        "/own/0/replay/rows/obs",
        "/generator",
    ):
        assert part in paths
    rnd = build("rnd", worlds()["key_door"], seed=5)
    rnd.begin()
    train(rnd, 1)
    modules = rnd.state_dict()["modules"]
    for name in ("pixels.mean", "pixels.squares", "pixels.count", "scale.running"):
        assert modules[f"signals.rnd.{name}"].any(), name


class Forgetful(NativeVectorEnv):
    """Cannot save its state, like most simulators."""

    def state_dict(self) -> EnvState:
        return None  # type: ignore[return-value]


def test_worlds_that_cannot_be_saved_begin_anew() -> None:
    agent = build("byol", Forgetful(CountingWorld(), B), seed=5)
    agent.begin()
    train(agent, N)
    fresh = build("byol", Forgetful(CountingWorld(), B), seed=5)
    fresh.load_state_dict(saved(agent))
    assert same(fresh.modules.state_dict(), agent.modules.state_dict()) == []
    assert fresh.env_steps == agent.env_steps
    # the policy draws on, instead of what it drew when the run began
    draws = [x.collector.policy.state_dict()["generator"] for x in (fresh, agent)]
    assert torch.equal(*draws)
    rollout, ends = fresh.collector.collect()
    assert rollout.traj.first[0].all()
    assert rollout.context is None
    assert not rollout.carry.memory.any()
    assert ends.episode_length[0].max() == 1
    train(fresh, 1)
