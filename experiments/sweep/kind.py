"""What a sweep has to know of a command of `curious`."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from rich.text import Text

from experiments.config.command import HelpAsked, Misuse
from experiments.runs.folder import RunFolder
from experiments.sweep.cell_run import saved_env_steps
from ssl_objectives.refusal import ConfigError

C = TypeVar("C")

_OWN = ("--seed", "--seeds", "--runs", "--resume")  # what a sweep says itself


@dataclass(frozen=True)
class Job:
    """What a cell is to do.

    Attributes:
        budget: steps after which it is done.
        piece: steps that are the smallest run that can be measured.
    """

    budget: int
    piece: int


class SweepKind(ABC):
    """To sweep another command, write one of these for it.

    Its runs must be run folders with checkpoints, and it must take `--runs` and
    `--resume`.

    Attributes:
        unit: what its steps are called.
        pieces: what the pieces of a job are called.
    """

    unit: str
    pieces: str

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
        return saved_env_steps(run) >= budget


def read_as(
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
