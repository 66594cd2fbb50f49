"""World models and their parts by name, one row each.

A new part is one file and one row here; see docs/extend.md.
"""

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

from experiments.config.choices import Row, Table
from ssl_objectives.methods.bootstrap.byol import ByolConfig, SimSiamConfig
from ssl_objectives.methods.bootstrap.direct_pred import DirectPredConfig
from ssl_objectives.methods.bootstrap.regression import RegressionConfig
from ssl_objectives.methods.contrast.info_nce import (
    CpcConfig,
    DclConfig,
    InfoNceConfig,
)
from ssl_objectives.methods.memory.moco import MoCoConfig
from ssl_objectives.methods.moments.sigreg import SigRegConfig
from ssl_objectives.methods.moments.tico import TiCoConfig
from ssl_objectives.methods.moments.vicreg_barlow import VicRegConfig
from ssl_objectives.methods.pretext.autoencoder import ReconstructionConfig
from ssl_objectives.objective import ObjectiveConfig
from ssl_objectives.refusal import ConfigError
from world_models import presets
from world_models.cores.core import CoreConfig
from world_models.cores.frame_stack import FrameStackConfig
from world_models.cores.history import HistoryConfig
from world_models.cores.latent import LatentCoreConfig
from world_models.cores.recurrent import RecurrentConfig
from world_models.model_config import ModelConfig
from world_models.objects.ensemble import ObjectEnsembleConfig
from world_models.terms.distance import DistanceConfig
from world_models.terms.ensemble import EnsembleConfig
from world_models.terms.goal import GoalConfig
from world_models.terms.inverse import InverseConfig
from world_models.terms.supervised import SupervisedConfig
from world_models.terms.temporal import TemporalConfig
from world_models.terms.term import TermConfig


def nothing() -> None:
    """What `none` stands for."""


CORES: Table[CoreConfig] = Table(
    "core",
    CoreConfig,
    {
        "recurrent": Row(RecurrentConfig, dial={"size": "belief"}),
        "frame-stack": Row(FrameStackConfig),
        "latent": Row(LatentCoreConfig),
        "history": Row(HistoryConfig),
    },
)


def _model(preset: Callable[..., ModelConfig], about: str) -> Row[ModelConfig | None]:
    return Row(preset, about, {"horizon": "horizon"})


MODELS: Table[ModelConfig | None] = Table(
    "model",
    ModelConfig,
    {
        "byol-explore": _model(presets.byol_explore, "Predicts a slow copy's latents"),
        "byol-hindsight": _model(
            presets.byol_hindsight, "The same, told what nobody could have known"
        ),
        "jepa-vicreg": _model(
            presets.jepa_vicreg, "Predicts its own latents, which VICReg keeps apart"
        ),
        "pldm": _model(
            presets.pldm, "The same for planning: slow, and made to tell actions"
        ),
        "jepa-simclr": _model(
            presets.jepa_simclr, "Predicts its own latents, which InfoNCE keeps apart"
        ),
        "jepa-sigreg": _model(
            presets.jepa_sigreg, "Predicts its own latents, which SIGReg makes Gaussian"
        ),
        "contrastive": _model(
            presets.contrastive, "CPC with actions: tells what came from what did not"
        ),
        "spr": _model(presets.spr, "Predicts a slow copy's projections"),
        "reconstruction": _model(
            presets.reconstruction, "Decodes what it predicts, and compares pixels"
        ),
        "rssm": _model(
            presets.rssm, "The same, with a prior and a posterior of what comes"
        ),
        "inverse-dynamics": _model(
            presets.inverse_dynamics, "Sees what tells the actions; predicts that"
        ),
        "supervised": _model(
            presets.supervised, "The control that is told a fact; predicts that"
        ),
        "random-encoder": _model(
            presets.random_encoder, "The control whose encoder learns nothing"
        ),
        "grouped": Row(
            presets.grouped,
            "Predicts where objects go, from their places (--encoder objects)",
        ),
        "jepa-objects": Row(
            presets.jepa_objects,
            "Predicts its own latents of groups of objects (--encoder object-latents)",
        ),
        "none": Row(nothing, "No world model"),
    },
)

OF_OBJECTS = ("grouped", "jepa-objects")
"""models that read objects, as the vector of the attention world tells them"""

OBJECTIVES: Table[ObjectiveConfig] = Table(
    "objective",
    ObjectiveConfig,
    {
        "byol": Row(ByolConfig),
        "sim-siam": Row(SimSiamConfig),
        "direct-pred": Row(DirectPredConfig),
        "moco": Row(
            MoCoConfig, "MoCo: tell what came from what came before, in a queue"
        ),
        "vicreg": Row(VicRegConfig),
        "sigreg": Row(SigRegConfig),
        "tico": Row(TiCoConfig),
        "info-nce": Row(InfoNceConfig),
        "cpc": Row(CpcConfig),
        "dcl": Row(DclConfig, "DCL: InfoNCE without what came in the denominator"),
        "regression": Row(RegressionConfig),
        "reconstruction": Row(
            ReconstructionConfig, "Pixels of what came, decoded from the prediction"
        ),
    },
)
"""what a world model compares predictions and what came with"""

TERMS: Table[TermConfig | None] = Table(
    "term",
    TermConfig,
    {
        "inverse": Row(InverseConfig),
        "goal": Row(GoalConfig),
        "temporal": Row(TemporalConfig),
        "ensemble": Row(EnsembleConfig),
        "object-ensemble": Row(ObjectEnsembleConfig),
        "distance": Row(DistanceConfig),
        "supervised": Row(SupervisedConfig),
        "none": Row(nothing, "Nothing more"),
    },
)
"""what a world model learns beside its predictions"""


def changed(model: ModelConfig, objective: str | None, term: str) -> ModelConfig:
    """A model with another objective, and one term more, where these are asked for.

    Raises:
        ConfigError: no such names, or the model does not take them.
    """
    if objective is not None:
        model = _with(model, "objective", OBJECTIVES.make(objective))
    added = TERMS.make(term)
    if added is not None:
        model = _with(model, "terms", (*getattr(model, "terms", ()), added))
    return model


def _with(model: ModelConfig, name: str, value: Any) -> ModelConfig:
    names = {x.name for x in fields(model)}  # type: ignore[arg-type]  # a dataclass
    if name not in names:
        raise ConfigError(
            f"--{name.removesuffix('s')}: {type(model).__name__} brings its own and "
            f"takes no other. Leave it out, or give the class a field `{name}`."
        )
    return replace(model, **{name: value})  # type: ignore[type-var]  # likewise
