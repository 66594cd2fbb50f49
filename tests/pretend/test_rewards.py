"""Learned rewards on the pretend device: the same as on a CPU, and paid unawaited."""

from contextlib import nullcontext

import pytest
import torch
from torch import Tensor

from agents.curiosity.demonstrated import DemonstratedReward, Shaping
from agents.curiosity.normalize import Unscaled
from agents.curiosity.scored import Scored
from agents.curiosity.signal import Curiosity
from agents.rewards.distance_to_goal import DistanceToGoalConfig, TemporalRewardConfig
from agents.rewards.perceptual import PerceptualRewardConfig
from agents.rewards.reward_model import RewardConfig, along
from agents.rewards.segmentation import GreedySegmentation
from agents.rewards.temporal.cycles import CycleConsistency
from agents.rewards.temporal.learning import EmbeddingConfig
from agents.rewards.temporal.time_contrast import TimeContrast
from agents.rewards.temporal.vip import ValueImplicit
from tests.agents.rewards.planted import SHAPE, cnn, several
from tests.pretend.crossings import Crossing
from tests.pretend.cuda import pretend_cuda

EMBEDDING = EmbeddingConfig(4, 8, 3, 32)
METHODS: list[RewardConfig] = [
    PerceptualRewardConfig(4, features=5),
    PerceptualRewardConfig(4, features=5, segmentation=GreedySegmentation()),
    DistanceToGoalConfig(),
    TemporalRewardConfig(TimeContrast(), EMBEDDING),
    TemporalRewardConfig(ValueImplicit(), EMBEDDING),
    TemporalRewardConfig(CycleConsistency(), EMBEDDING),
]


def paid(config: RewardConfig, device: str) -> tuple[list[Tensor], list[Crossing]]:
    """Rewards along unseen demonstrations, and what two signals pay for a rollout."""
    with pretend_cuda() if device == "cuda" else nullcontext() as pretend:
        reward = config.fit(cnn().to(device), several(range(3)))
        told = along(reward, several(range(50, 52)))
        generator = torch.Generator().manual_seed(0)
        obs = torch.randint(0, 256, (6, 2, *SHAPE), generator=generator)
        first = torch.zeros(6, 2, dtype=torch.bool)
        first[3, 1] = True
        scored = Scored.from_rollout(
            obs.byte().to(device),
            torch.zeros(5, 2, dtype=torch.int64).to(device),
            first.to(device),
        )
        signals: list[Curiosity] = [
            DemonstratedReward(reward, 0.9, Unscaled()),
            Shaping(reward, 0.9),
        ]
        if pretend is not None:
            pretend.crossings.clear()
        pays = [x.to(device).reward(scored).reward for x in signals]
        crossings = [] if pretend is None else list(pretend.crossings)
        return [*told, *(x.cpu() for x in pays)], crossings


@pytest.mark.parametrize("config", METHODS, ids=lambda x: type(x).__name__)
def test_rewards_equal_those_of_a_cpu_and_nobody_waits(config: RewardConfig) -> None:
    found, crossings = paid(config, "cuda")
    wanted, _ = paid(config, "cpu")
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-4)
    assert crossings == []
