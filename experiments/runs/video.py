"""A video of a run's agent at play."""

from collections.abc import Callable
from itertools import chain, takewhile
from pathlib import Path

from agents.play import play_frames
from agents.player import Player
from envs.vector_env import WorldConfig
from experiments.config.episodes import SEED
from experiments.runs.mp4 import write_video
from experiments.runs.playing import observable_env, playing

FRAMES_PER_SECOND = 15  # an Atari step is four frames of sixty a second


def record_video(
    world: WorldConfig,
    player: Player,
    path: Path,
    num_steps: int,
    seed: int = SEED,
    greedy: bool = False,
    stop: Callable[[], bool] = lambda: False,
) -> None:
    """Let an agent play `num_steps` in one world, in colour, into an mp4.

    `stop` is asked after every step; the video ends where it says so.
    """
    env = observable_env(world, 1, str(player.device))
    try:
        with playing(player):
            policy = player.acting(seed, greedy)
            frames = play_frames(env, policy, num_steps, seed)
            rest = takewhile(lambda _: not stop(), frames)
            write_video(path, chain([next(frames)], rest), FRAMES_PER_SECOND)
    finally:
        env.close()
