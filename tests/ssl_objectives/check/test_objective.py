"""Objectives that break one rule each, and what is said about them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ssl_objectives.check.objective import ObjectiveContractError, check_objective
from ssl_objectives.methods.bootstrap.byol import Byol, ByolConfig
from ssl_objectives.objective import Loss, Needs, Objective, TargetKind, Views

EMA = Needs(target=TargetKind.EMA)


def test_our_own_keep_the_contract() -> None:
    check_objective(ByolConfig().build)
    check_objective(lambda _: Byol(), latent_size=3)


class Scaled(Objective):
    """Squared distance over a running variance of targets, and a mean as regulariser.

    Keeps the contract; each mutant below changes one thing.
    """

    needs = EMA

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("variance", torch.ones(()))
        self.variance: Tensor

    def forward(self, views: Views) -> Loss:
        return self.reduced(views, self.distances(views))

    def distances(self, views: Views) -> Tensor:
        total = torch.zeros(())
        for i, j in views.pairs:
            p, t = views.p[i], views.t[j]
            assert p is not None
            assert t is not None
            total = total + (p - t.detach()).square().mean(-1) / self.variance
        return total

    def reduced(self, views: Views, each: Tensor) -> Loss:
        valid = torch.ones_like(each, dtype=torch.bool)
        if views.valid is not None:
            valid = views.valid
        each = each.masked_fill(~valid, 0.0)
        mean = each.sum() / valid.sum().clamp(min=1)
        return Loss(each, 0.1 * mean, {"distance": mean.detach()})

    def observe(self, views: Views) -> None:
        targets = [x for x in views.t if x is not None]
        self.variance.lerp_(torch.stack([x.var() for x in targets]).mean(), 0.5)


def test_a_small_one_with_state_does_too() -> None:
    check_objective(lambda _: Scaled())


class WithNeeds(Scaled):
    def __init__(self, needs: Any) -> None:
        super().__init__()
        self.needs = needs


class Changed(Scaled):
    """The loss, put through a function."""

    def __init__(self, change: Callable[[Loss], Any], needs: Needs = EMA) -> None:
        super().__init__()
        self.change, self.needs = change, needs

    def forward(self, views: Views) -> Loss:
        loss: Loss = self.change(super().forward(views))
        return loss


class Each(Scaled):
    """The distances, put through a function before they are masked."""

    def __init__(self, change: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.change = change

    def forward(self, views: Views) -> Loss:
        return self.reduced(views, self.change(self.distances(views)))


class Counting(Scaled):
    """Forward advances a buffer."""

    def forward(self, views: Views) -> Loss:
        self.variance.mul_(1.0)
        loss = super().forward(views)
        self.get_buffer("calls").add_(1)
        return loss

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))


class Attached(Scaled):
    """Targets are not detached."""

    def distances(self, views: Views) -> Tensor:
        total = torch.zeros(())
        for i, j in views.pairs:
            p, t = views.p[i], views.t[j]
            assert p is not None
            assert t is not None
            total = total + (p - t).square().mean(-1)
        return total


class Blind(Scaled):
    """Ignores `valid`."""

    def forward(self, views: Views) -> Loss:
        return super().forward(replace(views, valid=None))


class Leaking(Scaled):
    """Leaves invalid rows out of the values, but not out of the gradient."""

    def forward(self, views: Views) -> Loss:
        loss = super().forward(views)
        assert loss.per_sample is not None
        each = self.distances(views)
        hidden = each - each.detach()
        return replace(loss, per_sample=loss.per_sample + hidden)


class Swayed(Scaled):
    """The values of invalid rows shift the regulariser."""

    def forward(self, views: Views) -> Loss:
        loss = super().forward(views)
        bias = self.distances(views).detach().mean()
        return replace(loss, regularizer=loss.regularizer + bias)


class Divided(Scaled):
    """A mean over the valid rows of a group, even over none."""

    def reduced(self, views: Views, each: Tensor) -> Loss:
        loss = super().reduced(views, each)
        valid = views.valid
        if valid is None:
            valid = torch.ones_like(each, dtype=torch.bool)
        assert loss.per_sample is not None
        means = loss.per_sample.sum(-1) / valid.sum(-1)
        return replace(loss, regularizer=means.mean())


class Undefined(Scaled):
    """Takes no valid mask to mean that nothing counts."""

    def forward(self, views: Views) -> Loss:
        loss = super().forward(views)
        if views.valid is None:
            assert loss.per_sample is not None
            return replace(loss, per_sample=0.0 * loss.per_sample)
        return loss


class Mixed(Scaled):
    """Centres over the groups."""

    def reduced(self, views: Views, each: Tensor) -> Loss:
        loss = super().reduced(views, each)
        assert loss.per_sample is not None
        mean = loss.per_sample.mean()
        moved = loss.per_sample + mean
        keep = torch.ones_like(moved) if views.valid is None else views.valid
        return replace(loss, per_sample=moved * keep)


class Forgetful(Scaled):
    """Keeps what it observed outside of its buffers."""

    scale = 1.0

    def forward(self, views: Views) -> Loss:
        loss = super().forward(views)
        assert loss.per_sample is not None
        return replace(loss, per_sample=loss.per_sample * self.scale)

    def observe(self, views: Views) -> None:
        self.scale += 1.0


class Growing(Scaled):
    """A queue whose shape changes, which another one built alike cannot load."""

    def observe(self, views: Views) -> None:
        self.variance = torch.ones(3)


class Failing(Scaled):
    def observe(self, views: Views) -> None:
        raise RuntimeError("the queue is full")


class Unrefreshed(Scaled):
    def refresh(self, rows: Any) -> None:
        raise KeyError("labels")


def shaped(loss: Loss) -> Loss:
    assert loss.per_sample is not None
    return replace(loss, per_sample=loss.per_sample.mean(0))


def doubled(loss: Loss) -> Loss:
    assert loss.per_sample is not None
    return replace(loss, per_sample=loss.per_sample.double())


def infinite(loss: Loss) -> Loss:
    assert loss.per_sample is not None
    return replace(loss, per_sample=loss.per_sample / 0.0)


def random(loss: Loss) -> Loss:
    assert loss.per_sample is not None
    noise = torch.rand_like(loss.per_sample) * (loss.per_sample > 0)
    return replace(loss, per_sample=loss.per_sample + noise)


def detached(loss: Loss) -> Loss:
    assert loss.per_sample is not None
    each = nn.Parameter(torch.zeros(())) + loss.per_sample.detach()
    return Loss(each, loss.regularizer.detach())


def unfit(loss: Loss) -> Loss:
    """Past the checks on shapes that run in tests only."""
    object.__setattr__(loss, "regularizer", torch.zeros(2))
    return loss


def late(loss: Loss) -> Loss:
    assert loss.per_sample is not None
    place = torch.arange(1.0, loss.per_sample.shape[-1] + 1)
    return replace(loss, per_sample=loss.per_sample * place)


class Spreading(Scaled):
    """Also keeps what was seen from growing; of these rows some may not count."""

    def forward(self, views: Views) -> Loss:
        loss = super().forward(views)
        if not views.seen:
            return loss
        size = torch.stack([z.square().mean(-1) for z in views.seen]).mean(0)
        valid = self.counted(views)
        if valid is None:
            return replace(loss, regularizer=loss.regularizer + size.mean())
        mean = (size * valid).sum() / valid.sum().clamp(min=1)
        return replace(loss, regularizer=loss.regularizer + mean)

    def counted(self, views: Views) -> Tensor | None:
        return views.seen_valid


class AllSeen(Spreading):
    """Takes the rows that were seen for the ones that were predicted."""

    def counted(self, views: Views) -> Tensor | None:
        return None if views.valid is None else views.valid[..., :1, :]


def test_rows_that_were_seen_may_be_regularised() -> None:
    check_objective(lambda _: Spreading())


MUTANTS: dict[str, tuple[Callable[[], Any], str]] = {
    "no objective": (nn.Identity, "it must be an Objective, not a Identity"),
    "no needs": (lambda: WithNeeds("ema"), "`needs` must be Needs, not 'ema'"),
    "no loss": (
        lambda: Changed(lambda x: x.per_sample),
        "forward must return a Loss, not a Tensor",
    ),
    "nothing per sample": (
        lambda: Changed(lambda x: replace(x, per_sample=None)),
        "needs.per_sample is True, but there is no per-sample term",
    ),
    "too much per sample": (
        lambda: Changed(lambda x: x, EMA._replace(per_sample=False)),
        "needs.per_sample is False, but there is a per-sample term",
    ),
    "shape": (lambda: Changed(shaped), r"torch.float32 \(7,\), expected one float32"),
    "dtype": (lambda: Changed(doubled), r"per_sample is torch.float64 \(3, 7\)"),
    "infinite": (lambda: Changed(infinite), "per_sample is not finite"),
    "regularizer": (
        lambda: Changed(unfit),
        "the regularizer must be a tensor without axes",
    ),
    "regularizer is nan": (
        lambda: Changed(lambda x: replace(x, regularizer=x.regularizer * torch.nan)),
        "the regularizer is not finite",
    ),
    "metric": (
        lambda: Changed(lambda x: replace(x, metrics={"a": torch.tensor(torch.inf)})),
        "the metric 'a' is not finite",
    ),
    "random": (lambda: Changed(random), "forward twice on the same views gave two"),
    "writes": (Counting, "forward writes state; move that to `observe`"),
    "no gradient": (lambda: Changed(detached), "no gradient reaches predictions"),
    "nan gradient": (
        lambda: Each(lambda x: torch.where(x > 1e9, (x - x.detach()).sqrt(), x)),
        "a gradient is not finite",
    ),
    "attached": (Attached, "targets get gradient; detach them"),
    "gradient of invalid": (Leaking, "rows that are not valid get gradient"),
    "blind": (Blind, "rows that are not valid get gradient"),
    "swayed": (Swayed, "rows that are not valid change the loss of others"),
    "all seen": (
        AllSeen,
        "^one prediction and one target: rows that are not valid get gradient",
    ),
    "undefined": (Undefined, "valid=None must mean the same as valid=True everywhere"),
    "divided": (Divided, "a group without any valid row gives a loss or gradient"),
    "mixed": (Mixed, "per_sample of one group depends on another"),
    "late": (lambda: Changed(late), "depends on where in the batch it stands"),
    "failing": (Failing, "observe failed with RuntimeError: the queue is full"),
    "unrefreshed": (Unrefreshed, "refresh failed with KeyError: 'labels'"),
    "growing": (Growing, "its state does not fit another one built alike"),
    "forgetful": (Forgetful, "with the state of another loaded, the loss differs"),
}


@pytest.mark.parametrize("name", sorted(MUTANTS))
def test_mutants_are_told_what_is_wrong(name: str) -> None:
    make, message = MUTANTS[name]
    with pytest.raises(ObjectiveContractError, match=message):
        check_objective(lambda _: make())


def test_the_message_says_where_it_went_wrong() -> None:
    """BYOL without its second direction is fine in a world model only."""

    class OneWay(Scaled):
        def forward(self, views: Views) -> Loss:
            loss = super().forward(views)
            if len(views.pairs) == 1:
                return loss
            return replace(loss, per_sample=None)

    with pytest.raises(
        ObjectiveContractError, match=r"^views of images: needs.per_sample"
    ):
        check_objective(lambda _: OneWay())


class Spread(Objective):
    """A batch-level term alone, over any number of views: nothing per sample."""

    needs = Needs(views=(3, None), per_sample=False, rows=True, extra=frozenset("w"))

    def forward(self, views: Views) -> Loss:
        assert views.row is not None
        assert len(views.z) == 3
        assert len(views.pairs) == 6
        weight = views.extra["w"].mean(-1).abs()
        if views.valid is not None:
            weight = weight * views.valid
        total = torch.zeros(())
        for z in views.z:
            assert z is not None
            size = (z.square().mean(-1) * weight).sum(-1)
            total = total + (size / weight.sum(-1).clamp(min=1e-6)).sum()
        return Loss(None, total)


def test_objectives_get_what_they_need() -> None:
    check_objective(lambda _: Spread())
