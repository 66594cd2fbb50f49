"""Somebody acts in a world, and every step of it becomes a frame."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from agents.acting import ActingPolicy
from agents.agent import Agent
from envs.noise.config import with_noise
from envs.overview import with_whole
from envs.vector_env import VectorEnv
from experiments.config.device import resolve_device
from experiments.parts.policies import untrained_policy
from experiments.parts.seen import seen
from experiments.runs.checkpoints.folder import CheckpointFolder
from experiments.runs.folder import RunFolder
from experiments.runs.interrupt import interruptible
from experiments.runs.mp4 import write_video
from experiments.runs.progress import ProgressBar
from experiments.runs.video import FRAMES_PER_SECOND
from experiments.train.config import TrainConfig
from experiments.train.task import build_agent
from experiments.watch.config import WatchConfig
from experiments.watch.followed import Followed
from experiments.watch.screen import Screen, is_told
from experiments.watch.world_config import WatchWorldConfig
from ssl_objectives.refusal import ConfigError

Frame = NDArray[np.uint8]


@dataclass(frozen=True)
class Watched:
    """A video, and whether it has all steps that were asked for."""

    video: Path
    steps: int
    finished: bool


def watch(config: WatchConfig, console: Console | None = None) -> Watched:
    """Write the video of a run; ends early, with all steps kept, when interrupted.

    Raises:
        NotARun: there is no run at the path.
        CheckpointError: its checkpoint cannot be read.
        ConfigError: no agent was trained there, or the checkpoint does not fit.
        OSError: the video cannot be written.
    """
    console = console or Console()
    run = RunFolder.open(config.run)
    trained = run.config()
    if not isinstance(trained, TrainConfig):
        raise ConfigError(
            f"{run.path} trained no agent. Give a run of `curious train`."
        )
    path = run.checkpoint_at(config.run)
    saved = CheckpointFolder(run.checkpoints).load(path)
    followed = Followed(trained.world)
    device = resolve_device(config.device)
    agent = build_agent(replace(trained, world=followed), None, device)
    try:
        agent.load_state_dict(dict(saved.state))
        out = config.out or run.videos / f"watch-{run.path.name}.mp4"
        frames = watched(agent, followed, config.window)
        return _filmed(out, frames, config.steps, console)
    finally:
        agent.env.close()


def watch_world(config: WatchWorldConfig, console: Console | None = None) -> Watched:
    """Write the video of a world; ends early, with all steps kept, when interrupted.

    Raises:
        ConfigError: parts that do not exist or do not fit together.
        OSError: the video cannot be written.
    """
    console = console or Console()
    device = resolve_device(config.device)
    name = type(config.world).__name__.removesuffix("Config")
    try:
        world = with_noise(with_whole(config.world), config.noise)
        env = world.build(1, device)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    try:
        console.print(seen(env.spec), highlight=False, markup=False, soft_wrap=True)
        policy = untrained_policy(config.policy, env, config.seed)
        out = config.out or Path(f"watch-{name}.mp4")
        frames = played(env, policy, config.seed, config.window)
        return _filmed(out, frames, config.steps, console)
    finally:
        env.close()


def watched(agent: Agent, followed: Followed, window: int) -> Iterator[Frame]:
    """Frames of an agent that has begun, without end; see `Screen`."""
    screen = Screen(followed.facts, window)
    while True:
        followed.notes.clear()
        experience, paid = agent.play_on()
        traj = experience.traj
        bonus = {name: x.reward[:, 0].tolist() for name, x in paid.items()}
        for t, notes in enumerate(followed.notes):
            told = {name: x[t] for name, x in bonus.items()}
            begins = bool(traj.first[t + 1, 0])
            yield screen.frame(traj.obs[t + 1, 0], notes, told, begins)


def played(
    env: VectorEnv, policy: ActingPolicy, seed: int, window: int
) -> Iterator[Frame]:
    """Frames of the first env from its first row on, without end; see `Screen`."""
    facts = {x: fact for x, fact in env.spec.facts.items() if is_told(x, fact)}
    screen = Screen(facts, window)
    row, carry = env.reset(seed), policy.start(env.spec.num_envs)
    while True:
        told = {name: row.facts[name][0] for name in facts}
        reward = {"reward": float(row.reward[0])}
        yield screen.frame(row.obs[0], told, reward, bool(row.first[0]))
        did = policy.act(row, carry)
        row, carry = env.step(did.action), did.carry


def _filmed(
    out: Path, frames: Iterator[Frame], steps: int, console: Console
) -> Watched:
    bar = ProgressBar(steps, unit="env steps", console=console)
    with interruptible() as interrupted, bar:

        def until_stopped() -> Iterator[Frame]:
            for step, frame in enumerate(islice(frames, steps), 1):
                yield frame
                bar.reach(step)
                if interrupted.is_set():
                    return

        write_video(out, until_stopped(), FRAMES_PER_SECOND)
    if bar.done < steps:
        told = f"Stopped at {bar.done:,} env steps; the video has all of them."
        console.print(told, highlight=False)
    console.print(f"video    {out}", highlight=False, soft_wrap=True)
    return Watched(out, bar.done, bar.done >= steps)
