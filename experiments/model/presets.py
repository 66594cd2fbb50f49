"""Training runs of world models by name: what `curious train-model` lets choose."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from experiments.config.choices import Choice, Row, Table
from experiments.encoders.table import ENCODERS, OF_TWO_FRAMES, EncoderScale
from experiments.model.config import TrainModelConfig
from experiments.parts.models import (
    CORES,
    MODELS,
    OBJECTIVES,
    OF_OBJECTS,
    TERMS,
    changed,
)
from experiments.parts.worlds import WORLDS
from experiments.sources.recorded import DatasetConfig
from experiments.sources.source import SourceConfig
from experiments.sources.worlds import WorldsConfig
from ssl_objectives.encoders.cnn import NatureConfig
from ssl_objectives.encoders.menet import MeNetConfig
from ssl_objectives.learn.optimizer import AdamWConfig
from ssl_objectives.refusal import ConfigError

DEFAULT = "jepa-vicreg"
_WORLD = "moving-dot"
_WALKS = {
    "moving-dot": "envs:Wanderer",
    "two-rooms": "envs:Stroller",
    "two-rooms-fixed": "envs:Stroller",
}
"""worlds of small frames, and who wanders about in them, as in their papers"""


@dataclass(frozen=True)
class Scale:
    """What the size dial sets.

    Attributes:
        latent, belief: D and S, sizes of the two.
        horizon: K, in env steps; also the length of trajectories.
        steps, every: gradient steps, of the run and between checkpoints.
        fit, test: trajectories of the probes.
    """

    latent: int
    belief: int
    horizon: int
    batch_size: int
    steps: int
    every: int
    fit: int
    test: int


SIZES: Table[Scale] = Table(
    "size",
    None,
    {
        "debug": Row.of(
            Scale(24, 20, 4, 6, 20, 10, 40, 30),
            "seconds on any machine: does it run at all",
        ),
        "laptop": Row.of(
            Scale(64, 64, 8, 32, 300, 100, 800, 500),
            "some fifteen seconds on a CPU core, for the moving dot",
        ),
        "gpu": Row.of(
            Scale(256, 256, 16, 256, 20_000, 2_000, 4_000, 2_000),
            "minutes on one GPU",
        ),
    },
)

DATA: Table[SourceConfig] = Table(
    "data",
    SourceConfig,
    {"worlds": Row(WorldsConfig), "recorded": Row(DatasetConfig)},
)

# vectors are not recorded, and these read nothing else
_PRESETS = MODELS.only(*(x for x in MODELS.rows if x not in ("none", *OF_OBJECTS)))
_CORES = CORES.only("latent", "recurrent", "frame-stack")

CHOICES = (
    Choice(_PRESETS, "Which world model.", default=DEFAULT, positional=True),
    Choice(
        SIZES,
        "One dial for networks and budget; every flag below overrides it.",
        default="laptop",
    ),
    Choice(DATA, "What it learns from.", default="worlds"),
    Choice(WORLDS, "Where, with --data worlds (default: moving-dot)."),
    Choice(ENCODERS, "How it sees (default: menet; for larger frames nature)."),
    Choice(_CORES, "What it remembers.", default="latent"),
    Choice(
        OBJECTIVES,
        "How predictions are compared with what came (default: as the model says).",
    ),
    Choice(TERMS, "What it learns beside its predictions.", default="none"),
)


def train_model_config(
    model: str = DEFAULT,
    size: str = "laptop",
    data: str = "worlds",
    world: str | None = None,
    encoder: str | None = None,
    core: str = "latent",
    objective: str | None = None,
    term: str = "none",
) -> TrainModelConfig:
    """The config that the choices of `curious train-model` stand for.

    Names are those of `CHOICES`; all but size may be `my_module:MyConfig`.

    Raises:
        ConfigError: no such name, or parts that do not fit together.
    """
    scale = SIZES.make(size)
    chosen = _PRESETS.make(model, scale)
    assert chosen is not None
    small = data == "worlds" and (world or _WORLD) in _WALKS
    eyes = encoder or ("menet" if small else "nature")
    each = MeNetConfig(scale.latent) if small else NatureConfig(scale.latent)
    remembers = CORES.make(core, scale)
    if eyes in OF_TWO_FRAMES:
        remembers = replace(remembers, num_frames=2)  # type: ignore[type-var]  # a dataclass
    # frames to stack, and steps that fill an empty memory
    lead = remembers.num_frames - 1 + (4 if core == "recurrent" else 0)
    return TrainModelConfig(
        data=_source(data, world),
        model=changed(chosen, objective, term),
        encoder=ENCODERS.make(eyes, EncoderScale(scale.latent, each=each)),
        core=remembers,
        optimizer=AdamWConfig(learning_rate=4e-3, warm_up=0.15),
        steps=scale.steps,
        batch_size=scale.batch_size,
        num_steps=scale.horizon + lead,
        burn_in=lead,
        evaluate_every=scale.every,
        checkpoint_every=scale.every,
        probe_fit=scale.fit,
        probe_test=scale.test,
    )


def from_choices(chosen: Mapping[str, str]) -> TrainModelConfig:
    """`train_model_config` from what the command line chose."""
    return train_model_config(**chosen)


def _source(data: str, world: str | None) -> SourceConfig:
    """Of a dot that is moved, every trajectory is an episode of a walk."""
    source = DATA.make(data)
    if not isinstance(source, WorldsConfig):
        if world is not None:
            raise ConfigError(
                "--world is for worlds stepped on the fly: leave it out, or take "
                "--data worlds."
            )
        return source
    name = world or _WORLD
    source = replace(source, world=WORLDS.make(name))
    if name in _WALKS:
        return replace(source, policy=_WALKS[name], fresh=True)
    return source
