"""Local Aggregation against a loop over the memory."""

import math
from typing import cast

import pytest
import torch
from torch import Tensor

from ssl_objectives.check.objective import check_objective
from ssl_objectives.methods.contrast.info_nce import Contrast
from ssl_objectives.methods.memory.instance import InstanceConfig
from ssl_objectives.methods.memory.local_aggregation import LocalAggregationConfig
from ssl_objectives.objective import Sizes, Views
from ssl_objectives.parts.assignment import SameCluster
from ssl_objectives.parts.candidates import Bank

NUM, SIZE, TAU = 20, 4, 0.3


def build(background: int = NUM, clusters: tuple[int, ...] = (3, 5)) -> Contrast:
    config = LocalAggregationConfig(TAU, background=background, clusters=clusters)
    return config.build(Sizes(latent=SIZE, rows=NUM)).double()


def assigner(method: Contrast) -> SameCluster:
    return cast(SameCluster, method.filters[1])


def memory(method: Contrast) -> Tensor:
    return cast(Bank, method.source).rows[0]


def batch(generator: torch.Generator, valid: list[bool] | None = None) -> Views:
    x = torch.randn(6, SIZE, generator=generator, dtype=torch.float64)
    row = torch.randperm(NUM, generator=generator)[:6]
    keep = None if valid is None else torch.tensor(valid)
    return Views((x,), (x,), (x,), ((0, 0),), keep, row)


def losses(method: Contrast, views: Views) -> Tensor:
    loss: Tensor | None = method(views).per_sample
    assert loss is not None
    return loss


def naive(method: Contrast, views: Views, background: int) -> list[float]:
    bank, labels = memory(method), assigner(method).labels
    x, row = views.p[0], views.row
    assert x is not None
    assert row is not None
    found = []
    for n in range(len(x)):
        own = int(row[n])
        score = [float(x[n] / x[n].norm() @ m) / TAU for m in bank]
        others = sorted((k for k in range(NUM) if k != own), key=lambda k: -score[k])
        near = [own, *others[:background]]
        close = [k for k in near if any(c[k] == c[own] for c in labels)]
        found.append(
            math.log(sum(math.exp(score[k]) for k in near))
            - math.log(sum(math.exp(score[k]) for k in close))
        )
    return found


@pytest.mark.parametrize("background", [1, 7, NUM])
def test_against_a_loop(background: int, generator: torch.Generator) -> None:
    method = build(background)
    views = batch(generator)
    drawn = torch.randint(4, (2, NUM), generator=generator)
    assigner(method).labels.copy_(drawn)
    want = naive(method, views, background)
    assert losses(method, views).tolist() == pytest.approx(want)


def test_rows_alone_are_instance_discrimination(generator: torch.Generator) -> None:
    method, views = build(), batch(generator)
    instance = InstanceConfig(TAU, negatives=None).build(Sizes(SIZE, rows=NUM))
    cast(Bank, instance.source).rows.copy_(memory(method))
    want = losses(instance.double(), views)
    torch.testing.assert_close(losses(method, views), want)


@pytest.mark.parametrize("background", [5, NUM])
def test_one_cluster_leaves_nothing_to_do(
    background: int, generator: torch.Generator
) -> None:
    method = build(background, (1,))
    assigner(method).labels.zero_()
    loss = losses(method, batch(generator))
    torch.testing.assert_close(loss, torch.zeros_like(loss))


def test_more_clusterings_never_raise_the_loss(generator: torch.Generator) -> None:
    views, before = batch(generator), None
    drawn = torch.randint(9, (5, NUM), generator=generator)
    for num in range(1, 6):
        method = build(9, (3,) * num)
        assigner(method).labels.copy_(drawn[:num])
        loss = losses(method, views)
        if before is not None:
            assert (loss <= before + 1e-12).all()
        before = loss


def test_a_sweep_draws_clusters_together(generator: torch.Generator) -> None:
    """And what it found is saved."""
    method, views = build(clusters=(2,)), batch(generator)
    before = losses(method, views)
    data = torch.randn(NUM, SIZE, generator=generator, dtype=torch.float64)
    method.refresh([(torch.arange(NUM), data)])
    method.observe(views)
    after = losses(method, views)
    assert not torch.allclose(after, before)
    other = build(clusters=(2,))
    other.load_state_dict(method.state_dict())
    assert torch.equal(losses(other, views), after)


def test_the_memory_follows_by_its_momentum(generator: torch.Generator) -> None:
    config = LocalAggregationConfig(TAU, momentum=0.8, clusters=(3,))
    method, views = config.build(Sizes(SIZE, rows=NUM)).double(), batch(generator)
    target, row, want = views.t[0], views.row, memory(method).clone()
    assert target is not None
    unit = torch.nn.functional.normalize
    want[row] = unit(0.8 * want[row] + 0.2 * unit(target))
    method.observe(views)
    torch.testing.assert_close(memory(method), want)


def test_rows_that_are_not_valid_get_nothing(generator: torch.Generator) -> None:
    method = build(7)
    views = batch(generator, [True, False, True, True, False, True])
    x = views.p[0]
    assert x is not None
    x.requires_grad_()
    loss = losses(method, views)
    (gradient,) = torch.autograd.grad(loss.sum(), x)
    assert loss.ne(0).tolist() == gradient.any(-1).tolist()
    assert loss.ne(0).tolist() == [True, False, True, True, False, True]


def test_contract() -> None:
    check_objective(LocalAggregationConfig().build)
    check_objective(LocalAggregationConfig(background=3, clusters=(4,)).build)
    with pytest.raises(ValueError, match="row"):
        LocalAggregationConfig().build(Sizes(latent=SIZE))
