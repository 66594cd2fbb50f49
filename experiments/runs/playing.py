"""Playing on the side of a run: an evaluation while it trains, and a video."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain, takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.config.device import resolve_device
from experiments.runs.video import write_video

if TYPE_CHECKING:
    from agents.actor import Actor
    from agents.play import Watcher
    from envs.vector_env import VectorEnv, WorldConfig

# Evaluation draws other episodes than training, the same for every agent and run.
SEED = 1_000_003
NUM_ENVS = 8
FRAMES_PER_SECOND = 15  # an Atari step is four frames of sixty a second


def observable_env(world: "WorldConfig", num_envs: int, device: str) -> "VectorEnv":
    """Worlds, with the truth beside the pixels where they can tell it."""
    from envs.vector_env import ObservableWorld  # imports torch

    if isinstance(world, ObservableWorld):
        world = world.with_facts()
    return world.build(num_envs, resolve_device(device))


def evaluate_actor(
    world: "WorldConfig",
    actor: "Actor",
    num_episodes: int,
    on_step: "Watcher | None" = None,
) -> dict[str, float]:
    """Metrics `evaluate/…` of an actor, in fresh worlds."""
    from agents.play import actor_player, play_episodes  # imports torch

    num_envs = share_envs(num_episodes, NUM_ENVS)
    env = observable_env(world, num_envs, _device_of(actor))
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
    world: "WorldConfig",
    actor: "Actor",
    path: Path,
    num_steps: int,
    seed: int = SEED,
    greedy: bool = False,
    stop: Callable[[], bool] = lambda: False,
) -> None:
    """Let the actor play `num_steps` in one world, in colour, into an mp4.

    `stop` is asked after every step; the video ends where it says so.
    """
    from agents.play import actor_player, record  # imports torch

    env = observable_env(world, 1, _device_of(actor))
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
def _playing(actor: "Actor") -> Iterator[None]:
    """Evaluation must leave no trace in what is trained, batch statistics included."""
    before = actor.training
    actor.eval()
    try:
        yield
    finally:
        actor.train(before)


def _device_of(actor: "Actor") -> str:
    return str(next(actor.parameters()).device)
