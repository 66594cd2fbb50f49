"""Progress in a whole agent: every update is followed, and runs go on to the bit."""

from typing import Any

import pytest
import torch

from agents.curiosity.progress.config import DeltaProgressConfig, GammaProgressConfig
from agents.curiosity.progress.frozen_features import ChangeOfFeaturesConfig
from agents.curiosity.progress.own_loss import OwnLossConfig
from agents.curiosity.progress.own_model import OwnModelConfig
from agents.curiosity.progress.progress import Progress
from agents.curiosity.progress.yardstick import YardstickConfig
from agents.policy.ppo import PpoConfig
from agents.ppo.agent import PpoAgent
from agents.ppo.build import ReplayConfig
from ssl_objectives.footprint.networks import training_bytes
from tests.agents.curiosity.progress.tiny import CORES, PATCHES
from tests.agents.resuming import goes_on_exactly, leaves
from tests.agents.small import K, T, small
from world_models.open_loop import GruLoop
from world_models.predictor import LatentHeadConfig
from world_models.presets import byol_explore

MODEL = byol_explore(K, predictor=LatentHeadConfig(13))
CHANGE = ChangeOfFeaturesConfig(PATCHES, readout=10)
UPDATES = 2 * 2 + 1  # of a rollout: minibatches and epochs, and one replayed


def build(seed: int, curiosity: Any, **changes: Any) -> PpoAgent:
    changes = {"replay": ReplayConfig(2, 1, burn_in=2), **changes}
    return small(seed, MODEL, curiosity, **changes)


def signal_of(agent: PpoAgent) -> Progress:
    [signal] = agent.signals.values()
    assert isinstance(signal.curiosity, Progress)
    return signal.curiosity


def gamma(warm_start: int, yardstick: YardstickConfig = CHANGE) -> GammaProgressConfig:
    return GammaProgressConfig(warm_start, yardstick, gamma=0.8)


KINDS: dict[str, Any] = {
    "mid-warm-up": gamma(3 * UPDATES + 2),
    "change": gamma(3),
    "own-loss": gamma(3, OwnLossConfig()),
    "delta": DeltaProgressConfig(3, CHANGE, delta=3),
    "own-model": GammaProgressConfig(
        3, CHANGE, OwnModelConfig(MODEL, PATCHES, CORES["recurrent"], 4), gamma=0.8
    ),
}


@pytest.mark.parametrize("kind", list(KINDS))
def test_runs_go_on_exactly(kind: str) -> None:
    agent = goes_on_exactly(lambda seed: build(seed, KINDS[kind]), 2)
    signal = signal_of(agent)
    replayed = 0 if kind == "own-model" else 4
    assert signal.old.updates == 4 * (UPDATES - 1) + replayed
    assert signal.old.ready
    told = agent.train_step().metrics
    [name] = agent.signals
    assert told[f"intrinsic/{name}/raw_std"] > 0
    assert told[f"intrinsic/{name}/old_loss"] > 0
    assert told[f"intrinsic/{name}/memory"] == signal.old.setting
    paths = set(leaves(agent.state_dict()))
    state = f"/modules/signals.{name}."
    assert {state + "old._extra_state", state + "old_carry.memory"} <= paths


def test_old_weights_are_the_mean_of_all_updates_of_the_model() -> None:
    """Those on fresh minibatches and those from the replay, each once."""
    agent = build(5, gamma(2, OwnLossConfig()))
    signal, model = signal_of(agent), agent.world_model
    assert model is not None
    loop = model.open_loop
    assert isinstance(loop, GruLoop)
    weights, follow = [], model.after_update

    def watched(*losses: Any) -> None:
        follow(*losses)
        weights.append(loop.cell.from_memory.weight.detach().clone())

    model.after_update = watched  # type: ignore[method-assign]
    agent.begin()
    for _ in range(2):
        agent.train_step()
    assert len(weights) == 2 * UPDATES == int(model.updates)
    want = weights[1]
    for theta in weights[2:]:
        want = 0.8 * want + 0.2 * theta
    old = signal.old.network.model.open_loop.cell.from_memory.weight  # type: ignore[union-attr]  # of a model
    torch.testing.assert_close(old, want)


def test_what_does_not_train_the_model_is_not_followed() -> None:
    agent = build(5, gamma(2))
    before = [int(agent.world_model.updates)]  # type: ignore[union-attr]  # there is one
    agent.learner.step(agent.actor.policy.critic.weight.sum())
    assert signal_of(agent).old.updates == 0
    assert [int(agent.world_model.updates)] == before  # type: ignore[union-attr]  # likewise


@pytest.mark.parametrize("kind", ["change", "own-loss"])
def test_a_model_that_does_not_move_is_paid_exactly_nothing(kind: str) -> None:
    """The policy went row by row, old weights along all: rounding is not progress."""
    still = PpoConfig(num_steps=T, num_minibatches=2, num_epochs=2, learning_rate=0.0)
    agent = build(5, KINDS[kind], ppo=still)
    agent.begin()
    for _ in range(4):
        told = agent.train_step().metrics
        assert told["intrinsic/gamma-progress/raw_std"] == 0
        assert told["intrinsic/gamma-progress/reward_std"] == 0
    assert signal_of(agent).old.ready


@pytest.mark.parametrize(("kind", "copies"), [("own-loss", 1), ("delta", 4)])
def test_a_plan_of_memory_counts_the_copies(kind: str, copies: int) -> None:
    agent = build(5, KINDS[kind])
    signal = signal_of(agent)
    each = sum(x.nbytes for x in signal.old.network.parameters())
    each += sum(x.nbytes for x in signal.old.network.buffers())
    assert training_bytes(signal.old) == copies * each > 0
    without = training_bytes(agent.modules) - training_bytes(signal)
    plain = small(5, MODEL, None)
    heads = training_bytes(agent.actor.policy) - training_bytes(plain.actor.policy)
    assert without == training_bytes(plain.modules) + heads
