"""Division by the std of returns: against loops, its memory, and its bounds."""

import math

import gymnasium
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode
from torch import Tensor

from agents.curiosity.normalize import ReturnStdScale
from tests.shapes import rounds

T, B, CALLS = 11, 4, 3
DISCOUNT, DECAY = 0.9, 0.7


def rollouts(generator: torch.Generator) -> list[tuple[Tensor, Tensor]]:
    """Rewards and which transitions are valid, for several rollouts."""
    made = []
    for i in range(CALLS):
        raw = torch.rand(T, B, generator=generator) * (i + 1) + torch.arange(B)
        made.append((raw, torch.rand(T, B, generator=generator) < 0.8))
    return made


def exponential(generator: torch.Generator, steps: int = 64, envs: int = 16) -> Tensor:
    """Rewards of mean 1 and std 1; `every` of them is valid."""
    return torch.empty(steps, envs).exponential_(generator=generator)


def every(raw: Tensor) -> Tensor:
    return torch.ones_like(raw, dtype=torch.bool)


def naive_returns(data: list[tuple[Tensor, Tensor]]) -> list[list[float]]:
    """The returns of each rollout: one loop over time for each env."""
    seen = []
    running = [0.0] * B
    for raw, valid in data:
        now = []
        for b in range(B):
            for t in range(T):
                if valid[t, b]:
                    running[b] = DISCOUNT * running[b] + float(raw[t, b])
                    now.append(running[b])
        seen.append(now)
    return seen


def test_return_std_runs_along_time_in_each_env(generator: torch.Generator) -> None:
    """A filter over envs, as in a well-known RND, gives other numbers."""
    data = rollouts(generator)
    scale = ReturnStdScale(B, DISCOUNT, DECAY)
    means: list[float] = []
    squares: list[float] = []
    for (raw, valid), returns in zip(data, naive_returns(data), strict=True):
        means.append(float(np.mean(returns)))
        squares.append(float(np.mean(np.square(returns))))
        weights = [DECAY ** (len(means) - 1 - i) for i in range(len(means))]
        mean, square = (np.average(x, weights=weights) for x in (means, squares))
        sigma = math.sqrt(square - mean**2)
        want = raw.masked_fill(~valid, 0.0) / sigma
        torch.testing.assert_close(scale(raw, valid), want, rtol=1e-5, atol=1e-6)


def test_return_std_depends_on_the_order_of_time_not_of_envs(
    generator: torch.Generator,
) -> None:
    raw, _ = rollouts(generator)[0]

    def std(rewards: Tensor) -> float:
        scale = ReturnStdScale(B, 0.99)
        scale(rewards, every(rewards))
        return scale.moments.std.item()

    envs = torch.tensor([2, 0, 3, 1])
    assert std(raw[:, envs]) == pytest.approx(std(raw), rel=1e-6)
    assert std(raw.sort(0).values) != pytest.approx(std(raw), rel=1e-3)


def test_returns_do_not_begin_anew_with_each_rollout() -> None:
    """Constant reward 1 tends to the return 1 / (1 - γ), however it is cut."""
    ones = torch.ones(T, B)
    scale = ReturnStdScale(B, DISCOUNT)
    for _ in range(20):
        scale(ones, every(ones))
    torch.testing.assert_close(scale.running, torch.full((B,), 1 / (1 - DISCOUNT)))


@pytest.mark.parametrize("before", [0.0, 10.0])
def test_a_change_of_scale_is_forgotten(
    generator: torch.Generator, before: float
) -> None:
    """Independent rewards of std 1 are paid as r √(1 - γ²), of whatever size."""
    scale = ReturnStdScale(16, 0.99)
    for _ in range(20 if before else 0):
        raw = before * exponential(generator)
        scale(raw, every(raw))
    paid = []
    for _ in rounds(400):
        raw = 0.1 * exponential(generator)
        paid.append(scale(raw, every(raw)).mean().item())
    assert np.mean(paid[-100:]) == pytest.approx(math.sqrt(1 - 0.99**2), rel=0.1)


