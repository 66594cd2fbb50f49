"""`curious evaluate`: how well an agent plays, and how far it gets, beside random."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, takewhile
from pathlib import Path
from typing import Annotated

import tyro
from rich.console import Console

from agents.actor import Actor
from agents.play import (
    Played,
    Watcher,
    actor_player,
    play_episodes,
    random_player,
    record,
)
from envs.vector_env import VectorEnv
from experiments.evaluate.numbers import (
    episode_lines,
    evaluation_table,
    watching,
    write_evaluation,
)
from experiments.runs.checkpoints.folder import CheckpointFolder, env_steps_of
from experiments.runs.folder import RunFolder
from experiments.runs.video import write_video
from experiments.train.config import ObservableWorld, TrainConfig, resolve_device
from ssl_objectives.refusal import ConfigError

# Evaluation draws other episodes than training, the same for every agent and run.
SEED = 1_000_003
NUM_ENVS = 8
FRAMES_PER_SECOND = 15  # an Atari step is four frames of sixty a second


@dataclass(frozen=True)
class EvaluateConfig:
    """Play whole episodes with a trained agent, and as many at random.

    Prints returns with a bootstrap interval, and the rooms and cells visited where the
    world can tell; leaves JSON and a video in the run's folder.
    """

    run: Annotated[Path, tyro.conf.Positional]
    """run folder, or one of its checkpoints"""
    episodes: int = 10
    """episodes of each player"""
    num_envs: int = NUM_ENVS
    """worlds stepped in parallel, at most"""
    max_steps: int | None = None
    """env steps after which an episode is cut; none lets every episode end by itself"""
    best: bool = False
    """the checkpoint with the best evaluation instead of the latest"""
    greedy: bool = False
    """take the likeliest action instead of drawing one"""
    seed: int = SEED
    """of the episodes and the draws"""
    video_steps: int = 900
    """env steps of the video; 0 records none"""
    device: str = "auto"
    """cpu, cuda, cuda:1 … or auto"""

    def __post_init__(self) -> None:
        if min(self.episodes, self.num_envs) < 1:
            raise ValueError("--episodes and --num-envs must be at least 1")
        if self.max_steps is not None and self.max_steps < 1:
            raise ValueError("--max-steps must be at least 1")
        if min(self.seed, self.video_steps) < 0:
            raise ValueError("--seed and --video-steps must not be negative")


@dataclass(frozen=True)
class Evaluation:
    """Both players' episodes, and where the numbers were written."""

    agent: Played
    random: Played
    env_steps: int
    file: Path


def evaluate(config: EvaluateConfig, console: Console | None = None) -> Evaluation:
    """Evaluate a run beside uniformly random play; writes JSON and a video.

    Raises:
        NotARun: there is no run at the path.
        CheckpointError: its checkpoint cannot be read.
        ConfigError: the device does not exist, or the checkpoint does not fit.
    """
    console = console or Console()
    run = RunFolder.open(config.run)
    path = _checkpoint(run, config)
    actor, trained = load_agent(path, config.device)
    num_envs = share_envs(config.episodes, config.num_envs)
    env = observable_env(trained, num_envs, config.device)
    try:
        players = {
            "agent": actor_player(actor, num_envs, config.seed, config.greedy),
            "random": random_player(env, config.seed),
        }
        played = {}
        for name, player in players.items():
            with watching(console, f"{name} plays", config.episodes) as watch:
                played[name] = play_episodes(
                    env, player, config.episodes, config.seed, config.max_steps, watch
                )
    finally:
        env.close()
    env_steps = env_steps_of(path)
    title = f"{run.path.name}, after {env_steps:,} env steps"
    console.print(title, style="bold", highlight=False, soft_wrap=True)
    console.print(evaluation_table(played))
    for line in episode_lines(played["agent"]):
        console.print(f"  {line}", highlight=False)
    file = run.path / "evaluations" / f"{path.stem}.json"
    about = {
        "env_steps": env_steps,
        "seed": config.seed,
        "greedy": config.greedy,
        "max_steps": config.max_steps,
    }
    write_evaluation(file, played, about)
    console.print(f"numbers  {file}", highlight=False, soft_wrap=True)
    if config.video_steps:
        video = run.videos / f"evaluation-{path.stem}.mp4"
        record_video(
            trained, actor, video, config.video_steps, config.seed, config.greedy
        )
        console.print(f"video    {video}", highlight=False, soft_wrap=True)
    return Evaluation(played["agent"], played["random"], env_steps, file)


