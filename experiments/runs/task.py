"""What a session runs: the contract of everything that trains step by step."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import torch
from torch import Tensor, nn

from experiments.runs.folder import RunFolder
from experiments.runs.health import HealthMonitor


class RunConfig(Protocol):
    """What the configs of all that trains have in common; dataclasses."""

    @property
    def seed(self) -> int:
        """Of initial weights and all draws."""

    @property
    def seeds(self) -> int:
        """Runs, one after another, with seeds counted up from `seed`."""

    @property
    def runs(self) -> Path:
        """Folder that holds all run folders."""

    @property
    def keep_checkpoints(self) -> int:
        """Newest checkpoints kept."""


@dataclass(frozen=True)
class Schedule:
    """Steps between rows of metrics, evaluations and checkpoints; 0 for never.

    Each is due when a multiple has been reached or passed, and at the end.
    """

    log: int
    evaluate: int
    checkpoint: int


class Task(ABC):
    """One run of a trainer, from its config to what it leaves behind.

    A session asks for the attributes and `budget` first, then calls `make`, then
    `begin` (a new run) or `load_state_dict` (a resumed one), then `step` until the
    budget is spent or the task has `reached` what it was for, `finish`, and in any case
    `close`.

    Attributes:
        command: of `curious`, that makes such runs.
        unit: what its steps are called.
        budget_flag: of the command, that sets the budget.
        fixed: paths in the config that cannot change when a run goes on.
        score: the metric of an evaluation that tells which checkpoint is best; a
            checkpoint is kept with every such evaluation. None: there is no best.
        config: what the run is to be.
        schedule: what is due when.
        step_size: how many steps one call of `step` makes, at most.
        device: where it is computed.
        modules: all networks.
        health: looks at every row of metrics.
        tensorboard: metrics are written for TensorBoard, too.
    """

    command: ClassVar[str]
    unit: ClassVar[str]
    budget_flag: ClassVar[str]
    score: ClassVar[str | None] = None
    fixed: Sequence[str]
    config: RunConfig
    schedule: Schedule
    step_size: int
    device: torch.device
    modules: nn.Module
    health: HealthMonitor
    tensorboard: bool = True

    @property
    @abstractmethod
    def name(self) -> str:
        """What the run folder is called, beside time and seed."""

    @property
    @abstractmethod
    def budget(self) -> int:
        """Steps at which the run is done."""

    @property
    def reached(self) -> bool:
        """Whether the run is done before its budget: what it was for is reached.

        It follows from what is saved, and is the same in all processes.
        """
        return False

    def is_reported(self, run: RunFolder) -> bool:
        """Whether a run that has had its budget has left all that it shall leave."""
        return True

    @abstractmethod
    def make(self) -> None:
        """Build what trains.

        Raises:
            ConfigError: parts that do not fit together.
            DoesNotFit: the memory would not suffice; nothing large was allocated.
        """

    def begin(self) -> Mapping[str, float]:
        """Get ready for the first step of all; gives metrics from before it.

        Called before there is a folder: what fails here leaves none.
        """
        return {}

    @property
    @abstractmethod
    def steps(self) -> int:
        """How many have been made."""

    @abstractmethod
    def step(self, log: bool) -> Mapping[str, float]:
        """Make `step_size` steps, or somewhat fewer.

        Args:
            log: the metrics are wanted, which waits for the device.
        """

    def counted(self) -> tuple[int, str]:
        """How much of what a step is, such as `(4, "frames")`; for people."""
        return 1, ""

    def shown(self) -> Sequence[str]:
        """What a person wants to see beside the progress bar, such as `loss 0.3`."""
        return ()

    def evaluate(
        self, say: Callable[[str], None], stop: Callable[[], bool]
    ) -> Mapping[str, float]:
        """Metrics `evaluate/…`, and a baseline's; leaves no trace in what is trained.

        Called in the first of several processes alone.

        Args:
            say: prints a line above the progress bar.
            stop: says that somebody interrupts; then no metrics are given.
        """
        return {}

    def blame(self) -> str | None:
        """What brought numbers that are not finite from outside; None: training did.

        Asked only where there are such numbers, so it may wait for the device.
        """
        return None

    @property
    @abstractmethod
    def remedy(self) -> str:
        """Flags that help a run that has diverged."""

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on; the networks' own under `modules`.

        Called in all of several processes at once, so that what each of them holds may
        be brought together; the first one's is saved.
        """

    def check_state(self, state: Mapping[str, Any]) -> None:  # noqa: B027 - most can
        """Refuse a state that this run cannot go on from, before anything is built.

        Raises:
            ConfigError: it was saved by another number of processes.
        """

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state that `state_dict` gave, with this task's config.

        Called in all of several processes, with the one state that was saved.
        """

    @abstractmethod
    def finish(self, run: RunFolder, finished: bool, stop: Callable[[], bool]) -> None:
        """Leave pictures, tables and what else a run leaves, and say so.

        Called by the first of several processes alone.

        Args:
            run: its folder.
            finished: the budget is spent, or the task has `reached` what it was for;
                otherwise somebody has interrupted.
            stop: says that somebody interrupts.
        """

    def reopen(self, run: RunFolder) -> None:  # noqa: B027 - most leave nothing
        """Take away what says that a run was finished: it goes on."""

    def close(self) -> None:  # noqa: B027 - most hold nothing
        """Let go of worlds, files and processes."""


def read_metrics_from(device_metrics: Mapping[str, Tensor]) -> dict[str, float]:
    """Metrics as numbers, in one transfer from the device."""
    if not device_metrics:
        return {}
    values = torch.stack([x.detach().float() for x in device_metrics.values()])
    return dict(zip(device_metrics, values.tolist(), strict=True))
