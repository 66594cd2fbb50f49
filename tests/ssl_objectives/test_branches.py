"""Images through an objective: who is trained by what, and whether it separates."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from ssl_objectives.branches import Branches
from ssl_objectives.encoders.heads import Mlp
from ssl_objectives.methods.bootstrap.byol import Byol
from ssl_objectives.methods.contrast.info_nce import dcl, sim_clr
from ssl_objectives.methods.moments.vicreg_barlow import BarlowTwins, VicReg
from ssl_objectives.objective import Needs, Objective, TargetKind
from tests.shapes import rounds

METHODS: dict[str, Callable[[], Objective]] = {
    "byol": Byol,
    "sim_clr": lambda: sim_clr(0.5),
    "dcl": lambda: dcl(0.5),
    "vicreg": VicReg,
    "barlow": BarlowTwins,
}
EVERY = pytest.mark.parametrize("name", METHODS)


def build(name: str, seed: int = 0, inputs: int = 12) -> Branches:
    torch.manual_seed(seed)
    encoder = nn.Sequential(nn.Linear(inputs, 32), nn.ReLU(), nn.Linear(32, 8))
    projector, predictor = Mlp(16, 32).build(8), Mlp(16, 32).build(16)
    objective = METHODS[name]()
    needs_it = objective.needs.target is TargetKind.EMA
    return Branches(encoder, projector, predictor if needs_it else None, objective, 0.9)


def images(generator: torch.Generator, num: int = 10) -> list[Tensor]:
    return [torch.randn(num, 12, generator=generator) for _ in range(2)]


@EVERY
def test_gradient_reaches_the_network_and_not_the_target(
    name: str, generator: torch.Generator
) -> None:
    branches = build(name)
    loss, _ = branches.loss(images(generator))
    loss.backward()
    for key, p in branches.named_parameters():
        if key.startswith("target."):
            assert p.grad is None
            assert not p.requires_grad
        else:
            assert p.grad is not None
            assert p.grad.any(), key


def test_the_target_moves_by_its_share(generator: torch.Generator) -> None:
    branches = build("byol")
    assert branches.target is not None
    before = [p.clone() for p in branches.target.parameters()]
    with torch.no_grad():
        for p in branches.online.parameters():
            p.add_(1.0)
    branches.loss(images(generator))
    branches.after_update()
    for old, new in zip(before, branches.target.parameters(), strict=True):
        torch.testing.assert_close(new, old + 0.1)


def test_batch_norms_of_the_target_see_their_own_batches(
    generator: torch.Generator,
) -> None:
    """In training, as BYOL's and MoCo's; and what they remember is kept."""
    encoder = nn.Sequential(nn.Linear(12, 8), nn.BatchNorm1d(8))
    branches = Branches(encoder, nn.Identity(), None, Byol(), 0.9)
    assert branches.target is not None
    copy = branches.target.network[0]  # type: ignore[index]  # encoder, projector
    batches = images(generator)
    for given, t in zip(batches, branches.views(batches).t, strict=True):
        made = copy[0](given)
        wanted = (made - made.mean(0)) / (made.var(0, correction=0) + 1e-5).sqrt()
        torch.testing.assert_close(t, wanted)
    assert int(copy[1].num_batches_tracked) == 2
    branches.eval()
    for given, t in zip(batches, branches.views(batches).t, strict=True):
        torch.testing.assert_close(t, copy(given))
    assert int(copy[1].num_batches_tracked) == 2


def test_stopped_targets_are_the_same_numbers_without_gradient(
    generator: torch.Generator,
) -> None:
    class Stopped(Byol):
        needs = Needs(target=TargetKind.STOP)

    branches = build("byol")
    encoder, projector = branches.online
    stopped = Branches(encoder, projector, branches.predictor, Stopped())
    views = stopped.views(images(generator))
    assert stopped.target is None
    for z, t in zip(views.z, views.t, strict=True):
        assert z is not None
        assert t is not None
        assert torch.equal(z, t)
        assert z.requires_grad
        assert not t.requires_grad


def test_pairs_are_all_ordered_ones_and_views_are_counted(
    generator: torch.Generator,
) -> None:
    branches = build("sim_clr")
    three = [*images(generator), images(generator)[0]]
    with pytest.raises(ValueError, match="takes 2 views of each image, not 3"):
        branches.views(three)
    assert branches.views(three[:2]).pairs == ((0, 1), (1, 0))


def test_the_objective_observes_once_per_update(generator: torch.Generator) -> None:
    seen: list[int] = []

    class Watching(VicReg):
        def observe(self, views: object) -> None:
            seen.append(1)

    branches = build("vicreg")
    branches.objective = Watching()
    branches.after_update()
    assert seen == []
    branches.loss(images(generator))
    branches.after_update()
    branches.after_update()
    assert seen == [1]


@EVERY
def test_two_hundred_steps_separate_planted_clusters(
    name: str, generator: torch.Generator
) -> None:
    """Eight centres under noise that the views do not share, in 12 of 40 directions."""
    centers = torch.zeros(8, 40)
    centers[:, :12] = torch.randn(8, 12, generator=generator)
    branches = build(name, seed=1, inputs=40)
    optimizer = torch.optim.Adam(branches.parameters(), 3e-3)

    def view(label: Tensor) -> Tensor:
        noise = 0.6 * torch.randn(len(label), 40, generator=generator)
        return centers[label] + noise

    label = torch.arange(8).repeat(40)
    untrained = probe(branches.encoder, view(label), view(label), label)
    for _ in rounds(200):
        drawn = torch.randint(8, (64,), generator=generator)
        loss, _ = branches.loss([view(drawn), view(drawn)])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        branches.after_update()
    trained = probe(branches.encoder, view(label), view(label), label)
    assert untrained < 0.8
    assert trained > 0.95


@torch.no_grad()
def probe(encoder: nn.Module, train: Tensor, test: Tensor, label: Tensor) -> float:
    """Accuracy of a linear readout by least squares."""
    ones = torch.ones(len(label), 1)
    wanted = nn.functional.one_hot(label).float()
    weight = torch.linalg.lstsq(torch.cat([encoder(train), ones], 1), wanted).solution
    guess = (torch.cat([encoder(test), ones], 1) @ weight).argmax(1)
    return float((guess == label).float().mean())
