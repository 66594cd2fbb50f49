"""Advantages against sums written out term by term."""

import pytest
import torch
from torch import Tensor

from agents.policy.advantages import (
    continuing_advantage,
    continuing_returns,
    episodic_advantage,
)

T, B = 23, 4


@pytest.fixture
def stream(generator: torch.Generator) -> dict[str, Tensor]:
    """Random rewards and values around random, correctly ordered episode ends."""
    ended = torch.rand(T, B, generator=generator) < 0.2
    first = torch.zeros(T + 1, B, dtype=torch.bool)
    for t in range(1, T + 1):  # the row after a final row is a reset
        ended[t - 1] &= ~first[t - 1] | True
        if t >= 2:
            first[t] = ended[t - 2]
            ended[t - 1] &= ~first[t]
    first[0, 1] = True
    terminated = ended & (torch.rand(T, B, generator=generator) < 0.5)
    reward = torch.randn(T, B, generator=generator).masked_fill(first[1:], 0.0)
    value = torch.randn(T + 1, B, generator=generator)
    assert first[1:].any()
    assert terminated.any()
    assert (ended & ~terminated).any()
    return {
        "reward": reward,
        "value": value,
        "terminated": terminated,
        "truncated": ended & ~terminated,
        "first": first,
    }


def naive_episodic(
    stream: dict[str, Tensor], t: int, b: int, discount: float, trace: float
) -> float:
    """A_t as the explicit sum of discounted residuals until the episode ends."""
    total, weight = 0.0, 1.0
    for s in range(t, T):
        if stream["first"][s + 1, b]:
            break
        following = 0.0 if stream["terminated"][s, b] else stream["value"][s + 1, b]
        residual = stream["reward"][s, b] + discount * following - stream["value"][s, b]
        total += weight * float(residual)
        weight *= discount * trace
        if stream["terminated"][s, b] or stream["truncated"][s, b]:
            break
    return total


def test_episodic_advantage_is_the_written_out_sum(stream: dict[str, Tensor]) -> None:
    got = episodic_advantage(**stream, discount=0.97, trace=0.9)
    for t in range(T):
        for b in range(B):
            want = naive_episodic(stream, t, b, 0.97, 0.9)
            assert got[t, b].item() == pytest.approx(want, abs=1e-5)


def test_truncation_bootstraps_and_termination_does_not() -> None:
    value = torch.tensor([[1.0], [10.0]])
    reward = torch.tensor([[2.0]])
    yes, no = torch.tensor([[True]]), torch.tensor([[False]])
    first = torch.zeros(2, 1, dtype=torch.bool)
    cut = episodic_advantage(reward, value, no, yes, first, 0.5, 0.9)
    end = episodic_advantage(reward, value, yes, no, first, 0.5, 0.9)
    assert cut.item() == pytest.approx(2 + 0.5 * 10 - 1)
    assert end.item() == pytest.approx(2 - 1)


@pytest.mark.parametrize("trace", [0.0, 0.9, 1.0])
def test_continuing_advantage_passes_through_resets(
    stream: dict[str, Tensor], trace: float
) -> None:
    """Equal to the same data with the joining row taken out, env by env."""
    got = continuing_advantage(
        stream["reward"], stream["value"], stream["first"], 0.97, trace
    )
    for b in range(B):
        kept = [t for t in range(T) if not stream["first"][t + 1, b]]
        reward = [float(stream["reward"][t, b]) for t in kept]
        value = [float(stream["value"][t, b]) for t in kept]
        # a dropped row at the very end leaves its own value as the bootstrap
        value.append(float(stream["value"][T, b]))
        following, want = 0.0, [0.0] * len(kept)
        for i in reversed(range(len(kept))):
            delta = reward[i] + 0.97 * value[i + 1] - value[i]
            following = want[i] = delta + 0.97 * trace * following
        for t, expected in zip(kept, want, strict=True):
            assert got[t, b].item() == pytest.approx(expected, abs=1e-4)


def test_advantage_of_a_joining_transition(stream: dict[str, Tensor]) -> None:
    joins = stream["first"][1:]
    got = episodic_advantage(**stream, discount=0.97, trace=0.9)
    assert (got[joins] == 0).all()


def test_returns_are_advantage_plus_value_and_joins_take_the_next_value(
    stream: dict[str, Tensor],
) -> None:
    value, first = stream["value"], stream["first"]
    advantage = continuing_advantage(stream["reward"], value, first, 0.97, 0.9)
    got = continuing_returns(advantage, value, first)
    for t in range(T):
        for b in range(B):
            want = advantage[t, b] + value[t, b]
            if first[t + 1, b]:
                want = value[t + 1, b]
            assert got[t, b] == want
