"""Peaks by hand, and on shapes alone the same as on values."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn

from ssl_objectives.encoders.vit import Block
from ssl_objectives.footprint.peak import peak_bytes

N = 1_000
EACH = 4 * N


def test_what_is_held_at_the_same_time_counts() -> None:
    x = torch.zeros(N)

    def chain() -> Tensor:
        y = x + 1
        y = y * 2  # both are there for a moment
        return y + 3

    def kept() -> list[Tensor]:
        return [x + i for i in range(5)]

    assert peak_bytes(chain) == 2 * EACH
    assert peak_bytes(kept) == 5 * EACH
    # what is freed first makes room, and the peak lies where most is held
    assert peak_bytes(lambda: (chain(), kept())) == 6 * EACH
    assert peak_bytes(lambda: (kept(), 1)[1]) == 5 * EACH


def test_views_and_what_is_written_in_place_are_nothing_new() -> None:
    x, wide = torch.zeros(N), torch.zeros(10, N)
    assert peak_bytes(lambda: x.view(10, 100)[3:].t().unsqueeze(0)) == 0
    assert peak_bytes(lambda: wide.split(3) + wide.chunk(2)) == 0
    assert peak_bytes(lambda: x.add_(1).mul_(2).clamp_(0)) == 0
    assert peak_bytes(lambda: torch.add(x, 1, out=wide[0])) == 0
    assert peak_bytes(lambda: x.expand(50, N)) == 0
    assert peak_bytes(lambda: torch.max(wide, 0)) == EACH + 8 * N  # and indices


def test_storage_is_counted_whole_and_once() -> None:
    def half() -> tuple[Tensor, Tensor]:
        part = torch.zeros(2, N)[0]  # holds both rows
        return part, part.view(-1)

    assert peak_bytes(half) == 2 * EACH


def test_what_autograd_keeps_counts_until_the_way_back() -> None:
    weight = torch.zeros(N, requires_grad=True)
    weight.grad = torch.zeros(N)

    def forward(depth: int) -> Tensor:
        x: Tensor = weight
        for _ in range(depth):
            x = x.exp()  # keeps its result
        return x.sum()

    # the sum's 4 bytes; on the way back a gradient in front of and behind exp
    for depth in (3, 9):
        assert peak_bytes(partial(forward, depth)) == depth * EACH + 4
        back = peak_bytes(lambda: forward(depth).backward())  # noqa: B023 - called at once
        assert depth * EACH < back <= (depth + 1) * EACH + 16
    with torch.no_grad():
        assert peak_bytes(partial(forward, 9)) == 2 * EACH


class Everything(nn.Module):
    """Convolution, pooling, normalisation, attention, an MLP and a loop."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2), nn.ReLU(), nn.MaxPool2d(2), nn.BatchNorm2d(8)
        )
        self.block = Block(8, 2)
        self.cell = nn.Linear(8, 8)

    def forward(self, image: Tensor) -> Tensor:
        rows = self.block(self.body(image).flatten(2).transpose(1, 2))
        memory = rows[:, 0]
        for t in range(rows.shape[1]):
            memory = torch.tanh(self.cell(memory) + rows[:, t])
        loss: Tensor = memory.square().mean()
        return loss


def there_and_back(device: str, low: bool, backward: bool) -> Callable[[], None]:
    torch.manual_seed(0)
    net = Everything().to(device)
    image = torch.zeros(16, 3, 33, 29, device=device)
    for x in net.parameters():
        x.grad = torch.zeros_like(x)

    def run() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=low):
            loss = net(image)
        if backward:
            loss.backward()

    return run


@pytest.mark.parametrize("backward", [False, True])
@pytest.mark.parametrize("low", [False, True])
def test_shapes_alone_take_what_values_take(low: bool, backward: bool) -> None:
    real = peak_bytes(there_and_back("cpu", low, backward))
    shapes = peak_bytes(there_and_back("meta", low, backward))
    assert real > 500_000
    assert shapes == pytest.approx(real, rel=0.1 if low else 0.03)


def test_a_lower_format_takes_less_on_shapes_alone() -> None:
    high, low = (
        peak_bytes(there_and_back("meta", low, backward=True)) for low in (False, True)
    )
    assert low < 0.8 * high


def test_what_looks_at_values_fails_on_shapes_alone() -> None:
    x = torch.zeros(N, device="meta")
    with pytest.raises(RuntimeError, match="item"):
        peak_bytes(lambda: int(x.sum()))
    assert peak_bytes(lambda: int(torch.zeros(N).sum())) == EACH + 4
