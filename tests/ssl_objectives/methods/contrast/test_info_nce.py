"""Contrastive methods against loops written from their equations."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from ssl_objectives.check.objective import check_objective
from ssl_objectives.methods.contrast.info_nce import (
    Contrast,
    DclConfig,
    DclwConfig,
    SimClrConfig,
    dcl,
    dclw,
    info_nce,
    sim_clr,
)
from ssl_objectives.objective import Needs, ObjectiveConfig, Sizes, TargetKind, Views
from ssl_objectives.parts.candidates import OtherView
from ssl_objectives.parts.critics import Cosine, Dot

BOTH = ((0, 1), (1, 0))
TAU = 0.3
METHODS: dict[str, Callable[[], Contrast]] = {
    "sim_clr": lambda: sim_clr(TAU),
    "dcl": lambda: dcl(TAU),
    "info_nce": lambda: info_nce(Cosine(TAU)),
}


def two_views(
    a: Tensor, b: Tensor, valid: Tensor | None = None, pairs: object = BOTH
) -> Views:
    return Views((a, b), (a, b), (a, b), pairs, valid)  # type: ignore[arg-type]


def rows(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def cosine(x: Tensor, y: Tensor) -> float:
    dot = sum(float(p) * float(q) for p, q in zip(x, y, strict=True))
    return dot / math.sqrt(float((x**2).sum()) * float((y**2).sum()))


def naive(name: str, a: Tensor, b: Tensor, n: int) -> float:
    """Both directions of row n, one candidate after another."""
    total = 0.0
    for mine, other in ((a, b), (b, a)):
        positive = cosine(mine[n], other[n]) / TAU
        negatives = []
        for k in range(len(a)):
            if k != n:
                negatives.append(cosine(mine[n], other[k]) / TAU)
                if name != "info_nce":
                    negatives.append(cosine(mine[n], mine[k]) / TAU)
        denominator = sum(math.exp(s) for s in negatives)
        if name != "dcl":
            denominator += math.exp(positive)
        total += math.log(denominator) - positive
    return total


@pytest.mark.parametrize("name", METHODS)
def test_against_a_loop_over_candidates(name: str, generator: torch.Generator) -> None:
    a, b = rows(generator, 2, 5, 3), rows(generator, 2, 5, 3)
    loss = METHODS[name]()(two_views(a, b)).per_sample
    assert loss is not None
    for g in range(2):
        for n in range(5):
            assert loss[g, n].item() == pytest.approx(naive(name, a[g], b[g], n))


@pytest.mark.parametrize("name", METHODS)
def test_rows_that_are_not_valid_do_not_exist(
    name: str, generator: torch.Generator
) -> None:
    valid = torch.tensor([True, False, True, True, False, True])
    a, b = rows(generator, 6, 4), rows(generator, 6, 4)
    kept = METHODS[name]()(two_views(a[valid], b[valid])).per_sample
    a.requires_grad_()
    got = METHODS[name]()(two_views(a, b, valid)).per_sample
    assert kept is not None
    assert got is not None
    torch.testing.assert_close(got[valid], kept)
    assert not got[~valid].any()
    (gradient,) = torch.autograd.grad(got.sum(), a)
    assert not gradient[~valid].any()
    assert gradient[valid].abs().sum(-1).min() > 0


@pytest.mark.parametrize("name", METHODS)
def test_one_valid_row_alone_has_nothing_to_learn(
    name: str, generator: torch.Generator
) -> None:
    valid = torch.tensor([False, True, False])
    a, b = rows(generator, 3, 4).requires_grad_(), rows(generator, 3, 4)
    loss = METHODS[name]()(two_views(a, b, valid)).per_sample
    assert loss is not None
    assert not loss.any()
    (gradient,) = torch.autograd.grad(loss.sum(), a)
    assert torch.isfinite(gradient).all()


@pytest.mark.parametrize(("n", "tau"), [(16, 0.5), (7, 0.1)])
def test_sim_clr_closed_values(n: int, tau: float) -> None:
    same = torch.eye(n, dtype=torch.float64)
    loss = sim_clr(tau)(two_views(same, same)).per_sample
    assert loss is not None
    one_way = math.log(1 + (2 * n - 2) * math.exp(-1 / tau))
    torch.testing.assert_close(loss, torch.full_like(loss, 2 * one_way))
    constant = torch.ones(n, 3, dtype=torch.float64)
    loss = sim_clr(tau)(two_views(constant, constant)).per_sample
    assert loss is not None
    torch.testing.assert_close(loss, torch.full_like(loss, 2 * math.log(2 * n - 1)))


POLES = torch.tensor([[1.0, 0, 0], [-1, 0, 0]])
EXTREMES: dict[str, tuple[Tensor, Tensor, dict[str, float]]] = {
    "same": (
        torch.eye(7, 9),
        torch.eye(7, 9),
        {"sim_clr": 0, "info_nce": 0, "dcl": math.log(12) - 200},
    ),
    "opposite": (
        torch.eye(7, 9),
        -torch.eye(7, 9),
        {
            "sim_clr": math.log(12) + 200,
            "info_nce": math.log(6) + 200,
            "dcl": math.log(12) + 200,
        },
    ),
    "poles": (POLES, POLES, {"sim_clr": 0, "info_nce": 0, "dcl": math.log(2) - 400}),
}
"""Views, and losses of one direction at 1/τ = 200; DCL has no lower bound."""


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16])
@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("case", EXTREMES)
def test_low_temperatures_have_their_exact_value(
    case: str, name: str, dtype: torch.dtype
) -> None:
    """e^200 is no float32, and a masked score is less than any other, not -103."""
    make = {"sim_clr": sim_clr, "dcl": dcl, "info_nce": lambda t: info_nce(Cosine(t))}
    a, b, losses = EXTREMES[case]
    a, b = a.to(dtype).requires_grad_(), b.to(dtype)
    loss = make[name](0.005)(two_views(a, b)).per_sample
    assert loss is not None
    torch.testing.assert_close(loss, torch.full_like(loss, 2 * losses[name]))
    (gradient,) = torch.autograd.grad(loss.sum(), a)
    assert gradient.isfinite().all()


@pytest.mark.parametrize("name", ["sim_clr", "info_nce"])
def test_rows_that_are_masked_do_not_outweigh_a_bad_positive(name: str) -> None:
    """A row without others, whose own positive scores -200, has nothing to learn."""
    valid = torch.tensor([False, True, False, False])
    a = torch.ones(4, 3)
    made = {"sim_clr": sim_clr(0.005), "info_nce": info_nce(Cosine(0.005))}
    loss = made[name](two_views(a, -a, valid)).per_sample
    assert loss is not None
    assert loss.tolist() == [0, 0, 0, 0]


def test_rows_of_low_precision_are_normalised_in_float32(
    generator: torch.Generator,
) -> None:
    a, b = (rows(generator, n, 3).bfloat16() for n in (5, 6))
    got = Cosine(TAU)(a, b)
    for n in range(5):
        for m in range(6):
            want = cosine(a[n].double(), b[m].double()) / TAU
            assert got[n, m].item() == pytest.approx(want, rel=1e-5, abs=1e-6)


def test_info_nce_is_softplus_of_dcl(generator: torch.Generator) -> None:
    """One way; and its gradient is DCL's, times sigmoid(DCL)."""
    a, b = rows(generator, 8, 5).requires_grad_(), rows(generator, 8, 5)
    views = two_views(a, b, pairs=((0, 1),))
    coupled, decoupled = sim_clr(TAU)(views).per_sample, dcl(TAU)(views).per_sample
    assert coupled is not None
    assert decoupled is not None
    torch.testing.assert_close(coupled, torch.nn.functional.softplus(decoupled))
    for i in range(8):
        (want,) = torch.autograd.grad(decoupled[i], a, retain_graph=True)
        (got,) = torch.autograd.grad(coupled[i], a, retain_graph=True)
        torch.testing.assert_close(got, want * decoupled[i].sigmoid().detach())


