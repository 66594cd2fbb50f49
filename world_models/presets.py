"""Published world models, each a composition of parts: BYOL-Explore, JEPA, CPC, SPR.

    model = jepa_vicreg(horizon=4).of(env.spec.obs_shape, env.spec.actions)

Every function takes any field of `LatentDynamicsConfig` by name, to change it.
"""

from dataclasses import replace
from typing import Any

from ssl_objectives.encoders.decoders import FlatDecoderConfig
from ssl_objectives.encoders.heads import Mlp, Standardized
from ssl_objectives.methods.bootstrap.regression import RegressionConfig
from ssl_objectives.methods.contrast.info_nce import CpcConfig, InfoNceConfig
from ssl_objectives.methods.moments.sigreg import SigRegConfig
from ssl_objectives.methods.moments.vicreg_barlow import VicRegConfig
from ssl_objectives.methods.pretext.autoencoder import ReconstructionConfig
from ssl_objectives.objective import TargetKind
from world_models.gaussian import GaussianHeadConfig
from world_models.hindsight.config import HindsightHeadConfig
from world_models.model_config import LatentDynamicsConfig
from world_models.objects.displacements import DisplacementsConfig
from world_models.objects.distance import ObjectDistanceConfig
from world_models.objects.layout import Layout
from world_models.objects.variance import GroupVarianceConfig
from world_models.open_loop import UnmovedConfig
from world_models.predictor import BeliefItselfConfig, LatentHeadConfig
from world_models.residual_loop import ResidualLoopConfig
from world_models.scope import Scope
from world_models.terms.inverse import InverseConfig
from world_models.terms.supervised import SupervisedConfig
from world_models.terms.temporal import TemporalConfig

_LINEAR = LatentHeadConfig(hidden=0)


def byol_explore(horizon: int = 8, **changes: Any) -> LatentDynamicsConfig:
    """BYOL-Explore's world model (arXiv 2206.08332): a slow copy's latents."""
    return _of(LatentDynamicsConfig("byol-explore"), horizon, changes)


def byol_hindsight(horizon: int = 8, **changes: Any) -> LatentDynamicsConfig:
    """BYOL-Hindsight's (arXiv 2211.10515): the same, with a code of what chance did.

    Deviations: codes of 32 numbers and MLPs of 2 x 256, not 256 and 3 x 512.
    """
    config = LatentDynamicsConfig("byol-hindsight", predictor=HindsightHeadConfig())
    return _of(config, horizon, changes)


def jepa_vicreg(horizon: int = 8, **changes: Any) -> LatentDynamicsConfig:
    """JEPA (arXiv 2211.10831) with VICReg, which keeps its own latents apart."""
    return _jepa("jepa-vicreg", horizon, changes, objective=VicRegConfig())


def pldm(horizon: int = 8, **changes: Any) -> LatentDynamicsConfig:
    """PLDM's recipe for planning (arXiv 2502.14819): VICReg, slow latents, actions.

    Squared error, variance and covariance at each time step across envs; neighbouring
    latents near each other; and inverse dynamics, without which latents that tell
    nothing but the surroundings of an episode satisfy all of the others. Deviations:
    its variance and covariance along time are left out, as in EB-JEPA (arXiv
    2602.03604); weights of our own (docs/logbook.md); variance and covariance are those
    of all rows, not of the first; the open loop is a residual MLP, not a GRU.
    """
    config = LatentDynamicsConfig(
        "pldm",
        open_loop=ResidualLoopConfig(),
        predictor=BeliefItselfConfig(),
        target=TargetKind.SHARED,
        objective=VicRegConfig(invariance=2.0, variance=16.0, covariance=2.0),
        scope=Scope.BATCH,
        terms=(TemporalConfig(variance=0.0, smoothness=1.0), InverseConfig(8.0)),
    )
    return _of(config, horizon, changes)


def jepa_simclr(horizon: int = 8, **changes: Any) -> LatentDynamicsConfig:
    """JEPA with InfoNCE on cosines, both ways (arXiv 2211.10831).

    Deviation: candidates are the rows of the other side; the paper's NT-Xent has those
    of both.
    """
    objective = InfoNceConfig(both_ways=True)
    return _jepa("jepa-simclr", horizon, changes, objective=objective)


def jepa_sigreg(horizon: int = 8, **changes: Any) -> LatentDynamicsConfig:
    """LeWorldModel's recipe (arXiv 2603.19312): squared error and SIGReg, no copy.

    Latents are compared behind a batch norm without weights, which the paper's
    projector ends in. Deviations: its one-layer MLP in front of that, its transformers.
    """
    return _jepa(
        "jepa-sigreg",
        horizon,
        changes,
        objective=SigRegConfig(weight=0.03, directions=64),
        projector=Standardized(),
    )


