"""Every kind of progress keeps the contract of signals, while it pays something."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from agents.check.curiosity import CuriosityContractError, check_curiosity
from agents.curiosity.progress.config import DeltaProgressConfig, GammaProgressConfig
from agents.curiosity.progress.frozen_features import (
    ChangeOfFeaturesConfig,
    FeaturesThemselvesConfig,
)
from agents.curiosity.progress.kept_carry import KeptCarry
from agents.curiosity.progress.own_loss import OwnLossConfig
from agents.curiosity.progress.own_model import OwnModelConfig
from agents.curiosity.progress.progress import Progress
from agents.curiosity.progress.yardstick import YardstickConfig
from agents.curiosity.scored import Scored
from agents.curiosity.signal import IntrinsicReward, Surroundings
from tests.agents.curiosity.progress.tiny import CORES, PATCHES, perturb
from world_models.belief import Carry
from world_models.predictor import LatentHeadConfig
from world_models.presets import byol_explore

YARDSTICKS: dict[str, YardstickConfig] = {
    "change": ChangeOfFeaturesConfig(),
    "features": FeaturesThemselvesConfig(),
    "own-loss": OwnLossConfig(),
    "disagreement": OwnLossConfig("disagreement"),
}


class Paying:
    """Builds signals, and notes whether any of them has paid."""

    def __init__(self, make: Callable[[Surroundings], Progress]) -> None:
        self.make, self.paid = make, False

    def __call__(self, surroundings: Surroundings) -> Progress:
        signal = self.make(surroundings)
        reward = signal.reward

        def watched(scored: Scored) -> IntrinsicReward:
            paid = reward(scored)
            self.paid |= bool(paid.raw.any())
            return paid

        signal.reward = watched  # type: ignore[method-assign]
        return signal


@pytest.mark.parametrize("delta", [None, 2])
@pytest.mark.parametrize("name", list(YARDSTICKS))
def test_every_yardstick_keeps_the_contract(name: str, delta: int | None) -> None:
    yardstick = YARDSTICKS[name]
    config = (
        GammaProgressConfig(1, yardstick, gamma=0.7)
        if delta is None
        else DeltaProgressConfig(1, yardstick, delta=delta)
    )
    paying = Paying(config.build)
    check_curiosity(paying)
    assert paying.paid


@pytest.mark.parametrize("core", list(CORES))
@pytest.mark.parametrize("name", ["change", "own-loss"])
def test_so_does_a_model_of_its_own_with_memory_and_without(
    name: str, core: str
) -> None:
    own = OwnModelConfig(
        byol_explore(3, predictor=LatentHeadConfig(9)), PATCHES, CORES[core], 4
    )
    config = GammaProgressConfig(1, YARDSTICKS[name], own, gamma=0.7)

    def make(surroundings: Surroundings) -> Progress:
        signal = config.build(surroundings)
        signal.old.follow(signal.now)
        perturb(signal.old.network)
        return signal

    paying = Paying(make)
    check_curiosity(paying, (1, 12, 13))
    assert paying.paid


def test_old_weights_that_do_not_forget_would_be_noticed() -> None:
    """Theirs is a memory like any other: here `first` does not reach it."""

    def make(surroundings: Surroundings) -> Progress:
        signal = GammaProgressConfig(1, gamma=0.7).build(surroundings)
        network: Any = signal.old.network
        along = network.along

        def blind(scored: Scored, carry: Carry, aim: Tensor) -> tuple[Tensor, Carry]:
            traj = replace(scored.traj, first=torch.zeros_like(scored.traj.first))
            experience = replace(scored.experience, traj=traj)
            found: tuple[Tensor, Carry] = along(Scored(experience), carry, aim)
            return found

        network.along = blind
        return signal

    with pytest.raises(CuriosityContractError, match="must be forgotten at `first`"):
        check_curiosity(make)


def test_a_carry_is_kept_as_a_copy() -> None:
    start = Carry(
        torch.zeros(0, 2, 1, 3, 4).byte(), torch.ones(2, 3), torch.zeros(2).long()
    )
    kept = KeptCarry(start)
    other = Carry(start.frames, 2 * start.memory, start.action + 1)
    assert kept.take(other) is other
    assert torch.equal(kept.take().memory, start.memory)
    kept.keep(other)
    other.memory.zero_()
    assert torch.equal(kept.take(start).memory, torch.full((2, 3), 2.0))
    twin = KeptCarry(start)
    twin.load_state_dict(kept.state_dict())
    assert torch.equal(twin.take(start).memory, torch.full((2, 3), 2.0))
    assert torch.equal(twin.take(start).action, other.action)
