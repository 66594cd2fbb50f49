"""Sums of objectives."""

from typing import Any

import pytest
import torch
from torch import Tensor

from ssl_objectives.check.objective import check_objective
from ssl_objectives.methods.bootstrap.byol import Byol
from ssl_objectives.methods.contrast.info_nce import info_nce
from ssl_objectives.methods.moments.vicreg_barlow import BarlowTwins, VicReg
from ssl_objectives.methods.weighted import Weighted
from ssl_objectives.objective import Loss, Needs, Objective, TargetKind, Views


def views_of(generator: torch.Generator) -> Views:
    z = tuple(torch.randn(7, 4, generator=generator) for _ in range(2))
    return Views(z, z, z, ((0, 1), (1, 0)))


def test_terms_are_weighted_and_added(generator: torch.Generator) -> None:
    views = views_of(generator)
    parts = [VicReg(), info_nce(), BarlowTwins()]
    weights = (0.5, 2.0, 3.0)
    got: Loss = Weighted(list(zip(weights, parts, strict=True)))(views)
    each: list[Loss] = [x(views) for x in parts]
    assert got.per_sample is not None
    assert each[0].per_sample is not None
    assert each[1].per_sample is not None
    want = 0.5 * each[0].per_sample + 2.0 * each[1].per_sample
    torch.testing.assert_close(got.per_sample, want)
    terms = zip(weights, each, strict=True)
    regularizer = torch.stack([w * x.regularizer for w, x in terms]).sum()
    torch.testing.assert_close(got.regularizer, regularizer)
    assert got.metrics.keys() == {
        "vicreg/variance",
        "vicreg/covariance",
        "contrast/accuracy",
    }


def test_without_any_per_sample_term_there_is_none(generator: torch.Generator) -> None:
    both = Weighted([(1.0, BarlowTwins()), (1.0, BarlowTwins(0.1))])
    assert both(views_of(generator)).per_sample is None
    assert not both.needs.per_sample


def test_keeps_the_contract() -> None:
    check_objective(lambda _: Weighted([(1.0, VicReg()), (0.5, info_nce())]))
    check_objective(lambda _: Weighted([(1.0, Byol()), (0.5, BarlowTwins())]))


class Needy(Objective):
    """Needs what it is told to, and remembers what it is shown."""

    def __init__(self, **needs: Any) -> None:
        super().__init__()
        self.needs = Needs(**needs)
        self.seen: list[Any] = []

    def forward(self, views: Views) -> Loss:
        return Loss(None, torch.zeros(()))

    def observe(self, views: Views) -> None:
        self.seen.append(views)

    def refresh(self, rows: Any) -> None:
        self.seen.append([(ids.tolist(), x.tolist()) for ids, x in rows])


def test_needs_are_the_union() -> None:
    first = Needy(views=(1, 4), target=TargetKind.STOP, rows=True, extra={"label"})
    second = Needy(views=(3, None), sweep=True, maps=True, per_sample=False)
    third = Needy(views=(2, 8), rep=True, extra=frozenset({"params"}))
    assert Weighted([(1.0, first), (1.0, second), (1.0, third)]).needs == Needs(
        views=(3, 4),
        target=TargetKind.STOP,
        per_sample=True,
        rows=True,
        sweep=True,
        rep=True,
        maps=True,
        extra=frozenset({"label", "params"}),
    )


def test_what_cannot_be_had_at_once_is_refused() -> None:
    stop, ema = Needy(target=TargetKind.STOP), Needy(target=TargetKind.EMA)
    with pytest.raises(ValueError, match="they cannot be summed"):
        Weighted([(1.0, stop), (1.0, ema)])
    with pytest.raises(
        ValueError, match="one takes 3 or more views, another at most 2"
    ):
        Weighted([(1.0, Needy(views=(3, None))), (1.0, Needy(views=(1, 2)))])


def test_all_observe_and_all_sweep(generator: torch.Generator) -> None:
    parts = [Needy(), Needy()]
    both = Weighted([(1.0, x) for x in parts])
    views = views_of(generator)
    both.observe(views)
    both.refresh((torch.tensor([i]), torch.full((1, 2), float(i))) for i in range(3))
    for x in parts:
        shown = zip(x.seen[0].z, views.z, strict=True)
        assert all(a is b for a, b in shown)
        assert x.seen[1] == [([i], [[float(i)] * 2]) for i in range(3)]


def test_state_of_the_terms_is_state_of_the_sum() -> None:
    class Counting(Needy):
        count: Tensor

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("count", torch.zeros(()))

    state = Weighted([(1.0, Counting()), (1.0, Counting())]).state_dict()
    assert [name.split(".")[-1] for name in state] == ["count", "count"]
