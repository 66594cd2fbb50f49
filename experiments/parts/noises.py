"""Noises by name, one row each: `--noise`."""

from functools import partial

from envs.noise.frame_layer import FrameLayerConfig
from envs.noise.no_op_patterns import NoOpPatternsConfig
from envs.noise.persistive import PersistiveConfig
from envs.noise.pictures import ChannelsConfig, NoPictureConfig, StillConfig
from envs.noise.signs import FixedSignsConfig
from envs.noise.sticky import StickyConfig
from envs.noise.tv import TvConfig
from envs.noise.world_noise import WorldNoiseConfig
from experiments.config.choices import Row, Table
from experiments.parts.models import nothing

NOISES: Table[WorldNoiseConfig | None] = Table(
    "noise",
    WorldNoiseConfig,
    {
        "tv": Row(TvConfig),
        "tv-channels": Row(
            partial(TvConfig, picture=ChannelsConfig()),
            "The same with a few channels instead of fresh pixels",
        ),
        "tv-static": Row(
            partial(TvConfig, picture=StillConfig()),
            "The same with one picture for ever: a control",
        ),
        "tv-sham": Row(
            partial(TvConfig, picture=NoPictureConfig()),
            "The action more without a TV: a control",
        ),
        "layer": Row(FrameLayerConfig),
        "layer-patterns": Row(
            partial(FrameLayerConfig, signs=FixedSignsConfig()),
            "The same with a few fixed patterns instead of fresh ones",
        ),
        "no-op": Row(NoOpPatternsConfig),
        "persistive": Row(PersistiveConfig),
        "sticky": Row(StickyConfig),
        "none": Row(nothing, "The world as it is"),
    },
)
"""what lies between the agent and its world"""
