"""What `curious train` can be told by name: tables of worlds, models and signals.

A new part is one file and one row here; see docs/extend.md.
"""

from dataclasses import replace
from functools import partial
from typing import NamedTuple

from agents.curiosity.prediction_error import PredictionErrorConfig
from agents.curiosity.rnd import RndConfig
from agents.curiosity.signal import CuriosityConfig
from envs.atari.native import AtariConfig
from envs.counting import CountingConfig
from envs.gymnasium_env import GymnasiumConfig
from envs.tiles.key_door import KeyDoorConfig
from envs.tiles.maze.pixel_maze import PixelMazeConfig
from envs.toys.moving_dot import MovingDotConfig
from envs.vector_env import WorldConfig
from experiments.config.choices import Row, Table
from ssl_objectives.methods.bootstrap.byol import ByolConfig
from ssl_objectives.methods.bootstrap.direct_pred import DirectPredConfig
from ssl_objectives.methods.contrast.info_nce import DclConfig, InfoNceConfig
from ssl_objectives.methods.memory.moco import MoCoConfig
from ssl_objectives.methods.moments.sigreg import SigRegConfig
from ssl_objectives.methods.moments.vicreg_barlow import VicRegConfig
from ssl_objectives.objective import ObjectiveConfig
from world_models.cores.core import CoreConfig
from world_models.cores.frame_stack import FrameStackConfig
from world_models.cores.recurrent import RecurrentConfig
from world_models.model_config import ModelConfig
from world_models.presets import ByolExploreConfig, JepaConfig


class Preset(NamedTuple):
    """A published agent: the names of its model and of its curiosity."""

    model: str
    curiosity: str


def nothing() -> None:
    """What `none` stands for."""


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

WORLDS: Table[WorldConfig] = Table(
    "world",
    WorldConfig,
    {
        "atari": Row(AtariConfig),
        "pixel-maze": Row(PixelMazeConfig),
        "key-door": Row(KeyDoorConfig),
        "moving-dot": Row(MovingDotConfig),
        "gymnasium": Row(GymnasiumConfig),
        "counting": Row(CountingConfig),
    },
)

CORES: Table[CoreConfig] = Table(
    "agent",
    CoreConfig,
    {
        "recurrent": Row(RecurrentConfig, dial={"size": "belief"}),
        "frame-stack": Row(FrameStackConfig),
    },
)

MODELS: Table[ModelConfig | None] = Table(
    "model",
    ModelConfig,
    {
        "byol-explore": Row(ByolExploreConfig, dial={"horizon": "horizon"}),
        "jepa-vicreg": Row(
            JepaConfig,
            "Predicts its own latents, which VICReg keeps apart",
            {"horizon": "horizon"},
        ),
        "contrastive": Row(
            partial(JepaConfig, objective=InfoNceConfig()),
            "Predicts its own latents, which InfoNCE keeps apart",
            {"horizon": "horizon"},
        ),
        "none": Row(nothing, "No world model"),
    },
)

OBJECTIVES: Table[ObjectiveConfig] = Table(
    "objective",
    ObjectiveConfig,
    {
        "byol": Row(ByolConfig),
        "direct-pred": Row(DirectPredConfig),
        "moco": Row(
            MoCoConfig, "MoCo: tell what came from what came before, in a queue"
        ),
        "vicreg": Row(VicRegConfig),
        "sigreg": Row(SigRegConfig),
        "info-nce": Row(InfoNceConfig),
        "dcl": Row(DclConfig, "DCL: InfoNCE without what came in the denominator"),
    },
)
"""what a world model compares predictions and what came with"""

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
