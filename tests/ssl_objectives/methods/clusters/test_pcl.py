"""PCL against loops, and φ by hand."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from ssl_objectives.check.objective import check_objective
from ssl_objectives.methods.clusters.pcl import PclConfig, ProtoNce, concentrations
from ssl_objectives.methods.memory.instance import InstanceConfig
from ssl_objectives.methods.memory.moco import MoCoConfig
from ssl_objectives.objective import Loss, Sizes, TargetKind, Views
from ssl_objectives.parts.candidates import Bank

NUM, SIZE, TAU = 24, 4, 0.3
BOTH = ((0, 1), (1, 0))


def rows(generator: torch.Generator, num: int) -> Tensor:
    return torch.randn(num, SIZE, generator=generator, dtype=torch.float64)


def batch(
    generator: torch.Generator,
    num: int = 7,
    valid: Tensor | None = None,
    pairs: tuple[tuple[int, int], ...] = BOTH,
) -> Views:
    z = (rows(generator, num), rows(generator, num))
    t = (rows(generator, num), rows(generator, num))
    row = torch.randperm(NUM, generator=generator)[:num]
    return Views(z, z, t, pairs, valid, row)


def losses(loss: Loss) -> Tensor:
    assert loss.per_sample is not None
    return loss.per_sample


def swept(generator: torch.Generator, clusters: tuple[int, ...]) -> ProtoNce:
    method = ProtoNce(NUM, SIZE, clusters, TAU).double()
    data, ids = rows(generator, NUM), torch.randperm(NUM, generator=generator)
    method.refresh([(ids[:10], data[:10]), (ids[10:], data[10:])])
    return method


def test_against_a_loop(generator: torch.Generator) -> None:
    method = swept(generator, (3, 6))
    views = batch(generator)
    assert views.row is not None
    for n, row in enumerate(views.row.tolist()):
        total = 0.0
        for query in views.p:
            assert query is not None
            q = query[n] / query[n].norm()
            for g, (start, number) in enumerate(((0, 3), (3, 6))):
                own = start + int(method.labels[g, row])
                score = {
                    c: float(q @ method.centre[c] / method.concentration[c])
                    for c in range(start, start + number)
                }
                below = sum(math.exp(s) for s in score.values())
                total += (math.log(below) - score[own]) / 2
        assert losses(method(views))[n].item() == pytest.approx(total)


def test_a_sweep_gives_unit_centres_and_their_widths(
    generator: torch.Generator,
) -> None:
    method = ProtoNce(NUM, SIZE, (5,), TAU).double()
    data = rows(generator, NUM)
    method.refresh([(torch.arange(NUM), 3 * data)])
    data = data / data.norm(dim=-1, keepdim=True)
    label, widths = method.labels[0], []
    for c in range(5):
        mine = data[label == c]
        centre = mine.mean(0)
        torch.testing.assert_close(method.centre[c], centre / centre.norm())
        widths.append(
            float((mine - centre).norm(dim=-1).mean()) / math.log(len(mine) + 10)
        )
        if len(mine) < 2:
            widths[-1] = 0.0
    widths = [w or max(widths) for w in widths]
    clipped = np.clip(widths, *np.percentile(widths, [10, 90]))
    phi = TAU * clipped / clipped.mean()
    torch.testing.assert_close(method.concentration, torch.tensor(phi))


def test_three_points_by_hand() -> None:
    """Two at distances 1 and 3 from their centre, one alone: the same width."""
    distance, labels = torch.tensor([1.0, 3.0, 0.0]), torch.tensor([0, 0, 1])
    got = concentrations(distance, labels, 2, TAU)
    torch.testing.assert_close(got, torch.tensor([TAU, TAU]))
    # a third cluster, two rows half as far away
    distance = torch.cat([distance, torch.tensor([0.5, 1.5])])
    labels = torch.cat([labels, torch.tensor([2, 2])])
    got = concentrations(distance, labels, 3, TAU)
    wide, narrow = 2 / math.log(12), 1 / math.log(12)
    low = narrow + 0.2 * (wide - narrow)  # the 10th percentile of three numbers
    mean = (2 * wide + low) / 3
    want = torch.tensor([TAU * wide / mean, TAU * wide / mean, TAU * low / mean])
    torch.testing.assert_close(got, want)


def test_clusters_without_width_have_the_temperature() -> None:
    got = concentrations(torch.zeros(3), torch.tensor([0, 1, 1]), 4, TAU)
    torch.testing.assert_close(got, torch.full((4,), TAU))


def test_clusters_of_equal_rows_do_not_divide_by_nothing(
    generator: torch.Generator,
) -> None:
    """Two of three clusters are repeated images: their φ is small, and no smaller."""
    distance = torch.tensor([0.0, 0.0, 0.0, 0.0, 0.5, 0.6])
    got = concentrations(distance, torch.tensor([0, 0, 1, 1, 2, 2]), 3, TAU)
    torch.testing.assert_close(got[:2], torch.full((2,), TAU / 10))
    assert got[2] > TAU
    method = ProtoNce(NUM, SIZE, (6,), TAU)
    data = rows(generator, 6).float()[torch.arange(NUM) % 6]
    data[5, 1] += 0.1
    method.refresh([(torch.arange(NUM), data)])
    x = data[:7].requires_grad_()
    views = Views((x,), (x,), (x,), ((0, 0),), row=torch.arange(7))
    loss = losses(method(views))
    (gradient,) = torch.autograd.grad(loss.sum(), x)
    assert loss.isfinite().all()
    assert gradient.isfinite().all()


def test_sweeps_over_the_same_rows_give_the_same_clusters(
    generator: torch.Generator,
) -> None:
    """Whatever was drawn elsewhere in between; numbers keep their meaning."""
    method, data = ProtoNce(NUM, SIZE, (3, 6), TAU).double(), rows(generator, NUM)
    found = []
    for _ in range(2):
        method.refresh([(torch.arange(NUM), data)])
        found.append({k: x.clone() for k, x in method.state_dict().items()})
        torch.rand(3)
    for name, x in found[0].items():
        assert torch.equal(x, found[1][name]), name


def test_prototypes_of_one_row_each_are_a_memory(generator: torch.Generator) -> None:
    method = swept(generator, (NUM,))
    torch.testing.assert_close(method.concentration, torch.full((NUM,), TAU).double())
    instance = InstanceConfig(TAU, negatives=None).build(Sizes(SIZE, rows=NUM)).double()
    assert isinstance(instance.source, Bank)
    instance.source.put(torch.arange(NUM), method.centre[method.labels[0]])
    views = batch(generator)
    torch.testing.assert_close(losses(method(views)), losses(instance(views)))


def test_rows_of_one_cluster_share_a_centre_that_is_never_wrong(
    generator: torch.Generator,
) -> None:
    """All rows of a batch in one cluster: its centre pulls, nobody pushes it away."""
    method = swept(generator, (2,))
    method.labels[0] = 0
    method.centre[:] = torch.eye(2, SIZE)
    method.concentration[:] = 1.0
    x = torch.zeros(5, SIZE, dtype=torch.float64)
    x[:, 0], x[:, 2] = 1.0, 1.0
    x.requires_grad_()
    views = Views((x,), (x,), (x,), ((0, 0),), row=torch.arange(5))
    (gradient,) = torch.autograd.grad(losses(method(views)).sum(), x)
    assert (gradient[:, 0] < 0).all()


def test_before_the_first_sweep_there_is_moco_alone(
    generator: torch.Generator,
) -> None:
    sizes = Sizes(latent=SIZE, rows=NUM)
    method = PclConfig(TAU, 11, (3, 50)).build(sizes).double()
    assert method.needs.target is TargetKind.EMA
    assert method.needs.sweep
    views = batch(generator)
    moco = MoCoConfig(TAU, 11).build(sizes).double()
    torch.testing.assert_close(losses(method(views)), losses(moco(views)))


def test_pcl_is_the_sum_of_both_and_is_saved(generator: torch.Generator) -> None:
    sizes = Sizes(latent=SIZE, rows=NUM)
    method = PclConfig(TAU, 11, (3, 5)).build(sizes)
    views = batch(generator)
    method.double()
    method.observe(views)
    method.refresh([(torch.arange(NUM), rows(generator, NUM))])
    moco, prototypes = method.objectives
    want = losses(moco(views)) + losses(prototypes(views))
    torch.testing.assert_close(losses(method(views)), want)
    assert losses(prototypes(views)).min() > 0
    other = PclConfig(TAU, 11, (3, 5)).build(sizes).double()
    other.load_state_dict(method.state_dict())
    assert torch.equal(losses(other(views)), losses(method(views)))


def test_rows_unseen_or_not_valid_are_silent(generator: torch.Generator) -> None:
    method = ProtoNce(NUM, SIZE, (3,), TAU).double()
    ids = torch.arange(NUM - 1) + 1
    method.refresh([(ids, rows(generator, NUM - 1))])
    valid = torch.tensor([True, True, False])
    views = batch(generator, 3, valid)
    assert views.row is not None
    views.row.copy_(torch.tensor([0, 4, 5]))
    loss = losses(method(views))
    assert loss.ne(0).tolist() == [False, True, False]


def after_a_sweep(sizes: Sizes) -> ProtoNce:
    method = ProtoNce(sizes.rows, sizes.latent, (3, 7))
    noise = torch.Generator().manual_seed(0)
    data = torch.randn(sizes.rows, sizes.latent, generator=noise)
    method.refresh([(torch.arange(sizes.rows), data)])
    return method


def test_contract() -> None:
    check_objective(PclConfig().build)
    check_objective(after_a_sweep)


def test_wrong_sizes_are_refused(generator: torch.Generator) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        PclConfig().build(Sizes(latent=SIZE))
    with pytest.raises(ValueError, match="clusters"):
        ProtoNce(NUM, SIZE, (9,)).refresh([(torch.arange(5), rows(generator, 5))])
