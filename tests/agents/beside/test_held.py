"""Scales that are held: blocks are followed as rollouts, steps turned by the last."""

import copy

import pytest
import torch
from torch import nn

from agents.beside.held import Held, hold_scales
from agents.curiosity.normalize import (
    AboveMean,
    EmaRmsScale,
    EmaStdScale,
    PayAll,
    ReturnStdScale,
    RewardTransform,
    Unscaled,
)
from agents.curiosity.prediction_error import PredictionError

T, B = 5, 3
TRANSFORMS = (
    EmaStdScale(0.9),
    EmaRmsScale(0.9),
    ReturnStdScale(B, 0.8),
    AboveMean(0.9),
    Unscaled(),
    PayAll(),
)


@pytest.mark.parametrize("inner", TRANSFORMS, ids=lambda x: type(x).__name__)
def test_steps_are_turned_by_the_block_before(inner: RewardTransform) -> None:
    generator = torch.Generator().manual_seed(0)
    blocks = torch.rand(4, T, B, generator=generator)
    valid = torch.rand(4, T, B, generator=generator) < 0.9
    held, twin = Held(copy.deepcopy(inner), T, B), copy.deepcopy(inner)
    torch.testing.assert_close(
        held(blocks[0], valid[0]), twin(blocks[0], valid[0])
    )  # the first comes whole
    for block, counts in zip(blocks[1:], valid[1:], strict=True):
        want = twin.turned(block, counts)
        for t in range(T - 1):
            paid = held(block[t : t + 1], counts[t : t + 1])
            torch.testing.assert_close(paid, want[t : t + 1])
        held(block[-1:], counts[-1:])
        twin.follow(block, counts)
        torch.testing.assert_close(held.inner.state_dict(), twin.state_dict())


def test_following_then_turning_is_what_a_rollout_gets() -> None:
    reward, valid = torch.rand(T, B), torch.ones(T, B, dtype=torch.bool)
    for inner in TRANSFORMS:
        one, two = copy.deepcopy(inner), copy.deepcopy(inner)
        two.follow(reward, valid)
        torch.testing.assert_close(one(reward, valid), two.turned(reward, valid))


@pytest.mark.parametrize(
    "inner", [EmaStdScale(0.9), ReturnStdScale(B, 0.8)], ids=lambda x: type(x).__name__
)
def test_the_first_reward_after_nothing_is_paid_ten_at_most(
    inner: RewardTransform,
) -> None:
    """Where a whole block paid exactly 0, no scale is known."""
    held = Held(copy.deepcopy(inner), T, B)
    every = torch.ones(T, B, dtype=torch.bool)
    assert not held(torch.zeros(T, B), every).any()
    reward = torch.tensor([[0.3, 0.0, -0.1]])
    paid = held(reward, every[:1])
    torch.testing.assert_close(paid, reward / 0.03)
    valid = torch.tensor([[False, True, True]])
    assert held(reward, valid)[0, 2] == -10.0
    assert not held(torch.zeros(1, B), every[:1]).any()


def test_what_is_gathered_is_saved() -> None:
    held, other = (Held(EmaRmsScale(), T, B) for _ in range(2))
    rows, valid = torch.rand(T, 1, B), torch.ones(1, B, dtype=torch.bool)
    held(torch.rand(T, B), valid.expand(T, B))
    for row in rows[:3]:
        held(row, valid)
    other.load_state_dict(held.state_dict())
    for row in rows[3:]:
        torch.testing.assert_close(other(row, valid), held(row, valid))
    torch.testing.assert_close(
        other.inner.state_dict(), held.inner.state_dict(), rtol=0, atol=0
    )


def test_all_scales_of_a_signal_are_held() -> None:
    signal = PredictionError(EmaStdScale(), AboveMean(), ReturnStdScale(B, 0.9))
    inside = nn.ModuleDict({"one": signal})
    hold_scales(inside, T, B)
    parts: tuple[nn.Module, ...] = (signal.scale, signal.prioritizer, signal.payout)
    assert all(isinstance(x, Held) for x in parts)
