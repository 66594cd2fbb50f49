"""What `curious train` can be told by name: presets, models and signals.

A new part is one file and one row here; see docs/extend.md.
"""

from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from agents.curiosity.prediction_error import PredictionErrorConfig
from agents.curiosity.rnd import RndConfig
from agents.curiosity.signal import CuriosityConfig
from experiments.config.choices import Row, Table
from experiments.encoders.table import ENCODERS
from experiments.parts.models import CORES, nothing
from experiments.parts.models import MODELS as _MODELS
from ssl_objectives.encoders.encoder import EncoderConfig
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
        "rnd": Row.of(Preset("none", "rnd"), "reward frames unlike those seen before"),
        "ppo": Row.of(Preset("none", "none"), "no curiosity: the world's reward alone"),
    },
)

AGENTS = replace(CORES.only("recurrent", "frame-stack", "history"), kind="agent")
"""what an agent remembers"""

_OF_PIXELS = ENCODERS.only("nature", "impala", "patch", "menet", "change", "pretrained")

EYES: Table[Any] = Table(
    "encoder",
    EncoderConfig,
    {
        **_OF_PIXELS.rows,
        "vector": Row(VectorMlpConfig, dial={"size": "latent"}),
        "objects": Row(
            partial(VectorMlpConfig, start=12, stop=60, hidden=()),
            "Objects' places and masks as the attention world tells them",
        ),
    },
)
"""how it sees"""

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
        "rnd": Row(RndConfig, dial={"size": "latent"}),
        "none": Row(nothing, "No intrinsic reward"),
    },
)

ALSO: Table[CuriosityConfig | None] = replace(CURIOSITY, kind="also")
"""the same, for a second signal"""
