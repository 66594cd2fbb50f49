"""Which commands of `curious` can be swept, and what a sweep has to know of each."""

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from rich.text import Text

from experiments.config.command_line import HelpAsked, Misuse
from experiments.model import command as model
from experiments.pretrain import command as pretrain
from experiments.runs.folder import RunFolder
from experiments.sweep.cell_run import has_reached, saved_steps
from experiments.train import command as train
from ssl_objectives.refusal import ConfigError, suggest

C = TypeVar("C")

_OWN = ("--seed", "--seeds", "--runs", "--resume")  # what a sweep says itself
_TRIED = 2  # gradient steps between the rows of a trial


@dataclass(frozen=True)
class Job:
    """What a cell is to do.

    Attributes:
        budget: steps after which it is done at the latest.
        piece: steps that are the smallest run that can be measured.
    """

    budget: int
    piece: int


class SweptCommand(ABC):
    """A command as a sweep knows it; for another one, write a row of `_SWEPT`.

    Its runs must be run folders with checkpoints, and it must take `--runs` and
    `--resume`.

    Attributes:
        unit: what its steps are called.
        pieces: what the pieces of a job are called.
        budget_flag: what gives the budget, where a run may go on with another one;
            None where all of it is planned by its length.
    """

    unit: str
    pieces: str
    budget_flag: str | None = None

    @abstractmethod
    def job(self, arguments: Sequence[str]) -> Job:
        """What the command would do.

        Raises:
            ConfigError: the command would refuse them; the message is its own.
        """

    @abstractmethod
    def trial(self, job: Job, pieces: int) -> list[str]:
        """Flags that make a run of so many pieces, and nothing else."""

    @abstractmethod
    def run(self, arguments: Sequence[str]) -> int:
        """Run the command in this process; returns its exit code."""

    def is_done(self, run: RunFolder, budget: int) -> bool:
        """Whether a run has nothing left to do."""
        return saved_steps(run) >= budget or has_reached(run)

    def again(self, budget: int) -> list[str]:
        """What is said to a run that goes on, whose budget may have been another."""
        return [] if self.budget_flag is None else [self.budget_flag, str(budget)]


class SweptTrain(SweptCommand):
    """Agents; a piece is a rollout."""

    unit = "env steps"
    pieces = "rollouts"
    budget_flag = "--env-steps"

    def job(self, arguments: Sequence[str]) -> Job:
        """The budget, and the env steps of one rollout."""
        config = _read_as("train", train.COMMAND.read, arguments)
        return Job(config.env_steps, config.num_envs * config.agent.num_steps)

    def trial(self, job: Job, pieces: int) -> list[str]:
        """Rollouts without evaluation, checkpoint or video."""
        env_steps = pieces * job.piece
        return [
            *("--env-steps", str(env_steps), "--checkpoint-every", str(2 * env_steps)),
            *("--evaluate-every", "0", "--video-steps", "0"),
        ]

    def run(self, arguments: Sequence[str]) -> int:
        """Train."""
        return train.run(arguments)


class SweptSteps(SweptCommand):
    """What is trained by gradient steps, and measured at its end; a piece is a few.

    Args:
        name: of the command.
        module: of the command: `COMMAND`, which reads its arguments, and `run`.
    """

    unit = "gradient steps"
    pieces = f"× {_TRIED} steps"

    def __init__(self, name: str, module: Any) -> None:
        self.name, self.module = name, module

    def job(self, arguments: Sequence[str]) -> Job:
        """The budget in gradient steps."""
        config = _read_as(self.name, self.module.COMMAND.read, arguments)
        return Job(config.steps, _TRIED)

    def trial(self, job: Job, pieces: int) -> list[str]:
        """Gradient steps without evaluation or report."""
        steps = pieces * job.piece
        return [
            *("--steps", str(steps), "--log-every", str(job.piece)),
            *("--checkpoint-every", str(2 * steps), "--evaluate-every", "0"),
            "--no-report",
        ]

    def run(self, arguments: Sequence[str]) -> int:
        """Train."""
        code: int = self.module.run(arguments)
        return code

    def is_done(self, run: RunFolder, budget: int) -> bool:
        """Its budget is saved, and it has been measured, if it shall be."""
        reported = (run.path / "results.json").is_file()
        if not reported:
            config = json.loads(run.config_file.read_text("utf-8"))
            reported = config.get("report") is False
        return reported and super().is_done(run, budget)


_SWEPT: Mapping[str, SweptCommand] = {
    "train": SweptTrain(),
    "pretrain": SweptSteps("pretrain", pretrain),
    "train-model": SweptSteps("train-model", model),
}


def swept_command(name: str) -> SweptCommand:
    """What a sweep has to know of a command.

    Raises:
        ConfigError: it cannot be swept.
    """
    if name not in _SWEPT:
        raise ConfigError(
            f"command: {name!r} cannot be swept.{suggest(name, list(_SWEPT))}"
        )
    return _SWEPT[name]


def _read_as(
    command: str, read: Callable[[Sequence[str]], C], arguments: Sequence[str]
) -> C:
    """The config that a command reads from its arguments.

    Args:
        command: its name, for messages.
        read: the command's own reading, see `parse`.
        arguments: of a cell.

    Raises:
        ConfigError: the command would refuse them, or a flag is the sweep's to say.
    """
    for argument in arguments:
        flag = argument.partition("=")[0].replace("_", "-")
        if flag in _OWN:
            raise ConfigError(f"{flag} is for the sweep to say; leave it out.")
    try:
        return read(arguments)
    except HelpAsked:
        raise ConfigError("--help runs nothing; leave it out.") from None
    except Misuse as error:
        said = Text.from_ansi(str(error)).plain  # no colours inside another message
        raise ConfigError(f"curious {command} refuses it:\n{said}") from None
