"""DirectPred: the predictor that follows from correlations."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ssl_objectives.branches import Branches
from ssl_objectives.check.objective import check_objective
from ssl_objectives.methods.bootstrap.direct_pred import (
    CopyOfSpectrum,
    DirectCopyConfig,
    DirectPred,
    DirectPredConfig,
    PredictorRule,
    RootOfSpectrum,
)
from ssl_objectives.objective import Sizes, Views

G, N, D = 3, 7, 5
BOTH = ((0, 1), (1, 0))
RULES = pytest.mark.parametrize("rule", [RootOfSpectrum(), CopyOfSpectrum()])


def draw(generator: torch.Generator) -> Tensor:
    return torch.randn(G, N, D, generator=generator)


def two(a: Tensor, b: Tensor, valid: Tensor | None = None) -> Views:
    return Views((a, b), (a, b), (a.flip(-2), b.flip(-2)), BOTH, valid)


def naive_weight(f: np.ndarray) -> np.ndarray:
    """From the equation, by numpy's own decomposition."""
    values, vectors = np.linalg.eigh(f)
    result = np.zeros_like(f)
    for s, u in zip(values, vectors.T, strict=True):
        weight = max(math.sqrt(max(s, 0) / values.max()) + 0.01, 1e-4)
        result += weight * np.outer(u, u)
    return result


def test_correlations_and_predictor_against_loops(generator: torch.Generator) -> None:
    objective = DirectPred(D)
    valid = torch.rand(G, N, generator=generator) < 0.7
    f = np.zeros((D, D))
    for step in range(3):
        a, b = draw(generator), draw(generator)
        objective.observe(two(a, b, valid))
        rows = [
            x[g, n] for x in (a, b) for g in range(G) for n in range(N) if valid[g, n]
        ]
        now = np.mean([np.outer(x, x) for x in rows], axis=0)
        f = now if step == 0 else 0.3 * f + 0.7 * now
        assert objective.correlation.numpy() == pytest.approx(f, rel=1e-4, abs=1e-6)
        want = naive_weight(f)
        assert objective.weight.numpy() == pytest.approx(want, rel=1e-3, abs=1e-4)


def test_loss_is_byols_of_the_predictions(generator: torch.Generator) -> None:
    objective = DirectPred(D)
    a, b = draw(generator), draw(generator)
    objective.observe(two(a, b))
    views = two(a, b)
    loss = objective(views)
    assert loss.per_sample is not None
    weight = objective.weight.double()
    for g in range(G):
        for n in range(N):
            want = 0.0
            for i, j in BOTH:
                p, t = views.p[i], views.t[j]
                assert p is not None
                assert t is not None
                q, s = weight @ p[g, n].double(), t[g, n].double()
                want += 2 - 2 * float(q @ s / q.norm() / s.norm())
            assert loss.per_sample[g, n].item() == pytest.approx(want, abs=1e-5)


def test_rho_is_the_weight_of_the_old_value() -> None:
    objective = DirectPred(2, rho=0.3)
    one, other = torch.zeros(4, 2), torch.zeros(4, 2)
    one[:, 0], other[:, 1] = 1.0, 1.0
    objective.observe(two(one, one))
    torch.testing.assert_close(objective.correlation, torch.tensor([1.0, 0.0]).diag())
    objective.observe(two(other, other))
    torch.testing.assert_close(objective.correlation, torch.tensor([0.3, 0.7]).diag())
    for rho in (-0.1, 1.0):
        with pytest.raises(ValueError, match="rho must be"):
            DirectPred(2, rho=rho)


@RULES
def test_predictor_shares_the_eigenvectors(
    rule: PredictorRule, generator: torch.Generator
) -> None:
    x = torch.randn(40, D, generator=generator, dtype=torch.float64)
    f = x.T @ x / 40
    weight = rule(f)
    torch.testing.assert_close(weight, weight.T)
    torch.testing.assert_close(weight @ f, f @ weight)
    values, vectors = torch.linalg.eigh(f)
    own = (vectors.T @ weight @ vectors).diagonal()
    assert (own > 0).all()
    assert (own.diff() >= 0).all()  # in the order of F's
    assert values.diff().min() > 0