def contrastive(horizon: int = 8, **changes: Any) -> LatentDynamicsConfig:
    """CPC with actions (arXiv 1811.06407): a matrix W_k compares, k steps ahead.

    Negatives come from other envs, other steps of the same, or both: `scope`.
    """
    return _jepa("contrastive", horizon, changes, objective=CpcConfig())


def spr(horizon: int = 5, **changes: Any) -> LatentDynamicsConfig:
    """SPR without augmentation (arXiv 2007.05929): a slow copy's projections, 5 steps.

    Predicted latents are projected like those that were seen, and a linear head
    predicts the slow copy's projections from them. Deviations: a GRU over actions in
    place of convolutions over feature maps; a projector of its own instead of the Q
    head's first layer.
    """
    config = LatentDynamicsConfig(
        "spr",
        predictor=_LINEAR,
        projector=Mlp(size=128, hidden=256, layers=2),
        head=Mlp(size=128, layers=1),
    )
    return _of(config, horizon, changes)


def reconstruction(horizon: int = 8, **changes: Any) -> LatentDynamicsConfig:
    """The generative control: predicted latents are decoded, and compared in pixels."""
    config = LatentDynamicsConfig(
        "reconstruction",
        predictor=_LINEAR,
        target=TargetKind.STOP,
        objective=ReconstructionConfig(FlatDecoderConfig(), standardize=True),
    )
    return _of(config, horizon, changes)


def rssm(horizon: int = 8, **changes: Any) -> LatentDynamicsConfig:
    """The generative control with a prior and a posterior: see `GaussianHead`."""
    config = LatentDynamicsConfig(
        "rssm",
        predictor=GaussianHeadConfig(),
        target=TargetKind.STOP,
        objective=ReconstructionConfig(FlatDecoderConfig(), standardize=True),
    )
    return _of(config, horizon, changes)


def inverse_dynamics(horizon: int = 8, **changes: Any) -> LatentDynamicsConfig:
    """ICM's model (arXiv 1705.05363): inverse dynamics shapes the encoder, alone."""
    return _grounded("inverse-dynamics", horizon, changes, terms=(InverseConfig(),))


def supervised(horizon: int = 8, **changes: Any) -> LatentDynamicsConfig:
    """The control that is told the truth: a fact shapes the encoder, alone."""
    return _grounded("supervised", horizon, changes, terms=(SupervisedConfig(),))


def random_encoder(horizon: int = 8, **changes: Any) -> LatentDynamicsConfig:
    """The control that learns to predict, and not to see: random weights stay."""
    return _grounded("random-encoder", horizon, changes)


def grouped(
    horizon: int = 1, layout: Layout | None = None, **changes: Any
) -> LatentDynamicsConfig:
    """The causal model of arXiv 2007.07853: a small network per group of objects.

    Reads places and masks of the last rows: `--encoder objects --core history`.
    """
    layout = layout or Layout()
    config = LatentDynamicsConfig(
        "grouped",
        open_loop=UnmovedConfig(),
        predictor=DisplacementsConfig(layout),
        target=TargetKind.STOP,
        objective=ObjectDistanceConfig(layout),
        detached=True,
    )
    return _of(config, horizon, changes)


def jepa_objects(
    horizon: int = 1, layout: Layout | None = None, **changes: Any
) -> LatentDynamicsConfig:
    """A JEPA of groups of objects, with a small encoder and predictor for each.

    A slow copy's latents are predicted, and VICReg's variance term (arXiv 2105.04906)
    keeps those of each group apart: `--encoder object-latents --core history`.

    Args:
        horizon: K.
        layout: of the latents; as many numbers as the encoder gives of a group.
        changes: fields of `LatentDynamicsConfig`.
    """
    layout = layout or Layout(4, 1, 16)
    config = LatentDynamicsConfig(
        "jepa-objects",
        open_loop=UnmovedConfig(),
        predictor=DisplacementsConfig(layout, hidden=64),
        target=TargetKind.EMA,
        objective=ObjectDistanceConfig(layout),
        terms=(GroupVarianceConfig(layout),),
    )
    return _of(config, horizon, changes)


def _jepa(
    name: str, horizon: int, changes: dict[str, Any], **parts: Any
) -> LatentDynamicsConfig:
    """Targets carry gradient, and a linear map reads them out of the open loop."""
    config = LatentDynamicsConfig(
        name, predictor=_LINEAR, target=TargetKind.SHARED, **parts
    )
    return _of(config, horizon, changes)


def _grounded(
    name: str, horizon: int, changes: dict[str, Any], **parts: Any
) -> LatentDynamicsConfig:
    """Predictions follow an encoder that they do not shape."""
    config = LatentDynamicsConfig(
        name,
        predictor=_LINEAR,
        target=TargetKind.STOP,
        objective=RegressionConfig(),
        detached=True,
        **parts,
    )
    return _of(config, horizon, changes)


def _of(
    config: LatentDynamicsConfig, horizon: int, changes: dict[str, Any]
) -> LatentDynamicsConfig:
    return replace(config, horizon=horizon, **changes)
