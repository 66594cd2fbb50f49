"""An agent goes on exploring, and every step of it becomes a frame."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from torch import Tensor

from agents.agent import Agent
from envs.vector_env import FactSpec
from experiments.config.device import resolve_device
from experiments.runs.checkpoints.folder import CheckpointFolder
from experiments.runs.folder import RunFolder
from experiments.runs.mp4 import write_video
from experiments.runs.video import FRAMES_PER_SECOND
from experiments.train.config import TrainConfig
from experiments.train.task import build_agent
from experiments.watch.config import WatchConfig
from experiments.watch.followed import OVERVIEW, Followed
from experiments.watch.panels import Panels
from ssl_objectives.refusal import ConfigError


def watch(config: WatchConfig, console: Console | None = None) -> Path:
    """Write the video; returns where it is.

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
        frames = islice(watched(agent, followed, config.window), config.steps)
        write_video(out, frames, FRAMES_PER_SECOND)
    finally:
        agent.env.close()
    console.print(f"video    {out}", highlight=False, soft_wrap=True)
    return out


def watched(
    agent: Agent, followed: Followed, window: int
) -> Iterator[NDArray[np.uint8]]:
    """Frames of an agent that has begun, without end; see `Panels.frame`."""
    panels, step = Panels(window), 0
    facts = agent.env.spec.facts
    while True:
        followed.notes.clear()
        experience, paid = agent.play_on()
        traj = experience.traj
        bonus = {name: x.reward[:, 0].tolist() for name, x in paid.items()}
        for t, notes in enumerate(followed.notes):
            step += 1
            views = [traj.obs[t + 1, 0], *(notes[x] for x in (OVERVIEW,) if x in notes)]
            told = {name: x[t] for name, x in bonus.items()}
            lines = [f"step {step}", *_words(notes, facts)]
            if bool(traj.first[t + 1, 0]):
                lines.append("an episode begins")
            yield panels.frame([_colours(x) for x in views], told, lines)


def _words(notes: dict[str, Tensor], facts: Any) -> Iterator[str]:
    """Facts that are one of several names."""
    for name, value in notes.items():
        spec: FactSpec = facts[name]
        if spec.names and value.dim() == 0:
            yield f"{name.replace('_', ' ')}: {spec.names[int(value)]}"


def _colours(frame: Tensor) -> NDArray[np.uint8]:
    """`[H, W, 3]`: three channels as they are, of others the first as gray."""
    image = frame.cpu()
    shown = image[:3] if len(image) >= 3 else image[:1].expand(3, -1, -1)
    picture: NDArray[np.uint8] = shown.permute(1, 2, 0).contiguous().numpy()
    return picture
