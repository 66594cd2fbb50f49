"""What does not fit together is refused, with what there is instead."""

from itertools import product
from typing import Any

import pytest
import torch

from ssl_objectives.check.views import sizes
from ssl_objectives.encoders.heads import HeadConfig, Mlp, Standardized, Straight
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.encoders.vit import ViTConfig
from ssl_objectives.methods.bootstrap.byol import ByolConfig, SimSiamConfig
from ssl_objectives.methods.bootstrap.regression import RegressionConfig
from ssl_objectives.methods.clusters.pcl import PclConfig
from ssl_objectives.methods.contrast.direct_clr import DirectClrConfig
from ssl_objectives.methods.contrast.info_nce import CpcConfig, InfoNceConfig
from ssl_objectives.methods.dense.local_global import AmdimConfig
from ssl_objectives.methods.memory.instance import InstanceConfig
from ssl_objectives.methods.memory.label_propagation import LabelPropagationConfig
from ssl_objectives.methods.moments.hsic import SslHsicConfig
from ssl_objectives.methods.moments.sigreg import SigRegConfig
from ssl_objectives.methods.moments.vicreg_barlow import (
    BarlowConfig,
    VicReg,
    VicRegConfig,
)
from ssl_objectives.methods.pretext.aug_self import AugSelfConfig
from ssl_objectives.methods.pretext.autoencoder import ReconstructionConfig
from ssl_objectives.methods.pretext.rotnet import RotNetConfig
from ssl_objectives.objective import Needs, ObjectiveConfig, TargetKind
from world_models.actions import DiscreteEmbedding
from world_models.belief import BeliefModel
from world_models.check.samples import random_trajectory, small_beliefs
from world_models.cores.latent import LatentCore
from world_models.fits import check_objective_fits
from world_models.latent_dynamics import LatentDynamics
from world_models.model_config import LatentDynamicsConfig

SHARED, STOP, EMA = TargetKind.SHARED, TargetKind.STOP, TargetKind.EMA
SERVED: list[tuple[ObjectiveConfig, set[TargetKind]]] = [
    (ByolConfig(), {EMA}),
    (SimSiamConfig(), {STOP, EMA}),
    (RegressionConfig(), {STOP, EMA}),
    (VicRegConfig(), {SHARED, STOP, EMA}),
    (SigRegConfig(), {SHARED, STOP, EMA}),
    (InfoNceConfig(), {SHARED, STOP, EMA}),
    (InfoNceConfig(both_ways=True), {SHARED, STOP, EMA}),
    (CpcConfig(), {SHARED, STOP, EMA}),
    (ReconstructionConfig(), {SHARED, STOP, EMA}),
]


def build(belief: BeliefModel | None = None, **parts: Any) -> LatentDynamics:
    belief = belief or small_beliefs()["recurrent"]()
    return LatentDynamicsConfig(horizon=2, **parts).build(belief)


@pytest.mark.parametrize(
    ("objective", "kind", "served"),
    [(x, kind, kind in kinds) for (x, kinds), kind in product(SERVED, TargetKind)],
)
def test_which_targets_serve_which_objective(
    objective: ObjectiveConfig, kind: TargetKind, served: bool
) -> None:
    """Where nothing else prevents collapse, gradient must not reach the target."""
    if served:
        assert build(objective=objective, target=kind).kind is kind
        return
    with pytest.raises(ValueError, match="wants targets of the kind") as told:
        build(objective=objective, target=kind)
    message = str(told.value)
    assert f"this model has '{kind.value}'" in message
    # the objectives that would go with what the model has
    ways_out = {SHARED: "VicReg, SigReg and InfoNCE with any", STOP: "SimSiam and Reg"}
    assert ways_out[kind] in message
    assert "Byol goes with 'ema'" in message


