"""Scope decides whether the world is learned or what merely stands still in it."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from ssl_objectives.methods.contrast.info_nce import info_nce
from ssl_objectives.methods.moments.vicreg_barlow import VicReg
from ssl_objectives.objective import Objective, Views
from ssl_objectives.parts.critics import Cosine
from world_models.scope import Scope

K, T, B, D = 2, 16, 24, 8


@pytest.mark.parametrize("scope", list(Scope))
def test_rows_come_back_where_they_were(scope: Scope) -> None:
    x = torch.arange(K * T * B).view(K, T, B)
    rows = scope.rows(x)
    assert torch.equal(scope.restore(rows, T, B), x)
    deep = scope.rows(x[..., None].expand(K, T, B, D))
    assert torch.equal(deep[..., 0], rows)
    for group in rows.reshape(-1, rows.shape[-1]):
        step, env = group // B % T, group % B
        assert len(step.unique()) == (1 if scope is Scope.BATCH else T)
        assert len(env.unique()) == (1 if scope is Scope.TIME else B)
        assert len((group // (B * T)).unique()) == 1  # K stays apart


@pytest.mark.parametrize(
    ("scope", "steps", "envs", "group"),
    [
        (Scope.ALL, 10, 96, (5, 96)),
        (Scope.ALL, 7, 96, (1, 96)),
        (Scope.ALL, 3, 1200, (1, 400)),
        (Scope.BATCH, 3, 1200, (1, 400)),
        (Scope.TIME, 600, 2, (600, 1)),
    ],
)
def test_groups_are_equal_and_not_too_large(
    scope: Scope, steps: int, envs: int, group: tuple[int, int]
) -> None:
    x = torch.arange(steps * envs).view(1, steps, envs)
    rows = scope.rows(x)
    assert torch.equal(scope.restore(rows, steps, envs), x)
    for one in rows.reshape(-1, rows.shape[-1]):
        assert len((one // envs).unique()) == group[0]
        assert len((one % envs).unique()) == group[1]


def distractor(generator: torch.Generator) -> Tensor:
    """Something that never changes within an episode, another in each."""
    still = torch.randn(1, 1, B, D, generator=generator)
    return still.expand(K, T, B, D)


def signal(generator: torch.Generator) -> Tensor:
    """Something that moves along, from another start in each episode."""
    steps = torch.randn(K, T, B, D, generator=generator).cumsum(1)
    return steps / steps.std()


def loss(objective: Objective, scope: Scope, latent: Tensor, noise: Tensor) -> float:
    """A model predicts each latent up to a little noise."""
    target, prediction = scope.rows(latent), scope.rows(latent + noise)
    got = objective(
        Views((None, target), (prediction, None), (None, target), ((0, 1),))
    )
    assert got.per_sample is not None
    return float(got.per_sample.mean() + got.regularizer)


@pytest.mark.parametrize(
    "make", [lambda: info_nce(Cosine(0.1)), VicReg], ids=["InfoNCE", "VICReg"]
)
def test_across_envs_the_distractor_wins_and_along_time_the_world(
    make: Callable[[], Objective], generator: torch.Generator
) -> None:
    still, moving = distractor(generator), signal(generator)
    # what moves cannot be predicted as exactly as what does not
    error = 0.5 * torch.randn(K, T, B, D, generator=generator)
    none, objective = torch.zeros_like(error), make()
    across = [
        loss(objective, Scope.BATCH, x, e) for x, e in ((still, none), (moving, error))
    ]
    along = [
        loss(objective, Scope.TIME, x, e) for x, e in ((still, none), (moving, error))
    ]
    assert across[0] < across[1]
    assert along[0] > along[1]


def test_along_time_a_constant_is_at_chance(generator: torch.Generator) -> None:
    still = distractor(generator)
    none = torch.zeros_like(still)
    at_chance = loss(info_nce(), Scope.TIME, still, none)
    assert at_chance == pytest.approx(math.log(T), abs=1e-5)
    collapsed = loss(VicReg(), Scope.TIME, still, none)
    assert collapsed == pytest.approx(24.75, abs=1e-3)
