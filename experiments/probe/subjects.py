"""What `curious probe MODEL` names: agents, world models, encoders, functions."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from agents.player import Player
from agents.ppo.actor import Actor
from experiments.config.device import resolve_device
from experiments.config.outside import find
from experiments.config.paths import typed_path
from experiments.encoders.pretrained import from_scratch
from experiments.encoders.saved import (
    ENCODER_FILE,
    describe_encoder,
    encoder_file,
    load_encoder,
)
from experiments.evaluate.evaluation import load_agent
from experiments.model.build import build_model
from experiments.model.config import TrainModelConfig
from experiments.model.saved import load_world_model, offered_at
from experiments.pretrain.config import PretrainConfig
from experiments.pretrain.results import random_encoder
from experiments.runs.folder import RunFolder
from experiments.sources.recorded import DatasetConfig
from experiments.train.config import TrainConfig
from ssl_objectives.refusal import ConfigError
from world_models.belief import BeliefModel
from world_models.data.images import RecordedConfig
from world_models.latent_dynamics import LatentDynamics
from world_models.probing.dynamics import OfModel
from world_models.probing.images import OfImages
from world_models.probing.subject import Subject


@dataclass(frozen=True)
class Named:
    """What a name stands for.

    Attributes:
        subject: what is probed.
        about: what it is, in a few words.
        folder: of the run, where there is one.
        data: the data set that it was trained on, where it was one.
    """

    subject: Subject
    about: str
    folder: Path | None = None
    data: Path | None = None


def named_subject(
    model: str | None, device: str, stack: int, horizon: int | None
) -> Named:
    """What MODEL names, ready to look.

    Args:
        model: see `ProbeConfig.model`.
        device: where it shall lie.
        stack: frames that functions and encoders' files see at once.
        horizon: steps that a world model predicts; None: as many as it learned to.

    Raises:
        ConfigError: no such function, or a run that left nothing to probe.
        NotARun: there is no run at the path.
        CheckpointError: a checkpoint or an encoder's file cannot be read.
    """
    if model is None:
        raise ConfigError(
            "Which model? Give a run folder, an encoder's file, or my_module:function: "
            "curious probe MODEL"
        )
    path = typed_path(model)
    if ":" in model and not path.exists():
        return Named(_function(model, device, stack), model)
    loose = path.is_file() and path.parent.name != "checkpoints"
    if loose and path.suffix == ".safetensors":
        return Named(_encoder(path, device, stack, 0), path.name)
    run = RunFolder.open(path)
    config = run.config()
    if isinstance(config, TrainConfig):
        return _agent(path, run, config, device, horizon)
    if isinstance(config, TrainModelConfig):
        return _world_model(path, run, config, device, horizon)
    if isinstance(config, PretrainConfig):
        images = config.images
        recorded = images if isinstance(images, RecordedConfig) else None
        subject = _encoder(
            run.path / ENCODER_FILE,
            device,
            recorded.stack if recorded else stack,
            config.seed,
        )
        data = recorded.path if recorded else None
        return Named(subject, f"the encoder of {run.path.name}", run.path, data)
    raise ConfigError(f"{run.path} left nothing that can be probed.")


def _function(name: str, device: str, stack: int) -> OfImages:
    found: Any = find(name)
    if isinstance(found, type):
        raise ConfigError(
            f"{name} is a class. Name a function from uint8 [N, C, H, W] to [N, D], or "
            "a network that is there already."
        )
    if not callable(found):
        raise ConfigError(f"{name} is {found!r}, and no function.")
    where = resolve_device(device)
    if isinstance(found, torch.nn.Module):
        found.to(where)
    return OfImages(found, stack, name=name, device=where)


def _encoder(path: Path, device: str, stack: int, seed: int) -> OfImages:
    file = encoder_file(path)
    about, where = describe_encoder(file), resolve_device(device)

    def fresh() -> Any:
        return random_encoder(from_scratch(about.config), about.image_shape, seed).to(
            where
        )

    name = f"The encoder in {file}"
    return OfImages(load_encoder(file, where), stack, fresh, name, where)


def _agent(
    path: Path, run: RunFolder, config: TrainConfig, device: str, horizon: int | None
) -> Named:
    player, _ = load_agent(path, device)
    where = resolve_device(device)

    def fresh() -> Player:
        env = config.place.build(1, "cpu")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            made = config.agent.build_player(
                env.spec, config.model, len(config.signals)
            )
        env.close()
        return made.to(where).eval()

    model = player.world_model
    if model is not None:
        subject: Subject = OfModel(model, lambda: _model_of(fresh()), horizon)
        return Named(subject, f"the world model of {run.path.name}", run.path)
    belief = _belief_of(player)
    if belief is None:
        raise ConfigError(
            f"The agent of {run.path} has neither a world model nor an encoder of its "
            "own that could be probed."
        )
    subject = OfImages(
        belief.encoder,
        belief.num_frames,
        lambda: _encoder_of(fresh()),
        "The agent's encoder",
        where,
    )
    return Named(subject, f"the encoder of {run.path.name}", run.path)


def _world_model(
    path: Path,
    run: RunFolder,
    config: TrainModelConfig,
    device: str,
    horizon: int | None,
) -> Named:
    model, _ = load_world_model(path, device)
    offered = offered_at(path)

    def fresh() -> LatentDynamics:
        scratch = replace(config, encoder=from_scratch(config.encoder))
        return build_model(scratch, offered).to(resolve_device(device)).eval()

    source = config.data
    data = source.path if isinstance(source, DatasetConfig) else None
    subject = OfModel(model, fresh, horizon)
    return Named(subject, f"the world model of {run.path.name}", run.path, data)


def _model_of(player: Player) -> LatentDynamics:
    model = player.world_model
    assert model is not None
    return model


def _belief_of(player: Player) -> BeliefModel | None:
    return player.belief if isinstance(player, Actor) else None


def _encoder_of(player: Player) -> Any:
    belief = _belief_of(player)
    assert belief is not None
    return belief.encoder
