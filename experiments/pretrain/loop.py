"""Gradient step after gradient step, with everything that happens between them."""

import threading
from dataclasses import dataclass

import torch
from torch import Tensor

from experiments.pretrain.config import PretrainConfig
from experiments.pretrain.progress import PretrainProgress
from experiments.runs.checkpoints.folder import CheckpointFolder
from experiments.runs.distributed import any_asked
from experiments.runs.folder import RunFolder
from experiments.runs.health import HealthMonitor, check_finite
from experiments.runs.logger import MetricLogger
from experiments.runs.memory import peak_bytes
from ssl_objectives.distributed import num_processes
from ssl_objectives.learn.pretrainer import Pretrainer
from ssl_objectives.measure.probes import OnlineProbe
from ssl_objectives.refusal import TrainingDiverged


@dataclass(frozen=True)
class Outputs:
    """What the first of several processes keeps; the others have none.

    Attributes:
        run: folder of all of it.
        checkpoints: in it.
        logger: of metrics.
        progress: what a person sees.
        probe: short evaluations; None where there are no labels.
    """

    run: RunFolder
    checkpoints: CheckpointFolder
    logger: MetricLogger
    progress: PretrainProgress
    probe: OnlineProbe | None


@dataclass
class PretrainLoop:
    """Steps, and between them metrics, health, evaluations and checkpoints.

    Attributes:
        outputs: None for all processes but the first.
        saved: steps of the latest checkpoint.
    """

    config: PretrainConfig
    trainer: Pretrainer
    outputs: Outputs | None
    interrupted: threading.Event
    saved: int | None = None

    def run(self) -> None:
        """Step until the budget is spent or somebody interrupts; then save."""
        trainer, config = self.trainer, self.config
        health = HealthMonitor()
        if trainer.steps == 0:
            self._log(self._evaluate())
        while trainer.steps < config.steps and not self._stopped():
            after = trainer.steps + 1
            look = any(
                self._is_due(x, after)
                for x in (config.log_every, config.evaluate_every)
            )
            metrics = trainer.step(look)
            if look:
                self._report(metrics, health)
            elif self.outputs is not None:
                self.outputs.progress.reach(trainer.steps)
            if self._is_due(config.checkpoint_every, trainer.steps):
                self._save()
        if self.saved != trainer.steps:
            self._save()

    def _stopped(self) -> bool:
        """Several processes agree only now and then: asking the others takes time."""
        if num_processes() > 1 and self.trainer.steps % self.config.log_every:
            return False
        return any_asked(self.interrupted, self.trainer.device)

    def _report(self, metrics: dict[str, Tensor], health: HealthMonitor) -> None:
        """Read the numbers of this step, look at them and write them down."""
        values = torch.stack([x.detach().float() for x in metrics.values()]).tolist()
        numbers = dict(zip(metrics, values, strict=True))
        if self.outputs is None:
            self._check(numbers)
            return
        progress, steps = self.outputs.progress, self.trainer.steps
        progress.update(steps, numbers)
        numbers["time/steps_per_second"] = progress.steps_per_second
        peak = peak_bytes(self.trainer.device)
        if peak is not None:
            numbers["memory/peak_gib"] = peak / 2**30
        self._check(numbers)
        for warning in health.observe(numbers):
            progress.warn(warning)
        if self._is_due(self.config.evaluate_every, steps):
            numbers |= self._evaluate()
        self._log(numbers)

    def _log(self, numbers: dict[str, float]) -> None:
        if self.outputs is not None and numbers:
            self.outputs.logger.log(self.trainer.steps, numbers)

    def _evaluate(self) -> dict[str, float]:
        """A glance at the encoder, where there are labels to do so."""
        if self.outputs is None or self.outputs.probe is None:
            return {}
        accuracy = self.outputs.probe.accuracy(self.trainer.encoder)
        self.outputs.progress.knn = accuracy
        return {"evaluate/knn": accuracy}

    def _is_due(self, every: int, steps: int) -> bool:
        """Whether it is time at so many steps; the last one counts."""
        return every > 0 and (steps % every == 0 or steps == self.config.steps)

    def _save(self) -> None:
        """Write a checkpoint, but never of weights that are not finite."""
        trained = dict(self.trainer.branches.named_parameters())
        sound = torch.stack([x.isfinite().all() for x in trained.values()]).tolist()
        for name, fine in zip(trained, sound, strict=True):
            if not fine:
                self._check({f"weights/{name}": float("nan")})
        self.saved = self.trainer.steps
        if self.outputs is not None:
            self.outputs.checkpoints.save(self.trainer.state_dict(), self.saved)

    def _check(self, metrics: dict[str, float]) -> None:
        """Stop on numbers that are not finite, and say what to go back to."""
        try:
            check_finite(metrics)
        except TrainingDiverged as error:
            if self.outputs is None:
                raise
            self.outputs.logger.log(self.trainer.steps, metrics)
            run, paths = self.outputs.run.path, self.outputs.checkpoints.paths()
            known, again = (
                (f"The last good checkpoint is {paths[-1].name}.", f"--resume {run}")
                if paths
                else ("No checkpoint had been saved yet.", f"--config {run}")
            )
            raise TrainingDiverged(
                f"{error}\n\n{known} For example: curious pretrain {again} with a "
                "smaller --optimizer.learning-rate"
            ) from error