@pytest.mark.parametrize("size", [1e-4, 1.0, 1e6])
@pytest.mark.parametrize("decay", [0.5, 0.99])
def test_a_first_reward_after_a_long_quiet_is_paid_as_ten(
    size: float, decay: float
) -> None:
    quiet = torch.zeros(64, 16)
    scale = ReturnStdScale(16, 0.99, decay)
    for _ in rounds(300):
        assert torch.equal(scale(quiet, every(quiet)), quiet)
    raw = quiet.clone()
    raw[-1, 3] = size
    torch.testing.assert_close(scale(raw, every(raw)), raw * (10 / size))


@pytest.mark.parametrize("size", [1e-12, 1.0, 1e12])
def test_the_very_first_reward_of_one_env_and_one_step(size: float) -> None:
    """There is no spread yet, and nothing to compare with."""
    raw = torch.full((1, 1), size)
    assert ReturnStdScale(1, 0.99)(raw, every(raw)).item() == pytest.approx(10.0)


def test_rewards_that_are_all_alike_are_paid_a_return_of_a_hundred() -> None:
    ones = torch.ones(32, 2)
    scale = ReturnStdScale(2, 0.99)
    for _ in rounds(600):
        paid = scale(ones, every(ones))
    torch.testing.assert_close(paid / (1 - 0.99), 100 * ones, rtol=1e-3, atol=0.0)


@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_ever_paid_above_ten(seed: int) -> None:
    """Whatever the shapes, sizes, signs, gaps and decays."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*options: float) -> float:
        return options[int(torch.randint(len(options), (), generator=generator))]

    steps, envs = int(draw(1, 2, 9)), int(draw(1, 3))
    scale = ReturnStdScale(envs, draw(0.0, 0.9, 0.999), draw(0.0, 0.5, 0.99))
    largest = 0.0
    for _ in range(60):
        raw = torch.randn(steps, envs, generator=generator) * draw(0, 1e-15, 1, 1e15)
        raw *= torch.rand(steps, envs, generator=generator) < draw(0.1, 1.0)
        raw = raw.abs() if draw(0, 1) else raw
        valid = torch.rand(steps, envs, generator=generator) < draw(0.0, 0.7, 1.0)
        paid = scale(raw, valid)
        assert paid.isfinite().all()
        assert (paid[valid].sign() == raw[valid].sign()).all()
        largest = max(largest, float((paid.abs() * valid).max()))
        divisor = raw[valid & (raw != 0)] / paid[valid & (raw != 0)]
        torch.testing.assert_close(divisor, divisor[:1].expand_as(divisor))
    assert 0 < largest < 10.001


def test_pendulums_rewards_under_random_play() -> None:
    """Returns of order 1, and far from a clip at 10: a clip at 1 loses nine tenths."""
    envs = gymnasium.make_vec(
        "Pendulum-v1", 8, vector_kwargs={"autoreset_mode": AutoresetMode.NEXT_STEP}
    )
    envs.reset(seed=0)
    envs.action_space.seed(0)
    scale, discount = ReturnStdScale(8, 0.99), 0.99
    running, joins = torch.zeros(8), torch.zeros(8, dtype=torch.bool)
    learned = []
    for _ in range(10):
        rows, flags = [], []
        for _ in range(128):
            _, reward, terminated, truncated, _ = envs.step(envs.action_space.sample())
            rows.append(torch.tensor(reward).float())
            flags.append(~joins)
            joins = torch.tensor(terminated | truncated)
        raw, valid = torch.stack(rows), torch.stack(flags)
        paid = scale(raw, valid)
        for reward, counts in zip(paid, valid, strict=True):
            running = torch.where(counts, discount * running + reward, running)
            learned.append(running)
        assert paid.abs().max() < 1  # no clip would touch it
        assert (raw < -1).float().mean() > 0.8
    returns = torch.stack(learned[3 * 128 :])
    assert 0.5 < returns.std() < 2
    assert returns.abs().max() < 10
    envs.close()


@pytest.mark.parametrize("discount", [-0.1, 1.0])
def test_returns_without_end_are_refused(discount: float) -> None:
    with pytest.raises(
        ValueError, match=f"discount must be .* below 1, not {discount}"
    ):
        ReturnStdScale(B, discount)
