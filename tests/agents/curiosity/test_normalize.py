"""Running statistics against numpy over all data, and against loops over time."""

import copy

import numpy as np
import pytest
import torch
from torch import Tensor

from agents.curiosity.normalize import (
    AboveMean,
    EmaMoments,
    EmaStdScale,
    PayAll,
    Prioritizer,
    ReturnStdScale,
    RewardScale,
    RunningMoments,
    Unscaled,
)

T, B, CALLS = 11, 4, 3
DISCOUNT = 0.9


def rollouts(generator: torch.Generator) -> list[tuple[Tensor, Tensor]]:
    """Rewards and which transitions are valid, for several rollouts."""
    made = []
    for i in range(CALLS):
        raw = torch.rand(T, B, generator=generator) * (i + 1) + torch.arange(B)
        made.append((raw, torch.rand(T, B, generator=generator) < 0.8))
    return made


@pytest.mark.parametrize("offset", [0.0, 1e5])
def test_running_moments_are_numpys_over_everything(
    generator: torch.Generator, offset: float
) -> None:
    moments = RunningMoments((3, 5))
    assert (moments.std == 1).all()
    seen = []
    for count in (1, 7, 0, 2, 40):
        rows = torch.randn(count, 3, 5, generator=generator).double() + offset
        rows[:, 1, 2] = 137.0 + offset
        moments.update(rows)
        seen.append(rows.numpy())
        every = np.concatenate(seen)
        assert moments.count.item() == len(every)
        np.testing.assert_allclose(moments.mean, every.mean(0), rtol=1e-12)
        np.testing.assert_allclose(moments.std, every.std(0), rtol=1e-6, atol=1e-9)
    assert moments.mean.dtype == moments.squares.dtype == torch.float64
    assert moments.std.dtype == torch.float32
    assert moments.std[1, 2] == 0


def test_float32_rows_are_summed_in_float64() -> None:
    """Grey levels of many frames: float32 sums would be off in the third digit."""
    moments = RunningMoments()
    rows = (torch.arange(1 << 15) % 2).float() + 2000.0
    for _ in range(50):
        moments.update(rows)
    assert moments.mean.item() == pytest.approx(2000.5, rel=1e-12)
    assert moments.std.item() == pytest.approx(0.5, rel=1e-7)


def naive_returns(data: list[tuple[Tensor, Tensor]]) -> list[list[float]]:
    """All returns seen after each rollout: one loop over time for each env."""
    seen: list[list[float]] = []
    running = [0.0] * B
    for raw, valid in data:
        now = list(seen[-1]) if seen else []
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
    scale = ReturnStdScale(B, DISCOUNT)
    for (raw, valid), returns in zip(data, naive_returns(data), strict=True):
        scaled = scale(raw, valid)
        torch.testing.assert_close(
            scaled, raw / float(np.std(returns)), rtol=1e-5, atol=1e-6
        )
        assert scale.moments.count.item() == len(returns)


def test_return_std_depends_on_the_order_of_time_not_of_envs(
    generator: torch.Generator,
) -> None:
    raw, _ = rollouts(generator)[0]
    every = torch.ones_like(raw, dtype=torch.bool)

    def std(rewards: Tensor) -> float:
        scale = ReturnStdScale(B, 0.99)
        scale(rewards, every)
        return scale.moments.std.item()

    envs = torch.tensor([2, 0, 3, 1])
    assert std(raw[:, envs]) == pytest.approx(std(raw), rel=1e-6)
    assert std(raw.sort(0).values) != pytest.approx(std(raw), rel=1e-3)


def test_return_std_does_not_begin_anew_with_each_rollout() -> None:
    """Constant reward 1 tends to the return 1 / (1 - γ), however it is cut."""
    ones, valid = torch.ones(T, B), torch.ones(T, B, dtype=torch.bool)
    scale = ReturnStdScale(B, DISCOUNT)
    for _ in range(20):
        scale(ones, valid)
    torch.testing.assert_close(scale.running, torch.full((B,), 1 / (1 - DISCOUNT)))


@pytest.mark.parametrize("decay", [0.99, 0.6])
def test_ema_moments_are_the_written_out_ones(
    generator: torch.Generator, decay: float
) -> None:
    moments = EmaMoments(decay)
    assert moments.mean == 0
    assert moments.std == 0
    means, squares = [], []
    for raw, valid in rollouts(generator):
        moments.update(raw, valid)
        moments.update(raw + 1e6, torch.zeros_like(valid))  # nothing to see
        kept = raw[valid].double()
        means.append(kept.mean().item())
        squares.append((kept**2).mean().item())
        n = len(means)
        weights = [(1 - decay) * decay ** (n - 1 - i) for i in range(n)]
        debias = 1 - decay**n
        mean = sum(w * m for w, m in zip(weights, means, strict=True)) / debias
        square = sum(w * s for w, s in zip(weights, squares, strict=True)) / debias
        assert moments.weight.item() == pytest.approx(debias, rel=1e-6)
        assert moments.mean.item() == pytest.approx(mean, rel=1e-6)
        std = (square - mean**2) ** 0.5
        assert moments.std.item() == pytest.approx(std, rel=1e-5)


def test_ema_std_scale_divides_by_the_std_and_never_centres(
    generator: torch.Generator,
) -> None:
    scale, moments = EmaStdScale(0.7), EmaMoments(0.7)
    for raw, valid in rollouts(generator):
        moments.update(raw, valid)
        got = scale(raw, valid)
        torch.testing.assert_close(got * moments.std, raw)


def test_above_mean_pays_what_exceeds_the_debiased_mean(
    generator: torch.Generator,
) -> None:
    prioritizer, moments = AboveMean(0.7), EmaMoments(0.7)
    for raw, valid in rollouts(generator):
        moments.update(raw, valid)
        got = prioritizer(raw, valid)
        want = [[max(float(r - moments.mean), 0.0) for r in row] for row in raw]
        torch.testing.assert_close(got, torch.tensor(want))
        assert 0 < (got == 0).float().mean() < 1


def test_leaving_things_alone(generator: torch.Generator) -> None:
    for raw, valid in rollouts(generator):
        assert torch.equal(Unscaled()(raw, valid), raw)
        assert torch.equal(PayAll()(raw, valid), raw)


PARTS = [ReturnStdScale(B, DISCOUNT), EmaStdScale(), AboveMean()]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: type(part).__name__)
def test_invalid_entries_have_no_influence(
    part: RewardScale | Prioritizer, generator: torch.Generator
) -> None:
    one, other = copy.deepcopy(part), copy.deepcopy(part)
    for raw, valid in rollouts(generator):
        a = one(raw, valid)
        b = other(torch.where(valid, raw, 1e4), valid)
        assert torch.equal(a[valid], b[valid])
    for name, buffer in one.state_dict().items():
        assert torch.equal(buffer, other.state_dict()[name]), name


@pytest.mark.parametrize("part", PARTS, ids=lambda part: type(part).__name__)
def test_all_state_is_in_the_state_dict(
    part: RewardScale | Prioritizer, generator: torch.Generator
) -> None:
    before, (raw, valid) = rollouts(generator)[:-1], rollouts(generator)[-1]
    one, other = copy.deepcopy(part), copy.deepcopy(part)
    for earlier in before:
        one(*earlier)
    different = other(raw, valid)
    other.load_state_dict(copy.deepcopy(one.state_dict()))
    assert torch.equal(one(raw, valid), other(raw, valid))
    assert not torch.equal(different, other(raw, valid))
    for name, buffer in one.state_dict().items():
        assert buffer.any(), name
