"""The contract of objectives: what is promised, and what shapes are let through."""

from dataclasses import FrozenInstanceError

import pytest
import torch
from jaxtyping import TypeCheckError
from torch import Tensor, nn

from ssl_objectives.branches import Branches
from ssl_objectives.methods.moments.vicreg_barlow import VicReg
from ssl_objectives.objective import Loss, Needs, Objective, TargetKind, Views

G, N, D = 3, 5, 7


class Spread(Objective):
    """Rows far from the mean of their group; counts what it has observed."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))
        self.seen: Tensor

    def forward(self, views: Views) -> Loss:
        rows = views.z[0]
        assert rows is not None
        far = (rows - rows.mean(-2, keepdim=True)).square().sum(-1)
        return Loss(far, rows.var(-2).mean(), {"spread/mean": far.mean()})

    def observe(self, views: Views) -> None:
        rows = views.z[0]
        assert rows is not None
        self.seen += rows.shape[-2]


def views(rows: Tensor, valid: Tensor | None = None) -> Views:
    return Views((rows,), (None,), (None,), (), valid)


def test_an_objective_needs_a_forward() -> None:
    class Nothing(Objective):
        pass

    with pytest.raises(TypeError, match="forward"):
        Nothing()  # type: ignore[abstract]


def test_needs_say_by_default_that_two_views_of_one_network_do() -> None:
    needs = Spread().needs
    assert needs == Needs((2, 2), TargetKind.SHARED, per_sample=True, extra=frozenset())
    assert {kind.name for kind in TargetKind} == {"SHARED", "STOP", "EMA"}


def test_objectives_are_modules_whose_state_is_in_buffers(
    generator: torch.Generator,
) -> None:
    objective, other = Spread(), Spread()
    rows = views(torch.randn(G, N, D, generator=generator))
    before = objective(rows)
    objective.observe(rows)
    objective.refresh([(torch.arange(N), torch.zeros(N, D))])  # nothing by default
    after = objective(rows)
    assert before.per_sample is not None
    assert torch.equal(before.per_sample, after.per_sample)
    other.load_state_dict(objective.state_dict())
    assert other.seen == N
    both = nn.ModuleList([objective, other])
    assert len(list(both.buffers())) == 2


def test_losses_and_views_do_not_change() -> None:
    loss = Loss(None, torch.zeros(()))
    assert loss.metrics == {}
    with pytest.raises(FrozenInstanceError):
        loss.per_sample = torch.zeros(N)  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        views(torch.zeros(N, D)).pairs = ((0, 1),)  # type: ignore[misc]


@pytest.mark.parametrize("groups", [(), (G,), (2, G)])
def test_rows_may_have_any_groups(groups: tuple[int, ...]) -> None:
    loss = Spread()(views(torch.ones(*groups, N, D), torch.ones(*groups, N).bool()))
    assert loss.per_sample is not None
    assert loss.per_sample.shape == (*groups, N)


@pytest.mark.parametrize(
    ("rows", "valid"),
    [
        (torch.zeros(G, N, D), torch.ones(N, G).bool()),  # transposed
        (torch.zeros(G, N, D), torch.ones(G, N)),  # no mask
        (torch.zeros(G, N, D, dtype=torch.int64), None),  # not real
    ],
)
def test_wrong_shapes_are_caught_in_tests(rows: Tensor, valid: Tensor | None) -> None:
    with pytest.raises(TypeCheckError):
        Views((None,), (rows,), (rows,), ((0, 0),), valid)
    with pytest.raises(TypeCheckError):
        Views((rows,), (None,), (None,), (), valid_z=valid)


def test_views_of_different_sizes_are_caught_in_tests() -> None:
    with pytest.raises(TypeCheckError):
        Views((None,), (torch.zeros(N, D),), (torch.zeros(N + 1, D),), ())
    with pytest.raises(TypeCheckError):
        Loss(torch.zeros(N), torch.zeros(1))


def test_views_of_projections_compare_each_with_every_other() -> None:
    one, two, three = (torch.randn(N, D) for _ in range(3))
    made = Views.of(one, two, three)
    assert made.pairs == ((0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1))
    for views_of in (made.z, made.p, made.t):
        assert all(x is y for x, y in zip(views_of, (one, two, three), strict=True))
    assert Views.of(one).pairs == ((0, 0),)


def test_views_of_projections_are_those_that_branches_make() -> None:
    encoder = nn.Linear(4, D)
    images = [torch.randn(N, 4) for _ in range(2)]
    branches = Branches(encoder, nn.Identity(), None, VicReg())
    loss, _ = branches.loss(images)
    own = VicReg()(Views.of(*(encoder(x) for x in images))).mean()
    torch.testing.assert_close(own, loss, rtol=0, atol=0)


def test_the_mean_of_a_loss_counts_valid_rows_and_adds_the_regularizer() -> None:
    each, more = torch.tensor([1.0, 2.0, 0.0]), torch.tensor(10.0)
    assert Loss(each, more).mean() == 11
    assert Loss(each, more).mean(torch.tensor([True, True, False])) == 11.5
    assert Loss(0 * each, more).mean(torch.zeros(3, dtype=torch.bool)) == 10
    assert Loss(None, more).mean() == 10
