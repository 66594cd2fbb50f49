"""Running statistics against numpy over all data; what scales and prioritisers pay."""

import copy
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from agents.curiosity.moments import EmaMoments
from agents.curiosity.normalize import (
    AboveMean,
    EmaRmsScale,
    EmaStdScale,
    PayAll,
    Prioritizer,
    ReturnStdScale,
    RewardScale,
    Unscaled,
)

T, B, CALLS = 11, 4, 3


def rollouts(generator: torch.Generator) -> list[tuple[Tensor, Tensor]]:
    """Rewards and which transitions are valid, for several rollouts."""
    made = []
    for i in range(CALLS):
        raw = torch.rand(T, B, generator=generator) * (i + 1) + torch.arange(B)
        made.append((raw, torch.rand(T, B, generator=generator) < 0.8))
    return made


def geometric() -> tuple[list[Tensor], Tensor]:
    """26 rollouts of losses that fall from 100 to 1, and half of them above the mean.

    In each, losses are c ± c/2: their mean is c, their std c/2.
    """
    above = torch.arange(T * B).view(T, B) % 2 == 0
    levels = [100.0 ** (1 - n / 25) for n in range(26)]
    return [level * (0.5 + above.float()) for level in levels], above


@pytest.mark.parametrize("decay", [0.8, 0.99])
def test_falling_losses_are_paid_from_the_first_rollout_on(decay: float) -> None:
    """(c + c/2) / (c/2) - c / (c/2) = 1 above the mean, and 0 below, every time."""
    losses, above = geometric()
    every = torch.ones_like(above)
    scale, prioritizer = EmaStdScale(decay), AboveMean(decay)
    plain, mean = EmaMoments(decay), EmaMoments(decay)
    unpaid = 0
    for raw in losses:
        paid = prioritizer(scale(raw, every), every)
        torch.testing.assert_close(paid, above.float(), rtol=1e-5, atol=1e-5)
        plain.update(raw, every)
        scaled = raw / plain.std
        mean.update(scaled, every)
        unpaid += not (scaled > mean.mean).any()
    assert unpaid > 12  # with the EMA alone


@pytest.mark.parametrize("decay", [0.8, 0.99])
def test_rising_losses_meet_the_slow_average(decay: float) -> None:
    """Where the EMA is the smaller one, it is what the paper has."""
    losses, above = geometric()
    every = torch.ones_like(above)
    scale, prioritizer = EmaStdScale(decay), AboveMean(decay)
    plain, mean = EmaMoments(decay), EmaMoments(decay)
    for raw in losses[::-1]:
        plain.update(raw, every)
        mean.update(raw, every)
        want = raw / min(plain.std.item(), raw.std(correction=0).item())
        torch.testing.assert_close(scale(raw, every), want)
        want = (raw - mean.mean).clamp(min=0.0)
        torch.testing.assert_close(prioritizer(raw, every), want)


@pytest.mark.parametrize("decay", [0.8, 0.97])
def test_in_the_long_run_it_is_the_ema_less_a_part_of_its_noise(
    generator: torch.Generator, decay: float
) -> None:
    """`d e / √(π (1 + d))` below it, e the standard error of one rollout's own."""
    n, calls = 400, 800
    every = torch.ones(n, 1, dtype=torch.bool)
    scale, prioritizer = EmaStdScale(decay), AboveMean(decay)
    mean, std = [], []
    for _ in range(calls):
        raw = 3 + torch.randn(n, 1, generator=generator)
        std.append(1 - (raw / scale(raw, every))[0].item())
        paid = prioritizer(raw, every)
        mean.append(3 - (raw.max() - paid.max()).item())
    less = decay / math.sqrt(math.pi * (1 + decay))
    assert np.mean(mean) == pytest.approx(less / math.sqrt(n), rel=0.2)
    assert np.mean(std) == pytest.approx(less / math.sqrt(2 * n), rel=0.2)


def test_rewards_that_are_all_alike_are_divided_by_a_thousandth_of_them() -> None:
    every = torch.ones(T, B, dtype=torch.bool)
    for size in (0.0, 1e-20, 1e-3, 7.0, 1e15):
        raw = torch.full((T, B), size)
        scaled = EmaStdScale(0.9)(raw, every)
        torch.testing.assert_close(scaled, torch.full_like(raw, 1e3 * (size > 0)))
        assert (AboveMean(0.9)(scaled, every) == 0).all()


def test_signed_rewards_keep_their_sign_and_their_zero(
    generator: torch.Generator,
) -> None:
    """Over the debiased average of each rollout's root mean square, clipped."""
    scale, sizes = EmaRmsScale(0.7, clip=1.5), []
    for raw, valid in rollouts(generator):
        raw = (raw - raw.mean()).where(torch.rand(T, B, generator=generator) < 0.9, 0.0)
        sizes.append(raw[valid].double().square().mean().sqrt().item())
        weights = 0.7 ** np.arange(len(sizes))[::-1]
        want = raw / np.average(sizes, weights=weights)
        got = scale(raw, valid)
        assert (want.abs() > 1.5).any()
        torch.testing.assert_close(got, want.clamp(-1.5, 1.5))
        assert torch.equal(got.sign(), raw.sign())
    assert not EmaRmsScale()(torch.zeros(T, B), valid).any()


def test_a_rollout_without_valid_transitions_changes_nothing(
    generator: torch.Generator,
) -> None:
    raw, valid = rollouts(generator)[0]
    scale, prioritizer = EmaStdScale(0.9), AboveMean(0.9)
    scale(raw, valid)
    prioritizer(raw, valid)
    sigma, mu = scale.moments.std.clone(), prioritizer.moments.mean.clone()
    nothing = torch.zeros_like(valid)
    assert scale(raw, nothing).isfinite().all()
    assert prioritizer(raw, nothing).isfinite().all()
    assert torch.equal(scale.moments.std, sigma)
    assert torch.equal(prioritizer.moments.mean, mu)


def test_leaving_things_alone(generator: torch.Generator) -> None:
    for raw, valid in rollouts(generator):
        assert torch.equal(Unscaled()(raw, valid), raw)
        assert torch.equal(PayAll()(raw, valid), raw)


PARTS = [ReturnStdScale(B, 0.9), EmaStdScale(), EmaRmsScale(clip=9.0), AboveMean()]


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
    raw = 4 * (raw - raw.mean()) + 3  # above earlier ones, so that the average counts
    different = other(raw, valid)
    other.load_state_dict(copy.deepcopy(one.state_dict()))
    assert torch.equal(one(raw, valid), other(raw, valid))
    assert not torch.equal(different, other(raw, valid))
    for name, buffer in one.state_dict().items():
        assert buffer.any(), name
