"""Where targets come from, behind a projector; and predictions that are detached."""

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from ssl_objectives.encoders.heads import HeadConfig, Mlp, Standardized
from ssl_objectives.methods.bootstrap.byol import ByolConfig
from ssl_objectives.methods.bootstrap.regression import RegressionConfig
from ssl_objectives.methods.contrast.info_nce import InfoNceConfig
from ssl_objectives.methods.moments.vicreg_barlow import VicRegConfig
from ssl_objectives.objective import ObjectiveConfig, TargetKind
from tests.world_models.small_model import B, K, T, build, noise
from world_models.belief import BeliefModel
from world_models.latent_dynamics import LatentDynamics
from world_models.model_config import LatentDynamicsConfig
from world_models.model_loss import PREDICTION, ModelLoss
from world_models.predictor import (
    Ahead,
    LatentHead,
    LatentHeadConfig,
    Prediction,
    Predictor,
)
from world_models.terms.inverse import InverseConfig, InverseDynamics
from world_models.trajectory import Trajectory

P = 10
MLP = Mlp(P, 12)


@pytest.fixture
def traj(generator: torch.Generator) -> Trajectory:
    return noise(generator)


def model_of(
    target: TargetKind,
    objective: ObjectiveConfig,
    projector: HeadConfig = MLP,
    **parts: Any,
) -> LatentDynamics:
    config = LatentDynamicsConfig(
        horizon=K,
        predictor=LatentHeadConfig(0),
        target=target,
        ema_decay=0.75,
        objective=objective,
        projector=projector,
        **parts,
    )
    return config.build(build().belief)


def loss_of(model: LatentDynamics, traj: Trajectory) -> ModelLoss:
    return model.loss(traj, model.start(B))


def cost(loss: ModelLoss) -> Tensor:
    """Of the predictions alone."""
    return loss.terms[PREDICTION][loss.valid].sum()


def reached(model: LatentDynamics) -> set[str]:
    """Parts that a gradient was left in."""
    named = [
        name
        for name, p in model.named_parameters()
        if p.grad is not None and p.grad.any()
    ]
    return {".".join(x.split(".")[: 2 if x.startswith("belief") else 1]) for x in named}


def norms_reset(model: LatentDynamics) -> None:
    """Batch norms as they began, after they have seen something."""
    for x in model.modules():
        if isinstance(x, torch.nn.BatchNorm1d):
            x.reset_running_stats()


def test_a_slow_copy_follows_encoder_and_projector() -> None:
    model = model_of(TargetKind.EMA, ByolConfig())
    assert model.target is not None
    online = [*model.belief.encoder.parameters(), *model.projector.parameters()]
    slow = list(model.target.parameters())
    assert [p.shape for p in slow] == [p.shape for p in online]
    assert all(torch.equal(p, q) for p, q in zip(slow, online, strict=True))
    before = [p.clone() for p in slow]
    with torch.no_grad():
        for i, p in enumerate(online):
            p.add_(i + 1.0)
    model.after_update()
    for i, (old, new) in enumerate(zip(before, slow, strict=True)):
        torch.testing.assert_close(new, old + 0.25 * (i + 1.0), rtol=0, atol=1e-4)


def test_targets_of_a_slow_copy_are_its_projections(traj: Trajectory) -> None:
    """Not those of the model's own projector, which moves on."""
    model = model_of(TargetKind.EMA, ByolConfig())
    with torch.no_grad():
        for p in model.projector.parameters():
            p.mul_(1.5)
    assert model.target is not None
    copy = model.target.network
    want = copy[1](copy[0](traj.obs))  # type: ignore[index]  # a sequence
    norms_reset(model)
    aims = model.see(traj, model.start(B)).target
    assert aims.shape == (T + 1, B, P)
    torch.testing.assert_close(aims, want)
    own = model.projector(model.belief.encoder(traj.obs))
    assert not torch.allclose(aims, own, atol=1e-2)


@pytest.mark.parametrize("projector", [MLP, Standardized()])
@pytest.mark.parametrize("kind", [TargetKind.STOP, TargetKind.SHARED])
def test_without_a_copy_targets_are_the_models_own_projections(
    traj: Trajectory, kind: TargetKind, projector: HeadConfig
) -> None:
    """Of the very latents that are regularised; without gradient for STOP."""
    model = model_of(kind, VicRegConfig(), projector)
    seen = model.see(traj, model.start(B))
    assert seen.latent is not None
    assert seen.projected is not None
    assert len(seen.latent) == len(seen.target) == T + 1
    latent = model.belief.encoder(traj.obs)
    torch.testing.assert_close(seen.latent, latent)
    torch.testing.assert_close(seen.target, model.projector(latent))
    assert torch.equal(seen.target, seen.projected)
    assert seen.target.requires_grad == (kind is TargetKind.SHARED)
    assert seen.projected.requires_grad


