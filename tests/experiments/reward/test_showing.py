"""Agreement of steps that were found with true ones, and with random ones."""

import pytest
import torch

from agents.rewards.demonstration import Demonstration
from agents.rewards.measures import jaccard, ordered_random_jaccard
from agents.rewards.perceptual import PerceptualReward, PerceptualRewardConfig
from agents.rewards.segmentation import labels_of
from experiments.reward.drawing import Drawn
from experiments.reward.showing import _agreement
from tests.agents.rewards.moving import eyes, moving
from tests.agents.rewards.planted import truth


def two_steps() -> PerceptualReward:
    return PerceptualRewardConfig(2, features=4).build(eyes())


def found(steps: torch.Tensor) -> Drawn:
    """A cut behind the tenth of thirty frames, beside the true steps."""
    demo = Demonstration(moving(0).frames, steps)
    return Drawn(demo, torch.zeros(30), (torch.arange(30) >= 10).long())


def test_all_true_steps_count() -> None:
    """Also those that the reward has no step for: there are three, and it knows two."""
    agreement = _agreement(two_steps(), [found(torch.arange(30) // 10)], 0)
    assert agreement is not None
    assert agreement.steps[0] == pytest.approx((1 + 10 / 20 + 0) / 3)
    assert 0 < agreement.by_chance[0] < 1


def test_what_is_followed_is_the_reward_s_own() -> None:
    """Not what the demonstration was cut into."""
    reward, one = two_steps(), found(torch.arange(30) // 10)
    followed = labels_of(reward.followed(one.demo.frames), 30)
    agreement = _agreement(reward, [one], 0)
    assert agreement is not None
    assert agreement.followed == [jaccard(followed, truth(one.demo), 3)]
    assert agreement.followed != agreement.steps


def test_random_steps_are_as_many_in_all_demonstrations() -> None:
    """Whichever of them shows the last step first."""
    few, many = torch.arange(30) // 15, torch.arange(30) // 10
    agreement = _agreement(two_steps(), [found(few), found(many)], 3)
    generator = torch.Generator().manual_seed(3)
    expected = [ordered_random_jaccard(x, 3, 200, generator) for x in (few, many)]
    assert agreement is not None
    assert agreement.by_chance == expected
    assert agreement.steps[0] == pytest.approx((10 / 15 + 15 / 20) / 2)


def test_without_labels_nothing_is_told() -> None:
    unknown = Drawn(moving(0), torch.zeros(30), torch.zeros(30, dtype=torch.int64))
    known = found(torch.arange(30) // 10)
    assert _agreement(two_steps(), [known, unknown], 0) is None
