"""Both ways, against a loop over rows that look for each other."""

import math

import pytest
import torch
from torch import Tensor

from ssl_objectives.check.objective import check_objective
from ssl_objectives.methods.clusters.pcl import ProtoNce
from ssl_objectives.methods.contrast.both_ways import BothWays
from ssl_objectives.methods.contrast.info_nce import Contrast, InfoNceConfig, info_nce
from ssl_objectives.objective import Sizes, Views
from ssl_objectives.parts.candidates import Queue
from ssl_objectives.parts.critics import Cosine

G, N, D = 3, 6, 4
TAU = 0.2


def rows(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*(shape or (G, N, D)), generator=generator, dtype=torch.float64)


def one_pair(p: Tensor, t: Tensor, valid: Tensor | None = None) -> Views:
    """A world model's prediction and target."""
    return Views((None, None), (p, None), (None, t), ((0, 1),), valid)


def looks_for(asks: Tensor, answers: Tensor, n: int, valid: Tensor) -> float:
    """Cross-entropy of row n among the valid rows of the other side."""
    scores = {}
    for m in range(len(answers)):
        if valid[m]:
            dot = float((asks[n] * answers[m]).sum())
            scores[m] = dot / float(asks[n].norm() * answers[m].norm()) / TAU
    return math.log(sum(math.exp(x) for x in scores.values())) - scores[n]


@pytest.mark.parametrize("share", [0.5, 1.0])
def test_each_row_looks_for_its_own_from_both_sides(
    share: float, generator: torch.Generator
) -> None:
    p, t = rows(generator).requires_grad_(), rows(generator).requires_grad_()
    valid = torch.rand(G, N, generator=generator) < share
    loss = InfoNceConfig(TAU, both_ways=True).build(Sizes(D))(one_pair(p, t, valid))
    assert valid.any()
    x, y = p.detach(), t.detach()
    for g in range(G):
        for n in range(N):
            want = 0.0
            if valid[g, n]:
                there = looks_for(x[g], y[g], n, valid[g])
                want = (there + looks_for(y[g], x[g], n, valid[g])) / 2
            assert loss.per_sample[g, n].item() == pytest.approx(want, abs=1e-9)
    assert loss.regularizer == 0
    for given in torch.autograd.grad(loss.per_sample.sum(), (p, t)):
        assert not given[~valid].any()
        alone = valid & (valid.sum(-1, keepdim=True) < 2)  # nothing to be told from
        assert given.any(-1)[valid & ~alone].all()


def test_prediction_and_target_may_change_places(generator: torch.Generator) -> None:
    """One way it makes a difference."""
    p, t = rows(generator), rows(generator)
    both, one = BothWays(info_nce(Cosine(TAU))), info_nce(Cosine(TAU))
    there, back = both(one_pair(p, t)), both(one_pair(t, p))
    torch.testing.assert_close(there.per_sample, back.per_sample)
    halves = one(one_pair(p, t)).per_sample, one(one_pair(t, p)).per_sample
    assert not torch.allclose(halves[0], halves[1])
    torch.testing.assert_close(there.per_sample, (halves[0] + halves[1]) / 2)


def test_views_of_images_are_compared_both_ways_as_it_is(
    generator: torch.Generator,
) -> None:
    views = Views.of(*(rows(generator) for _ in range(3)))
    both, plain = BothWays(info_nce())(views), info_nce()(views)
    torch.testing.assert_close(both.per_sample, plain.per_sample)


@pytest.mark.parametrize("both_ways", [False, True])
def test_rows_that_are_all_alike_are_told_apart_by_chance(both_ways: bool) -> None:
    objective = InfoNceConfig(both_ways=both_ways).build(Sizes(D))
    same = torch.ones(G, N, D)
    loss = objective(one_pair(same, 2 * same)).per_sample
    torch.testing.assert_close(loss, torch.full((G, N), math.log(N)))


def test_what_the_objective_remembers_is_kept_up(generator: torch.Generator) -> None:
    """A queue takes in the targets."""
    source = Queue(2 * N, D)
    both, before = BothWays(Contrast(Cosine(TAU), source)), source.rows.clone()
    views = one_pair(*(rows(generator, N, D).float() for _ in range(2)))
    both.observe(views)
    entered = (source.rows != before).any(-1)
    assert int(entered.sum()) == N


def test_a_sweep_over_the_data_reaches_the_objective(
    generator: torch.Generator,
) -> None:
    """Clusters of rows, for one that has them."""
    plain, inner = (ProtoNce(N, D, (2,)).double() for _ in range(2))
    data = rows(generator, N, D)
    for objective in (plain, BothWays(inner)):
        objective.refresh(iter([(torch.arange(N), data)]))
    assert (plain.labels >= 0).all()
    assert torch.equal(inner.labels, plain.labels)
    assert torch.equal(inner.centre, plain.centre)


def test_contract() -> None:
    check_objective(InfoNceConfig(both_ways=True).build)
