"""The cells of a sweep as trials of Ray Tune, on one machine or a cluster.

Every machine needs this package at the same place and sees the sweep's folder: a trial
starts the same process as `WorkerPool` does, so that cells begin, go on and end alike.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import ray
from ray import tune

from experiments.sweep.cell import Cell
from experiments.sweep.folder import State, SweepFolder
from experiments.sweep.progress import SweepProgress, logged_steps
from experiments.sweep.slots import thread_variables
from experiments.sweep.worker import start_worker

REPORT_SECONDS = 2.0


class _Interrupted(Exception):
    """Leaves Tune's loop."""


class _Watch(tune.Callback):  # type: ignore[misc]  # Ray has no types
    """Tells the sweep what becomes of the trials."""

    def __init__(
        self,
        cells: Sequence[Cell],
        progress: SweepProgress,
        interrupted: threading.Event,
        changed: Callable[[], None],
    ) -> None:
        self.cells = {x.name: x for x in cells}
        self.progress, self.interrupted, self.changed = progress, interrupted, changed

    def __getstate__(self) -> dict[str, Any]:
        """Tune saves its callbacks in order to go on by itself; here, cells do."""
        return {}

    def on_step_end(self, iteration: int, trials: list[Any], **_: Any) -> None:
        self.progress.update([self._cell(x) for x in trials if x.status == "RUNNING"])
        if self.interrupted.is_set():
            raise _Interrupted

    def on_trial_complete(
        self, iteration: int, trials: list[Any], trial: Any, **_: Any
    ) -> None:
        self.progress.done(self._cell(trial))
        self.changed()

    def on_trial_recover(
        self, iteration: int, trials: list[Any], trial: Any, **_: Any
    ) -> None:
        self.progress.retrying(self._cell(trial), "see its log")

    def on_trial_error(
        self, iteration: int, trials: list[Any], trial: Any, **_: Any
    ) -> None:
        self.progress.gave_up(self._cell(trial), "see its log")
        self.changed()

    def _cell(self, trial: Any) -> Cell:
        return self.cells[trial.config["cell"]]


def run_on_ray(
    sweep: SweepFolder,
    cells: Sequence[Cell],
    *,
    threads: int,
    per_gpu: int,
    at_once: int | None,
    retries: int,
    progress: SweepProgress,
    interrupted: threading.Event,
    changed: Callable[[], None],
) -> None:
    """Run the cells as trials; Ray decides where, and how many at once.

    Ray is joined by its own rules: the cluster of `RAY_ADDRESS` or of this machine if
    there is one, else a Ray of this machine alone is started.

    Args:
        sweep: the folder, on a file system that all machines share.
        cells: what is to be done.
        threads: CPUs that each of them takes.
        per_gpu: how many share a GPU, where the cluster has GPUs.
        at_once: the most that run at once, on CPUs alone; None leaves it to Ray.
        retries: further attempts for a cell that fails.
        progress: what a person sees.
        interrupted: set when somebody asks to stop.
        changed: called whenever a trial has ended.
    """
    if not cells:
        return
    os.environ["TUNE_DISABLE_SIGINT_HANDLER"] = "1"  # Ctrl-C is ours
    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # cells have logs
    ray.init(log_to_driver=False, logging_level="ERROR", ignore_reinit_error=True)
    use_gpus = at_once is None and ray.cluster_resources().get("GPU", 0) > 0
    gpus = 1 / per_gpu if use_gpus else 0
    try:
        tune.Tuner(
            tune.with_resources(run_trial, {"cpu": threads, "gpu": gpus}),
            param_space={
                "cell": tune.grid_search([x.name for x in cells]),
                "sweep": str(sweep.path.absolute()),
                "here": str(Path.cwd()),
                "threads": threads,
            },
            tune_config=tune.TuneConfig(max_concurrent_trials=at_once),
            run_config=tune.RunConfig(
                name="ray",
                storage_path=str(sweep.path.absolute()),
                failure_config=tune.FailureConfig(max_failures=retries),
                callbacks=[_Watch(cells, progress, interrupted, changed)],
                verbose=0,
            ),
        ).fit()
    except _Interrupted:
        pass
    finally:
        ray.shutdown()  # ends the trials, whose processes end with them


def run_trial(config: dict[str, Any]) -> None:
    """Run the cell that Tune chose, somewhere in the cluster.

    Raises:
        RuntimeError: it failed; what it printed is in its log.
    """
    sweep = SweepFolder(Path(config["sweep"]))
    cell = sweep.find(config["cell"])
    environment = {**os.environ, **thread_variables(config["threads"])}
    where = Path(config["here"])
    process = start_worker(sweep, cell, "Ray", environment, where)
    try:
        while process.poll() is None:
            time.sleep(REPORT_SECONDS)  # a report is where Tune ends a trial
            tune.report({"steps": logged_steps(sweep.cell(cell))})
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            process.wait()
    if sweep.status(cell).state is not State.DONE:
        raise RuntimeError(f"{cell.name} ended early; see {sweep.log(cell)}")