@pytest.mark.parametrize(
    ("objective", "target", "message"),
    [
        (BarlowConfig(), SHARED, "BarlowTwins has one loss for a whole batch"),
        (SslHsicConfig(), EMA, "VicReg and SigReg have one, beside"),
        (InstanceConfig(), SHARED, "needs the numbers of its rows in a data set; a"),
        (PclConfig(), EMA, "numbers of its rows in a data set, sweeps over a data"),
        (DirectClrConfig(), SHARED, "DirectClr needs the encoder's output beside its"),
        (AmdimConfig(), SHARED, "LocalGlobal needs feature maps"),
        (RotNetConfig(), SHARED, "RotNet needs 4 views, the encoder's output"),
        (AugSelfConfig(), SHARED, "output beside its projection, 'params' of each im"),
        (LabelPropagationConfig(), SHARED, "rows in a data set, .*'label' of each im"),
    ],
    ids=lambda x: type(x).__name__,
)
def test_what_no_world_model_has_is_named(
    objective: ObjectiveConfig, target: TargetKind, message: str
) -> None:
    """And what needs no more than there is."""
    built = objective.build(sizes(24))
    with pytest.raises(ValueError, match=message) as told:
        check_objective_fits(built, target)
    assert "VicReg" in str(told.value)
    assert "Needs(" not in str(told.value)


class OfThree(VicReg):
    """Compares three views, one more than a world model has."""

    needs = Needs(views=(3, None))


def test_a_world_model_has_two_views() -> None:
    with pytest.raises(ValueError, match="OfThree needs 3 views; a world model has"):
        check_objective_fits(OfThree(), SHARED)
    check_objective_fits(VicReg(), SHARED)  # two are enough for it


@pytest.mark.parametrize("objective", [VicRegConfig(), InfoNceConfig(), CpcConfig()])
def test_detached_predictions_of_targets_with_gradient(
    objective: ObjectiveConfig,
) -> None:
    with pytest.raises(ValueError, match=r"without \(stop\), or a slow copy \(ema\)"):
        build(objective=objective, target=SHARED, detached=True)
    for kind in (STOP, EMA):
        assert build(objective=objective, target=kind, detached=True).detached


def test_one_row_has_nothing_to_be_compared_with() -> None:
    with pytest.raises(ValueError, match="group must be at least 2 rows, not 1"):
        build(group=1)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"horizon": 0}, "horizon must be at least 1, not 0"),
        ({"ema_decay": 1.5}, "ema_decay must be between 0 and 1, not 1.5"),
        ({"ema_decay": -0.1}, "ema_decay must be between 0 and 1, not -0.1"),
    ],
)
def test_numbers_out_of_range(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LatentDynamicsConfig(**wrong)


def seen_by_vit(size: int) -> BeliefModel:
    """With size 0 its last layer is the layer norm."""
    config = ViTConfig(size, patch=4, width=8, depth=1, heads=2, precision=FLOAT32)
    encoder = config.build((1, 12, 16))
    return BeliefModel(encoder, LatentCore(encoder.size), DiscreteEmbedding(3, 4))


FLOAT32 = Precision.FLOAT32
SIGREG = SigRegConfig(0.1, 8)


@pytest.mark.parametrize("target", list(TargetKind))
@pytest.mark.parametrize("projector", [Straight(), Mlp(9, 11, layers=1)])
def test_sigreg_has_no_say_behind_a_layer_norm(
    target: TargetKind, projector: HeadConfig
) -> None:
    with pytest.raises(
        ValueError, match="layer norm that this encoder ends in"
    ) as told:
        build(seen_by_vit(0), objective=SIGREG, target=target, projector=projector)
    for remedy in ("Standardized", "Mlp with last_norm", "size above 0"):
        assert remedy in str(told.value)


@pytest.mark.parametrize(
    ("size", "projector"),
    [
        (0, Standardized()),
        (0, Mlp(9, 11, last_norm=True)),
        (0, Mlp(9, 11)),
        (7, Straight()),
    ],
)
def test_its_remedies_build_and_learn(size: int, projector: HeadConfig) -> None:
    belief = seen_by_vit(size)
    model = build(belief, objective=SIGREG, target=SHARED, projector=projector)
    loss = model.loss(random_trajectory(belief, 6, 3, 2), model.start(3))
    assert loss.regularizer > 0
    loss.mean().backward()
    assert all(p.grad is not None for p in belief.encoder.parameters())


@pytest.mark.parametrize("objective", [VicRegConfig(), InfoNceConfig(), SIGREG])
def test_nothing_else_is_refused_for_its_last_layer(objective: ObjectiveConfig) -> None:
    """Other objectives behind a layer norm, or SIGReg behind another layer."""
    belief = None if objective is SIGREG else seen_by_vit(0)
    built = build(belief, objective=objective, target=SHARED)
    assert isinstance(built.objective, torch.nn.Module)