def load_agent(run: Path | str, device: str = "auto") -> tuple[Actor, TrainConfig]:
    """The actor of a run (its latest checkpoint, or the one given), and the config.

        actor, config = load_agent("runs/…")

    Raises:
        NotARun: there is no run at the path.
        CheckpointError: the checkpoint cannot be read.
        ConfigError: it does not fit the run's config.
    """
    folder = RunFolder.open(Path(run))
    config: TrainConfig = folder.config()
    path = Path(run) if Path(run).is_file() else None
    state = CheckpointFolder(folder.checkpoints).load(path).state["modules"]
    env = config.world.build(1, "cpu")
    num_values = 1 if config.curiosity is None else 2
    actor = config.agent.build_actor(env.spec, config.model, num_values)
    env.close()
    prefix = "actor."
    own = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
    try:
        actor.load_state_dict(own)
    except RuntimeError as error:
        raise ConfigError(
            f"the checkpoint does not fit {folder.config_file}: {error}"
        ) from error
    return actor.to(resolve_device(device)).eval(), config


def observable_env(config: TrainConfig, num_envs: int, device: str) -> VectorEnv:
    """The run's worlds, with the truth beside the pixels where they can tell it."""
    world = config.world
    if isinstance(world, ObservableWorld):
        world = world.with_facts()
    return world.build(num_envs, resolve_device(device))


def evaluate_actor(
    config: TrainConfig, actor: Actor, num_episodes: int, on_step: Watcher | None = None
) -> dict[str, float]:
    """Metrics `evaluate/…` of an actor, in fresh worlds."""
    num_envs = share_envs(num_episodes, NUM_ENVS)
    env = observable_env(config, num_envs, _device_of(actor))
    try:
        with _playing(actor):
            player = actor_player(actor, num_envs, SEED, greedy=False)
            played = play_episodes(env, player, num_episodes, SEED, on_step=on_step)
    finally:
        env.close()
    metrics = {
        "evaluate/return_mean": float(played.scores.mean()),
        "evaluate/return_max": float(played.scores.max()),
    }
    if played.rooms is not None and played.cells is not None:
        metrics["evaluate/rooms"] = float(played.rooms)
        metrics["evaluate/cells"] = float(played.cells)
    return metrics


def record_video(
    config: TrainConfig,
    actor: Actor,
    path: Path,
    num_steps: int,
    seed: int = SEED,
    greedy: bool = False,
    stop: Callable[[], bool] = lambda: False,
) -> None:
    """Let the actor play `num_steps` in one world, in colour, into an mp4.

    `stop` is asked after every step; the video ends where it says so.
    """
    env = observable_env(config, 1, _device_of(actor))
    try:
        with _playing(actor):
            player = actor_player(actor, 1, seed, greedy)
            frames = record(env, player, num_steps, seed)
            rest = takewhile(lambda _: not stop(), frames)
            write_video(path, chain([next(frames)], rest), FRAMES_PER_SECOND)
    finally:
        env.close()


def share_envs(num_episodes: int, at_most: int) -> int:
    """How many envs share episodes most evenly: no env plays on for nobody."""
    rounds = -(-num_episodes // min(num_episodes, at_most))
    return -(-num_episodes // rounds)


@contextmanager
def _playing(actor: Actor) -> Iterator[None]:
    """Evaluation must leave no trace in what is trained, batch statistics included."""
    before = actor.training
    actor.eval()
    try:
        yield
    finally:
        actor.train(before)


def _device_of(actor: Actor) -> str:
    return str(next(actor.parameters()).device)


def _checkpoint(run: RunFolder, config: EvaluateConfig) -> Path:
    if config.run.is_file():
        return config.run
    folder = CheckpointFolder(run.checkpoints)
    return folder.best() if config.best else folder.latest()
