"""Learned rewards as signals: what is paid at ends, and that shaping telescopes."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from agents.check.curiosity import check_curiosity
from agents.curiosity.demonstrated import DemonstratedReward, Shaping
from agents.curiosity.normalize import ReturnStdScale, Unscaled
from agents.curiosity.scored import Scored
from agents.curiosity.signal import Curiosity, Surroundings
from agents.experience import Experience
from agents.rewards.perceptual import PerceptualReward
from envs.vector_env import DiscreteActions, EnvSpec
from tests.agents.rewards.planted import SHAPE, pixels, planted, several
from world_models.belief import Carry
from world_models.trajectory import Trajectory

GAMMA = 0.9
REWARD = PerceptualReward.fit(several(range(4)), 4, pixels())


def around(extrinsic: float = 1.0, episodic: bool = True) -> Surroundings:
    spec = EnvSpec(3, SHAPE, DiscreteActions(4), torch.device("cpu"))
    return Surroundings(spec, 6, 7, GAMMA, extrinsic=extrinsic, episodic=episodic)


def played(terminated: bool) -> Scored:
    """Two demonstrations one after the other in each of three envs, 31 transitions."""
    demos = [
        [planted((5, 4, 3, 4), 10 * env + x) for x in range(2)] for env in range(3)
    ]
    obs = torch.stack([torch.cat([x.frames for x in two]) for two in demos], 1)
    first = torch.zeros(32, 3, dtype=torch.bool)
    first[[0, 16]] = True
    never = torch.zeros(31, 3, dtype=torch.bool)
    ends = never.clone()
    ends[[14, 30]] = True
    traj = Trajectory(
        torch.zeros(31, 3, dtype=torch.int64),
        torch.zeros(31, 3),
        ends if terminated else never,
        never if terminated else ends,
        obs,
        first,
    )
    empty = Carry(obs[:0], torch.zeros(3, 0), traj.action[0])
    return Scored(Experience(traj, empty, empty, {}, None, 0))


def discounted(reward: Tensor) -> Tensor:
    powers = GAMMA ** torch.arange(len(reward))
    return (powers[:, None] * reward).sum(0)


@pytest.mark.parametrize("terminated", [False, True])
def test_shaping_telescopes(terminated: bool) -> None:
    scored = played(terminated)
    paid = Shaping.within(around(), REWARD).reward(scored).reward
    potential = REWARD(scored.traj.obs)
    assert not paid[15].any()
    for start, stop in ((0, 15), (16, 31)):
        end = torch.zeros(3) if terminated else potential[stop]
        expected = GAMMA**15 * end - potential[start]
        assert torch.allclose(discounted(paid[start:stop]), expected, atol=1e-5)


def test_undiscounted_shaping_is_the_difference_of_both_ends() -> None:
    scored = played(terminated=False)
    paid = Shaping(REWARD, 1.0).reward(scored).reward
    potential = REWARD(scored.traj.obs)
    assert torch.allclose(paid[:15].sum(0), potential[15] - potential[0], atol=1e-5)


def test_the_reward_itself_is_what_a_transition_led_to() -> None:
    scored = played(terminated=False)
    paid = DemonstratedReward(REWARD, GAMMA, Unscaled()).reward(scored)
    expected = REWARD(scored.traj.obs)[1:]
    expected[15] = 0.0
    assert torch.allclose(paid.raw, expected)
    assert float(paid.told["value"]) > 0


def test_an_agent_is_paid_by_the_scale_of_its_own_return() -> None:
    scored = played(terminated=True)
    paid = DemonstratedReward.within(around(), REWARD).reward(scored)
    scale = ReturnStdScale(3, GAMMA)
    assert torch.equal(paid.reward, scale(paid.raw, scored.valid))
    assert not torch.equal(paid.reward, paid.raw)


def test_to_end_is_worth_as_much_as_to_stay_for_ever() -> None:
    """The return of the last step, if it is terminated, is that of staying there."""
    paid = DemonstratedReward(REWARD, GAMMA, Unscaled()).reward(played(True)).raw
    reached = REWARD(played(True).traj.obs)[15]
    stays = sum(GAMMA**n * reached for n in range(400))
    assert torch.allclose(paid[14], torch.as_tensor(stays), rtol=1e-4)
    cut = DemonstratedReward(REWARD, GAMMA, Unscaled()).reward(played(False)).raw
    assert torch.allclose(cut[14], reached)


def test_shaping_is_refused_where_it_teaches_nothing() -> None:
    with pytest.raises(ValueError, match="shaping alone teaches nothing"):
        Shaping.within(around(extrinsic=0.0), REWARD)
    with pytest.raises(ValueError, match="ends with an episode"):
        Shaping.within(around(episodic=False), REWARD)


def test_frames_of_another_shape_are_refused() -> None:
    here = around()
    there = replace(here, spec=replace(here.spec, obs_shape=(3, 6, 7)))
    for kind in (Shaping, DemonstratedReward):
        with pytest.raises(ValueError, match="looks at frames of shape"):
            kind.within(there, REWARD)
    with pytest.raises(ValueError, match="discount must be"):
        DemonstratedReward(REWARD, 1.0, Unscaled())


@pytest.mark.parametrize("kind", [Shaping, DemonstratedReward])
def test_contract(kind: type[Shaping | DemonstratedReward]) -> None:
    def make(surroundings: Surroundings) -> Curiosity:
        return kind.within(surroundings, REWARD)

    check_curiosity(make, SHAPE)
