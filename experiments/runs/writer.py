"""What a session writes: metrics and checkpoints, and a stop where they diverge."""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass

import torch

from experiments.config.paths import quoted
from experiments.runs.checkpoints.folder import CheckpointFolder
from experiments.runs.folder import RunFolder
from experiments.runs.health import check_finite
from experiments.runs.logger import MetricLogger
from experiments.runs.task import Task
from ssl_objectives.distributed import rank
from ssl_objectives.refusal import TrainingDiverged


@dataclass(frozen=True)
class RunWriter:
    """Writes metrics and checkpoints of a run, none of weights that are not finite."""

    task: Task
    run: RunFolder
    checkpoints: CheckpointFolder
    logger: MetricLogger | None  # of the first process alone

    @staticmethod
    @contextmanager
    def open(
        task: Task, run: RunFolder, resumed_at: int | None
    ) -> Iterator["RunWriter"]:
        """The writer of a run; its files are closed in the end, whatever happens."""
        checkpoints = CheckpointFolder(run.checkpoints, task.config.keep_checkpoints)
        if rank() != 0:
            yield RunWriter(task, run, checkpoints, None)
            return
        checkpoints.start(task.steps)
        logger = MetricLogger(run, resumed_at, task.tensorboard)
        with closing(logger):
            yield RunWriter(task, run, checkpoints, logger)

    def log(self, metrics: Mapping[str, float]) -> None:
        """Write a row of metrics, where there are any."""
        if self.logger is not None and metrics:
            self.logger.log(self.task.steps, metrics)

    def save(self, score: float | None) -> int:
        """Write a checkpoint; gives its steps. All processes must do so at once."""
        task = self.task
        whole = {
            k: x
            for k, x in task.modules.state_dict().items()
            if isinstance(x, torch.Tensor) and x.is_floating_point()
        }
        sound = torch.stack([x.isfinite().all() for x in whole.values()]).tolist()
        for name, fine in zip(whole, sound, strict=True):
            if not fine:
                self.check({f"weights/{name}": float("nan")})
        state = {**task.state_dict(), "health": task.health.state_dict()}
        if self.logger is not None:
            self.checkpoints.save(state, task.steps, score, task.reached)
        return task.steps

    def check(self, metrics: Mapping[str, float]) -> None:
        """Stop on numbers that are not finite, and say what to go back to."""
        try:
            check_finite(metrics)
        except TrainingDiverged as error:
            self.log(metrics)
            paths = self.checkpoints.paths()
            known, again = (
                (f"The last good checkpoint is {paths[-1].name}.", "--resume")
                if paths
                else ("No checkpoint had been saved yet.", "--config")
            )
            command = f"curious {self.task.command} {again} {quoted(self.run.path)}"
            blamed = self.task.blame()
            if blamed is not None:
                raise TrainingDiverged(
                    f"{blamed} No learning rate helps.\n\n{known} When that is mended: "
                    f"{command}"
                ) from error
            raise TrainingDiverged(
                f"{error}\n\n{known} For example: {command} {self.task.remedy}"
            ) from error
