"""C-SimCLR and C-BYOL against loops, and the noise that they share."""

import math

import pytest
import torch
from scipy import stats
from torch import Tensor

from ssl_objectives.check.objective import check_objective
from ssl_objectives.methods.bootstrap.byol import Byol
from ssl_objectives.methods.contrast.compressive import (
    CByol,
    CByolConfig,
    CSimClr,
    CSimClrConfig,
)
from ssl_objectives.methods.contrast.info_nce import sim_clr
from ssl_objectives.objective import Views
from ssl_objectives.parts.noise import SphereNoise

BOTH = ((0, 1), (1, 0))
N, D = 5, 6
IDS = torch.tensor([2**40 + 3, 7, 11, 2, 9])


def rows(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*(shape or (N, D)), generator=generator, dtype=torch.float64)


def two_views(
    a: Tensor, b: Tensor, valid: Tensor | None = None, row: Tensor | None = IDS
) -> Views:
    return Views((a, b), (a, b), (a, b), BOTH, valid, row)


def unit(x: Tensor) -> Tensor:
    return torch.nn.functional.normalize(x, dim=-1)


def dot(x: Tensor, y: Tensor) -> float:
    return sum(float(p) * float(q) for p, q in zip(x, y, strict=True))


def c_byol(
    weight: float = 5.0,
    beta: float = 1.0,
    concentration: float = 16384.0,
    backward: float = 10.0,
) -> CByol:
    torch.manual_seed(5)
    made = CByol(D, weight, beta, concentration, backward, hidden=8).double()
    torch.nn.init.normal_(made.last.weight)
    return made


# the noise


@pytest.mark.parametrize(("kappa", "size"), [(1024.0, 16), (200.0, 7)])
def test_noise_has_the_cosine_of_the_formula(
    kappa: float, size: int, generator: torch.Generator
) -> None:
    """`E cos = 1 - (D - 1) / 2κ`, up to its square."""
    mean, noise = rows(generator, size), SphereNoise(kappa, draws=20_000)
    z = noise(mean.expand(20_000, size), torch.arange(20_000))
    torch.testing.assert_close(z.norm(dim=-1), torch.ones_like(z[:, 0]))
    cosine = (z @ unit(mean)).mean().item()
    first_order = (size - 1) / 2 / kappa
    assert 1 - cosine == pytest.approx(first_order, rel=2 * first_order + 0.02)


def test_noise_is_a_gaussian_brought_back_to_the_sphere(
    generator: torch.Generator,
) -> None:
    """All second moments, in a frame that is not aligned with the mean."""
    mean, kappa, number = unit(rows(generator, 4)), 5.0, 40_000
    z = SphereNoise(kappa, draws=number)(mean.expand(number, 4), torch.arange(number))
    want = unit(mean + rows(generator, number, 4) / math.sqrt(kappa))
    torch.testing.assert_close(z.mean(0), want.mean(0), rtol=0, atol=0.01)
    torch.testing.assert_close(
        z.T @ z / number, want.T @ want / number, rtol=0, atol=0.01
    )


def test_noise_belongs_to_ids(generator: torch.Generator) -> None:
    noise, mean = SphereNoise(50.0), rows(generator)
    order = torch.tensor([3, 0, 4, 2, 1])
    torch.testing.assert_close(noise(mean[order], IDS[order]), noise(mean, IDS)[order])
    same = noise(mean[:1].expand(N, D), IDS)
    assert torch.cdist(same, same).fill_diagonal_(1.0).min() > 1e-2
    shared = noise(mean[:1].expand(N, D), None)
    torch.testing.assert_close(shared, shared[:1].expand(N, D))


def test_noise_is_fresh_for_steps_and_streams(generator: torch.Generator) -> None:
    noise, mean = SphereNoise(50.0), rows(generator)
    first = noise(mean, IDS)
    assert torch.equal(noise(mean, IDS), first)
    assert not torch.isclose(noise(mean, IDS, stream=1), first).any()
    noise.advance()
    assert not torch.isclose(noise(mean, IDS), first).any()
    other = SphereNoise(50.0)
    other.load_state_dict(noise.state_dict())
    assert torch.equal(other(mean, IDS), noise(mean, IDS))


def test_how_far_noise_goes_does_not_depend_on_the_mean(
    generator: torch.Generator,
) -> None:
    """So that the log density of e at its own draw is a constant."""
    noise, mean = SphereNoise(50.0), rows(generator).requires_grad_()
    cosine = (unit(mean) * noise(mean, IDS)).sum(-1)
    other = rows(generator)
    torch.testing.assert_close(
        cosine.detach(), (unit(other) * noise(other, IDS)).sum(-1)
    )
    (gradient,) = torch.autograd.grad(cosine.sum(), mean)
    assert gradient.abs().max() < 1e-12


def test_infinite_concentration_is_no_noise(generator: torch.Generator) -> None:
    mean = rows(generator).requires_grad_()
    got = SphereNoise(math.inf)(mean, IDS)
    torch.testing.assert_close(got, unit(mean))
    (gradient,) = torch.autograd.grad(got.sum(), mean)
    assert gradient.isfinite().all()


