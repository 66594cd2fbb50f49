"""What holds in each of two processes; run by `test_distributed.py`."""

import traceback
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from ssl_objectives.distributed import (
    average_gradients,
    gathered,
    num_processes,
    sum_over_processes,
)
from ssl_objectives.encoders.batch_norm import BatchNorm1d, BatchNorm2d
from ssl_objectives.objective import Views
from tests.ssl_objectives.launch import report_from


def rows(*shape: int, seed: int = 0) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=draw, dtype=torch.float64)


def half(x: Tensor, rank: int, axis: int = 0) -> Tensor:
    return x.chunk(2, axis)[rank].clone()


def gathers_rows_of_a_world_model(rank: int) -> None:
    assert num_processes() == 2
    prediction, target = rows(3, 10, 4), rows(3, 10, 4, seed=1)
    ids = torch.randperm(30, generator=torch.Generator().manual_seed(2)).view(3, 10)
    valid, action = ids % 3 > 0, rows(3, 10, 2)
    own = half(prediction, rank, 1).requires_grad_()
    views = gathered(
        Views(
            z=(None, half(target, rank, 1)),
            p=(own, None),
            t=(None, half(target, rank, 1)),
            pairs=((0, 1),),
            valid=half(valid, rank, 1),
            row=half(ids, rank, 1),
            extra={"action": half(action, rank, 1)},
        )
    )
    assert views.z[0] is None
    assert views.p[1] is None
    assert views.pairs == ((0, 1),)
    assert views.p[0] is not None
    pairs = [
        (views.p[0], prediction),
        (views.t[1], target),
        (views.valid, valid),
        (views.row, ids),
        (views.extra["action"], action),
    ]
    for got, want in pairs:
        assert got is not None
        assert torch.equal(got, want)
    weight = rows(3, 10, 4, seed=3)
    (views.p[0] * weight).sum().backward()
    assert own.grad is not None
    assert_close(own.grad, 2 * half(weight, rank, 1))


def one_tensor_stays_one(rank: int) -> None:
    z = (half(rows(6, 4), rank), half(rows(6, 4, seed=1), rank))
    views = gathered(Views(z, z, z, ((0, 1), (1, 0))))
    for i in range(2):
        assert views.z[i] is views.p[i]
        assert views.z[i] is views.t[i]
    assert views.z[0] is not views.z[1]


def gathers_all_types(rank: int) -> None:
    base = torch.arange(8).view(4, 2)
    types = [torch.uint8, torch.bool, torch.int64, torch.bfloat16, torch.float16]
    extra = {str(x): half(base.to(x), rank) for x in types}
    z = (half(rows(4, 3), rank),)
    views = gathered(Views(z, z, z, ((0, 0),), extra=extra))
    for x in types:
        assert torch.equal(views.extra[str(x)], base.to(x))


def refuses_unequal_parts(rank: int) -> None:
    z = (rows(3 + rank, 4),)
    with pytest.raises(ValueError, match="processes hold 3, 4 rows; give"):
        gathered(Views(z, z, z, ((0, 0),)))


def averages_gradients(rank: int) -> None:
    parameters = [
        nn.Parameter(torch.zeros(2, 3)),
        nn.Parameter(torch.zeros(4, dtype=torch.float64)),
        nn.Parameter(torch.zeros(1)),
    ]
    for p in parameters[:2]:
        p.grad = torch.full_like(p, 1.0 + 3 * rank)
    average_gradients(parameters)
    for p in parameters[:2]:
        assert_close(p.grad, torch.full_like(p, 2.5))
    assert parameters[2].grad is None


def sums_with_gradient(rank: int) -> None:
    x = torch.tensor([1.0, 2.0 + rank], requires_grad=True)
    summed = sum_over_processes(x)
    assert_close(summed, torch.tensor([2.0, 5.0]))
    (summed * torch.tensor([1.0, 10.0 * (1 + rank)])).sum().backward()
    assert_close(x.grad, torch.tensor([2.0, 30.0]))


def compare(ours: nn.Module, theirs: nn.Module, x: Tensor, rank: int) -> None:
    """Outputs, gradients of rows and weights, and running statistics."""
    ours, theirs = ours.double(), theirs.double()
    ours.load_state_dict(theirs.state_dict())
    for seed in range(2):
        weight = rows(*x.shape, seed=seed)
        whole = (x + seed).requires_grad_()
        mine = half(x + seed, rank).requires_grad_()
        want, got = theirs(whole), ours(mine)
        assert_close(got, half(want, rank))
        (want * weight).sum().backward()
        (got * half(weight, rank)).sum().backward()
        assert whole.grad is not None
        assert_close(mine.grad, half(whole.grad, rank))
    average_gradients(ours.parameters())
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert q.grad is not None
        assert p.grad is not None
        assert_close(2 * p.grad, q.grad)
    for name, x in theirs.state_dict().items():
        assert_close(ours.state_dict()[name], x, msg=name)


def norms_rows(rank: int) -> None:
    x = 3 * rows(10, 4) + 7
    compare(BatchNorm1d(4), nn.BatchNorm1d(4), x, rank)
    compare(BatchNorm1d(4, affine=False), nn.BatchNorm1d(4, affine=False), x, rank)
    compare(BatchNorm1d(4, 0.1, None), nn.BatchNorm1d(4, 0.1, None), x, rank)
    ours = BatchNorm1d(4, track_running_stats=False)
    compare(ours, nn.BatchNorm1d(4, track_running_stats=False), x, rank)


def norms_sequences_and_maps(rank: int) -> None:
    compare(BatchNorm1d(4), nn.BatchNorm1d(4), rows(6, 4, 5), rank)
    compare(BatchNorm2d(4), nn.BatchNorm2d(4), rows(6, 4, 5, 3), rank)


def norms_in_low_precision(rank: int) -> None:
    x = 100 + rows(8, 4).bfloat16()
    mine = half(x, rank).requires_grad_()
    got = BatchNorm1d(4)(mine)
    want: Tensor = nn.BatchNorm1d(4)(x.float())
    assert got.dtype == torch.bfloat16
    assert_close(got.float(), half(want, rank), rtol=1e-2, atol=1e-2)
    got.sum().backward()
    assert mine.grad is not None
    assert mine.grad.dtype == torch.bfloat16


def evaluates_alone(rank: int) -> None:
    norm, theirs = BatchNorm1d(4).eval(), nn.BatchNorm1d(4).eval()
    if rank == 0:  # would wait for the other one if it asked it for anything
        x = rows(1, 4).float()
        assert_close(norm(x), theirs(x))


CHECKS: dict[str, Callable[[int], None]] = {
    check.__name__: check
    for check in (
        gathers_rows_of_a_world_model,
        one_tensor_stays_one,
        gathers_all_types,
        refuses_unequal_parts,
        averages_gradients,
        sums_with_gradient,
        norms_rows,
        norms_sequences_and_maps,
        norms_in_low_precision,
        evaluates_alone,
    )
}


def outcome(check: Callable[[int], None], rank: int) -> str:
    try:
        check(rank)
    except Exception:
        return traceback.format_exc()
    return "holds"


if __name__ == "__main__":
    report_from(
        lambda: None,
        lambda rank, _: {name: outcome(x, rank) for name, x in CHECKS.items()},
    )
