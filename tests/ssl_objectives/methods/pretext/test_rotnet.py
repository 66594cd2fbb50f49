"""RotNet: its equation, its chance level, and that turns can be learned."""

import math

import pytest
import torch
from torch import Tensor, nn

from ssl_objectives.check.objective import check_objective
from ssl_objectives.encoders.heads import Straight
from ssl_objectives.method import Method
from ssl_objectives.methods.pretext.rotnet import RotNet, RotNetConfig
from ssl_objectives.methods.weighted import Weighted
from ssl_objectives.objective import Sizes, Views
from ssl_objectives.views.augment.preset import unchanged
from ssl_objectives.views.maker import FourRotations
from tests.shapes import rounds

N, R = 6, 5


def views(generator: torch.Generator, valid: Tensor | None = None) -> Views:
    rep = tuple(torch.randn(N, R, generator=generator) for _ in range(4))
    return Views(z=rep, p=rep, t=rep, pairs=((0, 1),), valid=valid, rep=rep)


@pytest.mark.parametrize("hidden", [0, 7])
def test_it_keeps_the_contract(hidden: int) -> None:
    check_objective(RotNetConfig(hidden).build)


@torch.no_grad()
@pytest.mark.parametrize("hidden", [0, 7])
def test_it_is_a_mean_of_four_cross_entropies(
    hidden: int, generator: torch.Generator
) -> None:
    objective = RotNetConfig(hidden).build(Sizes(3, R))
    given = views(generator)
    loss = objective(given)
    right = 0
    assert loss.per_sample is not None
    for n in range(N):
        total = 0.0
        for turn in range(4):
            rep = given.rep[turn]
            assert rep is not None
            logits = objective.head(rep[n]).double().tolist()
            total += math.log(sum(math.exp(x) for x in logits)) - logits[turn]
            right += max(range(4), key=logits.__getitem__) == turn
        assert float(loss.per_sample[n]) == pytest.approx(total / 4, rel=1e-5)
    accuracy = float(loss.metrics["rotnet/accuracy"])
    assert accuracy == pytest.approx(right / (4 * N))
    assert not loss.regularizer.any()


def test_a_guess_costs_ln_4(generator: torch.Generator) -> None:
    objective = RotNetConfig().build(Sizes(3, R))
    for p in objective.parameters():
        nn.init.zeros_(p)
    loss = objective(views(generator)).per_sample
    torch.testing.assert_close(loss, torch.full((N,), math.log(4)))


def test_accuracy_counts_valid_rows_alone(generator: torch.Generator) -> None:
    class Told(nn.Module):
        """Knows the turn of rows whose first number is positive."""

        def forward(self, rep: Tensor) -> Tensor:
            return torch.eye(4).expand(len(rep), 4, 4) * rep[..., :1]

    given = views(generator)
    rep = tuple(torch.ones(N, R) for _ in range(4))
    valid = torch.tensor([True] * 3 + [False] * 3)
    for x in rep:
        x[2:, 0] = -1.0
    given = Views(given.z, given.p, given.t, given.pairs, valid, rep=rep)
    loss = RotNet(Told())(given)
    assert float(loss.metrics["rotnet/accuracy"]) == pytest.approx(2 / 3)
    nothing = Views(given.z, given.p, given.t, given.pairs, ~valid & valid, rep=rep)
    assert not RotNet(Told())(nothing).metrics["rotnet/accuracy"].any()


def test_symmetric_images_cannot_beat_chance(generator: torch.Generator) -> None:
    """All four turns look alike: one of four is right, at a cost of ln 4 or more."""
    half = torch.randint(0, 256, (30, 2, 8, 8), generator=generator)
    turned = [torch.rot90(half, k, (2, 3)) for k in range(4)]
    images = torch.stack(turned).amax(0).to(torch.uint8)
    drawn = FourRotations(unchanged()).build((2, 8, 8))(images, generator)
    body = nn.Sequential(nn.Flatten(), nn.Linear(128, R))
    rep = tuple(body(x.float() / 255) for x in drawn.images)
    loss = RotNetConfig().build(Sizes(3, R))(Views(rep, rep, rep, ((0, 1),), rep=rep))
    assert loss.per_sample is not None
    assert (loss.per_sample >= math.log(4) - 1e-5).all()
    assert float(loss.metrics["rotnet/accuracy"]) == pytest.approx(0.25)


def test_the_four_turns_are_one_batch_for_batch_norm(
    generator: torch.Generator,
) -> None:
    method = Method(RotNetConfig(), FourRotations(unchanged()), Straight())
    encoder = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(9))
    branches = method.build(encoder, Sizes(9, image=(1, 3, 3)))
    image = torch.randn(N, 1, 3, 3, generator=generator)
    turned = [torch.rot90(image, k, (2, 3)) for k in range(4)]
    got = [x for x in branches.views(turned).rep if x is not None]
    rows = torch.cat(turned).flatten(1)
    mean, variance = rows.mean(0), rows.var(0, correction=0)
    want = (rows - mean) / (variance + 1e-5).sqrt()
    torch.testing.assert_close(torch.cat(got), want)
    assert Weighted([(0.5, branches.objective)]).needs.one_batch


@pytest.mark.parametrize("norm", [nn.Identity(), nn.BatchNorm1d(24)])
def test_it_learns_to_tell_turns_of_new_images(
    norm: nn.Module, generator: torch.Generator
) -> None:
    """Images that are lighter at the top, with noise; told in evaluation mode."""
    torch.manual_seed(0)
    method = Method(RotNetConfig(), FourRotations(unchanged()), Straight())
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(64, 24), norm, nn.ReLU())
    branches = method.build(encoder, Sizes(24, image=(1, 8, 8)))
    make = method.build_views((1, 8, 8))
    optimizer = torch.optim.Adam(branches.parameters(), 3e-3)
    slope = torch.linspace(90, 0, 8).view(8, 1)

    def step() -> tuple[Tensor, float]:
        noise = 160 * torch.rand(32, 1, 8, 8, generator=generator)
        drawn = make((noise + slope).to(torch.uint8), generator)
        loss, metrics = branches.loss([x.float() / 255 - 0.5 for x in drawn.images])
        return loss, float(metrics["rotnet/accuracy"])

    before = step()[1]
    for _ in rounds(100):
        loss, _ = step()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        branches.after_update()
    branches.eval()
    assert before < 0.5
    assert step()[1] > 0.9


def test_what_is_missing_is_said() -> None:
    with pytest.raises(ValueError, match="RotNet reads the encoder's output"):
        RotNetConfig().build(Sizes(3))
    with pytest.raises(ValueError, match="hidden must be at least 0"):
        RotNetConfig(-1)
