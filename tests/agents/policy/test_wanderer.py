"""The scripted controls do what they are called, and learn nothing."""

import io

import pytest
import torch

from agents.acting import ActingPolicy
from agents.policy.off_policy import OffPolicyConfig
from agents.policy.wanderer import DwellConfig, UniformConfig
from envs.vector_env import ContinuousActions, DiscreteActions, EnvSpec, Step

B, A, T = 500, 9, 40
SPEC = EnvSpec(B, (1, 2, 2), DiscreteActions(A), torch.device("cpu"))


def acting(config: OffPolicyConfig, seed: int = 0) -> ActingPolicy:
    policy = config.build(SPEC, 1_000)
    assert policy.lessons is None
    assert not list(policy.parameters())
    return policy.exploring(torch.Generator().manual_seed(seed))


def row() -> Step:
    never = torch.zeros(B, dtype=torch.bool)
    obs = torch.zeros(B, 1, 2, 2, dtype=torch.uint8)
    return Step(obs, torch.zeros(B), never, never, never)


def play(policy: ActingPolicy) -> torch.Tensor:
    carry, actions = policy.start(B), []
    for _ in range(T):
        did = policy.act(row(), carry)
        carry = did.carry
        assert torch.equal(carry.action, did.action)
        assert did.action.dtype == torch.int64
        actions.append(did.action)
    return torch.stack(actions)


def test_uniform_actions_are_uniform_in_every_env_and_step() -> None:
    actions = play(acting(UniformConfig()))
    counts = actions.flatten().bincount(minlength=A)
    each = T * B / A
    assert (counts - each).abs().max() < 5 * each**0.5
    # and know nothing of the one before
    again = (actions[1:] == actions[:-1]).float().mean().item()
    assert again == pytest.approx(1 / A, abs=0.01)


@pytest.mark.parametrize("chance", [0.0, 0.025, 0.4])
def test_who_dwells_stays_and_moves_now_and_then(chance: float) -> None:
    actions = play(acting(DwellConfig(chance))).flatten()
    moved = actions[actions > 0]
    expected = chance * (A - 1) / A
    error = (expected * (1 - expected) / (T * B)) ** 0.5
    assert len(moved) / (T * B) == pytest.approx(expected, abs=4.5 * error)
    if chance:
        counts = moved.bincount(minlength=A)[1:]
        each = len(moved) / (A - 1)
        assert (counts - each).abs().max() < 5 * each**0.5


def test_dwelling_is_mostly_staying_by_default() -> None:
    assert DwellConfig().chance == 0.025


def test_they_draw_on_where_they_were() -> None:
    one, other = acting(DwellConfig(0.5), 1), acting(DwellConfig(0.5), 2)
    play(one)
    assert not torch.equal(play(one), play(other))
    file = io.BytesIO()
    torch.save(one.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(play(one), play(other))


def test_playing_is_exploring() -> None:
    policy = DwellConfig(0.5).build(SPEC, 0)
    played = [
        play(policy.playing(torch.Generator().manual_seed(1), greedy))
        for greedy in (True, False)
    ]
    explored = play(policy.exploring(torch.Generator().manual_seed(1)))
    assert torch.equal(played[0], explored)
    assert torch.equal(played[1], explored)


@pytest.mark.parametrize("config", [UniformConfig(), DwellConfig()])
def test_real_numbers_are_refused(config: OffPolicyConfig) -> None:
    space = ContinuousActions((-1.0,), (1.0,))
    spec = EnvSpec(B, (1, 2, 2), space, torch.device("cpu"))
    with pytest.raises(ValueError, match="use --policy ppo"):
        config.build(spec, 0)


def test_a_chance_is_one() -> None:
    with pytest.raises(ValueError, match=r"between 0 and 1, not 1\.5"):
        DwellConfig(1.5)