def test_known_spectrum_gives_known_predictor() -> None:
    s = torch.tensor([0.04, 1.0, 0.25, 0.0])
    want = torch.tensor([0.21, 1.01, 0.51, 0.01]).diag()
    torch.testing.assert_close(RootOfSpectrum()(s.diag()), want)
    torch.testing.assert_close(RootOfSpectrum()(9 * s.diag()), want)
    torch.testing.assert_close(
        RootOfSpectrum(eps=-0.5)(s.diag()), torch.tensor([1e-4, 0.5, 1e-4, 1e-4]).diag()
    )
    copied = CopyOfSpectrum(0.3)(9 * s.diag())
    torch.testing.assert_close(copied, torch.tensor([0.34, 1.3, 0.55, 0.3]).diag())


def test_paper_and_code_differ_by_scale_and_floor(generator: torch.Generator) -> None:
    """`√s + ε max s` and `√(s/max s) + ε` predict nearly the same directions."""
    x = torch.randn(40, D, generator=generator, dtype=torch.float64)
    f = x.T @ x / 40
    values, vectors = torch.linalg.eigh(f)
    paper = vectors * (values.sqrt() + 0.01 * values.max()) @ vectors.T
    cosine = nn.functional.cosine_similarity(x @ paper, x @ RootOfSpectrum()(f), dim=1)
    assert cosine.min() > 0.999


def test_copying_is_the_official_rule_but_for_scale(
    generator: torch.Generator,
) -> None:
    """Official: `F + ε I` as it is; here ε is a share of the largest eigenvalue."""
    x = torch.randn(40, D, generator=generator, dtype=torch.float64)
    f = x.T @ x / 40
    largest = np.linalg.eigvalsh(f.numpy()).max()
    official = f + 0.3 * largest * torch.eye(D, dtype=torch.float64)
    torch.testing.assert_close(CopyOfSpectrum(0.3)(f), official / largest)


@RULES
def test_correlations_of_low_rank_are_fine(
    rule: PredictorRule, generator: torch.Generator
) -> None:
    x = torch.randn(2, D, generator=generator)
    for f in (x.T @ x, torch.zeros(D, D)):
        weight = rule(f)
        assert weight.isfinite().all()
        assert torch.linalg.eigvalsh(weight)[0] > 0


def test_only_the_rule_moves_the_predictor(generator: torch.Generator) -> None:
    torch.manual_seed(0)
    encoder = nn.Linear(9, D)
    objective = DirectPredConfig().build(Sizes(D))
    branches = Branches(encoder, nn.Identity(), None, objective, 0.9)
    assert not list(objective.parameters())
    optimizer = torch.optim.SGD(branches.parameters(), 10.0)
    before = objective.weight.clone()
    images = [torch.randn(N, 9, generator=generator) for _ in range(2)]
    loss, _ = branches.loss(images)
    loss.backward()
    optimizer.step()
    assert torch.equal(objective.weight, before)
    branches.after_update()
    assert not torch.equal(objective.weight, before)


def test_nothing_is_learned_from_nothing(generator: torch.Generator) -> None:
    objective = DirectPred(D)
    nothing = torch.zeros(G, N, dtype=torch.bool)
    objective.observe(two(draw(generator), draw(generator), nothing))
    fresh = DirectPred(D).state_dict()
    assert all(torch.equal(x, fresh[k]) for k, x in objective.state_dict().items())
    seen = two(draw(generator), draw(generator))
    objective.observe(seen)
    kept = {k: x.clone() for k, x in objective.state_dict().items()}
    objective.observe(two(draw(generator), draw(generator), nothing))
    for k, x in objective.state_dict().items():
        assert torch.equal(x, kept[k]), k


def test_a_world_model_has_predictions_only(generator: torch.Generator) -> None:
    p, t = draw(generator).bfloat16(), draw(generator).bfloat16()
    views = Views((None, None), (p, None), (None, t), ((0, 1),))
    objective = DirectPred(D)
    for _ in range(2):
        loss = objective(views).per_sample
        assert loss is not None
        assert loss.shape == (G, N)
        assert loss.isfinite().all()
        objective.observe(views)
    rows = p.float().flatten(0, 1)
    torch.testing.assert_close(objective.correlation, rows.T @ rows / (G * N))


@pytest.mark.parametrize("config", [DirectPredConfig(), DirectCopyConfig()])
def test_contract(config: DirectPredConfig | DirectCopyConfig) -> None:
    check_objective(config.build)
