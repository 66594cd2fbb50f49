"""What each of two processes gets of a source, and learns; run by `test_processes.py`.

What is learned is compared with what one process learns of the same, in float64.
"""

import sys
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from envs.counting import CountingConfig, decode
from envs.tiles.key_door import KeyDoorConfig
from experiments.model.presets import train_model_config
from experiments.model.task import TrainModelTask, train_model
from experiments.record.recording import RecordConfig, record
from experiments.runs.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from experiments.runs.distributed import started_as
from experiments.sources.recorded import DatasetConfig
from experiments.sources.source import Source
from experiments.sources.worlds import Worlds, WorldsConfig
from ssl_objectives.refusal import ConfigError
from tests.agents.resuming import leaves
from tests.agents.shared_worlds import SharedWorldsConfig
from tests.agents.two_processes import Eyes, apart
from tests.ssl_objectives.launch import report_from
from world_models.cores.recurrent import RecurrentConfig
from world_models.predictor import LatentHeadConfig
from world_models.presets import jepa_vicreg
from world_models.trajectory import Trajectory

T, B, STEPS = 5, 6, 3
STATE = ("modules", "optimizer", "steps")
FOLDER, RANK = Path(sys.argv[2]).parent, sys.argv[1]
DATA = FOLDER / f"data-{RANK}"  # the same in both, whoever comes first
CPU = torch.device("cpu")


def begins(traj: Trajectory) -> list[list[int]]:
    """The rows (env, episode, step) that trajectories begin with."""
    rows = torch.stack(tuple(decode(traj.obs[0])), -1)
    found: list[list[int]] = rows.tolist()
    return found


def playing() -> Worlds:
    return WorldsConfig(CountingConfig()).open(T, B, 0, CPU)


def held_out(source: Source) -> list[Any]:
    parts = [islice(source.held_out(4, part), 2) for part in (0, 1)]
    return [[begins(x), x.action.tolist()] for part in parts for x in part]


def learner(data: Any, seed: int = 0) -> TrainModelTask:
    """A world model in four envs, or windows, at a time."""
    config = train_model_config("jepa-vicreg", "debug")
    config = replace(
        config,
        data=data,
        model=jepa_vicreg(2, predictor=LatentHeadConfig(8)),
        encoder=Eyes(),
        core=RecurrentConfig(7),
        batch_size=4,
        num_steps=T,
        steps=STEPS,
        seed=seed,
    )
    task = TrainModelTask(config, CPU, Console(quiet=True))
    task.make()
    return task


def sources() -> dict[str, Any]:
    worlds = SharedWorldsConfig(KeyDoorConfig(max_episode_steps=5, varied_layouts=True))
    return {
        "worlds": WorldsConfig(worlds, "tests.agents.shared_worlds:by_sight"),
        "recorded": DatasetConfig(DATA),
    }


def learned(task: TrainModelTask, num: int) -> dict[str, Any]:
    """Weights, optimiser and buffers behind so many steps, and what was told last."""
    told = [task.step(log=True) for _ in range(num)][-1]
    state = {k: x for k, x in task.state_dict().items() if k in STATE}
    return leaves({**state, "told": {k: torch.tensor(x) for k, x in told.items()}})


def prepare() -> None:
    """Data to learn from, and float64."""
    config = RecordConfig(
        world=CountingConfig(), out=DATA, steps=500, num_envs=3, facts=True
    )
    record(config, Console(quiet=True))
    torch.set_default_dtype(torch.float64)
    torch.Tensor.float = torch.Tensor.double  # type: ignore[method-assign]


def alone() -> dict[str, Any]:
    """What one process learns."""
    return {name: learned(learner(x), STEPS) for name, x in sources().items()}


def compared(rank: int, expected: dict[str, Any]) -> dict[str, Any]:
    """How far from one process two are, straight on and from a checkpoint."""
    found = {}
    for name, data in sources().items():
        task, file = learner(data), FOLDER / f"{name}.safetensors"
        learned(task, STEPS - 1)
        state = task.state_dict()
        if rank == 0:
            save_checkpoint(file, state, task.steps)
        torch.distributed.barrier()
        # where an order of windows begins, its seed says
        resumed = learner(data, seed=0 if name == "recorded" else 1)
        resumed.load_state_dict(load_checkpoint(file).state)
        found[name] = [apart(learned(x, 1), expected[name]) for x in (task, resumed)]
    return found


def together(rank: int, expected: Any) -> dict[str, Any]:
    torch.distributed.barrier()
    recorded = DatasetConfig(DATA).open(T, B, 0, CPU)
    epoch = recorded.windows.order.batches_per_epoch
    worlds = playing()
    played = [worlds.next().action.tolist() for _ in range(2)]
    state = [worlds.state_dict()]  # a checkpoint is the first process's
    torch.distributed.broadcast_object_list(state, src=0)
    resumed = playing()
    resumed.load_state_dict(state[0])
    return {
        "learned": recorded.learned,
        "epochs": [[begins(recorded.next()) for _ in range(epoch)] for _ in range(2)],
        "kept back": held_out(recorded),
        "played": played,
        "goes on": worlds.next().action.tolist(),
        "resumed": resumed.next().action.tolist(),
        "held out": held_out(worlds),
        "on": started_as("train-model"),
        "refused": refused(),
        "compared": compared(rank, expected),
    }


def refused() -> str:
    config = train_model_config("jepa-vicreg", "debug")
    try:
        train_model(replace(config, batch_size=7), console=Console(quiet=True))
    except ConfigError as error:
        return str(error)
    return "nothing"


if __name__ == "__main__":
    report_from(alone, together, prepare)
