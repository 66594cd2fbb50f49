"""2N training steps of an off-policy agent equal N, a file, and N more: bit for bit."""

from typing import Any

import pytest
import torch

from agents.curiosity.prediction_error import PredictionErrorConfig
from agents.curiosity.rnd import RndConfig
from agents.curiosity.signals import SignalConfig
from agents.off_policy.agent import OffPolicyAgent
from agents.policy.ppo import RewardStream
from agents.policy.wanderer import DwellConfig, UniformConfig
from ssl_objectives.encoders.cnn import PatchConfig
from ssl_objectives.encoders.precision import Precision
from tests.agents.lock import dqn, off_policy
from tests.agents.resuming import goes_on_exactly, leaves, same, saved, train
from world_models.cores.frame_stack import FrameStackConfig
from world_models.cores.recurrent import RecurrentConfig

RND = RndConfig(PatchConfig(8, patch=2, precision=Precision.FLOAT32), 9, 0.5, 4)
ERROR = PredictionErrorConfig(ema_decay=0.5)
SECOND = SignalConfig(RND, RewardStream(0.3, 0.9, episodic=False))

KINDS: dict[str, dict[str, Any]] = {
    "dqn": {"policy": dqn(), "model": None},
    "recurrent dqn": {"policy": dqn(RecurrentConfig(6)), "curiosity": ERROR},
    "two signals": {"policy": dqn(), "curiosity": ERROR, "also": (SECOND,)},
    "rnd alone": {"policy": dqn(), "model": None, "curiosity": RND},
    "frames": {"policy": UniformConfig(), "core": FrameStackConfig(3)},
    "dwell": {"policy": DwellConfig(0.3), "curiosity": ERROR},
}


@pytest.fixture(autouse=True)
def _one_thread(_quiet_threads: None) -> None:
    """Sums split over threads are not bound to an order."""
    torch.set_num_threads(1)


def build(kind: str, seed: int) -> OffPolicyAgent:
    return off_policy(seed=seed, **KINDS[kind])


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_resuming_is_exact(kind: str, steps: int) -> None:
    """Before anything has learned, and behind it; the replay overwrites its oldest."""
    agent = goes_on_exactly(lambda seed: build(kind, seed), steps)
    learns = any(p.requires_grad for p in agent.modules.parameters())
    if steps == 3 and learns:
        assert agent.env_steps > 2 * agent.learning_starts


def test_a_state_holds_all_kinds_of_memory() -> None:
    agent = build("two signals", 5)
    train(agent, 4)
    paths = set(leaves(agent.state_dict()))
    for part in (
        "/env_steps",
        "/modules/actor.policy.online.head.0.weight",
        "/modules/actor.policy.target.belief.encoder.head.weight",
        "/modules/actor.policy.online.belief.vector_input.moments.mean",
        "/modules/actor.model.target.network.0.head.weight",
        "/modules/actor.model.updates",
        "/modules/signals.prediction-error.scale.moments.second",
        "/modules/signals.rnd.predictor.2.weight",
        "/study/learner/state/0/exp_avg_sq",
        "/study/generator",
        "/schooling/descent/state/0/exp_avg_sq",
        "/schooling/generator",
        "/collector/env/generator",
        "/collector/carry/frames",
        "/collector/policy/generator",
        "/collector/policy/steps",
        "/collector/context/traj/obs",
        "/onlooker/carry/memory",
        "/onlooker/handed_on/memory",
        "/replay/rows/obs",
        "/replay/rows/extra.paid",
        "/replay/num_added",
    ):
        assert part in paths
    state = agent.state_dict()
    assert state["onlooker"]["carry"]["memory"].any()
    assert state["replay"]["num_added"] == 4


def test_worlds_that_cannot_be_saved_begin_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    agent = build("dwell", 5)
    monkeypatch.setattr(agent.env, "state_dict", lambda: None)
    train(agent, 4)
    fresh = build("dwell", 6)
    fresh.load_state_dict(saved(agent))
    assert same(fresh.modules.state_dict(), agent.modules.state_dict()) == []
    row = fresh.collector.row
    assert row is not None
    assert row.first.all()
    train(fresh, 1)
    # windows cross from one to the other, where nothing is learned
    begin = torch.zeros(3, dtype=torch.int64)
    envs = torch.arange(3)
    seam = fresh.replay.window(begin + 3, envs, begin + 7, 4)
    assert seam.traj.first[2].all()
    assert not seam.traj.valid[1].any()
