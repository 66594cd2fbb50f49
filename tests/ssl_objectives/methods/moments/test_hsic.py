"""SSL-HSIC against loops over images and views."""

import math

import pytest
import torch
from torch import Tensor

from ssl_objectives.check.objective import check_objective
from ssl_objectives.methods.moments.hsic import SslHsic, SslHsicConfig, image_dependence
from ssl_objectives.objective import Views
from ssl_objectives.parts.critics import unit
from ssl_objectives.parts.kernels import (
    KernelScale,
    RandomFeatures,
    feature_hsic,
    hsic,
    inverse_multiquadric,
)

N, D = 6, 5
BOTH = ((0, 1), (1, 0))


def draw(generator: torch.Generator, num: int = N) -> Tensor:
    return torch.randn(num, D, generator=generator)


def views(
    generator: torch.Generator, valid: Tensor | None = None, num: int = N
) -> Views:
    """Two views; predictions, projections and targets all differ."""
    made = [draw(generator, num) for _ in range(6)]
    return Views(
        (made[0], made[1]), (made[2], made[3]), (made[4], made[5]), BOTH, valid
    )


def naive(v: Views, objective: SslHsic, kept: list[int]) -> float:
    """`γ ‖Cov(φ, ψ)‖_F - (mean over pairs of views - mean over all rows)`."""
    sides = [unit(x).double() for x in (*v.p, *v.t) if x is not None]
    size, k = len(kept), len(sides)
    generators = [objective.counter.generator(sides[0].device, s) for s in range(2)]
    phi, psi = (
        [
            [features(x[n : n + 1], objective.scale.value)[0] for n in kept]
            for x in sides
        ]
        for features in (
            RandomFeatures(objective.num_features, D, g) for g in generators
        )
    )
    positive, everything = 0.0, 0.0
    for v1 in range(k):
        for v2 in range(k):
            for n in range(size):
                if v1 != v2:
                    positive += float(phi[v1][n] @ phi[v2][n]) / (size * k * (k - 1))
                for m in range(size):
                    everything += float(phi[v1][n] @ phi[v2][m]) / (size * k) ** 2
    first = torch.stack([x for view in phi for x in view])
    second = torch.stack([x for view in psi for x in view])
    first, second = first - first.mean(0), second - second.mean(0)
    covariance = first.T @ second / (size * k)
    spread = math.sqrt(float(covariance.square().sum()))
    return objective.gamma * spread - (positive - everything)


def test_against_loops(generator: torch.Generator) -> None:
    objective = SslHsic(num_features=64)
    for _ in range(3):
        v = views(generator)
        loss = objective(v)
        assert loss.per_sample is None
        want = naive(v, objective, list(range(N)))
        assert loss.regularizer.item() == pytest.approx(want, rel=1e-4)
        objective.observe(v)


def test_rows_that_are_not_valid_do_not_exist(generator: torch.Generator) -> None:
    valid = torch.tensor([True, False, True, True, False, True])
    objective, v = SslHsic(num_features=64), views(generator, valid)
    want = naive(v, objective, [0, 2, 3, 5])
    assert objective(v).regularizer.item() == pytest.approx(want, rel=1e-4)


def test_features_stand_for_the_exact_kernel(generator: torch.Generator) -> None:
    """With many features both terms are those of the kernel itself."""
    made = [unit(draw(generator, 8)).double() for _ in range(4)]
    features = [RandomFeatures(100_000, D, generator) for _ in range(2)]
    phi = torch.stack([features[0](x) for x in made])
    rows = torch.cat(made)
    kernel = inverse_multiquadric(rows, rows)
    image = torch.arange(8).repeat(4)
    same = image[:, None] == image[None]
    other = same & ~torch.eye(len(rows), dtype=torch.bool)
    want = kernel[other].mean() - kernel.mean()
    torch.testing.assert_close(image_dependence(phi), want, rtol=0, atol=0.01)
    some = feature_hsic(features[0](rows)[:, :4000], features[1](rows)[:, :4000])
    # 4000 features hold a share of the kernel; each is scaled for 100,000
    share = (100_000 / 4000) ** 2
    torch.testing.assert_close(some * share, hsic(kernel, kernel), rtol=0.1, atol=1e-3)


