"""RényiCL against loops over all pairs of a batch."""

import math

import pytest
import torch
from torch import Tensor

from ssl_objectives.check.objective import check_objective
from ssl_objectives.methods.contrast.renyi import RenyiCl, RenyiClConfig
from ssl_objectives.objective import Sizes, Views
from ssl_objectives.parts.mutual_information import skew_renyi

BOTH = ((0, 1), (1, 0))
TAU, GAMMA, ALPHA = 0.4, 2.0, 0.03
G, N, D = 2, 5, 4


def rows(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def made() -> RenyiCl:
    return RenyiClConfig(TAU, GAMMA, ALPHA).build(Sizes(latent=D))


def two_views(a: Tensor, b: Tensor, valid: Tensor | None = None) -> Views:
    return Views((a, b), (a, b), (a, b), BOTH, valid)


def cosine(x: Tensor, y: Tensor) -> float:
    dot = sum(float(p) * float(q) for p, q in zip(x, y, strict=True))
    return dot / math.sqrt(float((x**2).sum()) * float((y**2).sum()))


def naive(queries: list[Tensor], key: Tensor) -> float:
    """One target view, all predictions that are to find it, in one expectation."""
    own: list[float] = []
    others: list[float] = []
    for query in queries:
        for n in range(len(key)):
            for m in range(len(key)):
                u = cosine(query[n], key[m]) / TAU
                (own if n == m else others).append(u)
    mixed = ALPHA * sum(math.exp(GAMMA * u) for u in own) / len(own)
    mixed += (1 - ALPHA) * sum(math.exp(GAMMA * u) for u in others) / len(others)
    easy = sum(math.exp((GAMMA - 1) * u) for u in own) / len(own)
    return math.log(mixed) / GAMMA - math.log(easy) / (GAMMA - 1)


def test_two_views_against_loops(generator: torch.Generator) -> None:
    """Predictions against targets; sum of directions, mean over groups, no rows."""
    z, p, t = ([rows(generator, G, N, D) for _ in range(2)] for _ in range(3))
    loss = made()(Views(tuple(z), tuple(p), tuple(t), BOTH))
    want = 0.0
    for g in range(G):
        want += naive([p[0][g]], t[1][g]) / G + naive([p[1][g]], t[0][g]) / G
    assert loss.per_sample is None
    assert loss.regularizer.item() == pytest.approx(want)


def test_small_crops_join_the_expectation_of_each_target(
    generator: torch.Generator,
) -> None:
    z = tuple(rows(generator, N, D) for _ in range(4))
    pairs = tuple((i, j) for i in range(4) for j in range(2) if i != j)
    got = made()(Views(z, z, (*z[:2], None, None), pairs)).regularizer
    want = naive([z[1], z[2], z[3]], z[0]) + naive([z[0], z[2], z[3]], z[1])
    assert got.item() == pytest.approx(want)


def test_rows_that_are_not_valid_do_not_exist(generator: torch.Generator) -> None:
    valid = torch.tensor([True, False, True, True, False])
    a, b = rows(generator, N, D).requires_grad_(), rows(generator, N, D)
    got = made()(two_views(a, b, valid)).regularizer
    kept = made()(two_views(a[valid], b[valid])).regularizer
    torch.testing.assert_close(got, kept)
    (gradient,) = torch.autograd.grad(got, a)
    assert not gradient[~valid].any()
    assert gradient[valid].any()


def test_targets_get_no_gradient(generator: torch.Generator) -> None:
    p, t = rows(generator, N, D), rows(generator, N, D).requires_grad_()
    loss = made()(Views((p, p), (p.requires_grad_(), p), (t, t), BOTH)).regularizer
    (gradient,) = torch.autograd.grad(loss, t, allow_unused=True)
    assert gradient is None


def test_collapse_is_zero_and_perfect_views_are_near_the_bound() -> None:
    one = torch.ones(6, 3)
    assert made()(two_views(one, one)).regularizer.item() == pytest.approx(0, abs=1e-6)
    apart = torch.eye(6)
    best = RenyiCl(0.01, GAMMA, ALPHA)(two_views(apart, apart)).regularizer
    assert best.item() == pytest.approx(2 * math.log(ALPHA) / GAMMA, abs=1e-4)


def test_one_row_alone_says_nothing(generator: torch.Generator) -> None:
    a = rows(generator, 1, D).requires_grad_()
    loss = made()(two_views(a, rows(generator, 1, D))).regularizer
    assert loss.item() == 0
    (gradient,) = torch.autograd.grad(loss, a)
    assert not gradient.any()


def test_easy_positives_count_more(generator: torch.Generator) -> None:
    """Joint pairs are weighted by `e^{(γ-1) u}`: the higher γ, the more by the best."""
    scores = rows(generator, 6).requires_grad_()
    joint = torch.tensor([True, True, True, False, False, False])
    for gamma in (1.0, 3.0):
        loss = skew_renyi(scores, joint, ~joint, gamma, 0.0)
        (gradient,) = torch.autograd.grad(loss, scores)
        weight = ((gamma - 1) * scores.detach()[joint]).softmax(-1)
        torch.testing.assert_close(gradient[joint], -weight)


@pytest.mark.parametrize(
    "settings", [{"temperature": 0.0}, {"gamma": 0.9}, {"alpha": 1.5}]
)
def test_settings_are_checked(settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        RenyiClConfig(**settings)


def test_half_precision_stays_finite(generator: torch.Generator) -> None:
    a = (50 * rows(generator, N, D)).bfloat16().requires_grad_()
    loss = RenyiCl(0.01)(two_views(a, a.detach().flip(0))).regularizer
    assert loss.dtype == torch.float32
    (gradient,) = torch.autograd.grad(loss, a)
    assert loss.isfinite()
    assert gradient.isfinite().all()


def test_contract() -> None:
    check_objective(RenyiClConfig().build)