# C-SimCLR


def naive_c_sim_clr(made: CSimClr, a: Tensor, b: Tensor, n: int) -> float:
    """Both directions, densities up to their constants."""
    kappa, total = made.backward, 0.0
    for v, (mine, other) in enumerate(((a, b), (b, a))):
        z = made.noise(mine, IDS, v)[n]
        log_b = kappa * dot(unit(other[n]), z)
        everything = math.exp(log_b)
        for m in range(N):
            if m != n:
                everything += math.exp(kappa * dot(unit(other[m]), z))
                everything += math.exp(kappa * dot(unit(mine[m]), z))
        residual = kappa * dot(unit(mine[n]), z) - log_b
        total += made.beta * residual + math.log(everything) - log_b
    return total


def test_c_sim_clr_against_loops(generator: torch.Generator) -> None:
    made = CSimClr(beta=0.7, concentration=40.0, backward=3.0)
    a, b = rows(generator), rows(generator)
    loss = made(two_views(a, b))
    for n in range(N):
        assert loss.per_sample[n].item() == pytest.approx(
            naive_c_sim_clr(made, a, b, n)
        )
    made.beta = 0.0
    without = made(two_views(a, b)).per_sample
    residual = (loss.per_sample - without).mean() / 0.7 / 2
    torch.testing.assert_close(loss.metrics["compressive/residual"], residual)


def log_density(z: Tensor, mean: Tensor, kappa: float) -> float:
    """Of von Mises and Fisher's distribution, with its normaliser."""
    around = stats.vonmises_fisher(unit(mean).numpy(), kappa)
    return float(around.logpdf(unit(z).numpy()))


def from_densities(made: CSimClr, a: Tensor, b: Tensor) -> float:
    """`β (log e(z|x) - log b(z|y)) - log softmax_y' b(z|y')`, sums of all rows."""
    kappa_e, kappa_b, total = made.noise.concentration, made.backward, 0.0
    for v, (mine, other) in enumerate(((a, b), (b, a))):
        z = made.noise(mine, IDS, v)
        for n in range(N):
            log_b = log_density(z[n], other[n], kappa_b)
            each = [log_density(z[n], y, kappa_b) for y in other]
            each += [log_density(z[n], mine[m], kappa_b) for m in range(N) if m != n]
            everything = math.log(sum(math.exp(x) for x in each))
            total += made.beta * (log_density(z[n], mine[n], kappa_e) - log_b)
            total += everything - log_b
    return total


def test_what_is_left_out_of_the_densities_has_no_slope(
    generator: torch.Generator,
) -> None:
    """Slopes of the written-out equation, by differences, are our gradient."""
    made = CSimClr(beta=0.7, concentration=40.0, backward=3.0)
    a, b = rows(generator).requires_grad_(), rows(generator)
    (gradient,) = torch.autograd.grad(made(two_views(a, b)).per_sample.sum(), a)
    start, step = a.detach(), 1e-5
    for _ in range(3):
        way = rows(generator)
        ahead, behind = (
            from_densities(made, start + sign * step * way, b) for sign in (1, -1)
        )
        slope = (ahead - behind) / (2 * step)
        assert slope == pytest.approx((gradient * way).sum().item(), rel=1e-5)


def test_without_bottleneck_and_noise_it_is_sim_clr(generator: torch.Generator) -> None:
    views = two_views(rows(generator), rows(generator))
    got = CSimClr(beta=0.0, concentration=math.inf, backward=4.0)(views).per_sample
    torch.testing.assert_close(got, sim_clr(1 / 4.0)(views).per_sample)


def test_the_bottleneck_is_a_heavier_positive(generator: torch.Generator) -> None:
    """Gradients of softmax with the weight 1 + β on the positive logit."""
    beta, kappa = 0.6, 3.0
    made = CSimClr(beta, concentration=30.0, backward=kappa)
    a, b = rows(generator).requires_grad_(), rows(generator).requires_grad_()
    got = torch.autograd.grad(made(two_views(a, b)).per_sample.sum(), (a, b))
    total = a.new_zeros(())
    eye = torch.eye(N, dtype=torch.bool)
    for v, (mine, other) in enumerate(((a, b), (b, a))):
        z = made.noise(mine, IDS, v)
        across, within = kappa * z @ unit(other).T, kappa * z @ unit(mine).T
        logits = torch.cat([across, within.masked_fill(eye, -torch.inf)], 1)
        positive = (1 + beta) * across.diagonal()
        total = total + (logits.logsumexp(-1) - positive).sum()
    want = torch.autograd.grad(total, (a, b))
    torch.testing.assert_close(got, want)