def test_a_linear_kernel_gives_mean_products(generator: torch.Generator) -> None:
    """The positive term is then the spectral contrastive loss's."""
    x = torch.stack([draw(generator), draw(generator)]).double()
    mean = x.mean((0, 1))
    want = (x[0] * x[1]).sum(-1).mean() - mean @ mean
    torch.testing.assert_close(image_dependence(x), want)


def test_the_official_normaliser_differs_by_a_constant(
    generator: torch.Generator,
) -> None:
    """There views paired with themselves add `1 / (k - 1)`, and features' noise."""
    rows, k = torch.cat([unit(draw(generator)).double() for _ in range(4)]), 4
    exact = torch.linalg.cholesky(inverse_multiquadric(rows, rows))
    noisy = RandomFeatures(64, D, generator)(rows)
    for features, noise in ((exact, False), (noisy, True)):
        phi = features.view(k, N, -1)
        official = phi.sum(0).square().sum() / (N * k * (k - 1))
        official -= phi.sum((0, 1)).square().sum() / (N * k) ** 2
        more = official - image_dependence(phi)
        itself = phi.square().sum(-1).mean()
        torch.testing.assert_close(more, itself / (k - 1))
        assert (abs(itself - 1) > 1e-3) == noise


def test_collapse_gives_nothing(generator: torch.Generator) -> None:
    one = draw(generator, 1).expand(N, D).clone().requires_grad_()
    loss = SslHsic()(Views((one, one), (one, one), (one, one), BOTH))
    assert loss.regularizer.item() == pytest.approx(0.0, abs=1e-4)
    loss.regularizer.backward()
    assert one.grad is not None
    assert one.grad.isfinite().all()


def test_lower_when_views_agree_and_images_differ(generator: torch.Generator) -> None:
    x, y = draw(generator, 30), draw(generator, 30)
    same = SslHsic()(Views((x, x), (x, x), (x, x), BOTH)).regularizer
    different = SslHsic()(Views((x, y), (x, y), (y, x), BOTH)).regularizer
    assert same < different - 0.1


def test_targets_get_no_gradient_and_bf16_stays_finite(
    generator: torch.Generator,
) -> None:
    made = [draw(generator).bfloat16().requires_grad_() for _ in range(4)]
    loss = SslHsic()(Views((None, None), tuple(made[:2]), tuple(made[2:]), BOTH))
    loss.regularizer.backward()
    for x in made[:2]:
        assert x.grad is not None
        assert x.grad.isfinite().all()
        assert x.grad.any()
    assert made[2].grad is None


def test_features_change_with_the_step_and_scale_is_kept(
    generator: torch.Generator,
) -> None:
    v = views(generator)
    objective = SslHsic(rate=0.1)
    before = objective(v).regularizer
    assert torch.equal(before, objective(v).regularizer)
    objective.observe(v)
    assert objective(v).regularizer != before
    assert objective.scale.value != 1.0
    other = SslHsic(rate=0.1)
    other.load_state_dict(objective.state_dict())
    for _ in range(3):
        assert torch.equal(other(v).regularizer, objective(v).regularizer)
        other.observe(v)
        objective.observe(v)


def test_the_scale_is_learned_from_predictions_and_targets(
    generator: torch.Generator,
) -> None:
    """All pairs of unit rows that are valid, over several of Adam's steps."""
    valid = torch.tensor([True, True, False, True, True, True])
    objective, want = SslHsic(rate=0.05), KernelScale(rate=0.05)
    for _ in range(4):
        v = views(generator, valid)
        objective.observe(v)
        seen = [x[valid] for x in (*v.p, *v.t) if x is not None]
        want.observe(unit(torch.cat(seen)))
        torch.testing.assert_close(objective.scale.value, want.value)


def test_large_batches_tell_the_scale_by_a_part(generator: torch.Generator) -> None:
    v = views(generator, torch.rand(700, generator=generator) < 0.9, num=700)
    objective = SslHsic()
    objective.observe(v)
    assert objective.scale.value.item() == pytest.approx(1 - 3e-4, abs=6.1e-4)
    assert objective.scale.value != 1.0


def test_contract() -> None:
    check_objective(SslHsicConfig().build)