def test_a_dot_product_sees_the_norm(generator: torch.Generator) -> None:
    a, b = rows(generator, 6, 4), rows(generator, 6, 4)
    views = two_views(a, b, pairs=((0, 1),))
    loss = info_nce(Dot(2.0))(views).per_sample
    assert loss is not None
    want = torch.nn.functional.cross_entropy(
        a @ b.T / 2, torch.arange(6), reduction="none"
    )
    torch.testing.assert_close(loss, want)
    cosine = info_nce()
    before = cosine(views).per_sample
    after = cosine(two_views(3 * a, b, pairs=((0, 1),))).per_sample
    torch.testing.assert_close(before, after)


def test_accuracy_counts_the_positives_that_score_best() -> None:
    a = torch.eye(4)
    b = torch.eye(4)[[0, 1, 3, 2]]
    views = two_views(a, b, pairs=((0, 1),))
    assert info_nce()(views).metrics["contrast/accuracy"] == 0.5
    valid = torch.tensor([True, True, True, False])
    views = two_views(a, b, valid, ((0, 1),))
    got = info_nce()(views).metrics["contrast/accuracy"]
    torch.testing.assert_close(got, torch.tensor(2 / 3))


def dclw_weights(a: Tensor, b: Tensor, sigma: float) -> list[float]:
    """`2 - B e^{cos_n/σ} / Σ e^{cos/σ}`: 1 on average."""
    each = [math.exp(cosine(x, y) / sigma) for x, y in zip(a, b, strict=True)]
    return [2 - len(each) * x / sum(each) for x in each]


