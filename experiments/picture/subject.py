"""What is looked into: the model of a run, and trajectories to look at it with."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from agents.player import Player
from agents.trajectories import rollout
from envs.vector_env import WorldConfig
from experiments.config.device import resolve_device
from experiments.evaluate.evaluation import load_agent
from experiments.model.config import TrainModelConfig
from experiments.model.saved import load_world_model
from experiments.picture.config import PictureConfig
from experiments.runs.checkpoints.folder import CheckpointFolder
from experiments.runs.folder import RunFolder
from experiments.sources.source import Offered, Source, SourceConfig
from experiments.train.config import TrainConfig
from ssl_objectives.refusal import ConfigError
from world_models.actions import DiscreteEmbedding
from world_models.latent_dynamics import LatentDynamics
from world_models.pictures.latent_decoder import check_sees_pixels
from world_models.trajectory import Trajectory

_ENVS = 50  # trajectories that are played, and encoded, at once
_LEAD = 4  # steps in front that fill an empty memory, where there is one


@dataclass(frozen=True)
class Subject:
    """A model, and trajectories of the kind it is drawn on.

    Attributes:
        folder: the run's.
        checkpoint: what was loaded.
        model: in evaluation mode.
        burn_in, ahead: transitions of a trajectory that lead up, and that are imagined.
        about: what is drawn, in a word.
        learned, held_out: trajectories that share none; in batches, without end where
            there is an end to neither world nor data.
    """

    folder: RunFolder
    checkpoint: Path
    model: LatentDynamics
    burn_in: int
    ahead: int
    about: str
    learned: Iterator[Trajectory]
    held_out: Iterator[Trajectory]


@contextmanager
def subject_of(config: PictureConfig) -> Iterator[Subject]:
    """The subject of a config; its worlds are closed at the end.

    Raises:
        NotARun: there is no run at the path.
        CheckpointError: its checkpoint cannot be read.
        ConfigError: no world model, one that sees no pixels, or other worlds than its.
        DatasetError: the data to draw are not there, or too few.
    """
    folder = RunFolder.open(config.run)
    named = folder.checkpoint_at(config.run)
    checkpoint = named or CheckpointFolder(folder.checkpoints).latest()
    device = resolve_device(config.device)
    trained, player = folder.config(), None
    if isinstance(trained, TrainModelConfig):
        model, _ = load_world_model(checkpoint, config.device)
        burn_in = trained.burn_in
        data: SourceConfig | None = config.data or trained.data
    elif not isinstance(trained, TrainConfig):
        raise ConfigError(
            f"{folder.path} holds no world model. Give a run of `curious train-model`, "
            "or of `curious train`."
        )
    else:
        player, agent = load_agent(checkpoint, config.device)
        found = player.world_model
        if found is None:
            raise ConfigError(
                f"The agent of {folder.path} has no world model to look into. Take a "
                "run with one, such as byol-explore."
            )
        model, data = found, config.data
        remembers = model.belief.core.memory_size > 0
        burn_in = model.belief.num_frames - 1 + (_LEAD if remembers else 0)
    check_sees_pixels(model)
    ahead = config.ahead or model.horizon
    steps = burn_in + ahead
    with ExitStack() as closing:
        if data is not None:
            source = _opened(data, steps, config, device)
            closing.callback(source.close)
            check_fits(model, source.offered)
            about = data.about
            learned = iter(source.next, None)
            held_out = source.held_out(min(_ENVS, config.measured), 0)
        else:
            assert player is not None
            about = "what the agent plays"
            learned, held_out = (
                _played(agent.place, player, steps, 2 * config.seed + part)
                for part in range(2)
            )
        yield Subject(
            folder, checkpoint, model, burn_in, ahead, about, learned, held_out
        )


def check_fits(model: LatentDynamics, offered: Offered) -> None:
    """Refuse trajectories that are not of the model's kind.

    Raises:
        ConfigError: says what the model knows, and what it was given.
    """
    belief = model.belief
    stacked, height, width = belief.encoder.image_shape
    embedding = belief.embedding
    wanted = (
        (stacked // belief.num_frames, height, width),
        f"{embedding.table.num_embeddings} actions"
        if isinstance(embedding, DiscreteEmbedding)
        else f"actions of {embedding.none(1).shape[1]} numbers",
        belief.vector_input is not None,
    )
    space = offered.actions
    number = getattr(space, "n", None)
    given = (
        offered.obs_shape,
        f"{number} actions"
        if number is not None
        else f"actions of {len(getattr(space, 'low', ()))} numbers",
        offered.vector_size > 0 if wanted[2] else False,
    )
    if wanted != given:
        raise ConfigError(
            f"The model knows frames {wanted[0]}{_beside(wanted[2])} and {wanted[1]}; "
            f"here are frames {given[0]}{_beside(given[2])} and {given[1]}. Leave "
            "--data and --world out to draw what it learned from."
        )


def _beside(vector: bool) -> str:
    return " beside a vector" if vector else ""


def _opened(
    data: SourceConfig, steps: int, config: PictureConfig, device: torch.device
) -> Source:
    batch = min(_ENVS, config.trajectories)
    try:
        return data.open(steps, batch, config.seed, device)
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _played(
    world: WorldConfig, player: Player, steps: int, seed: int
) -> Iterator[Trajectory]:
    """Without end; the worlds begin when the first is asked for."""
    env = world.build(_ENVS, player.device)
    try:
        policy, row = player.acting(seed), env.reset(seed)
        while True:
            traj, row = rollout(env, steps, policy, row)
            yield traj
    finally:
        env.close()
