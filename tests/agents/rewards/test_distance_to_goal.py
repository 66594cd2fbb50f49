"""Rewards by distance: their definition, and that they rise with time."""

import pytest
import torch
from scipy.stats import spearmanr

from agents.rewards.demonstration import Demonstration
from agents.rewards.distance_to_goal import DistanceToGoalConfig, TemporalRewardConfig
from agents.rewards.reward_model import RewardConfig
from agents.rewards.temporal.cycles import CycleConsistency
from agents.rewards.temporal.learning import EmbeddingConfig
from agents.rewards.temporal.time_contrast import TimeContrast
from agents.rewards.temporal.vip import ValueImplicit
from ssl_objectives.refusal import ConfigError
from tests.agents.rewards.moving import SHAPE, eyes, moving

SMALL = EmbeddingConfig(size=8, hidden=32, steps=150, batch=128, learning_rate=3e-3)
METHODS: list[RewardConfig] = [
    DistanceToGoalConfig(),
    TemporalRewardConfig(TimeContrast(), SMALL),
    TemporalRewardConfig(ValueImplicit(), SMALL),
    TemporalRewardConfig(CycleConsistency(), SMALL),
]
DEMOS = [moving(x) for x in range(4)]


def test_distance_is_what_its_equation_says() -> None:
    reward = DistanceToGoalConfig().fit(eyes(), DEMOS)
    pool = torch.nn.functional.avg_pool2d
    rows = [pool(x.frames / 255, 2).flatten(1) for x in DEMOS]
    every = torch.cat(rows)
    mean, std = every.mean(0), every.std(0, correction=0)
    seen = [(x - mean) / std for x in rows]
    goal = torch.stack([x[-1] for x in seen]).mean(0)
    away = max((frame - goal).norm() for x in seen for frame in x)
    expected = (1 - (seen[1] - goal).norm(dim=1) / away).clamp(min=0)
    assert torch.allclose(reward(DEMOS[1].frames), expected, atol=1e-4)


@pytest.mark.parametrize(
    ("config", "least"),
    [*zip(METHODS[1:], (0.7, 0.95, 0.95), strict=True)],
    ids=["tcn", "vip", "xirl"],
)
def test_what_was_taught_to_follow_time_does(
    config: RewardConfig, least: float
) -> None:
    """Along demonstrations that it has not seen; and nothing of it can be trained.

    Time contrast least of all: to it, all that is far away is far away.
    """
    reward = config.fit(eyes(), DEMOS, seed=1)
    for seed in (50, 51):
        frames = moving(seed, 40).frames
        told, time = reward(frames), range(40)
        assert spearmanr(told, time).statistic > least
        assert spearmanr(reward(frames.flip(0)), time).statistic < -least
        assert float(told[-1]) > 0.7
    assert not any(x.requires_grad for x in reward.parameters())


@pytest.mark.parametrize("config", METHODS, ids=["goal", "tcn", "vip", "xirl"])
def test_its_state_is_all_there_is(config: RewardConfig) -> None:
    state = torch.get_rng_state()
    reward = config.fit(eyes(), DEMOS, seed=2)
    assert torch.equal(torch.get_rng_state(), state)
    again = config.fit(eyes(), DEMOS, seed=2)
    twin = config.build(eyes())
    twin.load_state_dict(reward.state_dict())
    frames = moving(60).frames
    assert torch.equal(again(frames), reward(frames))
    assert torch.equal(twin(frames.view(3, 10, *SHAPE)).flatten(), reward(frames))


def test_first_weights_are_the_seeds() -> None:
    """Whatever the global generator is at; those of another seed are others."""
    config = TemporalRewardConfig(TimeContrast(), EmbeddingConfig(4, 6, steps=1))

    def learned(before: int, seed: int) -> torch.Tensor:
        torch.manual_seed(before)
        network = config.fit(eyes(), DEMOS[:1], seed).network
        return torch.cat([x.flatten() for x in network.parameters()])

    assert torch.equal(learned(1, seed=3), learned(2, seed=3))
    assert not torch.equal(learned(1, seed=3), learned(1, seed=4))


def test_dead_features_do_no_harm() -> None:
    demos = [Demonstration(x.frames.clone()) for x in DEMOS]
    for demo in demos:
        demo.frames[:, :, :, :4] = 9
    for config in METHODS:
        reward = config.fit(eyes(), demos)
        told = reward(moving(70).frames)
        assert told.isfinite().all()
        assert float(told.max()) > 0


def test_what_cannot_be_learned_from_is_refused() -> None:
    with pytest.raises(ConfigError, match="there is one"):
        METHODS[3].fit(eyes(), DEMOS[:1])
    short = [Demonstration(x.frames[:9]) for x in DEMOS]
    with pytest.raises(ConfigError, match="16 frames are drawn"):
        METHODS[3].fit(eyes(), short)
    CycleConsistency(frames=9).check([9, 9])
    with pytest.raises(ConfigError, match="must have 18 frames"):
        METHODS[1].fit(eyes(), short)
    for make in (
        lambda: EmbeddingConfig(size=0),
        lambda: EmbeddingConfig(learning_rate=0.0),
        lambda: TimeContrast(0),
        lambda: ValueImplicit(1.0),
        lambda: CycleConsistency(temperature=0.0),
    ):
        with pytest.raises(ConfigError):
            make()