def gap_after_training(beta: float) -> float:
    """Mean of 1 - cos of crowded rows and the free rows that are to match them."""
    generator = torch.Generator().manual_seed(1)
    fixed = unit(rows(generator, 3) + 0.5 * rows(generator, 8, 3))
    free, ids = fixed.clone().requires_grad_(), torch.arange(8)
    made = CSimClr(beta, concentration=300.0, backward=2.0)
    optimizer = torch.optim.Adam([free], 0.1)
    for _ in range(25):
        optimizer.zero_grad()
        views = two_views(fixed, free, row=ids)
        made(views).per_sample.mean().backward()
        optimizer.step()
        made.observe(views.detach())
    return float(1 - (fixed * unit(free.detach())).sum(-1).mean())


def test_a_heavy_bottleneck_makes_views_coincide() -> None:
    """Repulsion from crowded neighbours bends views apart; alignment prevails."""
    gaps = [gap_after_training(beta) for beta in (0.0, 1.0, 20.0)]
    assert gaps[0] > 3 * gaps[1] > 9 * gaps[2]
    assert gaps[2] < 2e-3


def test_a_world_models_own_latents_are_not_noised_as_negatives(
    generator: torch.Generator,
) -> None:
    p, t = rows(generator, 2, N, D), rows(generator, 2, N, D)
    made = CSimClr(0.5, concentration=20.0, backward=3.0)
    views = Views((None, t), (p, None), (None, t), ((0, 1),))
    both = Views((p, t), (p, None), (p, t), ((0, 1),))
    torch.testing.assert_close(made(views).per_sample, made(both).per_sample)


# C-BYOL


def test_c_byol_against_loops(generator: torch.Generator) -> None:
    made = c_byol(weight=1.7, beta=0.4, concentration=60.0, backward=3.0)
    z, p, t = ((rows(generator), rows(generator)) for _ in range(3))
    got = made(Views(z, p, t, BOTH, row=IDS)).per_sample
    first, last = made.from_target[0], made.from_target[2]
    assert isinstance(first, torch.nn.Linear)
    assert isinstance(last, torch.nn.Linear)
    for n in range(N):
        want = 0.0
        for i, j in BOTH:
            z, y = made.noise(p[i], IDS, i)[n], unit(t[j][n])
            error = unit(made.last.weight.detach() @ z) - y
            hidden = (first.weight @ y + first.bias).clamp(min=0)
            center = unit((last.weight @ hidden).detach())
            residual = 3.0 * (dot(unit(p[i][n]), z) - dot(center, z))
            want += 1.7 * dot(error, error) + 0.4 * residual
        assert got[n].item() == pytest.approx(want)


def test_without_bottleneck_and_noise_it_begins_as_byol(
    generator: torch.Generator,
) -> None:
    made = CByol(D, beta=0.0, concentration=math.inf).double()
    views = two_views(rows(generator), rows(generator))
    torch.testing.assert_close(made(views).per_sample, 5 * Byol()(views).per_sample)


def test_c_byol_trains_what_is_its_own_and_not_targets(
    generator: torch.Generator,
) -> None:
    made, t = c_byol(), rows(generator).requires_grad_()
    p = rows(generator).requires_grad_()
    made(Views((p, p), (p, p), (t, t), BOTH)).per_sample.sum().backward()
    assert t.grad is None
    for x in (p, *made.parameters()):
        assert x.grad is not None
        assert x.grad.any()


@pytest.mark.parametrize("made", [CSimClr(), c_byol()])
def test_rows_that_are_not_valid_do_not_exist(
    made: CSimClr | CByol, generator: torch.Generator
) -> None:
    valid = torch.tensor([True, False, True, True, False])
    a, b = rows(generator).requires_grad_(), rows(generator)
    got = made(two_views(a, b, valid))
    kept = made(two_views(a[valid], b[valid], row=IDS[valid]))
    torch.testing.assert_close(got.per_sample[valid], kept.per_sample)
    residual = "compressive/residual"
    torch.testing.assert_close(got.metrics[residual], kept.metrics[residual])
    assert not got.per_sample[~valid].any()
    (gradient,) = torch.autograd.grad(got.per_sample.sum(), a)
    assert not gradient[~valid].any()


@pytest.mark.parametrize("made", [CSimClr(), c_byol().float()])
def test_half_precision_stays_finite(
    made: CSimClr | CByol, generator: torch.Generator
) -> None:
    a = (30 * rows(generator)).bfloat16().requires_grad_()
    loss = made(two_views(a, a.detach().flip(0))).per_sample
    assert loss.dtype == torch.float32
    (gradient,) = torch.autograd.grad(loss.sum(), a)
    assert loss.isfinite().all()
    assert gradient.isfinite().all()


def test_concentrations_are_positive() -> None:
    for config in (CSimClrConfig, CByolConfig):
        with pytest.raises(ValueError, match="concentration must be above 0"):
            config(concentration=0.0)
        with pytest.raises(ValueError, match="concentration must be above 0"):
            config(backward=-1.0)


@pytest.mark.parametrize("config", [CSimClrConfig(), CByolConfig()])
def test_contract(config: CSimClrConfig | CByolConfig) -> None:
    check_objective(config.build)
