"""Playing on the side of a run: an evaluation while it trains, and a video."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain, takewhile
from pathlib import Path

from agents.actor import Actor
from agents.play import StepCallback, actor_player, play_episodes, play_frames
from envs.vector_env import ObservableWorld, VectorEnv, WorldConfig
from experiments.config.device import resolve_device
from experiments.config.episodes import NUM_ENVS, SEED
from experiments.runs.video import write_video

FRAMES_PER_SECOND = 15  # an Atari step is four frames of sixty a second


def observable_env(world: WorldConfig, num_envs: int, device: str) -> VectorEnv:
    """Worlds, with the truth beside the pixels where they can tell it."""
    if isinstance(world, ObservableWorld):
        world = world.with_facts()
    return world.build(num_envs, resolve_device(device))


def evaluate_actor(
    world: WorldConfig,
    actor: Actor,
    num_episodes: int,
    on_step: StepCallback | None = None,
) -> dict[str, float]:
    """Metrics `evaluate/…` of an actor, in fresh worlds."""
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
    world: WorldConfig,
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
    env = observable_env(world, 1, _device_of(actor))
    try:
        with _playing(actor):
            player = actor_player(actor, 1, seed, greedy)
            frames = play_frames(env, player, num_steps, seed)
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
