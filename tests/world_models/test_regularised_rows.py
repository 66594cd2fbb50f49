"""What a world model's objective regularises: each row that was seen, once."""

import pytest
import torch
from torch import Tensor

from ssl_objectives.encoders.heads import HeadConfig, Mlp, Straight
from ssl_objectives.methods.moments.sigreg import SigReg, SigRegConfig
from ssl_objectives.methods.moments.vicreg_barlow import VicRegConfig
from ssl_objectives.objective import ObjectiveConfig, TargetKind
from tests.world_models.small_model import B, K, T, build, noise
from world_models.latent_dynamics import LatentDynamics
from world_models.model_config import LatentDynamicsConfig
from world_models.scope import Scope
from world_models.trajectory import Trajectory


@pytest.fixture
def traj(generator: torch.Generator) -> Trajectory:
    return noise(generator)


def model_of(
    target: TargetKind,
    scope: Scope,
    objective: ObjectiveConfig | None = None,
    projector: HeadConfig | None = None,
    group: int = 512,
) -> LatentDynamics:
    config = LatentDynamicsConfig(
        horizon=K,
        target=target,
        objective=objective or VicRegConfig(),
        projector=projector or Straight(),
        scope=scope,
        group=group,
    )
    return config.build(build().belief)


def vicreg(rows: Tensor) -> Tensor:
    """Hinge on each column's std, and squared covariances, of one group of rows."""
    columns = rows.T
    hinge = torch.zeros(())
    off = torch.zeros(())
    for i, x in enumerate(columns):
        away = x - x.mean()
        std = (away.square().sum() / (len(x) - 1) + 1e-4).sqrt()
        hinge = hinge + (1 - std).clamp(min=0) / len(columns)
        for j, y in enumerate(columns):
            if i != j:
                both = (away * (y - y.mean())).sum() / (len(x) - 1)
                off = off + both.square() / len(columns)
    return 25 * hinge + off


def groups(rows: Tensor, scope: Scope, steps: int) -> list[Tensor]:
    """Rows that are compared, each in one group; `steps` is how many of `ALL` fit."""
    if scope is Scope.BATCH:
        return list(rows)
    if scope is Scope.TIME:
        return [rows[:, b] for b in range(rows.shape[1])]
    return [rows[t : t + steps].flatten(0, 1) for t in range(0, len(rows), steps)]


@pytest.mark.parametrize("projector", [Straight(), Mlp(10, 12)])
@pytest.mark.parametrize("target", list(TargetKind))
@pytest.mark.parametrize(
    ("scope", "group", "steps"),
    [
        (Scope.BATCH, 512, 1),
        (Scope.TIME, 512, T),
        (Scope.ALL, 512, T),
        (Scope.ALL, 3 * B + 1, 3),
    ],
)
@torch.no_grad()
def test_each_row_counts_once_in_a_group_of_its_scope(
    traj: Trajectory,
    target: TargetKind,
    scope: Scope,
    group: int,
    steps: int,
    projector: HeadConfig,
) -> None:
    """Those acted from, where the rest has a slow copy; else those predicted.

    Whether they are of an ending episode or not: nothing is predicted of them.
    """
    model = model_of(target, scope, projector=projector, group=group)
    seen = traj.obs[:-1] if target is TargetKind.EMA else traj.obs
    rows = model.projector(model.belief.encoder(seen))[-T:]
    each = [vicreg(x) for x in groups(rows, scope, steps)]
    got = model.loss(traj, model.start(B)).regularizer
    torch.testing.assert_close(got, torch.stack(each).mean(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("scope", list(Scope))
@torch.no_grad()
def test_sigreg_looks_at_the_same_rows(traj: Trajectory, scope: Scope) -> None:
    model = model_of(TargetKind.SHARED, scope, SigRegConfig(0.1, 16))
    objective = model.objective
    assert isinstance(objective, SigReg)
    rows = model.belief.encoder(traj.obs)[1:]
    each = [
        objective.normality(x.unsqueeze(0), None).squeeze(0)
        for x in groups(rows, scope, T)
    ]
    got = model.loss(traj, model.start(B)).regularizer
    torch.testing.assert_close(got, 0.1 * torch.stack(each).mean())


@pytest.mark.parametrize("objective", [VicRegConfig(), SigRegConfig(0.1, 16)])
@pytest.mark.parametrize("target", list(TargetKind))
def test_its_gradient_shapes_encoder_and_projector(
    traj: Trajectory, target: TargetKind, objective: ObjectiveConfig
) -> None:
    """With a slow copy too, whose own latents have none."""
    model = model_of(target, Scope.ALL, objective, Mlp(10, 12))
    model.loss(traj, model.start(B)).regularizer.backward()
    given = {
        name.split(".")[0] for name, p in model.named_parameters() if p.grad is not None
    }
    assert given == {"belief", "projector"}
    encoder = model.belief.encoder.parameters()
    assert all(p.grad is not None and p.grad.any() for p in encoder)


@pytest.mark.parametrize("horizon", [1, 2, 7])
def test_however_far_a_model_predicts(traj: Trajectory, horizon: int) -> None:
    """K predictions of a row do not make it weigh K times."""
    found = []
    for ahead in (K, horizon):
        config = LatentDynamicsConfig(
            horizon=ahead, target=TargetKind.SHARED, objective=VicRegConfig()
        )
        model = config.build(build().belief)
        found.append(model.loss(traj, model.start(B)).regularizer)
    torch.testing.assert_close(*found)


@pytest.mark.parametrize("objective", [VicRegConfig(), SigRegConfig(0.1, 16)])
@pytest.mark.parametrize("target", list(TargetKind))
def test_where_rewards_are_scored_there_is_none(
    traj: Trajectory, target: TargetKind, objective: ObjectiveConfig
) -> None:
    model = model_of(target, Scope.ALL, objective)
    assert model.loss(traj, model.start(B)).regularizer > 0
    scored = model.surprise(traj, model.start(B))
    assert scored.regularizer == 0
    assert not any(name.startswith(("vicreg", "sigreg")) for name in scored.metrics)
