"""What `curious picture` lets be chosen by name."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from experiments.config.choices import Choice, Row, Table
from experiments.model.presets import DATA
from experiments.parts.worlds import WORLDS
from experiments.picture.config import PictureConfig
from experiments.sources.worlds import WorldsConfig
from ssl_objectives.encoders.decoders import DecoderConfig, FlatDecoderConfig
from ssl_objectives.refusal import ConfigError
from world_models.pictures.centered import DecoderBodyConfig

DECODERS: Table[DecoderBodyConfig] = Table(
    "decoder",
    DecoderBodyConfig,
    {
        "convolutions": Row(
            lambda: DecoderConfig(8), "Convolutions that double a small grid"
        ),
        "flat": Row(
            lambda: FlatDecoderConfig(512),
            "One hidden layer for all pixels: coarser, and many times faster",
        ),
    },
)

CHOICES = (
    Choice(DATA, "What is drawn (default: what the run learned from, or plays)."),
    Choice(WORLDS, "Which world is drawn, under random play (default: the run's)."),
    Choice(DECODERS, "What draws.", default="convolutions"),
)


def from_choices(chosen: Mapping[str, str]) -> PictureConfig:
    """The config that names stand for.

    Raises:
        ConfigError: no such part, or a world beside recorded data.
    """
    data, world = chosen.get("data"), chosen.get("world")
    given: dict[str, Any] = {"decoder": DECODERS.make(chosen["decoder"])}
    if data is not None or world is not None:
        source = DATA.make(data or "worlds")
        if world is not None:
            if not isinstance(source, WorldsConfig):
                raise ConfigError(
                    "--world is for worlds stepped on the fly: leave it out, or take "
                    "--data worlds."
                )
            source = replace(source, world=WORLDS.make(world))
        given["data"] = source
    return PictureConfig(**given)
