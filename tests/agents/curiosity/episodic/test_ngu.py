"""Never give up beside loops: its kernel, its clip, and what it learns."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from agents.check.curiosity import check_curiosity
from agents.curiosity.episodic.kernel import Kernel
from agents.curiosity.episodic.ngu import NguConfig
from agents.curiosity.rnd import RndConfig
from tests.agents.curiosity.made import (
    EYES,
    SHAPE,
    B,
    T,
    around,
    by_episode,
    goes_on,
    learning_of,
    rollouts,
    some,
    total,
)

CONFIG = NguConfig(
    EYES, hidden=9, nearest=3, novelty=RndConfig(EYES, size=5, warm_up_steps=0)
)


def naive_kernel(apart: list[float], mean: float) -> float:
    """By the formula of the paper's Algorithm 1, at its settings."""
    total = 0.0
    for d in apart:
        scaled = max(d / mean - 0.008, 0.0)
        total += 1e-4 / (scaled + 1e-4)
    similar = math.sqrt(total) + 1e-3
    return 0.0 if similar > 8 else 1 / similar


def test_the_kernel_is_the_papers(generator: torch.Generator) -> None:
    kernel = Kernel(1e-4, 0.008, 1e-3, 8.0)
    squared = torch.rand(T, B, 3, generator=generator)
    squared[0, 0, 2] = squared[1, 1, 1:] = float("inf")
    squared[2, 2] = 1e-6  # three that are the same
    valid = torch.rand(T, B, generator=generator) < 0.8
    valid[:3] = True
    counted = [
        float(d)
        for t in range(T)
        for b in range(B)
        for d in squared[t, b]
        if valid[t, b] and d.isfinite()
    ]
    mean = sum(counted) / len(counted)
    got = kernel(squared, valid)
    for t in range(T):
        for b in range(B):
            if valid[t, b]:
                apart = [float(d) for d in squared[t, b] if d.isfinite()]
                want = naive_kernel(apart, mean)
                assert got[t, b].item() == pytest.approx(want, rel=1e-4)
    assert got[2, 2].item() == pytest.approx(1 / (3**0.5 + 1e-3), rel=1e-4)


def test_what_is_too_similar_pays_nothing() -> None:
    kernel = Kernel(1e-4, 0.008, 1e-3, most_similar=1.5)
    squared = torch.tensor([[[0.0, 0.0, 0.0], [0.0, 4.0, 4.0]]])
    paid = kernel(squared, torch.ones(1, 2, dtype=torch.bool))
    assert paid[0, 0] == 0
    assert paid[0, 1] > 0.9


def test_rewards_are_those_of_a_loop() -> None:
    torch.manual_seed(0)
    signal = CONFIG.build(around())
    [scored] = streamed = some(rollouts(), 1)
    with torch.no_grad():
        rows = [signal.embedding(scored.traj.obs)]
    paid = signal.reward(scored)
    valid = scored.valid
    counted: list[float] = []
    lists: list[list[float]] = []

    def nearest(episode: list[Tensor], row: Tensor) -> float:
        apart = sorted(float((x - row).square().sum()) for x in episode)[:3]
        counted.extend(apart)
        lists.append(apart)
        return 0.0

    by_episode(rows, streamed, nearest)
    mean = sum(counted) / len(counted)
    found = iter(lists)
    with torch.no_grad():
        error = signal.novelty.error(scored.traj.obs[1:].flatten(0, 1)).view(T, B)
    told = error[valid].double()
    mu, sigma = told.mean(), told.std(correction=0)
    more = 0
    for b in range(B):
        for t in range(T):
            if not valid[t, b]:
                assert paid.raw[t, b] == 0
                continue
            lifelong = float((1 + (error[t, b] - mu) / sigma).clamp(1, 5))
            more += lifelong > 1
            want = naive_kernel(next(found), float(mean)) * lifelong
            assert paid.raw[t, b].item() == pytest.approx(want, rel=1e-3)
    assert 0 < more < valid.sum()


def test_what_errors_are_like_is_remembered_from_rollout_to_rollout() -> None:
    """μ and σ by debiased averages of each rollout's mean and mean square."""
    torch.manual_seed(0)
    signal = CONFIG.build(around())
    means: list[float] = []
    squares: list[float] = []
    apart = []
    for scored in some(rollouts(), 4):
        told = signal.reward(scored).told["lifelong"].item()
        with torch.no_grad():
            arrived = scored.traj.obs[1:].flatten(0, 1)
            error = signal.novelty.error(arrived).view(T, B)[scored.valid].numpy()
        means.append(float(np.mean(error)))
        squares.append(float(np.mean(error**2)))
        weights = 0.99 ** np.arange(len(means))[::-1]
        mu, square = (np.average(x, weights=weights) for x in (means, squares))
        sigma = math.sqrt(square - mu**2)
        want = np.clip(1 + (error - mu) / sigma, 1, 5).mean()
        assert told == pytest.approx(want, rel=1e-4)
        own = np.clip(1 + (error - means[-1]) / error.std(), 1, 5).mean()
        apart.append(abs(own - want))
    assert max(apart) > 0.01


def test_it_learns_both() -> None:
    signal, [scored] = CONFIG.build(around()), some(rollouts(), 1)
    traj = scored.traj
    inverse = signal.embedding.error(signal.embedding(traj.obs), traj.action)
    distilled = total(signal.novelty.loss(learning_of(scored)))
    want = inverse[scored.valid].mean() + distilled
    torch.testing.assert_close(total(signal.loss(learning_of(scored))), want)


def test_contract_and_resume() -> None:
    check_curiosity(CONFIG.build, SHAPE)
    goes_on(lambda: CONFIG.build(around()))


def test_impossible_settings_are_refused() -> None:
    with pytest.raises(ValueError, match="nearest must be from 1 to rows, 1024, not 0"):
        NguConfig(nearest=0)
    with pytest.raises(ValueError, match="epsilon, constant and most_similar must be"):
        NguConfig(epsilon=0.0)
