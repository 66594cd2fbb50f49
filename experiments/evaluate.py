"""`curious evaluate`: how well an agent plays, and how far it gets, beside random."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress as RichProgress
from rich.table import Table

from agents.actor import Actor
from envs.vector_env import VectorEnv
from experiments.checkpoint_folder import CheckpointFolder, env_steps_of
from experiments.parts import ConfigError
from experiments.play import (
    Played,
    actor_player,
    play_episodes,
    random_player,
    record,
)
from experiments.run_folder import RunFolder
from experiments.train_config import ObservableWorld, TrainConfig, resolve_device
from experiments.video import write_video

# Evaluation draws other episodes than training, the same for every agent and run.
SEED = 1_000_003
FRAMES_PER_SECOND = 15  # an Atari step is four frames of sixty a second


@dataclass(frozen=True)
class EvaluateConfig:
    """Play whole episodes with a trained agent, and as many at random."""

    run: Annotated[Path, tyro.conf.Positional]
    """run folder, or one of its checkpoints"""
    episodes: int = 10
    """episodes of each player"""
    num_envs: int = 8
    """worlds stepped in parallel"""
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
        ConfigError: the device or the number of episodes makes no sense.
    """
    console = console or Console()
    if config.episodes < 1 or config.num_envs < 1:
        raise ConfigError("--episodes and --num-envs must be at least 1")
    run = RunFolder.open(config.run)
    path = _checkpoint(run, config)
    actor, trained = load_agent(path, config.device)
    num_envs = min(config.num_envs, config.episodes)
    env = observable_env(trained, num_envs, config.device)
    try:
        players = {
            "agent": actor_player(actor, num_envs, config.seed, config.greedy),
            "random": random_player(env, config.seed),
        }
        played = {}
        with RichProgress(console=console, transient=True) as bar:
            for name, player in players.items():
                task = bar.add_task(f"{name} plays", total=config.episodes)
                played[name] = play_episodes(
                    env,
                    player,
                    config.episodes,
                    config.seed,
                    config.max_steps,
                    lambda done, task=task: bar.update(task, completed=done),  # type: ignore[misc]
                )
    finally:
        env.close()
    env_steps = env_steps_of(path)
    console.print(_table(played, f"{run.path.name}, after {env_steps:,} env steps"))
    for i, episode in enumerate(played["agent"].episodes):
        cut = "" if episode.complete else " (cut)"
        console.print(
            f"  episode {i}: return {episode.score:g} in {episode.length:,} steps{cut}",
            highlight=False,
        )
    file = run.path / "evaluations" / f"step-{env_steps:012d}.json"
    _write_json(file, played, config, env_steps)
    console.print(f"Numbers: {file}", highlight=False)
    if config.video_steps:
        video = run.videos / f"step-{env_steps:012d}.mp4"
        record_video(trained, actor, video, config.video_steps, config.seed)
        console.print(f"Video: {video}", highlight=False)
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
    own = {k.removeprefix("actor."): v for k, v in state.items() if "actor." in k[:6]}
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
    config: TrainConfig, actor: Actor, num_episodes: int, max_steps: int | None = None
) -> dict[str, float]:
    """Metrics `evaluate/…` of an actor, in fresh worlds."""
    device = str(next(actor.parameters()).device)
    num_envs = min(8, num_episodes)
    env = observable_env(config, num_envs, device)
    try:
        player = actor_player(actor, num_envs, SEED, greedy=False)
        played = play_episodes(env, player, num_episodes, SEED, max_steps)
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
    config: TrainConfig, actor: Actor, path: Path, num_steps: int, seed: int = SEED
) -> None:
    """Let the actor play `num_steps` in one world, in colour, into an mp4."""
    device = str(next(actor.parameters()).device)
    env = observable_env(config, 1, device)
    try:
        player = actor_player(actor, 1, seed, greedy=False)
        frames = record(env, player, num_steps, seed)
        write_video(path, frames, FRAMES_PER_SECOND)
    finally:
        env.close()


def bootstrap_interval(
    values: NDArray[np.float64], level: float = 0.95, draws: int = 10_000
) -> tuple[float, float]:
    """Percentile bootstrap interval of the mean, from fixed draws."""
    generator = np.random.default_rng(0)
    picked = generator.integers(len(values), size=(draws, len(values)))
    means = values[picked].mean(1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _checkpoint(run: RunFolder, config: EvaluateConfig) -> Path:
    if config.run.is_file():
        return config.run
    folder = CheckpointFolder(run.checkpoints)
    return folder.best() if config.best else folder.latest()


def _table(played: dict[str, Played], title: str) -> Table:
    table = Table(title=title)
    for name in (
        "player",
        "return",
        "95 % interval",
        "best",
        "steps",
        "rooms",
        "cells",
    ):
        table.add_column(name, justify="left" if name == "player" else "right")
    for name, each in played.items():
        low, high = bootstrap_interval(each.scores)
        table.add_row(
            name,
            f"{each.scores.mean():.4g}",
            f"{low:.4g} to {high:.4g}",
            f"{each.scores.max():.4g}",
            f"{each.env_steps:,}",
            "–" if each.rooms is None else str(each.rooms),
            "–" if each.cells is None else str(each.cells),
        )
    return table


def _write_json(
    file: Path, played: dict[str, Played], config: EvaluateConfig, env_steps: int
) -> None:
    file.parent.mkdir(exist_ok=True)
    content: dict[str, Any] = {"env_steps": env_steps, "seed": config.seed}
    for name, each in played.items():
        content[name] = {
            "returns": each.scores.tolist(),
            "lengths": [x.length for x in each.episodes],
            "complete": [x.complete for x in each.episodes],
            "return_mean": float(each.scores.mean()),
            "return_interval_95": bootstrap_interval(each.scores),
            "rooms": each.rooms,
            "cells": each.cells,
            "rooms_per_episode": [
                None if x.rooms is None else len(x.rooms) for x in each.episodes
            ],
        }
    file.write_text(json.dumps(content, indent=2) + "\n", "utf-8")
