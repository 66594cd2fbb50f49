"""What each of two processes gets of a source; run by `test_processes.py`."""

import sys
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from envs.counting import CountingConfig, decode
from experiments.model.presets import train_model_config
from experiments.model.sources.recorded import DatasetConfig
from experiments.model.sources.source import Source
from experiments.model.sources.worlds import Worlds, WorldsConfig
from experiments.model.task import train_model
from experiments.record.recording import RecordConfig, record
from ssl_objectives.refusal import ConfigError
from tests.ssl_objectives.launch import report_from
from world_models.trajectory import Trajectory

T, B = 5, 6
DATA = Path(sys.argv[2]).with_name("data")
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


def alone() -> dict[str, Any]:
    """The whole epoch; and what is held out, of each kind of source."""
    if sys.argv[1] == "0":  # the other one finds it: nobody has a group yet
        config = RecordConfig(
            world=CountingConfig(), out=DATA, steps=500, num_envs=3, facts=True
        )
        record(config, Console(quiet=True))
    return {}


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
        "refused": refused(),
    }


def refused() -> str:
    config = train_model_config("jepa-vicreg", "debug")
    try:
        train_model(_with(config, batch_size=7), console=Console(quiet=True))
    except ConfigError as error:
        return str(error)
    return "nothing"


def _with(config: Any, **changes: Any) -> Any:
    return type(config)(**{**vars(config), **changes})


if __name__ == "__main__":
    report_from(alone, together)
