"""ATC against loops written from its equations, with its heads and its slow copy."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from ssl_objectives.branches import Branches
from ssl_objectives.check.objective import check_objective
from ssl_objectives.encoders.heads import Mlp, Residual, ResidualMlp
from ssl_objectives.methods.contrast.atc import AtcConfig, atc
from ssl_objectives.methods.contrast.info_nce import Contrast
from ssl_objectives.objective import Sizes, TargetKind, Views
from ssl_objectives.parts.critics import Bilinear
from ssl_objectives.zoo import ZOO
from tests.shapes import rounds

N, INPUTS, LATENT, D = 6, 7, 9, 5
SMALL = replace(ZOO["atc"], projector=Mlp(D, layers=1), predictor=ResidualMlp(4))
"""the method of the zoo, with few numbers to loop over"""


def built(generator: torch.Generator) -> Branches:
    """The method around a linear encoder, all weights random, in float64."""
    branches = SMALL.build(nn.Linear(INPUTS, LATENT), Sizes(LATENT)).double()
    with torch.no_grad():
        for x in branches.parameters():
            x.copy_(0.3 * torch.randn(x.shape, generator=generator))
    return branches


def frames(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Anchors and later frames."""
    drawn = torch.randn(2, N, INPUTS, generator=generator, dtype=torch.float64)
    return drawn[0], drawn[1]


def times(
    weight: Tensor, row: list[Tensor], bias: Tensor | None = None
) -> list[Tensor]:
    """`A x + b`, number by number."""
    made = []
    for i in range(len(weight)):
        total = torch.zeros((), dtype=torch.float64) if bias is None else bias[i]
        for j in range(len(row)):
            total = total + weight[i, j] * row[j]
        made.append(total)
    return made


def code(network: nn.Module, frame: Tensor) -> list[Tensor]:
    """c: what the compressor makes of what the encoder makes of a frame."""
    encoder, [compressor] = network[0], network[1]  # type: ignore[index]
    return times(compressor.weight, times(encoder.weight, [*frame], encoder.bias))


def naive(branches: Branches, anchors: Tensor, later: Tensor) -> Tensor:
    """`mean_i -log(e^{l_ii} / Σ_j e^{l_ij})`, `l_ij = (h(c_i) + c_i)ᵀ W c̄_j`."""
    assert isinstance(branches.objective, Contrast)
    assert isinstance(branches.objective.critic, Bilinear)
    assert isinstance(branches.predictor, Residual)
    assert branches.target is not None
    [weight] = branches.objective.critic.weight
    first, _, last = branches.predictor.change.children()
    assert isinstance(first, nn.Linear)
    assert isinstance(last, nn.Linear)
    with torch.no_grad():
        keys = [code(branches.target.network, x) for x in later]
    losses = []
    for i in range(N):
        c = code(branches.online, anchors[i])
        hidden = [x.clamp(min=0) for x in times(first.weight, c, first.bias)]
        p = [
            x + y for x, y in zip(c, times(last.weight, hidden, last.bias), strict=True)
        ]
        turned = [
            sum((p[a] * weight[a, b] for a in range(D)), start=torch.zeros(()))
            for b in range(D)
        ]
        logits = [
            sum((turned[b] * key[b] for b in range(D)), start=torch.zeros(()))
            for key in keys
        ]
        exponentials = torch.stack([(x - max(logits)).exp() for x in logits])
        losses.append(-(exponentials[i] / exponentials.sum()).log())
    return torch.stack(losses).mean()


def test_loss_and_gradients_equal_a_loop_from_the_equations(
    generator: torch.Generator,
) -> None:
    branches = built(generator)
    anchors, later = frames(generator)
    # as `LaterTarget` gives them: the later frame first, and it alone is a target
    loss, _ = branches.loss([later, anchors], num_targets=1)
    want = naive(branches, anchors, later)
    assert loss.item() == pytest.approx(want.item(), rel=1e-6)
    trained = [x for x in branches.parameters() if x.requires_grad]
    found = torch.autograd.grad(loss, trained)
    for got, wanted in zip(found, torch.autograd.grad(want, trained), strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-6, atol=1e-9)
        assert got.any()


def test_the_later_frame_gets_no_gradient_and_its_network_follows(
    generator: torch.Generator,
) -> None:
    branches = built(generator)
    assert branches.target is not None
    assert branches.kind is TargetKind.EMA
    anchors, later = (x.requires_grad_() for x in frames(generator))
    loss, _ = branches.loss([later, anchors], num_targets=1)
    loss.backward()
    assert later.grad is None or not later.grad.any()
    assert anchors.grad is not None
    assert anchors.grad.any(-1).all()
    assert all(x.grad is None for x in branches.target.parameters())
    before = [x.clone() for x in branches.target.parameters()]
    branches.after_update()
    online = branches.online.parameters()
    for x, y, z in zip(branches.target.parameters(), before, online, strict=True):
        torch.testing.assert_close(x, 0.99 * y + 0.01 * z)


def test_latents_that_know_nothing_are_right_by_chance(
    generator: torch.Generator,
) -> None:
    """One in N; and log N, as soon as latents are small."""
    num, rounds = 20, 200
    objective = atc(D)
    rows = [torch.randn(rounds * num, D, generator=generator) for _ in range(2)]
    p, t = (x.view(rounds, num, D) for x in rows)
    loss = objective(Views((None, None), (None, p), (t, None), ((1, 0),)))
    accuracy = loss.metrics["contrast/accuracy"].item()
    deviation = math.sqrt((1 / num) * (1 - 1 / num) / (rounds * num))
    assert abs(accuracy - 1 / num) < 4 * deviation
    near = Views((None, None), (None, 1e-4 * p), (1e-4 * t, None), ((1, 0),))
    small = objective(near).per_sample
    torch.testing.assert_close(small, torch.full_like(small, math.log(num)))


def test_it_learns_what_a_later_frame_has_of_an_earlier_one(
    generator: torch.Generator,
) -> None:
    """A hidden number moves on, one step at a time, amid noise; then it is found."""
    mixing = torch.randn(3, INPUTS, generator=generator)
    torch.manual_seed(0)
    # not linear: scores are products, in which long codes would win, whatever they say
    encoder = nn.Sequential(nn.Linear(INPUTS, 64), nn.ReLU(), nn.Linear(64, LATENT))
    branches = ZOO["atc"].build(encoder, Sizes(LATENT))
    trained = [x for x in branches.parameters() if x.requires_grad]
    optimizer = torch.optim.Adam(trained, 3e-3)
    hits = []
    for _ in rounds(300):
        state = torch.randn(32, 3, generator=generator)
        noise = 0.03 * torch.randn(2, 32, INPUTS, generator=generator)
        later = state.roll(1, -1)  # what comes is the state, turned
        loss, metrics = branches.loss(
            [later @ mixing + noise[0], state @ mixing + noise[1]], num_targets=1
        )
        hits.append(metrics["contrast/accuracy"].item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        branches.after_update()
    assert hits[0] < 0.3
    assert sum(hits[-10:]) / 10 > 0.5  # by chance 1 / 32


def test_contract() -> None:
    check_objective(AtcConfig().build)


def test_in_a_world_model_each_step_ahead_has_a_matrix() -> None:
    objective = AtcConfig().build(Sizes(4, ahead=3))
    assert isinstance(objective.critic, Bilinear)
    assert objective.critic.weight.shape == (3, 4, 4)
    assert objective.needs.target is TargetKind.EMA
