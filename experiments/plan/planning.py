"""`curious plan`: how many goals a world model reaches, beside random actions."""

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from agents.random_seeker import RandomSeeker
from agents.seeking import Sought, seek
from envs.goal_world import GoalWorld
from envs.native_env import NativeVectorEnv
from envs.vector_env import WorldConfig
from experiments.config.device import resolve_device
from experiments.model.build import offered_of
from experiments.model.config import TrainModelConfig
from experiments.model.saved import load_world_model
from experiments.plan.config import PlanConfig
from experiments.plan.drawing import draw_ways
from experiments.plan.results import plan_table, write_plan
from experiments.runs.checkpoints.folder import CheckpointFolder
from experiments.runs.folder import RunFolder
from experiments.runs.summary import surviving
from experiments.sources.worlds import WorldsConfig
from ssl_objectives.footprint.plan import MemoryPlan, check_fits
from ssl_objectives.refusal import ConfigError
from world_models.planning.draws import SeededDraws
from world_models.planning.goal_seeker import GoalSeeker


@dataclass(frozen=True)
class Planned:
    """What came of the goals of one run, by planning and by chance; and its file."""

    run: RunFolder
    planned: Sought
    random: Sought
    file: Path


def plan(config: PlanConfig, console: Console | None = None) -> list[Planned]:
    """Seek goals with the model of each run; writes JSON and a picture into it.

    Raises:
        ConfigError: no runs, or a model, world and planner that do not fit together.
        NotARun: there is no run at a path.
        CheckpointError: a checkpoint cannot be read.
        WorldError: goals are reached where one starts.
        DoesNotFit: more starts than there is memory for.
    """
    console = console or Console()
    if not config.runs:
        raise ConfigError(
            "Which model? Give runs of `curious train-model`: curious plan runs/RUN"
        )
    return [_plan_one(x, config, console) for x in config.runs]


def _plan_one(path: Path, config: PlanConfig, console: Console) -> Planned:
    run, device = RunFolder.open(path), resolve_device(config.device)
    model, trained = load_world_model(path, config.device)
    folder = CheckpointFolder(run.checkpoints)
    checkpoint = run.checkpoint_at(path) or folder.latest()
    world = _world(config, trained, device)
    offered = offered_of(folder.load(checkpoint).state["offered"])
    if (world.obs_shape, world.actions) != (offered.obs_shape, offered.actions):
        raise ConfigError(
            f"{run.path} was trained on frames {offered.obs_shape} and "
            f"{offered.actions}; this world has {world.obs_shape} and {world.actions}."
        )
    each = 2 * prod(world.obs_shape)  # bytes of the first frame and of the goal's
    starts = MemoryPlan().add("starts and goals", each * config.starts, "--starts")
    check_fits(starts, device)
    planner = config.planner.of_actions(world.actions, config.horizon)
    draws = SeededDraws(config.seed, device)
    seekers: dict[str, Any] = {
        "planned": GoalSeeker(model, planner, config.cost, config.execute, draws),
        "random": RandomSeeker(world.actions, config.seed, device),
    }
    asked = (config.starts, config.max_steps, config.seed, device)
    found = {}
    with console.status("planning …") as status:
        for name, seeker in seekers.items():

            def watch(steps: int, reached: int, name: str = name) -> None:
                status.update(f"{name}: {reached} of {config.starts} in {steps} steps")

            found[name] = seek(world, seeker, *asked, watch)
    console.print(run.path.name, style="bold", highlight=False, soft_wrap=True)
    console.print(plan_table(found))
    file = run.path / "plans" / f"{checkpoint.stem}-{_named(config)}.json"
    write_plan(file, config, found)
    console.print(f"numbers  {file}", highlight=False, soft_wrap=True)
    if config.pictures:
        picture = file.with_suffix(".png")

        def warn(message: str) -> None:
            console.print(f"warning: {message}", highlight=False, soft_wrap=True)

        with surviving("The picture", warn):
            draw_ways(picture, found["planned"], config.pictures)
            console.print(f"picture  {picture}", highlight=False, soft_wrap=True)
    return Planned(run, found["planned"], found["random"], file)


def _world(
    config: PlanConfig, trained: TrainModelConfig, device: torch.device
) -> GoalWorld[Any]:
    """The rules of the world with the goals."""
    chosen: WorldConfig
    if config.world is not None:
        chosen = config.world
    elif isinstance(trained.data, WorldsConfig):
        chosen = trained.data.world
    else:
        raise ConfigError(
            f"The model was trained on {trained.data.about}, which is no world. Say "
            "where to plan: --world two-rooms"
        )
    env = chosen.build(1, device)
    world = env.world if isinstance(env, NativeVectorEnv) else None
    env.close()
    if not isinstance(world, GoalWorld):
        raise ConfigError(
            f"{type(chosen).__name__} has no goals to plan for. Take --world two-rooms "
            "or moving-dot, or make its rules a GoalWorld (envs/goal_world.py)."
        )
    return world


def _named(config: PlanConfig) -> str:
    """Planner and cost in a word each, for the name of a file: `icem-laststep`."""
    planner = type(config.planner).__name__.removesuffix("Config")
    return f"{planner}-{type(config.cost).__name__}".lower()
