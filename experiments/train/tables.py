"""What `curious train` can be told by name: presets, models and signals.

A new part is one file and one row here; see docs/extend.md.
"""

from dataclasses import replace
from typing import NamedTuple

from agents.curiosity.prediction_error import PredictionErrorConfig
from agents.curiosity.progress.config import DeltaProgressConfig, GammaProgressConfig
from agents.curiosity.progress.frozen_features import (
    ChangeOfFeaturesConfig,
    FeaturesThemselvesConfig,
)
from agents.curiosity.progress.own_loss import OwnLossConfig
from agents.curiosity.progress.yardstick import YardstickConfig
from agents.curiosity.rnd import RndConfig
from agents.curiosity.signal import CuriosityConfig
from experiments.config.choices import Row, Table
from experiments.parts.models import CORES, nothing
from experiments.parts.models import MODELS as _MODELS


class Preset(NamedTuple):
    """A published agent: the names of its model and of its curiosity."""

    model: str
    curiosity: str


PRESETS: Table[Preset] = Table(
    "preset",
    None,
    {
        "byol-explore": Row.of(
            Preset("byol-explore", "prediction-error"),
            "reward what a K-step latent model failed to predict",
        ),
        "gamma-progress": Row.of(
            Preset("byol-explore", "gamma-progress"),
            "reward what the model has learned since a slowly following copy of it",
        ),
        "delta-progress": Row.of(
            Preset("byol-explore", "delta-progress"),
            "the same, since a few updates ago",
        ),
        "rnd": Row.of(Preset("none", "rnd"), "reward frames unlike those seen before"),
        "ppo": Row.of(Preset("none", "none"), "no curiosity: the world's reward alone"),
    },
)

AGENTS = replace(CORES.only("recurrent", "frame-stack"), kind="agent")
"""what an agent remembers"""

# facts are not for agents
MODELS = _MODELS.only(*(x for x in _MODELS.rows if x != "supervised"))
"""what it predicts"""

CURIOSITY: Table[CuriosityConfig | None] = Table(
    "curiosity",
    CuriosityConfig,
    {
        "prediction-error": Row(
            PredictionErrorConfig, dial={"ema_decay": "reward_decay"}
        ),
        "gamma-progress": Row(GammaProgressConfig),
        "delta-progress": Row(DeltaProgressConfig),
        "rnd": Row(RndConfig, dial={"size": "latent"}),
        "none": Row(nothing, "No intrinsic reward"),
    },
)

ALSO: Table[CuriosityConfig | None] = replace(CURIOSITY, kind="also")
"""the same, for a second signal"""

YARDSTICKS: Table[YardstickConfig] = Table(
    "yardstick",
    YardstickConfig,
    {
        "change": Row(ChangeOfFeaturesConfig),
        "features": Row(FeaturesThemselvesConfig),
        "own-loss": Row(OwnLossConfig),
    },
)
"""what learning progress is measured by"""
