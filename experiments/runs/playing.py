"""Playing on the side of a run: evaluations while it trains, and random play beside."""

from collections.abc import Iterator
from contextlib import contextmanager

from agents.acting import RandomPolicy
from agents.play import PlayedEpisodes, StepCallback, play_episodes
from agents.player import Player
from envs.vector_env import ObservableWorld, VectorEnv, WorldConfig
from experiments.config.device import resolve_device
from experiments.config.episodes import MAX_STEPS, NUM_ENVS, SEED


def observable_env(world: WorldConfig, num_envs: int, device: str) -> VectorEnv:
    """Worlds, with the truth beside the pixels where they can tell it."""
    if isinstance(world, ObservableWorld):
        world = world.with_facts()
    return world.build(num_envs, resolve_device(device))


def evaluate_player(
    world: WorldConfig,
    player: Player,
    num_episodes: int,
    on_step: StepCallback | None = None,
    max_steps: int = MAX_STEPS,
) -> dict[str, float]:
    """Metrics `evaluate/…` of an agent, in fresh worlds.

    Episodes end after `max_steps`, since some worlds' never do; `evaluate/cut_off`
    counts those.
    """
    num_envs = share_envs(num_episodes, NUM_ENVS)
    env = observable_env(world, num_envs, str(player.device))
    try:
        with playing(player):
            policy = player.acting(SEED)
            played = play_episodes(env, policy, num_episodes, SEED, max_steps, on_step)
    finally:
        env.close()
    return _metrics("evaluate", played)


def evaluate_random(
    world: WorldConfig,
    num_episodes: int,
    seed: int,
    device: str,
    on_step: StepCallback | None = None,
    max_steps: int = MAX_STEPS,
) -> dict[str, float]:
    """Metrics `random/…`: uniformly random play where `evaluate_player` plays.

    Args:
        world: which.
        num_episodes: at least 1.
        seed: of the draws alone; the worlds are those that every player meets.
        device: where the worlds are computed.
        on_step: told how far play is; what it raises ends play.
        max_steps: after which an episode is cut.
    """
    env = observable_env(world, share_envs(num_episodes, NUM_ENVS), device)
    try:
        policy = RandomPolicy(env, seed)
        played = play_episodes(env, policy, num_episodes, SEED, max_steps, on_step)
    finally:
        env.close()
    return _metrics("random", played)


def _metrics(player: str, played: PlayedEpisodes) -> dict[str, float]:
    metrics = {
        "return_mean": played.scores.mean(),
        "return_max": played.scores.max(),
        "cut_off": played.cut_off,
    }
    rooms = played.rooms_per_episode
    if rooms is not None and played.rooms is not None and played.cells is not None:
        metrics["rooms"] = played.rooms
        metrics["cells"] = played.cells
        metrics["rooms_per_episode"] = rooms.mean()
    return {f"{player}/{name}": float(x) for name, x in metrics.items()}


def share_envs(num_episodes: int, at_most: int) -> int:
    """How many envs share episodes most evenly: no env plays on for nobody."""
    rounds = -(-num_episodes // min(num_episodes, at_most))
    return -(-num_episodes // rounds)


@contextmanager
def playing(player: Player) -> Iterator[None]:
    """Playing must leave no trace in what is trained, batch statistics included."""
    before = player.training
    player.eval()
    try:
        yield
    finally:
        player.train(before)
