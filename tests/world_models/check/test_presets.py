"""Every preset, and every combination of parts, keeps the contract of world models."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import cycle, product
from typing import Any

import pytest

from experiments.parts.models import MODELS, OF_OBJECTS
from ssl_objectives.encoders.decoders import DecoderConfig
from ssl_objectives.encoders.encoder import Encoder
from ssl_objectives.encoders.heads import HeadConfig, Mlp, Standardized, Straight
from ssl_objectives.encoders.menet import MeNetConfig
from ssl_objectives.encoders.precision import Precision
from ssl_objectives.methods.bootstrap.byol import ByolConfig
from ssl_objectives.methods.bootstrap.regression import RegressionConfig
from ssl_objectives.methods.moments.sigreg import SigRegConfig
from ssl_objectives.methods.moments.vicreg_barlow import VicRegConfig
from ssl_objectives.methods.pretext.autoencoder import ReconstructionConfig
from ssl_objectives.objective import ObjectiveConfig, TargetKind
from ssl_objectives.refusal import ConfigError
from world_models import presets
from world_models.actions import ContinuousEmbedding, DiscreteEmbedding
from world_models.belief import BeliefModel
from world_models.check.model import ModelContractError, check_model
from world_models.check.samples import BeliefMaker, small_beliefs
from world_models.cores.latent import LatentCore
from world_models.gaussian import GaussianHeadConfig
from world_models.latent_dynamics import LatentDynamics
from world_models.model_config import LatentDynamicsConfig
from world_models.model_loss import ModelLoss
from world_models.predictor import LatentHeadConfig, PredictorConfig
from world_models.scope import Scope
from world_models.terms.ensemble import EnsembleConfig
from world_models.terms.goal import GoalConfig
from world_models.terms.inverse import InverseConfig
from world_models.terms.supervised import SupervisedConfig
from world_models.terms.term import Added, Term, TermConfig, Unrolled

K = 3
FACTS = {"place": 2}
SMALL = ReconstructionConfig(DecoderConfig(4))


def menet() -> Encoder:
    """Its batch norms look at all rows at once."""
    return MeNetConfig(18, (4, 5), 10, Precision.FLOAT32).build((1, 12, 14))


def latent() -> BeliefModel:
    return BeliefModel(menet(), LatentCore(18), DiscreteEmbedding(5, 6))


def latent_continuous() -> BeliefModel:
    encoder = MeNetConfig(18, (4, 5), 10, Precision.FLOAT32).build((2, 12, 14))
    return BeliefModel(encoder, LatentCore(18), ContinuousEmbedding(3, 6), 2)


BELIEFS: Mapping[str, BeliefMaker] = {
    **small_beliefs(),
    "latent": latent,
    "latent, continuous actions": latent_continuous,
}
PRESETS: Mapping[str, Callable[..., LatentDynamicsConfig]] = {
    "byol-explore": presets.byol_explore,
    "byol-hindsight": presets.byol_hindsight,
    "jepa-vicreg": presets.jepa_vicreg,
    "pldm": presets.pldm,
    "jepa-simclr": presets.jepa_simclr,
    "jepa-sigreg": presets.jepa_sigreg,
    "contrastive": presets.contrastive,
    "spr": presets.spr,
    "reconstruction": presets.reconstruction,
    "rssm": presets.rssm,
    "inverse-dynamics": presets.inverse_dynamics,
    "supervised": presets.supervised,
    "random-encoder": presets.random_encoder,
}


def test_all_presets_are_here() -> None:
    # what reads places, not pixels, is checked beside its own tests
    assert set(PRESETS) == set(MODELS.rows) - {"none", *OF_OBJECTS}
    assert all(name == preset().name for name, preset in PRESETS.items())


@pytest.mark.parametrize("belief", sorted(BELIEFS))
@pytest.mark.parametrize("name", PRESETS)
def test_presets_keep_it(name: str, belief: str) -> None:
    config = PRESETS[name](K)
    if isinstance(config.objective, ReconstructionConfig):
        config = replace(config, objective=SMALL)
    check_model(config.build, {belief: BELIEFS[belief]}, FACTS)


OBJECTIVES: Mapping[TargetKind, list[ObjectiveConfig]] = {
    TargetKind.EMA: [ByolConfig(), VicRegConfig(), SMALL, RegressionConfig()],
    TargetKind.STOP: [RegressionConfig(), SigRegConfig(), SMALL],
    TargetKind.SHARED: [VicRegConfig(), SigRegConfig()],
}
PROJECTORS: tuple[HeadConfig, ...] = (Straight(), Standardized(), Mlp(9, 11))
_COMBINATIONS = list(product(TargetKind, PROJECTORS, Scope, (False, True)))
_CYCLES = {kind: cycle(objectives) for kind, objectives in OBJECTIVES.items()}
_PREDICTORS: Iterator[PredictorConfig] = cycle(
    [
        LatentHeadConfig(0),
        GaussianHeadConfig(7, 0.5),
        LatentHeadConfig(8, batch_norm=True),
        LatentHeadConfig(8),
    ]
)
_TERMS: Iterator[tuple[TermConfig, ...]] = cycle(
    [(), (InverseConfig(),), (GoalConfig(3),), (InverseConfig(), EnsembleConfig(3, 7))]
)
_BELIEFS = cycle(sorted(BELIEFS))
COMBINED = [
    (
        next(_BELIEFS),
        LatentDynamicsConfig(
            horizon=K,
            predictor=next(_PREDICTORS),
            target=target,
            objective=next(_CYCLES[target]),
            projector=projector,
            detached=detached,
            scope=scope,
            terms=next(_TERMS),
        ),
    )
    for target, projector, scope, detached in _COMBINATIONS
    if not (detached and target is TargetKind.SHARED)
]
"""Targets, projectors, scopes and detachment all with all; the rest takes turns."""


def described(x: object) -> str:
    if isinstance(x, LatentDynamicsConfig):
        names = [x.objective, x.projector, x.predictor, *x.terms]
        kinds = [type(y).__name__.removesuffix("Config") for y in names]
        return "-".join([x.target.value, x.scope.value, *kinds, str(x.detached)])
    return str(x)


@pytest.mark.parametrize(("belief", "config"), COMBINED, ids=described)
def test_combinations_keep_it(belief: str, config: LatentDynamicsConfig) -> None:
    check_model(config.build, {belief: BELIEFS[belief]})


def grounded(projector: HeadConfig | None = None, *terms: Any) -> LatentDynamicsConfig:
    """A detached model with other terms."""
    return presets.random_encoder(
        K, projector=projector or Straight(), terms=tuple(terms)
    )


class Leaking(LatentDynamics):
    """Its predictions are said to be detached, and are not."""

    def predict(self, *args: Any, **kwargs: Any) -> ModelLoss:
        self.detached = False
        loss = super().predict(*args, **kwargs)
        self.detached = True
        return loss


def leaking(belief: BeliefModel) -> LatentDynamics:
    model = grounded(None, InverseConfig()).build(belief)
    model.__class__ = Leaking
    return model


class Cut(Term):
    """Inverse dynamics of latents without gradient: nothing is left to see by."""

    def __init__(self, inner: Term) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, unrolled: Unrolled) -> Added:
        latent = unrolled.latent
        kept = None if latent is None else latent.detach()
        added: Added = self.inner(replace(unrolled, latent=kept))
        return added


class CutConfig:
    def build(self, belief: BeliefModel, latent_size: int) -> Cut:
        return Cut(InverseConfig().build(belief, latent_size))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (leaking, "predictions are detached, and give encoder or core a gradient"),
        (grounded(None, CutConfig()).build, "no gradient reaches the encoder"),
    ],
)
def test_detached_models_that_break_the_rules(
    make: Callable[[BeliefModel], LatentDynamics], message: str
) -> None:
    recurrent = {"recurrent": BELIEFS["recurrent"]}
    with pytest.raises(ModelContractError, match=message):
        check_model(make, recurrent)


def test_disagreement_about_what_a_random_encoder_sees_keeps_it() -> None:
    """Terms that read no latents need not teach the encoder."""
    check_model(grounded(Standardized(), EnsembleConfig(3, 7)).build)


def test_facts_that_a_term_is_taught_by_must_be_given() -> None:
    make = grounded(None, SupervisedConfig("speed", 3)).build
    recurrent = {"recurrent": BELIEFS["recurrent"]}
    check_model(make, recurrent, {"speed": 3})
    with pytest.raises(ConfigError, match="taught the fact 'speed', and here are none"):
        check_model(make, recurrent)


class Scored(LatentDynamics):
    """Pays more than was learned."""

    def surprise(self, *args: Any, **kwargs: Any) -> ModelLoss:
        loss = super().surprise(*args, **kwargs)
        return replace(loss, terms={k: 1.1 * x for k, x in loss.terms.items()})


def test_rewards_are_what_is_learned() -> None:
    def make(belief: BeliefModel) -> LatentDynamics:
        model = presets.byol_explore(K).build(belief)
        model.__class__ = Scored
        return model

    with pytest.raises(ModelContractError, match="surprise, by which rewards are paid"):
        check_model(make)
