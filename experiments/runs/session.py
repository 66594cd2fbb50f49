"""A session: one trainer's run from its first or a resumed step to its end.

Progress, metrics, health, evaluations, checkpoints, interruption, resuming and several
processes are here, once, for everything that trains (`experiments/runs/task.py`).
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import TypeVar

from rich.console import Console

from experiments.config.encoding import print_plainly
from experiments.config.paths import quoted
from experiments.runs.checkpoints.folder import CheckpointFolder, steps_of
from experiments.runs.distributed import any_asked, shared, started_as
from experiments.runs.folder import RunFolder, RunInUse
from experiments.runs.interrupt import interruptible
from experiments.runs.progress import ProgressBar
from experiments.runs.resume import (
    changed_flags,
    check_same_networks,
    check_same_run,
    keep_config,
)
from experiments.runs.summary import surviving
from experiments.runs.task import RunConfig, Task
from experiments.runs.writer import RunWriter
from ssl_objectives.distributed import alone, num_processes, rank
from ssl_objectives.footprint.available import peak_bytes

C = TypeVar("C", bound=RunConfig)


@dataclass(frozen=True)
class RunResult:
    """What a run left: its folder, steps so far, whether it has nothing left to do."""

    run: RunFolder
    steps: int
    finished: bool


def run_sessions(
    make: Callable[[C], Task],
    config: C,
    resume: Path | None = None,
    console: Console | None = None,
) -> list[RunResult]:
    """Run one session per seed, one after another; stops early when interrupted.

    Args:
        make: the task of a config with one seed.
        config: of all of them.
        resume: a run folder, or a checkpoint in one, to continue instead.
        console: where to print; default: standard output.

    Raises:
        Refusal: see `Task.make`; a checkpoint that cannot be read or written; numbers
            that are not finite. What was saved before is safe.
    """
    print_plainly()
    console = console or Console()
    results: list[RunResult] = []
    with interruptible() as interrupted:
        if resume is not None:
            task = make(_with_seed(config, config.seed))
            return [Session(task, console, interrupted).resume(resume)]
        for seed in range(config.seed, config.seed + config.seeds):
            task = make(_with_seed(config, seed))
            results.append(Session(task, console, interrupted).begin())
            if interrupted.is_set():
                break
    left = config.seeds - len(results)
    if left:
        say(
            console,
            f"Not begun: {left} more. Run them with: curious {task.command} --config "
            f"{quoted(results[-1].run.path)} --seed {config.seed + len(results)} "
            f"--seeds {left}",
        )
    return results


@dataclass(frozen=True)
class Session:
    """One run of a task; the first of several processes writes and talks."""

    task: Task
    console: Console
    interrupted: threading.Event

    def begin(self) -> RunResult:
        """A new run."""
        task = self.task
        task.make()
        try:
            first = task.begin()  # before there is a folder: some worlds only fail here
            run = RunFolder(Path())  # which one, the first process says
            if rank() == 0:
                config = task.config
                run = RunFolder.create(config.runs, task.name, config.seed, config)
            run = shared(run)
            with _held(run):
                say(self.console, f"Run folder: {run.path}")
                return self._run(run, None, first)
        finally:
            with surviving("Closing", self._warn):
                task.close()

    def resume(self, path: Path) -> RunResult:
        """Continue a run from its latest checkpoint, or from the one at `path`.

        Raises:
            RunInUse: another process is doing so.
        """
        task, run = self.task, RunFolder.open(path)
        check_same_run(run, task.config, task.fixed, task.command)
        checkpoints = CheckpointFolder(run.checkpoints)
        chosen = run.checkpoint_at(path) or checkpoints.latest()
        at = steps_of(chosen)
        if at >= task.budget and task.is_reported(run):
            say(
                self.console,
                f"{run.path} has had {at:,} {task.unit}, its budget is "
                f"{task.budget:,} ({chosen.name}). For more: curious {task.command} "
                f"--resume {quoted(run.path)} {task.budget_flag} {2 * at}",
            )
            asked = changed_flags(run.config(), task.config, task.budget_flag)
            if asked:
                say(
                    self.console,
                    f"warning: Nothing was done with {', '.join(asked)}, since nothing "
                    "is left to do. Say it again with the higher budget.",
                )
            return RunResult(run, at, True)
        with _held(run):
            return self._go_on(run, run.checkpoint_at(path) or checkpoints.latest())

    def _go_on(self, run: RunFolder, chosen: Path) -> RunResult:
        """Continue a run that this process holds from a checkpoint of it."""
        task, at = self.task, steps_of(chosen)
        checkpoints = CheckpointFolder(run.checkpoints)
        later = [x for x in checkpoints.paths() if steps_of(x) > at]
        state = checkpoints.load(chosen).state
        task.check_state(state)
        task.make()
        try:
            check_same_networks(task.modules.state_dict(), state["modules"], chosen)
            task.load_state_dict(state)
            task.health.load_state_dict(state["health"])
            if later:
                say(
                    self.console,
                    f"Going back from {steps_of(later[-1]):,} to {at:,} "
                    f"{task.unit}: checkpoints and metrics beyond are dropped.",
                )
            if rank() == 0:
                task.reopen(run)
                keep_config(run, task.config)
            if task.reached:
                say(
                    self.console,
                    f"{run.path} had reached what it was for at {at:,} {task.unit} "
                    f"({chosen.name}): nothing is left to do.",
                )
                return RunResult(run, at, True)
            say(self.console, f"Run folder: {run.path}, going on at {at:,}")
            return self._run(run, at, {})
        finally:
            with surviving("Closing", self._warn):
                task.close()

    def _run(
        self, run: RunFolder, resumed_at: int | None, first: Mapping[str, float]
    ) -> RunResult:
        """Step until the run is done or somebody interrupts; save; finish."""
        task, schedule = self.task, self.task.schedule
        saved = resumed_at
        with (
            self._progress() as progress,
            RunWriter.open(task, run, resumed_at) as writer,
        ):
            writer.log(first)
            while not self._is_done() and not self._is_stopped():
                before, after = task.steps, task.steps + task.step_size
                # what a step will have made is only expected: see Task.step_size
                logs = self._is_due(schedule.evaluate, before, after)
                logs = logs or self._is_due(schedule.log, before, after)
                metrics = task.step(logs)
                progress.reach(min(task.steps, task.budget), task.shown())
                evaluates = self._is_due(schedule.evaluate, before, task.steps)
                if logs:
                    metrics = {**metrics, **self._circumstances(progress)}
                    writer.check(metrics)
                    for warning in task.health.observe(metrics):
                        progress.warn(warning)
                evaluated = self._evaluated(progress) if evaluates else {}
                writer.log({**metrics, **evaluated})
                # A score belongs to these very weights, so they are kept with it.
                score = evaluated.get(task.score or "")
                due = self._is_due(schedule.checkpoint, before, task.steps)
                if due or score is not None:
                    saved = writer.save(score)
            if saved != task.steps:
                writer.save(None)
        finished = self._is_done()
        if finished and task.steps > task.budget:
            say(
                self.console,
                f"{task.steps:,} {task.unit} are done, where {task.budget:,} were "
                "asked for: the last rollout was done whole.",
            )
        if rank() == 0:
            what = "What a run leaves beside its checkpoints"
            with surviving(what, self._warn), alone():
                task.finish(run, finished, self.interrupted.is_set)
        if not finished:
            say(
                self.console,
                f"Stopped at {task.steps:,} {task.unit}; all of it is saved. Go on "
                f"with: {started_as(task.command)} --resume {quoted(run.path)}",
            )
        return RunResult(run, task.steps, finished)

    def _evaluated(self, progress: ProgressBar) -> Mapping[str, float]:
        """An evaluation by the first process, while the others wait; told to all."""
        task = self.task
        evaluated: Mapping[str, float] = {}
        if rank() == 0:
            with surviving(f"Evaluating at {task.steps:,}", progress.warn), alone():
                evaluated = task.evaluate(progress.say, self.interrupted.is_set)
            for warning in task.health.observe(evaluated):
                progress.warn(warning)
        return shared(evaluated)

    def _warn(self, message: str) -> None:
        say(self.console, f"warning: {message}")

    def _progress(self) -> ProgressBar:
        """The bar that people see, of the first process."""
        task = self.task
        return ProgressBar(
            task.budget,
            task.steps,
            task.unit,
            task.counted(),
            self.console if rank() == 0 else Console(file=StringIO()),
        )

    def _circumstances(self, progress: ProgressBar) -> Mapping[str, float]:
        """Metrics that no trainer knows: speed and memory."""
        found = {"time/steps_per_second": progress.steps_per_second}
        peak = peak_bytes(self.task.device)
        return found if peak is None else found | {"memory/peak_gib": peak / 2**30}

    def _is_due(self, every: int, before: int, after: int) -> bool:
        """Whether a multiple of `every` lies in (before, after]; the end counts."""
        passed = every > 0 and after // every > before // every
        return passed or (
            every > 0 and (after >= self.task.budget or self.task.reached)
        )

    def _is_done(self) -> bool:
        """Whether the budget is spent, or what the run was for is reached."""
        return self.task.steps >= self.task.budget or self.task.reached

    def _is_stopped(self) -> bool:
        """Several processes agree only now and then: asking the others takes time."""
        if num_processes() > 1 and self.task.steps % self.task.schedule.log:
            return False
        return any_asked(self.interrupted, self.task.device)


def say(console: Console, message: str) -> None:
    """One line, whatever the width: paths in it are there to be copied."""
    console.print(message, highlight=False, markup=False, soft_wrap=True)


@contextmanager
def _held(run: RunFolder) -> Iterator[None]:
    """The first process holds the run; where it cannot, all of them are told why."""
    refused: RunInUse | None = None
    with ExitStack() as stack:
        if rank() == 0:
            try:
                stack.enter_context(run.held())
            except RunInUse as error:
                refused = error
        refused = shared(refused)
        if refused is not None:
            raise refused
        yield


def _with_seed(config: C, seed: int) -> C:
    one: C = replace(config, seed=seed, seeds=1)  # type: ignore[type-var]  # a dataclass
    return one
