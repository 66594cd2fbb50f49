"""TiCo against loops from its equations, and what is known of special batches."""

import pytest
import torch
from torch import Tensor

from ssl_objectives.check.objective import check_objective
from ssl_objectives.methods.moments.tico import TiCo, TiCoConfig
from ssl_objectives.objective import Sizes, TargetKind, Views
from ssl_objectives.zoo import ZOO

G, N, D = 2, 6, 4
BOTH = ((0, 1), (1, 0))


def draw(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def views(
    z: tuple[Tensor, Tensor], t: tuple[Tensor, Tensor], valid: Tensor | None = None
) -> Views:
    return Views(z, z, t, BOTH, valid)


def lengths_of_one(row: list[float]) -> list[float]:
    length = sum(x * x for x in row) ** 0.5
    return [x / length for x in row]


def moments(rows: list[list[float]]) -> list[list[float]]:
    """`Σ_n z_n z_nᵀ / N`, number by number."""
    return [
        [sum(z[a] * z[b] for z in rows) / len(rows) for b in range(D)] for a in range(D)
    ]


def naive(
    c: list[list[float]], online: list[list[float]], target: list[list[float]]
) -> tuple[float, list[list[float]]]:
    """One direction of the paper's pseudo-code: the loss, and the new C."""
    z = [lengths_of_one(x) for x in online]
    t = [lengths_of_one(x) for x in target]
    b = moments(z)
    c = [[0.9 * c[i][j] + 0.1 * b[i][j] for j in range(D)] for i in range(D)]
    near = sum(
        1 - sum(x * y for x, y in zip(one, two, strict=True))
        for one, two in zip(z, t, strict=True)
    ) / len(z)
    contrast = sum(
        row[i] * c[i][j] * row[j] for row in z for i in range(D) for j in range(D)
    ) / len(z)
    return near + 8.0 * contrast, c


def test_several_steps_equal_loops_from_the_equation(
    generator: torch.Generator,
) -> None:
    objective = TiCo(D).double()
    c = [[0.0] * D for _ in range(D)]
    for _ in range(3):
        z = draw(generator, N, D), draw(generator, N, D)
        t = draw(generator, N, D), draw(generator, N, D)
        given = views(z, t)
        loss = objective(given)
        one, c_one = naive(c, z[0].tolist(), t[1].tolist())
        two, c_two = naive(c, z[1].tolist(), t[0].tolist())
        assert loss.mean().item() == pytest.approx((one + two) / 2)
        objective.observe(given)
        c = [[(c_one[i][j] + c_two[i][j]) / 2 for j in range(D)] for i in range(D)]
        torch.testing.assert_close(objective.covariance, torch.tensor(c).double())


def test_rows_that_do_not_count_are_as_if_left_out(generator: torch.Generator) -> None:
    z = draw(generator, N, D), draw(generator, N, D)
    t = draw(generator, N, D), draw(generator, N, D)
    valid = torch.tensor([True, False, True, True, False, True])
    whole, some = TiCo(D).double(), TiCo(D).double()
    for _ in range(2):
        left = views((z[0][valid], z[1][valid]), (t[0][valid], t[1][valid]))
        given = views(z, t, valid)
        torch.testing.assert_close(whole(given).mean(valid), some(left).mean())
        whole.observe(given)
        some.observe(left)
    torch.testing.assert_close(whole.covariance, some.covariance)
    before = whole.covariance.clone()
    whole.observe(views(z, t, torch.zeros_like(valid)))
    assert torch.equal(whole.covariance, before)


def test_the_slope_is_that_of_a_c_that_stands_still(generator: torch.Generator) -> None:
    """`2 ρ C ẑ / N` through the length, as the official code stops B's gradient."""
    z = draw(generator, N, D).requires_grad_()
    objective = TiCo(D).double()
    objective.covariance.copy_(torch.eye(D))
    # equal targets: the invariance has the gradient of nothing else
    [found] = torch.autograd.grad(objective(Views.of(z, z)).regularizer, z)
    u = torch.nn.functional.normalize(z.detach(), dim=-1)
    c = 0.9 * torch.eye(D, dtype=torch.float64) + 0.1 * u.mT @ u / N
    slope = 2 * 8.0 / N * (u @ c)
    slope = slope - (slope * u).sum(-1, keepdim=True) * u
    torch.testing.assert_close(found, slope / z.detach().norm(dim=-1, keepdim=True))


def test_known_batches() -> None:
    """Orthonormal rows: `ρ (1 - β^k) / D`; equal ones: `ρ (1 - β^k)`."""
    even = torch.eye(D).double()
    equal = torch.full((N, D), 0.3).double()
    for rows, share in ((even, 1 / D), (equal, 1.0)):
        objective = TiCo(D, contrast=5.0, decay=0.7).double()
        for k in range(1, 8):
            loss = objective(Views.of(rows, rows))
            assert loss.per_sample is not None
            assert loss.per_sample.abs().max() < 1e-12
            assert loss.regularizer.item() == pytest.approx(5 * share * (1 - 0.7**k))
            objective.observe(Views.of(rows, rows))


def test_rows_go_where_nothing_has_been() -> None:
    """Of two directions, that in which earlier batches lay costs more."""
    objective = TiCo(2)
    along, across = (torch.eye(2)[i].expand(N, 2) for i in range(2))
    for _ in range(20):
        objective.observe(Views.of(along, along))
    crowded, free = (
        objective(Views.of(x, x)).regularizer.item() for x in (along, across)
    )
    assert crowded > 7.0
    assert free == pytest.approx(8 * 0.1)


def test_groups_have_moments_of_their_own(generator: torch.Generator) -> None:
    z, t = draw(generator, G, N, D), draw(generator, G, N, D)
    together = TiCo(D).double()(views((z, t), (t, z)))
    alone = [TiCo(D).double()(views((z[g], t[g]), (t[g], z[g]))) for g in range(G)]
    for g in range(G):
        torch.testing.assert_close(together.per_sample[g], alone[g].per_sample)
    mean = torch.stack([x.regularizer for x in alone]).mean()
    torch.testing.assert_close(together.regularizer, mean)


def test_a_world_model_regularises_what_it_saw(generator: torch.Generator) -> None:
    p, t, seen = (draw(generator, N, D) for _ in range(3))
    objective = TiCo(D).double()
    scored = objective(Views((None, None), (p, None), (None, t), ((0, 1),)))
    assert not scored.regularizer.any()
    learned = objective(Views((None, seen), (p, None), (None, t), ((0, 1),)))
    torch.testing.assert_close(learned.per_sample, scored.per_sample)
    u = torch.nn.functional.normalize(seen, dim=-1)
    want = 8 * 0.1 * (u.mT @ u / N).square().sum()
    torch.testing.assert_close(learned.regularizer, want)


def test_settings_are_those_of_the_config() -> None:
    made = TiCoConfig(contrast=3.0, decay=0.25).build(Sizes(D))
    assert (made.contrast, made.decay, made.covariance.shape) == (3.0, 0.25, (D, D))


def test_settings_are_checked() -> None:
    for decay in (1.0, -0.1):
        with pytest.raises(ValueError, match="a decay must be"):
            TiCoConfig(decay=decay)


def test_contract() -> None:
    check_objective(TiCoConfig().build)
    assert ZOO["tico"].objective.build(Sizes(D)).needs.target is TargetKind.EMA
