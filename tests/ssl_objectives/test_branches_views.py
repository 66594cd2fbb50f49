"""What objectives get to see of images, and how the target follows."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ssl_objectives.branches import Branches
from ssl_objectives.encoders.heads import Mlp
from ssl_objectives.objective import Loss, Needs, Objective, TargetKind, Views


class Watching(Objective):
    """Remembers what it was shown; its loss is 1, 2, 3, … for the rows of a batch."""

    def __init__(self, **needs: Any) -> None:
        super().__init__()
        self.needs = Needs(**{"views": (1, None), **needs})
        self.observed: list[Views] = []

    def forward(self, views: Views) -> Loss:
        p = views.p[0]
        assert p is not None
        each = torch.arange(1.0, len(p) + 1) + 0 * p.sum()
        if views.valid is not None:
            each = each.masked_fill(~views.valid, 0.0)
        return Loss(each, torch.tensor(100.0), {"seen": torch.tensor(5.0)})

    def observe(self, views: Views) -> None:
        self.observed.append(views)


class Maps(nn.Linear):
    """An encoder with maps."""

    def with_maps(self, images: Tensor) -> tuple[Tensor, Tensor]:
        latent = self(images)
        return latent, latent.view(-1, 2, 1, 3)


class Twice(nn.Module):
    """A projector that makes two views of an image."""

    def forward(self, latent: Tensor) -> tuple[Tensor, Tensor]:
        return latent, 2 * latent


def build(objective: Objective, projector: nn.Module | None = None) -> Branches:
    torch.manual_seed(0)
    return Branches(Maps(4, 6), projector or nn.Identity(), None, objective, 0.9)


def images(generator: torch.Generator, num: int = 2, rows: int = 5) -> list[Tensor]:
    return [torch.randn(rows, 4, generator=generator) for _ in range(num)]


@pytest.mark.parametrize("kind", TargetKind)
def test_views_beyond_the_targets_have_none(
    kind: TargetKind, generator: torch.Generator
) -> None:
    branches = build(Watching(target=kind))
    views = branches.views(images(generator, 4), num_targets=2)
    assert [x is None for x in views.t] == [False, False, True, True]
    assert len(views.z) == len(views.p) == 4
    want = [(0, 1), (1, 0), (2, 0), (2, 1), (3, 0), (3, 1)]
    assert sorted(views.pairs) == want
    for z, t in zip(views.z[:2], views.t[:2], strict=True):
        assert z is not None
        assert t is not None
        torch.testing.assert_close(t, z)
        assert (t is z) == (kind is TargetKind.SHARED)


@pytest.mark.parametrize("kind", TargetKind)
def test_a_projector_can_make_several_views(
    kind: TargetKind, generator: torch.Generator
) -> None:
    branches = build(Watching(target=kind), Twice())
    given = images(generator, 3)
    views = branches.views(given, num_targets=1)
    latents = [branches.encoder(x) for x in given]
    want = [factor * x for x in latents for factor in (1, 2)]
    for z, x in zip(views.z, want, strict=True):
        torch.testing.assert_close(z, x)
    assert [x is None for x in views.t] == [False] * 2 + [True] * 4
    for t, x in zip(views.t[:2], want[:2], strict=True):
        torch.testing.assert_close(t, x)
    assert len(views.pairs) == 6 * 2 - 2
    torch.testing.assert_close(branches.project(given[0]), want[0])


def test_a_single_view_is_compared_with_its_own_target(
    generator: torch.Generator,
) -> None:
    views = build(Watching()).views(images(generator, 1))
    assert views.pairs == ((0, 0),)


def test_encoder_outputs_and_maps_are_there_for_who_asks(
    generator: torch.Generator,
) -> None:
    given = images(generator)
    plain = build(Watching()).views(given)
    assert plain.rep == ()
    assert plain.maps == ()
    branches = build(Watching(rep=True, maps=True), Mlp(3, 7).build(6))
    views = branches.views(given)
    for x, rep, maps in zip(given, views.rep, views.maps, strict=True):
        assert rep is not None
        assert maps is not None
        torch.testing.assert_close(rep, branches.encoder(x))
        torch.testing.assert_close(maps, rep.view(5, 2, 1, 3))


def test_views_that_pass_together_come_out_apart(generator: torch.Generator) -> None:
    given = images(generator, 3)
    for kinds in ({"rep": True, "maps": True}, {"rep": True}):
        apart = build(Watching(**kinds)).views(given)
        together = build(Watching(one_batch=True, **kinds)).views(given)
        for name in ("z", "rep", "maps"):
            torch.testing.assert_close(getattr(together, name), getattr(apart, name))


def test_extra_holds_what_was_asked_for_and_no_more(generator: torch.Generator) -> None:
    branches = build(Watching(extra=frozenset({"label"})))
    extra = {"label": torch.arange(5), "params": torch.rand(5, 2, 3)}
    views = branches.views(images(generator), extra=extra)
    assert views.extra == {"label": extra["label"]}


@pytest.mark.parametrize(
    ("needs", "num", "message"),
    [
        ({"views": (2, 2)}, 3, "Watching takes 2 views of each image, not 3"),
        ({"views": (2, 4)}, 1, "Watching takes 2 to 4 views of each image, not 1"),
        ({"views": (2, None)}, 1, "takes at least 2 views of each image, not 1"),
        ({"rows": True}, 2, "Watching remembers rows; give their ids as `row`"),
        ({"extra": frozenset({"params"})}, 2, "needs 'params' of each image"),
    ],
)
def test_what_is_missing_is_said(
    needs: dict[str, Any], num: int, message: str, generator: torch.Generator
) -> None:
    with pytest.raises(ValueError, match=message):
        build(Watching(**needs)).views(images(generator, num))


def test_views_of_a_projector_are_counted(generator: torch.Generator) -> None:
    branches = build(Watching(views=(2, 2)), Twice())
    branches.views(images(generator, 1))
    with pytest.raises(ValueError, match="not 4"):
        branches.views(images(generator, 2))


def test_the_loss_is_a_mean_over_rows_that_count(generator: torch.Generator) -> None:
    branches, given = build(Watching()), images(generator)
    loss, metrics = branches.loss(given)
    assert loss.item() == 103.0
    assert metrics == {"seen": torch.tensor(5.0)}
    valid = torch.tensor([True, False, False, True, False])
    assert branches.loss(given, valid)[0].item() == 102.5
    assert branches.loss(given, torch.zeros(5, dtype=torch.bool))[0].item() == 100.0


def test_what_is_observed_has_no_history_and_is_the_last_batch(
    generator: torch.Generator,
) -> None:
    objective = Watching()
    branches = build(objective)
    branches.loss(images(generator))
    last = images(generator)
    branches.loss(last, row=torch.arange(5))
    branches.after_update()
    (views,) = objective.observed
    assert views.row is not None
    for x, z in zip(last, views.z, strict=True):
        assert z is not None
        assert not z.requires_grad
        torch.testing.assert_close(z, branches.encoder(x))


def followed(decay: float, steps: int, updates: int) -> list[float]:
    """By what share the target moves, update after update."""
    weight = nn.Linear(1, 1, bias=False)
    branches = Branches(
        weight, nn.Identity(), None, Watching(target=TargetKind.EMA), decay, steps
    )
    assert branches.target is not None
    (target,) = branches.target.parameters()
    with torch.no_grad():
        weight.weight.fill_(1.0)
    moved = []
    for _ in range(updates):
        target.zero_()
        branches.after_update()
        moved.append(target.item())
    return moved


def test_the_decay_is_constant_without_a_schedule() -> None:
    assert followed(0.9, 0, 5) == pytest.approx([0.1] * 5)


def test_the_decay_rises_to_one_along_a_cosine() -> None:
    """BYOL: `1 - τ_k = (1 - τ) (cos(π k / K) + 1) / 2`."""
    got = followed(0.9, 8, 11)
    want = [0.1 * (math.cos(math.pi * k / 8) + 1) / 2 for k in range(9)]
    assert got == pytest.approx([*want, 0.0, 0.0], abs=1e-7)
    assert got[0] == pytest.approx(0.1)
    assert got[4] == pytest.approx(0.05)
    assert got[8] == pytest.approx(0.0, abs=1e-7)


@pytest.mark.parametrize("kind", TargetKind)
@pytest.mark.parametrize("training", [True, False])
def test_projecting_leaves_everything_as_it_was(
    kind: TargetKind, training: bool, generator: torch.Generator
) -> None:
    branches = build(Watching(target=kind), Mlp(3, 7).build(6)).train(training)
    branches.loss(images(generator))
    branches.after_update()
    modes = [x.training for x in branches.modules()]
    before = {k: x.clone() for k, x in branches.named_buffers()}
    given = images(generator)[0]
    rows = branches.project(given)
    assert not rows.requires_grad
    assert [x.training for x in branches.modules()] == modes
    for name, x in branches.named_buffers():
        assert torch.equal(x, before[name]), name
    # in evaluation mode, a row does not depend on the others
    torch.testing.assert_close(branches.project(given[:1]), rows[:1])


def test_projections_for_sweeps_are_the_targets_if_there_is_one(
    generator: torch.Generator,
) -> None:
    branches = build(Watching(target=TargetKind.EMA))
    assert branches.target is not None
    given = images(generator)[0]
    with torch.no_grad():
        for p in branches.online.parameters():
            p.add_(1.0)
    torch.testing.assert_close(
        branches.project(given), branches.target.network(given), rtol=0, atol=0
    )
    assert not torch.allclose(branches.project(given), branches.online(given))
