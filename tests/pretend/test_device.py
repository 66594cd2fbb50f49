"""The pretend device itself: what it refuses, counts and computes."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from envs.check import random_action
from envs.counting import CountingConfig
from tests.pretend.cuda import pretend_cuda
from tests.pretend.device import PretendDevice
from tests.pretend.tensor import PretendTensor

REAL = torch.Generator


@pytest.fixture
def device() -> Iterator[PretendDevice]:
    with pretend_cuda() as made:
        yield made


def here(*values: float) -> Tensor:
    """On the device, without a crossing."""
    return torch.stack([torch.full((), x, device="cuda") for x in values])


MIXED: dict[str, Callable[[Tensor, Tensor], Any]] = {
    "add": lambda x, y: x + y,
    "other way round": lambda x, y: y * x,
    "in place": lambda x, y: x.mul_(y),
    "into the host's": lambda x, y: y.add_(x),
    "where": lambda x, y: torch.where(x > 0, x, y),
    "cat": lambda x, y: torch.cat([x, y]),
    "stack of single numbers": lambda x, y: torch.stack([x[0], y[0]]),
    "matmul": lambda x, y: x @ y,
    "gather": lambda x, y: x.gather(0, y.long() % 2),
    "host's rows by the device's numbers": lambda x, y: y[x.long() % 2],
    "lerp": lambda x, y: x.lerp(x, y[0]),
    "write into a single number": lambda x, y: y[0].add_(x[0]),
    "out": lambda x, y: torch.add(x, x, out=y),
    "loss": lambda x, y: nn.functional.mse_loss(x, y),
}


@pytest.mark.usefixtures("device")
@pytest.mark.parametrize("name", MIXED)
def test_two_devices_in_one_operation(name: str) -> None:
    with pytest.raises(RuntimeError, match="same device"):
        MIXED[name](here(1.0, 2.0), torch.ones(2))


def test_single_numbers_of_the_host_may_join_in(device: PretendDevice) -> None:
    x, number = here(1.0, 2.0), torch.tensor(3.0)
    assert (x + number).tolist() == [4.0, 5.0]
    assert torch.where(x > 1, x, number).tolist() == [3.0, 2.0]
    assert (2 * x).masked_fill(x > 1, 0.0).tolist() == [2.0, 0.0]
    assert [c.kind for c in device.crossings] == ["download"] * 3  # the lists


@pytest.mark.usefixtures("device")
def test_a_generator_draws_on_its_own_device() -> None:
    ours, other = torch.Generator("cuda").manual_seed(3), torch.Generator()
    assert ours.device.type == "cuda"
    same = torch.rand(4, generator=REAL().manual_seed(3))
    assert torch.rand(4, generator=ours, device="cuda").tolist() == same.tolist()
    for draw in (
        lambda: torch.rand(2, generator=ours),
        lambda: torch.rand(2, generator=other, device="cuda"),
        lambda: here(1.0).normal_(generator=other),
    ):
        with pytest.raises(RuntimeError, match="device type for generator"):
            draw()  # type: ignore[no-untyped-call]


CROSSING: dict[str, tuple[Callable[[Tensor], Any], list[str]]] = {
    "item": (lambda x: x[0].item(), ["wait"]),
    "float": (lambda x: float(x.sum()), ["wait"]),
    "if": (lambda x: bool((x > 0).all()), ["wait"]),
    "row by a number of the device": (lambda x: x[(x[0] * 0).long()], ["wait"]),
    "equal": (lambda x: torch.equal(x, x), ["wait"]),
    "nonzero": (lambda x: x.nonzero(), ["wait"]),
    "mask": (lambda x: x[x > 0], ["wait"]),
    "write many by mask": (lambda x: x.__setitem__(x > 0, x * 2), ["wait"]),
    "svd": (lambda x: torch.linalg.svdvals(x[None]), ["wait"]),
    "cpu": (lambda x: x.cpu(), ["download"]),
    "tolist": (lambda x: x.tolist(), ["download"]),
    "into the host's": (lambda x: torch.ones(2).copy_(x), ["download"]),
    "list": (lambda x: x[[0, 1]], ["upload"]),
    "host's numbers": (lambda x: x[torch.tensor([1])], ["upload"]),
    "constant": (lambda x: torch.tensor([1.0, 2.0], device="cuda"), ["upload"]),
    "like": (lambda x: x.new_tensor(3.0), ["upload"]),
    "write one by mask": (lambda x: x.__setitem__(x > 0, 0.0), []),
    "row": (lambda x: x[1], []),
    "slice": (lambda x: x[:1].add_(1), []),
    "host's copy of a shape": (lambda x: torch.zeros_like(x, device="cpu"), []),
    "to where it is": (lambda x: x.to("cuda"), []),
}


@pytest.mark.parametrize("name", CROSSING)
def test_what_crosses(name: str, device: PretendDevice) -> None:
    act, kinds = CROSSING[name]
    act(here(1.0, 2.0))
    assert [x.kind for x in device.crossings] == kinds
    assert all(x.awaited for x in device.crossings)


def test_the_asking_line_is_ours(device: PretendDevice) -> None:
    env = CountingConfig().build(2, "cuda")
    random_action(env, torch.Generator())
    (crossing,) = device.crossings
    assert crossing.file == "envs/check.py"


def test_copies_that_do_not_block(device: PretendDevice) -> None:
    torch.ones(2).pin_memory().to("cuda", non_blocking=True)
    torch.ones(2).to("cuda", non_blocking=True)
    assert [x.awaited for x in device.crossings] == [False, True]
    with pytest.raises(RuntimeError, match="has not arrived"):
        here(1.0).to("cpu", non_blocking=True)


@pytest.mark.usefixtures("device")
def test_views_and_writing() -> None:
    x = torch.zeros(2, 3, device="cuda")
    row, turned = x[1], x.T
    row.fill_(1.0)
    turned[0, 0] = 5.0
    assert x.tolist() == [[5.0, 0.0, 0.0], [1.0, 1.0, 1.0]]
    assert x.add_(1) is x
    assert turned[0].tolist() == [6.0, 2.0]
    assert x.t_().shape == (3, 2)
    assert x.tolist()[0] == [6.0, 2.0]
    out = torch.empty(3, 2, device="cuda")
    assert torch.mul(x, 2, out=out) is out
    assert out.tolist()[0] == [12.0, 4.0]
    assert x.to("cuda:0") is x
    assert isinstance(x.data, PretendTensor)
    turn = torch.polar(here(1.0), here(1.0))
    assert turn.conj().imag.tolist() == (-turn.imag).tolist()


@pytest.mark.usefixtures("device")
def test_the_true_meta_device_is_still_there() -> None:
    x = torch.empty(3, device="meta") + torch.empty(3, device="meta")
    assert x.is_meta
    with pytest.raises(RuntimeError, match="invalid device ordinal"):
        torch.ones(2, device="cuda:1")


def trained(device: str) -> dict[str, Tensor]:
    """Weights of a small network after three steps of fused Adam."""
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.GLU()
    )
    network.append(nn.Linear(18, 3))
    images, labels = torch.rand(5, 2, 5, 5), torch.arange(5) % 3
    parameters = list(network.parameters())
    network.to(device)
    assert all(x is y for x, y in zip(parameters, network.parameters(), strict=True))
    optimizer = torch.optim.Adam(parameters, 1e-2, fused=True)
    for _ in range(3):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(
            network(images.to(device)), labels.to(device)
        )
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 0.5)
        optimizer.step()
    return {k: x.cpu() for k, x in network.state_dict().items()}


def test_training_equals_that_on_a_cpu() -> None:
    wanted = trained("cpu")
    with pretend_cuda():
        found = trained("cuda")
    torch.testing.assert_close(found, wanted)


@pytest.mark.usefixtures("device")
def test_autocast_lowers_and_raises() -> None:
    x = torch.ones(2, 2, device="cuda", requires_grad=True)
    with torch.autocast("cuda", torch.bfloat16):
        low = nn.functional.linear(x, x)
        assert low.dtype == torch.bfloat16
        assert low.softmax(-1).dtype == torch.float32
    low.sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == torch.float32


def test_nothing_is_left_behind() -> None:
    available = torch.cuda.is_available()
    with pretend_cuda():
        x = torch.ones(2, device="cuda")
    assert torch.Generator is REAL
    assert torch.cuda.is_available() == available
    with pytest.raises(RuntimeError, match="outside of pretend_cuda"):
        x + 1
