"""The distance of predictions from what came, against a loop; it is only measured."""

from dataclasses import replace

import pytest
import torch

from tests.world_models.small_model import B as ENVS
from tests.world_models.small_model import K as AHEAD
from tests.world_models.small_model import build, noise
from tests.world_models.terms.unrolling import B, K, T, drawn
from world_models.model_config import LatentDynamicsConfig
from world_models.terms.distance import Distance, DistanceConfig


def test_it_is_two_less_two_cosines_of_each_prediction(
    generator: torch.Generator,
) -> None:
    some = drawn(generator).unrolled()
    aim = some.ahead.aim
    assert aim is not None
    added = Distance()(some)
    assert set(added.terms) == {"distance"}
    for k, t, b in torch.cartesian_prod(*map(torch.arange, (K, T, B))).tolist():
        p, w = some.prediction[k, t, b].double(), aim[k, t, b].double()
        cosine = float((p * w).sum() / (p.norm() * w.norm()))
        got = added.terms["distance"][k, t, b].item()
        assert got == pytest.approx(2 - 2 * cosine, abs=1e-5)


def test_nobody_learns_from_it(generator: torch.Generator) -> None:
    """It has no weight, adds nothing beside, and carries no gradient."""
    some = drawn(generator).unrolled()
    some = replace(some, prediction=some.prediction.clone().requires_grad_())
    added = Distance()(some)
    assert not added.weights
    assert added.regularizer == 0
    assert not added.terms["distance"].requires_grad


def test_a_model_that_measures_it_learns_the_same(generator: torch.Generator) -> None:
    """What is minimised stays equal, and a signal is paid what lands on each row."""
    traj, totals = noise(generator), []
    for terms in ((), (DistanceConfig(),)):
        torch.manual_seed(0)
        model = LatentDynamicsConfig(horizon=AHEAD, terms=terms).build(build().belief)
        totals.append(model.loss(traj, model.start(ENVS)).mean())
    assert torch.equal(*totals)
    paid = model.surprise(traj, model.start(ENVS)).arrival("distance")
    assert paid.shape == traj.valid.shape
    assert paid[traj.valid].min() > 0
