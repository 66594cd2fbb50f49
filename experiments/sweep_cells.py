"""The cells of a sweep: what each runs, known before anything starts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from experiments.grid import Grid
from experiments.parts import ConfigError
from experiments.sweep_train import read_config


@dataclass(frozen=True)
class Cell:
    """One run of a sweep.

    Attributes:
        name: of its folder: values and seed, `key-door+rnd+s0`.
        values: the name of the value of each axis.
        seed: of the run.
        arguments: of the command, the seed included.
        budget: env steps after which it is done.
        rollout: env steps of one rollout, the smallest run that can be measured.
    """

    name: str
    values: Mapping[str, str]
    seed: int
    arguments: tuple[str, ...]
    budget: int
    rollout: int

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        return {
            "name": self.name,
            "axes": dict(self.values),
            "seed": self.seed,
            "arguments": list(self.arguments),
            "budget": self.budget,
            "rollout": self.rollout,
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
        )


def expand(grid: Grid) -> list[Cell]:
    """The cells of a grid, all of the first seed before those of the second.

    Raises:
        ConfigError: the command would refuse a cell; the message names it.
    """
    if grid.command != "train":
        raise ConfigError(
            f"command: {grid.command!r} cannot be swept; only 'train' can."
        )
    combinations = []
    for x in grid.combinations():
        try:
            config = read_config(x.arguments)
        except ConfigError as error:
            raise ConfigError(f"Cell {x.name or 'of the grid'}: {error}") from error
        rollout = config.num_envs * config.agent.ppo.num_steps
        combinations.append((x, config.env_steps, rollout))
    return [
        Cell(
            f"{x.name}+s{seed}".lstrip("+"),
            x.values,
            seed,
            (*x.arguments, "--seed", str(seed)),
            budget,
            rollout,
        )
        for seed in grid.seeds
        for x, budget, rollout in combinations
    ]