@pytest.mark.parametrize(
    "objective", [VicRegConfig(), InfoNceConfig(both_ways=True)], ids=["VIC", "NCE"]
)
@pytest.mark.parametrize("kind", list(TargetKind))
def test_gradient_reaches_targets_where_they_are_shared_alone(
    traj: Trajectory, kind: TargetKind, objective: ObjectiveConfig
) -> None:
    """Predictions do not pass through the projector; shared targets do."""
    model = model_of(kind, objective)
    cost(loss_of(model, traj)).backward()
    parts = {"belief.encoder", "belief.core", "belief.embedding"}
    parts |= {"open_loop", "predictor"}
    if kind is TargetKind.SHARED:
        parts.add("projector")
    assert reached(model) == parts


class Pulls(Predictor):
    """Would draw what came towards zero, if gradient went that way."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(17, P)

    def forward(self, ahead: Ahead) -> Prediction:
        assert ahead.aim is not None
        size = {"size": ahead.aim.square().mean(-1)}
        return Prediction(self.layer(ahead.after), size, {"size": 1.0})


@dataclass(frozen=True)
class PullsConfig:
    def build(self, belief: BeliefModel, latent_size: int, aim_size: int) -> Pulls:
        return Pulls()


@pytest.mark.parametrize("kind", list(TargetKind))
def test_predictors_read_what_came_without_gradient(
    traj: Trajectory, kind: TargetKind
) -> None:
    """Else they would teach the encoder to be easily read, where targets are shared."""
    config = LatentDynamicsConfig(
        horizon=K,
        predictor=PullsConfig(),
        target=kind,
        objective=VicRegConfig(),
        projector=MLP,
    )
    loss = loss_of(config.build(build().belief), traj)
    assert loss.terms["size"].any()
    assert not loss.terms["size"].requires_grad


DETACHED = [
    (TargetKind.EMA, ByolConfig()),
    (TargetKind.EMA, VicRegConfig()),
    (TargetKind.STOP, RegressionConfig()),
    (TargetKind.STOP, VicRegConfig()),
]


@pytest.mark.parametrize(("kind", "objective"), DETACHED)
def test_detached_predictions_leave_encoder_and_core_alone(
    traj: Trajectory, kind: TargetKind, objective: ObjectiveConfig
) -> None:
    """What follows the belief learns: open loop, actions, predictor."""
    model = model_of(kind, objective, detached=True, terms=(InverseConfig(),))
    cost(loss_of(model, traj)).backward()
    assert reached(model) == {"open_loop", "predictor", "belief.embedding"}


@pytest.mark.parametrize(("kind", "objective"), DETACHED)
def test_terms_shape_the_encoder_of_a_detached_model(
    traj: Trajectory, kind: TargetKind, objective: ObjectiveConfig
) -> None:
    """Just as the term alone would."""
    model = model_of(kind, objective, detached=True, terms=(InverseConfig(),))
    [term] = model.terms
    assert isinstance(term, InverseDynamics)
    model.loss(traj, model.start(B)).mean().backward()
    assert {"belief.encoder", "terms"} <= reached(model)
    if isinstance(objective, VicRegConfig):
        return  # its regulariser is of latents as well
    given = [p.grad for p in model.belief.encoder.parameters()]
    rows = T if kind is TargetKind.EMA else T + 1
    latent = model.belief.encoder(traj.obs[:rows])
    pairs = torch.cat([latent[:-1], latent[1:]], -1)[traj.valid[: rows - 1]]
    taken = traj.action[: rows - 1][traj.valid[: rows - 1]]
    alone = torch.nn.functional.cross_entropy(term.head(pairs), taken)
    wanted = torch.autograd.grad(alone, list(model.belief.encoder.parameters()))
    for got, want in zip(given, wanted, strict=True):
        torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-6)


def test_detaching_changes_no_number(traj: Trajectory) -> None:
    losses = []
    for detached in (False, True):
        torch.manual_seed(3)
        model = model_of(TargetKind.STOP, RegressionConfig(), detached=detached)
        losses.append(loss_of(model, traj))
    one, two = losses
    assert torch.equal(one.terms[PREDICTION], two.terms[PREDICTION])


def test_a_head_predicts_from_projected_predictions(traj: Trajectory) -> None:
    """`q(g(ẑ))` against the slow copy's `g'(z)`, so that the projector learns."""
    model = model_of(TargetKind.EMA, ByolConfig(), head=Mlp(P, layers=1)).eval()
    loss = loss_of(model, traj)
    seen = model.see(traj, model.start(B))
    ahead = model.open_loop.all_starts(
        seen.belief, model.belief.embedding(traj.action), K
    )
    assert isinstance(model.predictor, LatentHead)
    assert model.head is not None
    for k, t, b in loss.valid.nonzero().tolist():
        latent = model.predictor.layers(ahead[k, t, b])
        guess = model.head(model.projector(latent[None]))[0]
        away = 2 - 2 * torch.cosine_similarity(guess, seen.target[t + k + 1, b], dim=0)
        torch.testing.assert_close(loss.terms[PREDICTION][k, t, b], away)
    loss.mean().backward()
    assert {"predictor", "projector", "head", "belief.encoder"} <= reached(model)
    imagined = model.imagine(seen.belief[0], traj.action[:K])
    guess = model.head(model.projector(model.predictor.layers(ahead[:, 0])))
    torch.testing.assert_close(imagined, guess)


def test_a_head_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"gives 11 numbers, and projections.* 10"):
        model_of(TargetKind.EMA, ByolConfig(), head=Mlp(11, layers=1))
