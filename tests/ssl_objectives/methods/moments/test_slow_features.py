"""What stays the same in an episode: preferred across episodes, worthless along time.

The encoder sees a constant of each episode and a signal that moves; it may show either
one. Predictions are the best there are: the constant itself, and the signal's mean.
"""

import math

import pytest
import torch
from torch import Tensor

from ssl_objectives.methods.contrast.info_nce import info_nce
from ssl_objectives.methods.moments.vicreg_barlow import VicReg
from ssl_objectives.objective import Objective, Views
from world_models.scope import Groups, Scope

T, B, D = 15, 64, 4  # transitions of episodes of 16 steps
DECAY = 0.9


def distractor(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Prediction and target `[1, T, B, D]`, when the encoder shows the constant."""
    x = torch.randn(B, D, generator=generator).expand(1, T, B, D)
    return x, x


def moving(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Prediction and target, when it shows the signal: an AR(1) of unit variance."""
    steps = [torch.randn(B, D, generator=generator)]
    for _ in range(T):
        noise = torch.randn(B, D, generator=generator)
        steps.append(DECAY * steps[-1] + math.sqrt(1 - DECAY**2) * noise)
    x = torch.stack(steps)[None]
    return DECAY * x[:, :-1], x[:, 1:]


def total(objective: Objective, scope: Scope, made: tuple[Tensor, Tensor]) -> float:
    groups = Groups(T, B, *scope.group(T, B, 512))
    prediction, target = (groups.split(x) for x in made)
    views = Views((None, target), (prediction, None), (None, target), ((0, 1),))
    loss = objective(views)
    assert loss.per_sample is not None
    return float(loss.per_sample.mean() + loss.regularizer)


@pytest.mark.parametrize("objective", [info_nce(), VicReg()])
def test_across_episodes_the_constant_wins(
    objective: Objective, generator: torch.Generator
) -> None:
    constant = total(objective, Scope.BATCH, distractor(generator))
    signal = total(objective, Scope.BATCH, moving(generator))
    assert constant < 0.6 * signal


@pytest.mark.parametrize("objective", [info_nce(), VicReg()])
def test_along_time_the_signal_wins(
    objective: Objective, generator: torch.Generator
) -> None:
    constant = total(objective, Scope.TIME, distractor(generator))
    signal = total(objective, Scope.TIME, moving(generator))
    assert signal < 0.9 * constant


def test_along_time_the_constant_is_exactly_worthless(
    generator: torch.Generator,
) -> None:
    """Chance for InfoNCE, log of the rows; the value of a collapse for VICReg."""
    made = distractor(generator)
    chance = total(info_nce(), Scope.TIME, made)
    assert chance == pytest.approx(math.log(T), rel=1e-6)
    assert chance == pytest.approx(2.71, abs=0.005)  # log(16 - 1)
    assert total(VicReg(), Scope.TIME, made) == pytest.approx(24.75, abs=1e-4)


def test_with_all_rows_the_constant_still_pays(generator: torch.Generator) -> None:
    """Half-way: rows of one episode cannot be told apart, those of others can.

    Groups have 64, 8 x 64 and 15 rows; by chance the loss is the log of that.
    """
    objective, made = info_nce(), distractor(generator)
    batch, mixed, time = (
        total(objective, x, made) for x in (Scope.BATCH, Scope.ALL, Scope.TIME)
    )
    assert math.log(8) < mixed
    shares = batch / math.log(64), mixed / math.log(8 * 64), time / math.log(15)
    assert shares[0] < shares[1] < 0.6
    assert shares[2] == pytest.approx(1.0, rel=1e-5)
