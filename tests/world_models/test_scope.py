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
from world_models.scope import Groups, Scope

K, T, B, D = 2, 16, 24, 8


def whole(
    scope: Scope, num_steps: int = T, num_envs: int = B, most: int = 512
) -> Groups:
    """The groups of a window without a context."""
    return Groups(num_steps, num_envs, *scope.group(num_steps, num_envs, most))


def numbered(num_steps: int, num_envs: int) -> Tensor:
    """Rows that say which k, step and env they are of."""
    return torch.arange(K * num_steps * num_envs).view(K, num_steps, num_envs)


@pytest.mark.parametrize("scope", list(Scope))
def test_rows_of_a_group_are_of_one_k_and_within_the_scope(scope: Scope) -> None:
    groups, x = whole(scope), numbered(T, B)
    rows = groups.split(x)
    assert torch.equal(groups.join(rows), x)
    deep = groups.split(x[..., None].expand(K, T, B, D))
    assert torch.equal(deep[..., 0], rows)
    for group in rows.reshape(-1, rows.shape[-1]):
        step, env = group // B % T, group % B
        assert len(step.unique()) == (1 if scope is Scope.BATCH else T)
        assert len(env.unique()) == (1 if scope is Scope.TIME else B)
        assert len((group // (B * T)).unique()) == 1  # K stays apart


@pytest.mark.parametrize("scope", list(Scope))
def test_every_row_has_as_many_beside_it_whatever_the_sizes(scope: Scope) -> None:
    """All that the scope has, or as many as fit into a group."""
    for steps in (1, 2, 3, 7, 12, 13, 25):
        for envs in (1, 2, 5, 6, 11):
            for most in (2, 4, 12, 13, 40):
                groups, x = whole(scope, steps, envs, most), numbered(steps, envs)
                rows = groups.split(x)
                size = rows.shape[-1]
                assert torch.equal(groups.join(rows), x)
                there = {
                    Scope.BATCH: envs,
                    Scope.TIME: steps,
                    Scope.ALL: steps * envs,
                }[scope]
                # of `ALL` a group takes all envs at each of its steps
                rest = min(envs, most) - 1 if scope is Scope.ALL else 0
                assert min(there, most - rest) <= size <= min(there, most)
                for group in rows.reshape(-1, size):
                    assert len(group.unique()) == size
                    assert len((group // (steps * envs)).unique()) == 1


def beside(groups: Groups, x: Tensor) -> dict[int, frozenset[int]]:
    """Which rows each row is compared with, as `join` takes its number."""
    rows = groups.split(x)
    # each entry of `rows` becomes the number of its group
    shape = rows.shape[:-1]
    number = torch.arange(math.prod(shape)).view(*shape, 1).expand_as(rows)
    of = groups.join(number.contiguous()).flatten()
    members = [frozenset(x.tolist()) for x in rows.reshape(-1, rows.shape[-1])]
    return {int(row): members[int(i)] for row, i in zip(x.flatten(), of, strict=True)}


@pytest.mark.parametrize("scope", list(Scope))
@pytest.mark.parametrize("steps", [16, 100, 103])
def test_a_longer_window_compares_no_more_rows_than_training_does(
    scope: Scope, steps: int
) -> None:
    """The window of a reward has K-1 rows of context in front."""
    envs, most = 3, 48
    size = scope.group(steps, envs, most)
    trained = beside(Groups(steps, envs, *size), numbered(steps, envs))
    for context in (1, 3, 7):
        longer = numbered(steps + context, envs)
        scored = beside(Groups(steps + context, envs, *size), longer)
        assert {len(x) for x in scored.values()} == {math.prod(size)}
        assert {len(x) for x in trained.values()} == {math.prod(size)}
        assert all(row in group for row, group in scored.items())


@pytest.mark.parametrize(
    ("scope", "steps", "envs", "group"),
    [
        (Scope.ALL, 10, 96, (5, 96)),
        (Scope.ALL, 7, 96, (5, 96)),
        (Scope.ALL, 3, 1200, (1, 512)),
        (Scope.BATCH, 3, 1200, (1, 512)),
        (Scope.TIME, 600, 2, (512, 1)),
        (Scope.TIME, 103, 2, (103, 1)),
    ],
)
def test_groups_are_equal_and_not_too_large(
    scope: Scope, steps: int, envs: int, group: tuple[int, int]
) -> None:
    groups, x = whole(scope, steps, envs), numbered(steps, envs)
    rows = groups.split(x)
    assert torch.equal(groups.join(rows), x)
    for one in rows.reshape(-1, rows.shape[-1]):
        assert len((one // envs % steps).unique()) == group[0]
        assert len((one % envs).unique()) == group[1]


def test_where_sizes_divide_the_rows_are_a_view() -> None:
    """No copy of the latents of a whole rollout."""
    x = torch.zeros(K, T, B, D)
    for scope in (Scope.BATCH, Scope.ALL):
        assert whole(scope).split(x).data_ptr() == x.data_ptr()


def test_gradient_of_a_row_that_two_groups_share_comes_from_one() -> None:
    """`join` takes each row once, so that a row never counts double."""
    x = torch.rand(K, 7, B, requires_grad=True)
    groups = Groups(7, B, 5, 10)
    groups.join(groups.split(x)).sum().backward()
    assert x.grad is not None
    assert torch.equal(x.grad, torch.ones_like(x))


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
    rows = whole(scope)
    target, prediction = rows.split(latent), rows.split(latent + noise)
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