def test_dclw_against_a_loop(generator: torch.Generator) -> None:
    """DCL, and what the weights change of it: both directions have the same cosine."""
    a, b = rows(generator, 2, 5, 3), rows(generator, 2, 5, 3)
    loss = dclw(TAU, 0.4)(two_views(a, b)).per_sample
    assert loss is not None
    for g in range(2):
        weights = dclw_weights(a[g], b[g], 0.4)
        assert sum(weights) == pytest.approx(5)
        for n in range(5):
            near = cosine(a[g, n], b[g, n]) / TAU
            want = naive("dcl", a[g], b[g], n) + 2 * (1 - weights[n]) * near
            assert loss[g, n].item() == pytest.approx(want)


def test_dclw_weights_are_of_valid_rows_and_have_no_gradient(
    generator: torch.Generator,
) -> None:
    valid = torch.tensor([True, False, True, True, False])
    a, b = rows(generator, 5, 3), rows(generator, 5, 3)
    kept = dclw(TAU)(two_views(a[valid], b[valid])).per_sample
    a.requires_grad_()
    views = two_views(a, b, valid, pairs=((0, 1),))
    both = dclw(TAU)(two_views(a, b, valid)).per_sample
    assert kept is not None
    assert both is not None
    torch.testing.assert_close(both[valid], kept)
    # were the weights differentiated, this would not be DCL's gradient and a multiple
    # of the positive's
    found, plain = dclw(TAU)(views).per_sample, dcl(TAU)(views).per_sample
    assert found is not None
    assert plain is not None
    weights = torch.tensor(dclw_weights(a.detach()[valid], b[valid], 0.5))
    near = torch.nn.functional.cosine_similarity(a[valid], b[valid]) / TAU
    want = plain[valid].sum() + ((1 - weights) * near).sum()
    (got_gradient,) = torch.autograd.grad(found.sum(), a)
    (want_gradient,) = torch.autograd.grad(want, a)
    torch.testing.assert_close(got_gradient, want_gradient)


def test_dclw_with_a_large_sigma_is_dcl(generator: torch.Generator) -> None:
    views = two_views(rows(generator, 6, 4), rows(generator, 6, 4))
    torch.testing.assert_close(
        dclw(TAU, 1e9)(views).per_sample, dcl(TAU)(views).per_sample
    )


def test_dclws_sigma_is_that_of_its_config(generator: torch.Generator) -> None:
    views = two_views(rows(generator, 5, 3), rows(generator, 5, 3))
    got = DclwConfig(TAU, 0.2).build(Sizes(latent=3))(views).per_sample
    assert got is not None
    torch.testing.assert_close(got, dclw(TAU, 0.2)(views).per_sample)
    default = DclwConfig(TAU).build(Sizes(latent=3))(views).per_sample
    torch.testing.assert_close(default, dclw(TAU, 0.5)(views).per_sample)
    assert not torch.allclose(got, default)


@pytest.mark.parametrize("kind", [TargetKind.STOP, TargetKind.EMA])
def test_targets_that_shall_have_no_gradient_have_none(
    kind: TargetKind, generator: torch.Generator
) -> None:
    """Whoever hands them over with some."""
    a, b = (rows(generator, 5, 3).requires_grad_() for _ in range(2))
    views = Views((a, None), (a, None), (None, b), ((0, 1),))
    stopped = Contrast(Cosine(TAU), OtherView(), needs=Needs(target=kind))
    for objective, wanted in ((stopped, False), (info_nce(), True)):
        loss = objective(views).per_sample
        assert loss is not None
        grads = torch.autograd.grad(loss.sum(), (a, b), allow_unused=True)
        assert grads[0].any()
        assert (grads[1] is not None) == wanted


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.nan])
def test_temperatures_are_positive(temperature: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        sim_clr(temperature)


@pytest.mark.parametrize("config", [SimClrConfig, DclConfig, DclwConfig])
def test_configs_say_what_is_built(
    config: type[SimClrConfig], generator: torch.Generator
) -> None:
    made = {SimClrConfig: sim_clr, DclConfig: dcl, DclwConfig: dclw}[config]
    views = two_views(rows(generator, 5, 3), rows(generator, 5, 3))
    got = config(temperature=TAU).build(Sizes(latent=3))(views).per_sample
    assert got is not None
    torch.testing.assert_close(got, made(TAU)(views).per_sample)
    with pytest.raises(ValueError, match="above 0"):
        config(temperature=0.0)
    given: ObjectiveConfig = config()
    check_objective(given.build)


@pytest.mark.parametrize("name", METHODS)
def test_contract(name: str) -> None:
    check_objective(lambda _: METHODS[name]())
