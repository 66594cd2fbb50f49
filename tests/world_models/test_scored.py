"""Rewards are paid by what is learned: the same number for each prediction."""

from typing import Any

import pytest
import torch

from ssl_objectives.encoders.decoders import DecoderConfig
from ssl_objectives.encoders.heads import Mlp
from ssl_objectives.methods.bootstrap.byol import ByolConfig
from ssl_objectives.methods.bootstrap.regression import RegressionConfig
from ssl_objectives.methods.contrast.info_nce import CpcConfig, InfoNceConfig
from ssl_objectives.methods.moments.sigreg import SigRegConfig
from ssl_objectives.methods.moments.vicreg_barlow import VicRegConfig
from ssl_objectives.methods.pretext.autoencoder import ReconstructionConfig
from ssl_objectives.objective import ObjectiveConfig, TargetKind
from tests.world_models.small_model import B, K, T, aged, build, noise
from world_models.belief import BeliefModel
from world_models.check.samples import random_trajectory, small_beliefs
from world_models.context import Context
from world_models.latent_dynamics import LatentDynamics
from world_models.model_config import LatentDynamicsConfig
from world_models.model_loss import PREDICTION
from world_models.scope import Scope
from world_models.trajectory import Trajectory

PIXELS = ReconstructionConfig(DecoderConfig(4))
ROW_BY_ROW: dict[str, tuple[ObjectiveConfig, TargetKind]] = {
    "byol": (ByolConfig(), TargetKind.EMA),
    "regression": (RegressionConfig(), TargetKind.STOP),
    "vicreg": (VicRegConfig(), TargetKind.SHARED),
    "sigreg": (SigRegConfig(), TargetKind.EMA),
    "pixels": (PIXELS, TargetKind.STOP),
}
COMPARING: dict[str, tuple[ObjectiveConfig, TargetKind]] = {
    "info-nce": (InfoNceConfig(both_ways=True), TargetKind.SHARED),
    "cpc": (CpcConfig(), TargetKind.STOP),
}
ALL = {**ROW_BY_ROW, **COMPARING}


@pytest.fixture
def traj(generator: torch.Generator) -> Trajectory:
    return noise(generator)


def model_of(
    objective: ObjectiveConfig,
    target: TargetKind,
    belief: BeliefModel | None = None,
    **parts: Any,
) -> LatentDynamics:
    config = LatentDynamicsConfig(
        horizon=K, target=target, objective=objective, **parts
    )
    return config.build(belief or build().belief)


@pytest.mark.parametrize("scope", list(Scope))
@pytest.mark.parametrize("name", ALL)
def test_each_prediction_is_paid_what_it_costs(
    traj: Trajectory, name: str, scope: Scope
) -> None:
    model = model_of(*ALL[name], scope=scope)
    carry = aged(model)
    learned, scored = model.loss(traj, carry), model.surprise(traj, carry)
    assert torch.equal(scored.valid, learned.valid)
    one, two = scored.terms[PREDICTION], learned.terms[PREDICTION]
    torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-5)
    # a row without others to compare with costs nothing
    assert (one[scored.valid] > 0).float().mean() > 0.7
    assert not one.requires_grad


@pytest.mark.parametrize("row", [K - 1, 5])
@pytest.mark.parametrize("name", ALL)
def test_across_a_seam_it_is_what_one_trajectory_costs(
    traj: Trajectory, name: str, row: int
) -> None:
    """Where other envs at the same step are compared at most."""
    model = model_of(*ALL[name], scope=Scope.BATCH)
    across_a_seam(model, traj, row)


@pytest.mark.parametrize("scope", [Scope.TIME, Scope.ALL])
@pytest.mark.parametrize("name", ROW_BY_ROW)
def test_and_whatever_is_regularised_together(
    traj: Trajectory, name: str, scope: Scope
) -> None:
    across_a_seam(model_of(*ROW_BY_ROW[name], scope=scope, group=2 * B), traj, 5)


def across_a_seam(model: LatentDynamics, traj: Trajectory, row: int) -> None:
    """The rollout begins at `row`, its context K-1 transitions before."""
    start = aged(model)
    with torch.no_grad():
        begin = row - K + 1
        before = start
        if begin:
            before = model.belief.along(traj.steps(0, begin), start).carry
        past = traj.steps(begin, row)
        carry = model.belief.along(past, before).carry
    rollout = traj.steps(row, T)
    scored = model.surprise(rollout, carry, Context(past, before))
    want = model.loss(traj, start).arrival()[row:]
    assert want.any()
    torch.testing.assert_close(scored.arrival(), want.detach(), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("belief", sorted(small_beliefs()))
def test_pixels_are_of_the_frame_that_came_and_not_of_a_stack(belief: str) -> None:
    """By hand: row t+k+1 of the rollout, whatever the encoder stacks."""
    torch.manual_seed(0)
    made = small_beliefs()[belief]()
    model = model_of(PIXELS, TargetKind.STOP, made)
    traj = random_trajectory(made, T, B, 4)
    start = model.start(B)
    loss = model.surprise(traj, start)
    seen = model.belief.along(traj, start).belief
    decoder = model.objective.decoder
    for k, t, b in loss.valid.nonzero().tolist():
        guess = model.imagine(seen[t, b], traj.action[t : t + k + 1, b])[k]
        wanted = traj.obs[t + k + 1, b] / 255
        want = (decoder(guess.unsqueeze(0))[0] - wanted).square().mean()  # type: ignore[operator]  # a module
        torch.testing.assert_close(
            loss.terms[PREDICTION][k, t, b], want.detach(), rtol=1e-3, atol=1e-5
        )


def test_behind_a_projector_rewards_are_of_projections(traj: Trajectory) -> None:
    """A target that is given, as one is computed once per rollout, changes nothing."""
    model = model_of(*ROW_BY_ROW["byol"], projector=Mlp(10, 12))
    carry = aged(model)
    target = model.targets(traj, carry)
    assert target.shape == (T + 1, B, 10)
    given, own = model.surprise(traj, carry, target=target), model.surprise(traj, carry)
    torch.testing.assert_close(given.arrival(), own.arrival())
    learned = model.loss(traj, carry, target).arrival()
    torch.testing.assert_close(given.arrival(), learned.detach())
