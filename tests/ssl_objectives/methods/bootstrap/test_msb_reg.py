"""MSBReg's terms against loops, and what each of them wants."""

import pytest
import torch
from scipy import stats
from torch import Tensor

from ssl_objectives.check.objective import check_objective
from ssl_objectives.methods.bootstrap.byol import Byol
from ssl_objectives.methods.bootstrap.msb_reg import (
    Brownian,
    Centroid,
    MsbRegConfig,
    Spectral,
)
from ssl_objectives.methods.moments.vicreg_barlow import VicReg
from ssl_objectives.methods.weighted import Weighted
from ssl_objectives.objective import Objective, Sizes, TargetKind, Views
from tests.shapes import rounds

G, N, D, K = 2, 7, 5, 3


def draw(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def many(
    rows: list[Tensor],
    targets: list[Tensor] | None = None,
    valid: Tensor | None = None,
    row: Tensor | None = None,
) -> Views:
    each = range(len(rows))
    pairs = tuple((i, j) for i in each for j in each if i != j)
    aims = tuple(targets or rows)
    return Views(tuple(rows), tuple(rows), aims, pairs, valid, row)


def norm(x: Tensor) -> Tensor:
    size: Tensor = x.norm()
    return x / size


def test_centroids_against_loops(generator: torch.Generator) -> None:
    p = [draw(generator, G, N, D) for _ in range(K)]
    t = [draw(generator, G, N, D) for _ in range(K)]
    loss = Centroid()(many(p, t)).per_sample
    assert loss is not None
    for g in range(G):
        for n in range(N):
            made = norm(torch.stack([norm(x[g, n]) for x in p]).mean(0))
            aim = norm(torch.stack([norm(x[g, n]) for x in t]).mean(0))
            want = float((made - aim).square().sum())
            assert loss[g, n].item() == pytest.approx(want)
    moved = Centroid()(many([p[2], p[0], p[1]], [t[1], t[2], t[0]])).per_sample
    assert moved is not None
    torch.testing.assert_close(loss, moved)
    same = Centroid()(many(p, [p[1], p[2], 3 * p[0]])).per_sample
    assert same is not None
    torch.testing.assert_close(same, torch.zeros(G, N, dtype=torch.float64))


def test_one_prediction_and_target_are_byols(generator: torch.Generator) -> None:
    p, t = draw(generator, G, N, D), draw(generator, G, N, D)
    views = Views((None, None), (p, None), (None, t), ((0, 1),))
    one, other = Centroid()(views).per_sample, Byol()(views).per_sample
    assert one is not None
    assert other is not None
    torch.testing.assert_close(one, other)
    assert Centroid().needs.target is TargetKind.EMA


def kicks(objective: Brownian, num: int, row: Tensor | None) -> Tensor:
    """What pushes each row, read off the gradient: ν less its part along the row."""
    rows = torch.eye(D, dtype=torch.float64)[0].repeat(num, 1).requires_grad_()
    loss = objective(many([rows, rows], row=row)).regularizer
    (push,) = torch.autograd.grad(loss, rows)
    return push * num


def test_kicks_have_mean_zero_and_follow_the_ids() -> None:
    objective = Brownian()
    ids = torch.tensor([5, 123_456_789_012, 0, 5, 7])
    pushed = kicks(objective, 5, ids)
    torch.testing.assert_close(pushed[0], pushed[3])
    assert (pushed[0] - pushed[1]).norm() > 0.05
    order = torch.tensor([3, 2, 4, 0, 1])
    torch.testing.assert_close(kicks(objective, 5, ids[order]), pushed[order])
    everyone = []
    row = torch.zeros(1, D, dtype=torch.float64)
    row[0, 2] = 1.0
    for _ in rounds(400):
        loss = objective(many([row, row], row=torch.tensor([11]))).regularizer
        assert torch.equal(
            loss, objective(many([row, row], row=torch.tensor([11]))).regularizer
        )
        everyone.append(loss)
        objective.observe(many([row, row]))
    along = torch.stack(everyone)
    # a coordinate of a unit vector: mean 0, variance 1/D
    assert along.mean().abs() < 3 * (1 / D / 400) ** 0.5
    assert along.square().mean().item() == pytest.approx(1 / D, rel=0.3)


def test_kicks_of_many_ids_point_everywhere() -> None:
    """A coordinate of a uniform direction: its square is beta distributed."""
    objective, num = Brownian(), 4000
    row = torch.arange(num) * 3
    axis = torch.eye(D, dtype=torch.float64)[1].repeat(num, 1)
    found = [
        objective(many([axis[n : n + 1]], row=row[n : n + 1])).regularizer
        for n in range(0, num, 10)
    ]
    squared = torch.stack(found).square().numpy()
    # ids of one step are only pairwise independent: a loose test
    assert stats.kstest(squared, stats.beta(0.5, (D - 1) / 2).cdf).statistic < 0.12


def test_views_of_an_image_are_kicked_alike(generator: torch.Generator) -> None:
    rows = [
        torch.nn.functional.normalize(draw(generator, N, D), dim=-1) for _ in range(K)
    ]
    row = torch.randperm(50, generator=generator)[:N]
    loss = Brownian()(many(rows, row=row)).regularizer
    # ν of each image solves D equations: one per axis
    nu = torch.zeros(N, D, dtype=torch.float64)
    for n in range(N):
        for d in range(D):
            axis = torch.eye(D, dtype=torch.float64)[d : d + 1]
            nu[n, d] = Brownian()(many([axis], row=row[n : n + 1])).regularizer
    torch.testing.assert_close(nu.norm(dim=-1), torch.ones(N, dtype=torch.float64))
    want = sum(float(x[n] @ nu[n]) for x in rows for n in range(N)) / (N * K)
    assert loss.item() == pytest.approx(want)


def test_without_ids_all_rows_share_a_kick() -> None:
    pushed = kicks(Brownian(), 4, None)
    torch.testing.assert_close(pushed, pushed[:1].expand(4, D))
    assert pushed.any()


def test_spectral_against_loops(generator: torch.Generator) -> None:
    for num in (4, 9):  # fewer and more rows than columns
        x = draw(generator, G, num, D)
        want = 0.0
        for g in range(G):
            matrix = torch.zeros(D, D, dtype=torch.float64)
            for n in range(num):
                matrix += torch.outer(norm(x[g, n]), norm(x[g, n])) / num
            want += float(matrix.square().sum()) / G
        assert Spectral()(many([x])).regularizer.item() == pytest.approx(want)


def test_spectral_is_least_for_even_and_one_for_single_directions() -> None:
    rows = torch.eye(D, dtype=torch.float64)
    best = Spectral()(many([rows])).regularizer
    assert best.item() == pytest.approx(1 / D, abs=1e-6)
    assert Spectral()(many([rows.repeat(3, 1)])).regularizer.item() == pytest.approx(
        1 / D
    )
    assert Spectral()(many([rows[:3]])).regularizer.item() == pytest.approx(1 / 3)
    single = rows[:1] * torch.tensor([[1.0], [2.0], [-3.0]])
    assert Spectral()(many([single])).regularizer.item() == pytest.approx(1.0)


def test_spectral_descends_to_even_singular_values(generator: torch.Generator) -> None:
    x = (draw(generator, 12, D) + 3).requires_grad_()
    for _ in rounds(400):
        (push,) = torch.autograd.grad(Spectral()(many([x])).regularizer, x)
        x = (x - 30 * push).detach().requires_grad_()
    sigma = torch.linalg.svdvals(torch.nn.functional.normalize(x.detach(), dim=-1))
    torch.testing.assert_close(
        sigma, torch.full_like(sigma, (12 / D) ** 0.5), rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize("objective", [Centroid(), Brownian(), Spectral()])
def test_rows_that_are_not_valid_do_not_exist(
    objective: Objective, generator: torch.Generator
) -> None:
    x, y, t = (draw(generator, N, D) for _ in range(3))
    valid = torch.tensor([True, False, True, True, False, True, True])
    row = torch.arange(N) + 3
    one = objective(many([x, y], [t, t], valid, row))
    other = objective(
        many([x[valid], y[valid]], [t[valid], t[valid]], None, row[valid])
    )
    torch.testing.assert_close(one.regularizer, other.regularizer)
    if one.per_sample is not None:
        torch.testing.assert_close(one.per_sample[valid], other.per_sample)
        assert not one.per_sample[~valid].any()


def test_the_sum_has_the_stated_weights(generator: torch.Generator) -> None:
    views = many([draw(generator, N, D) for _ in range(2)])
    whole = MsbRegConfig(brownian=0.2, spectral=3.0).build(Sizes(D))(views)
    parts = [x(views) for x in (Centroid(), Brownian(), Spectral())]
    assert whole.per_sample is not None
    assert parts[0].per_sample is not None
    torch.testing.assert_close(whole.per_sample, parts[0].per_sample)
    want = 0.2 * parts[1].regularizer + 3.0 * parts[2].regularizer
    torch.testing.assert_close(whole.regularizer, want)


def test_terms_can_be_added_to_other_objectives() -> None:
    check_objective(lambda _: Weighted([(1.0, VicReg()), (0.1, Brownian())]))
    check_objective(lambda _: Weighted([(1.0, Byol()), (2.0, Spectral())]))


@pytest.mark.parametrize("make", [Centroid, Brownian, Spectral, None])
def test_contract(make: type[Objective] | None) -> None:
    check_objective(MsbRegConfig().build if make is None else lambda _: make())
