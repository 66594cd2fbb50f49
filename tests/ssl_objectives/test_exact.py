"""Objectives under a caller's autocast are as exact as without one."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from ssl_objectives.check.views import bindings, mapped, sizes, tracked
from ssl_objectives.exact import exact
from ssl_objectives.measure.diagnostics import participation_ratio
from ssl_objectives.methods.contrast.info_nce import sim_clr
from ssl_objectives.methods.moments.vicreg_barlow import BarlowTwins, VicReg
from ssl_objectives.objective import Loss, Objective, Views
from ssl_objectives.parts.entropy import gaussian_entropy
from ssl_objectives.zoo import ZOO

SIZE = 12


def computed(
    objective: Objective, views: Views, low: torch.dtype | None = None
) -> tuple[Tensor, list[Tensor]]:
    """The loss (under autocast, if a format is given), and all gradients there are."""
    given = tracked(views)
    with torch.autocast("cpu", low, enabled=low is not None):
        loss = objective(given).mean(given.valid)
    loss.backward()
    rows = (*given.p, *given.z, *given.rep, *given.maps)
    return loss.detach(), [x.grad for x in rows if x is not None and x.grad is not None]


@pytest.mark.parametrize("name", ZOO)
def test_every_method_is_the_same_under_autocast(name: str) -> None:
    """To the bit, in low rows as well: a projector under autocast leaves such."""
    config = ZOO[name].objective
    *_, (_, built_for, given) = bindings(config.build(sizes(SIZE)).needs, SIZE)
    objective = config.build(built_for)
    views = mapped(given, lambda x: (2 * x).bfloat16())
    loss, gradients = computed(objective, views)
    low_loss, low_gradients = computed(objective, views, torch.bfloat16)
    assert torch.equal(low_loss, loss)
    assert low_loss.dtype == torch.float32
    assert all(map(torch.equal, low_gradients, gradients))


@pytest.mark.parametrize("low", [torch.float16, torch.bfloat16])
def test_vicreg_of_many_rows_does_not_overflow(low: torch.dtype) -> None:
    torch.manual_seed(0)
    views = Views.of(*(8 * torch.randn(512, 64) for _ in range(2)))
    expected, _ = computed(VicReg(), views)
    loss, _ = computed(VicReg(), views, low)
    assert loss.isfinite()
    assert torch.equal(loss, expected)


@pytest.mark.parametrize("low", [None, torch.float16])
def test_large_latents_have_a_covariance(low: torch.dtype | None) -> None:
    """Their squared covariances, 2^124, are about all that float32 can hold."""
    torch.manual_seed(0)
    rows = 2.0**31 * torch.randn(4096, 8)
    penalty, small = (
        computed(VicReg(0.0, 0.0, 1.0), Views.of(x), low)[0]
        for x in (rows, rows / 2.0**31)
    )
    assert penalty.isfinite()
    assert penalty.item() == pytest.approx(small.item() * 2.0**124, rel=1e-3)


def test_gradients_near_an_optimum_point_where_they_should() -> None:
    """Decorrelated columns of variance 1, all but: most of every term cancels."""
    torch.manual_seed(0)
    rows = torch.linalg.qr(torch.randn(256, 32)).Q * 16
    views = Views.of(*(rows + 0.02 * torch.randn(256, 32) for _ in range(2)))
    for objective in (BarlowTwins(), VicReg(), sim_clr()):
        _, expected = computed(objective, views)
        _, gradients = computed(objective, views, torch.bfloat16)
        assert all(map(torch.equal, gradients, expected))


class Scores(Objective):
    """Somebody's own, who thought of no number formats."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Linear(64, 64)
        self.seen = torch.zeros(64, 64)

    def forward(self, views: Views) -> Loss:
        first, second = (x for x in views.p if x is not None)
        each: Tensor = -(self.weight(first) @ second.mT).log_softmax(-1).diagonal()
        return Loss(each, each.new_zeros(()))

    def observe(self, views: Views) -> None:
        rows = views.z[0]
        assert rows is not None
        self.seen = rows.mT @ rows


def test_objectives_from_outside_as_well_and_what_they_observe() -> None:
    torch.manual_seed(0)
    objective, rows = Scores(), (300 * torch.randn(512, 64)).half()
    views = Views.of(rows, rows)
    with torch.no_grad():
        expected = objective(views).per_sample
        with torch.autocast("cpu", torch.float16):
            assert torch.equal(objective(views).per_sample, expected)
            objective.observe(views)
    assert torch.equal(objective.seen, rows.float().mT @ rows.float())


def test_the_callers_autocast_is_on_again_behind_it() -> None:
    @exact
    def product(x: Tensor) -> Tensor:
        return x @ x

    x = torch.full((4, 4), 1.001)
    with torch.autocast("cpu", torch.bfloat16):
        assert product(x).dtype == torch.float32
        assert (x @ x).dtype == torch.bfloat16


@pytest.mark.parametrize("tool", [gaussian_entropy, participation_ratio])
def test_tools_that_multiply_rows_as_well(tool: Callable[[Tensor], Tensor]) -> None:
    torch.manual_seed(0)
    rows = torch.randn(64, 8) * torch.arange(1.0, 9.0)
    with torch.autocast("cpu", torch.bfloat16):
        low = tool(rows)
    assert torch.equal(low, tool(rows))
