"""What `curious train` can be told by name: presets, models and signals.

A new part is one file and one row here; see docs/extend.md.
"""

from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from agents.curiosity.counts.counts import ExactCountsConfig, HashCountsConfig
from agents.curiosity.episodic.e3b import E3bConfig
from agents.curiosity.episodic.ngu import NguConfig
from agents.curiosity.episodic.noveld import NoveldConfig
from agents.curiosity.episodic.ride import RideConfig
from agents.curiosity.errors.ama import AmaConfig
from agents.curiosity.errors.critic import CuriosityCriticConfig
from agents.curiosity.errors.lpm import LpmConfig
from agents.curiosity.hindsight import HindsightErrorConfig
from agents.curiosity.icm import IcmConfig
from agents.curiosity.particles.apt import AptConfig
from agents.curiosity.particles.re3 import Re3Config
from agents.curiosity.prediction_error import ErrorConfig, PredictionErrorConfig
from agents.curiosity.progress.config import DeltaProgressConfig, GammaProgressConfig
from agents.curiosity.progress.frozen_features import (
    ChangeOfFeaturesConfig,
    FeaturesThemselvesConfig,
)
from agents.curiosity.progress.object_features import (
    ChangeOfObjectsConfig,
    ObjectsThemselvesConfig,
)
from agents.curiosity.progress.own_loss import OwnLossConfig
from agents.curiosity.progress.yardstick import YardstickConfig
from agents.curiosity.rnd import RndConfig
from agents.curiosity.signal import CuriosityConfig
from agents.policy.dqn import DqnConfig
from agents.policy.off_policy import OffPolicyConfig
from agents.policy.ppo import PpoConfig
from agents.policy.wanderer import DwellConfig, UniformConfig
from experiments.config.choices import Row, Table
from experiments.encoders.table import ENCODERS as _ENCODERS
from experiments.parts.models import CORES as _CORES
from experiments.parts.models import MODELS as _MODELS
from experiments.parts.models import nothing
from experiments.rewards.paid import PerceptualConfig, PerceptualShapingConfig
from ssl_objectives.encoders.encoder import EncoderConfig
from world_models.model_config import ModelConfig
from world_models.objects.latents import ObjectLatentsConfig
from world_models.vector_encoder import VectorMlpConfig


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
        "byol-hindsight": Row.of(
            Preset("byol-hindsight", "prediction-error"),
            "the same, told what chance did: reward what could be learned",
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

CORES = _CORES.only("recurrent", "frame-stack", "history")
"""what an agent remembers"""


def _ppo(ppo: PpoConfig | None = None) -> PpoConfig:
    return ppo or PpoConfig()


POLICIES: Table[PpoConfig | OffPolicyConfig] = Table(
    "policy",
    OffPolicyConfig,
    {
        "ppo": Row(_ppo, "PPO, on the world model's own beliefs", {"ppo": "ppo"}),
        "dqn": Row(
            DqnConfig,
            "Double DQN, apart from the world model; all learn from a replay",
            {"batch": "batch", "updates_per_rollout": "updates"},
        ),
        "random": Row(
            UniformConfig, "Acts at random, while model and curiosity learn as with dqn"
        ),
        "dwell": Row(
            DwellConfig, "The same, but stays (action 0) and moves now and then"
        ),
    },
)
"""who acts: PPO on shared beliefs, or anybody else apart from the world model"""

_OF_PIXELS = _ENCODERS.only(
    "nature", "impala", "patch", "menet", "change", "pretrained"
)

ENCODERS: Table[Any] = Table(
    "encoder",
    EncoderConfig,
    {
        **_OF_PIXELS.rows,
        "vector": Row(VectorMlpConfig, dial={"size": "latent"}),
        "heading": Row(
            partial(VectorMlpConfig, stop=12, size=64),
            "Where the gaze of the attention world goes, and which group is in view",
        ),
        "objects": Row(
            partial(VectorMlpConfig, start=12, stop=60, hidden=()),
            "Objects' places and masks as the attention world tells them",
        ),
        "object-latents": Row(ObjectLatentsConfig),
    },
)
"""how it sees"""

# facts are not for agents
MODELS = _MODELS.only(*(x for x in _MODELS.rows if x != "supervised"))
"""what it predicts"""

MEASURED: Table[ModelConfig | None] = replace(
    MODELS.only(*(x for x in MODELS.rows if x != "none")), kind="measured"
)
"""a world model that learning progress has for itself"""

CURIOSITY: Table[CuriosityConfig | None] = Table(
    "curiosity",
    CuriosityConfig,
    {
        "prediction-error": Row(
            PredictionErrorConfig, dial={"ema_decay": "reward_decay"}
        ),
        "error": Row(ErrorConfig),
        "hindsight-error": Row(
            HindsightErrorConfig, dial={"ema_decay": "reward_decay"}
        ),
        "gamma-progress": Row(GammaProgressConfig),
        "delta-progress": Row(DeltaProgressConfig),
        "rnd": Row(RndConfig, dial={"size": "latent"}),
        "icm": Row(IcmConfig),
        "hash-counts": Row(HashCountsConfig),
        "exact-counts": Row(ExactCountsConfig),
        "e3b": Row(E3bConfig),
        "noveld": Row(NoveldConfig),
        "ngu": Row(NguConfig),
        "ride": Row(RideConfig),
        "re3": Row(Re3Config),
        "apt": Row(AptConfig),
        "ama": Row(AmaConfig),
        "lpm": Row(LpmConfig),
        "curiosity-critic": Row(CuriosityCriticConfig),
        "perceptual": Row(PerceptualConfig),
        "perceptual-shaping": Row(PerceptualShapingConfig),
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
        "object-change": Row(ChangeOfObjectsConfig),
        "object-features": Row(ObjectsThemselvesConfig),
        "own-loss": Row(OwnLossConfig),
    },
)
"""what learning progress is measured by"""
