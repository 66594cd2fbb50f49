"""Playing on the side of a run: an evaluation while it trains."""

from collections.abc import Iterator
from contextlib import contextmanager

from agents.acting import ActorPolicy
from agents.actor import Actor
from agents.play import StepCallback, play_episodes
from envs.vector_env import ObservableWorld, VectorEnv, WorldConfig
from experiments.config.device import resolve_device
from experiments.config.episodes import NUM_ENVS, SEED


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
    env = observable_env(world, num_envs, device_of(actor))
    try:
        with playing(actor):
            policy = ActorPolicy.seeded(actor, SEED)
            played = play_episodes(env, policy, num_episodes, SEED, on_step=on_step)
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


def share_envs(num_episodes: int, at_most: int) -> int:
    """How many envs share episodes most evenly: no env plays on for nobody."""
    rounds = -(-num_episodes // min(num_episodes, at_most))
    return -(-num_episodes // rounds)


@contextmanager
def playing(actor: Actor) -> Iterator[None]:
    """Playing must leave no trace in what is trained, batch statistics included."""
    before = actor.training
    actor.eval()
    try:
        yield
    finally:
        actor.train(before)


def device_of(actor: Actor) -> str:
    """Where an actor lies."""
    return str(next(actor.parameters()).device)
