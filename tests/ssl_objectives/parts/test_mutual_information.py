"""Bounds over joint and product pairs, against loops and closed values."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from ssl_objectives.parts.mutual_information import (
    donsker_varadhan,
    jensen_shannon,
    masked_mean,
    skew_renyi,
)

GAMMA, ALPHA = 2.5, 0.07
Bound = Callable[[Tensor, Tensor, Tensor], Tensor]


def renyi(scores: Tensor, joint: Tensor, product: Tensor) -> Tensor:
    return skew_renyi(scores, joint, product, GAMMA, ALPHA)


BOUNDS: dict[str, Bound] = {
    "jensen_shannon": jensen_shannon,
    "donsker_varadhan": donsker_varadhan,
    "skew_renyi": renyi,
}


def scores(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def masks(number: int = 7) -> tuple[Tensor, Tensor]:
    """Two joint pairs, the rest product pairs but one, which does not exist."""
    joint = torch.zeros(number, dtype=torch.bool)
    joint[[1, 4]] = True
    product = ~joint
    product[2] = False
    return joint, product


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def naive(name: str, u: Tensor, joint: Tensor, product: Tensor) -> float:
    own = [float(x) for x, yes in zip(u, joint, strict=True) if yes]
    others = [float(x) for x, yes in zip(u, product, strict=True) if yes]
    if name == "jensen_shannon":
        apart = mean([math.log(1 + math.exp(-x)) + x - math.log(2) for x in others])
        return apart - mean([math.log(2) - math.log(1 + math.exp(-x)) for x in own])
    if name == "donsker_varadhan":
        return math.log(mean([math.exp(x) for x in others])) - mean(own)
    g, a = GAMMA, ALPHA
    mixed = a * mean([math.exp(g * x) for x in own])
    mixed += (1 - a) * mean([math.exp(g * x) for x in others])
    easy = math.log(mean([math.exp((g - 1) * x) for x in own])) / (g - 1)
    return math.log(mixed) / g - easy


@pytest.mark.parametrize("name", BOUNDS)
def test_against_loops(name: str, generator: torch.Generator) -> None:
    joint, product = masks()
    u = scores(generator, 3, 7)
    got = BOUNDS[name](u, joint.expand(3, 7), product.expand(3, 7))
    for g in range(3):
        assert got[g].item() == pytest.approx(naive(name, u[g], joint, product))


@pytest.mark.parametrize("name", BOUNDS)
def test_a_group_without_pairs_of_both_kinds_says_nothing(
    name: str, generator: torch.Generator
) -> None:
    joint, product = masks()
    none = torch.zeros_like(joint)
    u = scores(generator, 3, 7).requires_grad_()
    got = BOUNDS[name](
        u, torch.stack([joint, none, none]), torch.stack([none, product, none])
    )
    assert not got.any()
    (gradient,) = torch.autograd.grad(got.sum(), u)
    assert not gradient.any()


def test_jensen_shannon_closed_values() -> None:
    joint, product = masks()
    zero = jensen_shannon(torch.zeros(7), joint, product)
    assert zero.item() == pytest.approx(0, abs=1e-6)
    apart = torch.where(joint, 1e4, -1e4)
    perfect = jensen_shannon(apart, joint, product)
    assert perfect.item() == pytest.approx(-2 * math.log(2))


def test_half_precision_is_summed_in_single(generator: torch.Generator) -> None:
    joint, product = masks()
    u = 30 * scores(generator, 7).bfloat16()
    for bound in BOUNDS.values():
        got = bound(u, joint, product)
        assert got.dtype == torch.float32
        torch.testing.assert_close(got, bound(u.float(), joint, product))


def test_renyi_becomes_donsker_varadhan(generator: torch.Generator) -> None:
    joint, product = masks()
    u = scores(generator, 7)
    want = donsker_varadhan(u, joint, product)
    near = skew_renyi(u, joint, product, gamma=1 + 1e-6, alpha=0.0)
    torch.testing.assert_close(near, want, rtol=0, atol=1e-5)
    exactly = skew_renyi(u, joint, product, gamma=1.0, alpha=1e-12)
    torch.testing.assert_close(exactly, want, rtol=0, atol=1e-9)


@pytest.mark.parametrize("gamma", [1.0, 2.0, 5.0])
def test_renyi_depends_on_differences_alone(
    gamma: float, generator: torch.Generator
) -> None:
    joint, product = masks()
    u = scores(generator, 7)
    one = skew_renyi(u, joint, product, gamma, ALPHA)
    two = skew_renyi(u + 50, joint, product, gamma, ALPHA)
    torch.testing.assert_close(one, two)


@pytest.mark.parametrize("gamma", [1.0, 2.0, 5.0])
def test_renyi_is_bounded_by_its_skew(gamma: float, generator: torch.Generator) -> None:
    joint, product = masks()
    apart = torch.where(joint, 300.0, -300.0).double()
    least = math.log(ALPHA) / gamma
    assert skew_renyi(apart, joint, product, gamma, ALPHA).item() == pytest.approx(
        least
    )
    for _ in range(20):
        u = 20 * scores(generator, 7)
        assert skew_renyi(u, joint, product, gamma, ALPHA) >= least


def test_gradient_is_that_of_the_official_surrogate(generator: torch.Generator) -> None:
    """The official loss weighs scores by constants; its value has no meaning."""
    joint, product = masks()
    u = scores(generator, 7).requires_grad_()
    (got,) = torch.autograd.grad(renyi(u, joint, product), u)
    own, others = u[joint], u[product]
    fixed, fixed_others = own.detach(), others.detach()
    easy = ((GAMMA - 1) * fixed).exp()
    first = -(own * easy).mean() / easy.mean()
    weight, other = (GAMMA * fixed).exp(), (GAMMA * fixed_others).exp()
    against = ALPHA * weight.mean() + (1 - ALPHA) * other.mean()
    second = ALPHA * (own * weight).mean() + (1 - ALPHA) * (others * other).mean()
    (want,) = torch.autograd.grad(first + second / against, u)
    torch.testing.assert_close(got, want)


@pytest.mark.parametrize(("gamma", "alpha"), [(0.5, 0.1), (2.0, -0.1), (2.0, 1.1)])
def test_what_is_no_divergence_is_refused(gamma: float, alpha: float) -> None:
    joint, product = masks()
    with pytest.raises(ValueError, match="must be"):
        skew_renyi(torch.zeros(7), joint, product, gamma, alpha)


def test_a_mean_over_nothing_is_zero() -> None:
    mask = torch.tensor([[True, False, True], [False, False, False]])
    x = torch.tensor([[1.0, 5.0, 4.0], [1.0, 2.0, 3.0]])
    torch.testing.assert_close(masked_mean(x, mask), torch.tensor([2.5, 0.0]))
