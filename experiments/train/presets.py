"""Named parts of a training run."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from agents.build import AgentConfig
from agents.curiosity.prediction_error import PredictionErrorConfig
from agents.curiosity.rnd import RndConfig
from agents.policy.ppo import RewardStream
from envs.atari.native import AtariConfig
from envs.counting import CountingConfig
from envs.gymnasium_env import GymnasiumConfig
from envs.tiles.key_door import KeyDoorConfig
from envs.tiles.maze.pixel_maze import PixelMazeConfig
from experiments.config.command import Part
from experiments.config.outside_parts import load_outside
from experiments.config.size import SCALES, Scale, Size
from experiments.encoders.pretrained import PretrainedConfig
from experiments.train.config import TrainConfig
from ssl_objectives.encoders.cnn import ImpalaConfig, NatureConfig, PatchConfig
from ssl_objectives.methods.bootstrap.byol import ByolConfig
from ssl_objectives.methods.bootstrap.direct_pred import DirectPredConfig
from ssl_objectives.methods.contrast.info_nce import DclConfig, InfoNceConfig
from ssl_objectives.methods.memory.instance import MoCoConfig
from ssl_objectives.methods.moments.sigreg import SigRegConfig
from ssl_objectives.methods.moments.vicreg_barlow import VicRegConfig
from ssl_objectives.refusal import ConfigError
from world_models.belief import CoreConfig
from world_models.cores.frame_stack import FrameStackConfig
from world_models.cores.recurrent import RecurrentConfig
from world_models.presets import ByolExploreConfig, JepaConfig

WORLDS = {
    "atari": AtariConfig,
    "pixel-maze": PixelMazeConfig,
    "key-door": KeyDoorConfig,
    "gymnasium": GymnasiumConfig,
    "counting": CountingConfig,
}
_ENCODERS = {"nature": NatureConfig, "impala": ImpalaConfig, "patch": PatchConfig}
_OBJECTIVES = {
    "byol": ByolConfig,
    "direct-pred": DirectPredConfig,
    "moco": MoCoConfig,
    "vicreg": VicRegConfig,
    "sigreg": SigRegConfig,
    "info-nce": InfoNceConfig,
    "dcl": DclConfig,
}
_NONE = "none"

PARTS = (
    Part(
        "preset",
        {
            "byol-explore": "reward what a K-step latent model failed to predict",
            "rnd": "reward frames unlike those seen before",
            "ppo": "no curiosity: the world's reward alone",
        },
        default="byol-explore",
        about="Which agent; --model and --curiosity change it.",
        positional=True,
    ),
    Part(
        "size",
        {size.name.lower(): size.value for size in Size},
        default="laptop",
        about="One dial for networks, envs and budget; every flag below overrides it.",
    ),
    Part(
        "world",
        {
            "atari": "any of the games that ale-py ships",
            "pixel-maze": "rooms, doors and keys, rendered on the device",
            "key-door": "the smallest hard exploration: a key, a door, a goal",
            "gymnasium": "any Gymnasium env, by its id",
            "counting": "a world that proves data paths",
        },
        default="atari",
        about="Where the agent lives.",
        open=True,
    ),
    Part(
        "agent",
        {
            "recurrent": "a GRU over single frames and actions",
            "frame-stack": "the last four frames, feed-forward",
        },
        default="recurrent",
        about="What it remembers.",
        open=True,
    ),
    Part(
        "encoder",
        {
            "nature": "the three convolutions of the Nature DQN",
            "impala": "a residual network: slower, and stronger",
            "patch": "one layer over patches: for worlds drawn in tiles",
            "pretrained": "what `curious pretrain` has trained",
        },
        about="How it sees (default: nature; impala at --size gpu).",
        open=True,
    ),
    Part(
        "model",
        {
            "byol-explore": "BYOL-Explore's latent dynamics",
            "jepa-vicreg": "predicts its own latents, VICReg keeps them apart",
            "contrastive": "predicts its own latents, InfoNCE keeps them apart",
            _NONE: "no world model",
        },
        about="What it predicts (default: as the preset says).",
        open=True,
    ),
    Part(
        "objective",
        {
            "byol": "cosine distance to a target that follows slowly",
            "direct-pred": "the same, behind a predictor that is computed",
            "moco": "tell what came from what came before, in a queue",
            "vicreg": "squared distance, with variance and covariance kept up",
            "sigreg": "squared distance, with latents kept like a Gaussian",
            "info-nce": "tell what came from what came elsewhere",
            "dcl": "the same, without what came in the denominator",
        },
        about="How the model compares predictions with what came (default: as the "
        "model says).",
        open=True,
    ),
    Part(
        "curiosity",
        {
            "prediction-error": "the world model's loss, prioritised",
            "rnd": "random network distillation",
            _NONE: "no intrinsic reward",
        },
        about="What it finds interesting (default: as the preset says).",
        open=True,
    ),
)

_PRESET_PARTS = {
    "byol-explore": ("byol-explore", "prediction-error"),
    "rnd": (_NONE, "rnd"),
    "ppo": (_NONE, _NONE),
}


def train_config(
    preset: str = "byol-explore",
    size: str = "laptop",
    world: str = "atari",
    agent: str = "recurrent",
    encoder: str | None = None,
    model: str | None = None,
    curiosity: str | None = None,
    objective: str | None = None,
) -> TrainConfig:
    """The config that the part names of `curious train` stand for.

    Names are those of `PARTS`; all but preset and size may be `my_module:MyConfig`.

    Raises:
        ConfigError: no such name, a part from outside cannot be loaded or is none of
            its kind, or an objective without a model that takes one.
    """
    chosen = {
        "preset": preset,
        "size": size,
        "world": world,
        "agent": agent,
        "encoder": encoder,
        "model": model,
        "curiosity": curiosity,
        "objective": objective,
    }
    for part in PARTS:
        name = chosen[part.name]
        if name is not None:
            part.check(name)
    dial = Size[size.upper()]
    scale = SCALES[dial]
    default_model, default_curiosity = _PRESET_PARTS[preset]
    config = TrainConfig(
        world=load_outside("world", world) if ":" in world else WORLDS[world](),
        agent=_agent(agent, _encoder(encoder, scale, dial), scale),
        model=_with_objective(_model(model or default_model, scale), objective),
        curiosity=_curiosity(curiosity or default_curiosity, scale),
        num_envs=scale.num_envs,
        env_steps=scale.env_steps,
        checkpoint_every=scale.checkpoint_every,
        evaluate_every=scale.evaluate_every,
        video_steps=60 if dial is Size.DEBUG else 900,
    )
    if dial is Size.GPU and world in ("pixel-maze", "key-door"):
        # rendered on the GPU: thousands of worlds cost little more than a hundred
        ppo = replace(config.agent.ppo, num_steps=32, num_epochs=2)
        return replace(config, num_envs=4096, agent=replace(config.agent, ppo=ppo))
    return config


def from_parts(chosen: Mapping[str, str]) -> TrainConfig:
    """`train_config` from what the command line chose."""
    return train_config(**chosen)


def _encoder(name: str | None, scale: Scale, size: Size) -> Any:
    if name is not None and ":" in name:
        return load_outside("encoder", name)
    if name == "pretrained":
        return PretrainedConfig()
    name = name or ("impala" if size is Size.GPU else "nature")
    return _ENCODERS[name](size=scale.latent)


def _agent(name: str, encoder: Any, scale: Scale) -> AgentConfig:
    cores: dict[str, CoreConfig] = {
        "recurrent": RecurrentConfig(scale.belief),
        "frame-stack": FrameStackConfig(),
    }
    return AgentConfig(
        encoder=encoder,
        core=load_outside("agent", name) if ":" in name else cores[name],
        ppo=scale.ppo,
        extrinsic=RewardStream(2.0, 0.999, clip=1.0),
        intrinsic=RewardStream(1.0, 0.99, episodic=False),
    )


def _model(name: str, scale: Scale) -> Any:
    if ":" in name:
        return load_outside("model", name)
    models = {
        "byol-explore": ByolExploreConfig(scale.horizon),
        "jepa-vicreg": JepaConfig(scale.horizon),
        "contrastive": JepaConfig(scale.horizon, objective=InfoNceConfig()),
        _NONE: None,
    }
    return models[name]


def _with_objective(model: Any, name: str | None) -> Any:
    """The model with the objective that was asked for, if any was."""
    if name is None:
        return model
    if model is None:
        raise ConfigError(
            "--objective is a world model's, and there is none: add --model, or leave "
            "--objective out."
        )
    if "objective" not in {x.name for x in fields(model)}:
        raise ConfigError(
            f"--objective: {type(model).__name__} brings its own and takes no other. "
            "Leave --objective out, or give the class a field `objective`."
        )
    outside = ":" in name
    objective = load_outside("objective", name) if outside else _OBJECTIVES[name]()
    return replace(model, objective=objective)


def _curiosity(name: str, scale: Scale) -> Any:
    if ":" in name:
        return load_outside("curiosity", name)
    choices = {
        _NONE: None,
        "prediction-error": PredictionErrorConfig(ema_decay=scale.reward_decay),
        "rnd": RndConfig(size=scale.latent),
    }
    return choices[name]
