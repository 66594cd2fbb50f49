"""The cells of a sweep: what each runs, known before anything starts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from experiments.sweep.grid import Grid
from experiments.sweep.swept_commands import swept_command
from ssl_objectives.refusal import ConfigError

SEED = "{seed}"  # in arguments: the seed of the cell, for files of other sweeps


@dataclass(frozen=True)
class Cell:
    """One run of a sweep.

    Attributes:
        name: of its folder: values and seed, `key-door+rnd+s0`.
        values: the name of the value of each axis.
        seed: of the run.
        arguments: of the command, the seed included.
        budget: steps after which it is done: env steps of `train`, gradient steps of
            `pretrain`.
        rollout: steps that are the smallest run that can be measured, one rollout.
        command: of `curious`, that it runs.
    """

    name: str
    values: Mapping[str, str]
    seed: int
    arguments: tuple[str, ...]
    budget: int
    rollout: int
    command: str = "train"

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        return {
            "name": self.name,
            "axes": dict(self.values),
            "seed": self.seed,
            "arguments": list(self.arguments),
            "budget": self.budget,
            "rollout": self.rollout,
            "command": self.command,
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "Cell":
        """The cell that `to_json` wrote; more keys are ignored."""
        return Cell(
            data["name"],
            data["axes"],
            data["seed"],
            tuple(data["arguments"]),
            data["budget"],
            data["rollout"],
            data.get("command", "train"),
        )


def expand(grid: Grid) -> list[Cell]:
    """The cells of a grid, all of the first seed before those of the second.

    Raises:
        ConfigError: the command would refuse a cell; the message names it.
    """
    command = swept_command(grid.command)
    combinations = []
    for x in grid.combinations():
        try:
            job = command.job(x.arguments)
        except ConfigError as error:
            raise ConfigError(f"Cell {x.name or 'of the grid'}: {error}") from error
        combinations.append((x, job))
    return [
        Cell(
            f"{x.name}+s{seed}".lstrip("+"),
            x.values,
            seed,
            (*(y.replace(SEED, str(seed)) for y in x.arguments), "--seed", str(seed)),
            job.budget,
            job.piece,
            grid.command,
        )
        for seed in grid.seeds
        for x, job in combinations
    ]
