"""BYOL against its equation, one row at a time."""

import math

import pytest
import torch
from torch import Tensor

from ssl_objectives.check.objective import check_objective
from ssl_objectives.methods.bootstrap.byol import (
    Byol,
    ByolConfig,
    SimSiam,
    SimSiamConfig,
)
from ssl_objectives.objective import TargetKind, Views
from ssl_objectives.parts.losses import normalized_regression

G, N, D = 4, 7, 5


def rows(generator: torch.Generator) -> Tensor:
    return 3 * torch.randn(G, N, D, generator=generator)


def naive(p: Tensor, t: Tensor) -> float:
    """`2 - 2 cos`, from sums."""
    dot = sum(float(a) * float(b) for a, b in zip(p, t, strict=True))
    norms = [math.sqrt(sum(float(a) ** 2 for a in x)) for x in (p, t)]
    return 2 - 2 * dot / (norms[0] * norms[1])


def single(p: Tensor, t: Tensor, valid: Tensor | None = None) -> Views:
    """A world model's views: one prediction, one target."""
    return Views((None, None), (p, None), (None, t), ((0, 1),), valid)


def test_one_pair_is_two_minus_two_cosines(generator: torch.Generator) -> None:
    p, t = rows(generator), rows(generator)
    loss = Byol()(single(p, t))
    assert loss.per_sample is not None
    for g in range(G):
        for n in range(N):
            want = naive(p[g, n], t[g, n])
            assert loss.per_sample[g, n].item() == pytest.approx(want, abs=1e-5)
    assert loss.regularizer == 0


def test_two_views_are_summed_over_both_directions(
    generator: torch.Generator,
) -> None:
    p, t = [rows(generator) for _ in range(2)], [rows(generator) for _ in range(2)]
    views = Views((None, None), (p[0], p[1]), (t[0], t[1]), ((0, 1), (1, 0)))
    loss = Byol()(views).per_sample
    assert loss is not None
    for g in range(G):
        for n in range(N):
            want = naive(p[0][g, n], t[1][g, n]) + naive(p[1][g, n], t[0][g, n])
            assert loss[g, n].item() == pytest.approx(want, abs=1e-5)


def test_only_directions_count(generator: torch.Generator) -> None:
    p, t = rows(generator), rows(generator)
    plain = normalized_regression(p, t)
    torch.testing.assert_close(normalized_regression(40 * p, 0.1 * t), plain)
    same = normalized_regression(p, 7 * p)
    torch.testing.assert_close(same, torch.zeros(G, N), rtol=0, atol=1e-5)
    opposite = normalized_regression(p, -p)
    torch.testing.assert_close(opposite, torch.full((G, N), 4.0))
    unit = torch.nn.functional.normalize
    squared = (unit(p, dim=-1) - unit(t, dim=-1)).square().sum(-1)
    torch.testing.assert_close(plain, squared, rtol=1e-4, atol=1e-5)


def test_targets_get_no_gradient(generator: torch.Generator) -> None:
    p, t = rows(generator).requires_grad_(), rows(generator).requires_grad_()
    loss = Byol()(single(p, t)).per_sample
    assert loss is not None
    loss.sum().backward()
    assert t.grad is None
    assert p.grad is not None
    # a direction's gradient is orthogonal to it, and larger for shorter predictions
    assert (p.grad.norm(dim=-1) > 0).all()
    along = (p.grad * p).sum(-1).detach()
    torch.testing.assert_close(along, torch.zeros(G, N), rtol=0, atol=1e-5)


def test_invalid_rows_have_no_influence_and_no_gradient(
    generator: torch.Generator,
) -> None:
    p, t = rows(generator), rows(generator)
    valid = torch.rand(G, N, generator=generator) < 0.7
    assert 0 < valid.sum() < G * N
    garbage = torch.where(valid[..., None], 0.0, 1e6)
    results = []
    for extra in (torch.zeros(()), garbage):
        moved = (p + extra).requires_grad_()
        loss = Byol()(single(moved, t - extra, valid)).per_sample
        assert loss is not None
        assert (loss[~valid] == 0).all()
        (loss * torch.arange(1.0, N + 1)).sum().backward()
        assert moved.grad is not None
        assert not moved.grad[~valid].any()
        results.append((loss[valid], moved.grad[valid]))
    for one, other in zip(*results, strict=True):
        assert torch.equal(one, other)
    assert results[0][1].any()


def test_a_latent_of_zeros_gives_finite_numbers(generator: torch.Generator) -> None:
    """Rows beyond a window are padded with zeros; ReLU networks can give them too."""
    p = rows(generator)
    p[0] = 0.0
    p.requires_grad_()
    t = rows(generator)
    t[1] = 0.0
    loss = normalized_regression(p, t)
    assert torch.equal(loss[:2].detach(), torch.full((2, N), 2.0))
    loss.sum().backward()
    assert p.grad is not None
    assert p.grad.isfinite().all()


def test_needs_are_declared_and_forward_keeps_no_state(
    generator: torch.Generator,
) -> None:
    objective = Byol()
    assert objective.needs.target is TargetKind.EMA
    assert objective.needs.per_sample
    views = single(rows(generator), rows(generator))
    one = objective(views).per_sample
    objective.observe(views)
    other = objective(views).per_sample
    assert one is not None
    assert other is not None
    assert torch.equal(one, other)
    assert not objective.state_dict()


def test_sim_siam_is_a_quarter_of_byol(generator: torch.Generator) -> None:
    p, t = [rows(generator) for _ in range(2)], [rows(generator) for _ in range(2)]
    views = Views((None, None), (p[0], p[1]), (t[0], t[1]), ((0, 1), (1, 0)))
    loss = SimSiam()(views).per_sample
    assert loss is not None
    for g in range(G):
        for n in range(N):
            cosines = [1 - naive(p[i][g, n], t[1 - i][g, n]) / 2 for i in range(2)]
            want = 1 - sum(cosines) / 2
            assert loss[g, n].item() == pytest.approx(want, abs=1e-5)
    alone = SimSiam()(single(p[0], t[0])).per_sample
    byol = Byol()(single(p[0], t[0])).per_sample
    assert alone is not None
    assert byol is not None
    torch.testing.assert_close(2 * alone, byol)
    assert SimSiam().needs.target is TargetKind.STOP


@pytest.mark.parametrize("config", [ByolConfig(), SimSiamConfig()])
def test_contract(config: ByolConfig | SimSiamConfig) -> None:
    check_objective(config.build)
