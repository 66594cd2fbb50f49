"""Chunks give what one pass gives, on one core or on several."""

import threading
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from ssl_objectives.encoders.chunks import CPU_CHUNK, GPU_CHUNK, in_chunks
from ssl_objectives.encoders.planned import planned_for

SIZES = [1, 15, 40, CPU_CHUNK, CPU_CHUNK + 1, 3 * CPU_CHUNK + 9]


@pytest.fixture(params=[1, 2, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("num", SIZES)
def test_chunks_are_small_and_in_order(num: int, threads: int) -> None:
    sizes: list[int] = []
    where: set[int] = set()

    def double(part: Tensor) -> Tensor:
        sizes.append(len(part))
        where.add(threading.get_ident())
        assert not torch.is_grad_enabled()
        if num >= 8 * threads:
            assert torch.get_num_threads() == 1
        return 2 * part

    x = torch.arange(num * 3.0).view(num, 3)
    with torch.no_grad():
        assert torch.equal(in_chunks(double, x, ()), 2 * x)
    assert sum(sizes) == num
    assert max(sizes) <= CPU_CHUNK
    assert max(sizes) - min(sizes) <= 1 or threads == 1
    assert torch.get_num_threads() == threads
    alone = threads == 1 or num < 8 * threads
    assert (where == {threading.get_ident()}) == alone


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2)).double()


@pytest.mark.parametrize("num", SIZES)
def test_gradients_are_those_of_one_pass(num: int, threads: int) -> None:
    net, unused = network(), nn.Parameter(torch.ones(3))
    net[2].bias.requires_grad_(False)
    x = torch.randn(num, 3, dtype=torch.float64)
    weight = torch.randn(num, 2, dtype=torch.float64)
    (net(x) * weight).sum().backward()
    wanted = [p.grad for p in net.parameters()]
    assert all(w is not None for w in wanted[:3])
    for _ in range(2):
        net.zero_grad()
        got = in_chunks(net, x, [*net.parameters(), unused])
        torch.testing.assert_close(got, net(x))
        (got * weight).sum().backward()
        for p, want in zip(net.parameters(), wanted, strict=True):
            if want is None:
                assert p.grad is None
            else:
                torch.testing.assert_close(p.grad, want)
    assert unused.grad is None


def test_a_result_repeats_bit_for_bit(threads: int) -> None:
    net = network().float()
    x = torch.randn(3 * CPU_CHUNK, 3)

    def run() -> list[Tensor]:
        net.zero_grad()
        out = in_chunks(net, x, net.parameters())
        out.square().sum().backward()
        return [
            out.detach(),
            *(p.grad.clone() for p in net.parameters() if p.grad is not None),
        ]

    first = run()
    assert len(first) == 5
    for _ in range(5):
        assert all(torch.equal(a, b) for a, b in zip(first, run(), strict=True))


def test_no_history_where_none_is_wanted(threads: int) -> None:
    net, x = network(), torch.randn(2 * CPU_CHUNK, 3, dtype=torch.float64)
    with torch.no_grad():
        assert not in_chunks(net, x, net.parameters()).requires_grad
    net.requires_grad_(False)
    assert not in_chunks(net, x, net.parameters()).requires_grad


def test_an_error_in_a_chunk_arrives(threads: int) -> None:
    def fails(part: Tensor) -> Tensor:
        if bool((part > 500).any()):
            raise ValueError("no such row")
        return part

    with pytest.raises(ValueError, match="no such row"):
        in_chunks(fails, torch.arange(600.0)[:, None], ())


def test_a_second_backward_says_why_it_cannot_be() -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        net, x = network(), torch.randn(CPU_CHUNK, 3, dtype=torch.float64)
        loss = in_chunks(net, x, net.parameters()).sum()
        loss.backward(retain_graph=True)
        with pytest.raises(RuntimeError, match="compute the rows again"):
            loss.backward()
    finally:
        torch.set_num_threads(before)


def test_no_rows_at_all(threads: int) -> None:
    net = network()
    assert in_chunks(net, torch.zeros(0, 3, dtype=torch.float64), ()).shape == (0, 2)


def sizes_planned_for(
    device: str, num: int, grad: bool, share: float = 1.0
) -> list[int]:
    """Rows of each pass of a network on shapes alone."""
    sizes: list[int] = []
    net = nn.Linear(3, 2, device="meta")

    def passed(part: Tensor) -> Tensor:
        sizes.append(len(part))
        out: Tensor = net(part)
        return out

    x = torch.zeros(num, 3, device="meta")
    with planned_for(torch.device(device), share), torch.set_grad_enabled(grad):
        out = in_chunks(passed, x, net.parameters())
        assert out.shape == (num, 2)
        assert out.requires_grad == grad
        if grad:
            out.sum().backward()
            assert net.weight.grad is not None
    return sizes


def test_a_gpu_passes_at_once_only_what_has_a_way_back() -> None:
    sizes: list[int] = []
    net = nn.Linear(3, 2, device="meta")

    def passed(part: Tensor) -> Tensor:
        sizes.append(len(part))
        out: Tensor = net(part)
        return out

    many = 3 * GPU_CHUNK + 7
    x = torch.zeros(many, 3, device="meta")  # no CPU's tensor either
    assert in_chunks(passed, x, net.parameters()).requires_grad
    assert sizes == [many]
    with torch.no_grad():
        assert in_chunks(passed, x, net.parameters()).shape == (many, 2)
        assert sizes[1:] == [GPU_CHUNK, GPU_CHUNK, GPU_CHUNK, 7]
        assert in_chunks(passed, x[:5], net.parameters()).shape == (5, 2)
        assert in_chunks(passed, x[:0], net.parameters()).shape == (0, 2)
    assert sizes[5:] == [5, 0]


def test_a_plan_computes_no_more_chunks_than_it_must(threads: int) -> None:
    many = 2 * GPU_CHUNK + 7
    assert sizes_planned_for("cuda", many, grad=True) == [many]
    assert sizes_planned_for("cuda", many, grad=False) == [GPU_CHUNK, GPU_CHUNK]
    assert sizes_planned_for("cuda", GPU_CHUNK + 7, grad=False) == [GPU_CHUNK, 7]
    assert sizes_planned_for("cuda", 5, grad=False) == [5]
    together = CPU_CHUNK * threads  # what all cores hold at the same time
    many = 2 * together + 7
    assert sizes_planned_for("cpu", many, grad=True) == [together, together, 7]
    assert sizes_planned_for("cpu", many, grad=False) == [together, together]
    # a tenth of the rows, in chunks of a tenth
    tenth = round(together / 10)
    assert sizes_planned_for("cpu", 2 * tenth, True, 0.1) == [tenth, tenth]
    assert sizes_planned_for("cuda", 500, False, 0.1) == [410, 90]
