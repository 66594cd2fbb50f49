"""The smallest trainer there is: one number follows another; for tests of sessions."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import nn

from experiments.runs.folder import RunFolder
from experiments.runs.health import HealthMonitor
from experiments.runs.session import RunResult, run_sessions
from experiments.runs.task import Schedule, Task


@dataclass(frozen=True)
class FakeConfig:
    """What a real config has, and at which steps something happens."""

    budget: int = 12
    step_size: int = 1
    size: int = 3
    learning_rate: float = 0.1
    seed: int = 0
    seeds: int = 1
    runs: Path = Path("runs")
    log_every: int = 1
    evaluate_every: int = 0
    checkpoint_every: int = 4
    keep_checkpoints: int = 3
    metric_breaks_at: int = -1
    weight_breaks_at: int = -1


class FakeTask(Task):
    """A linear layer that learns to give noise back, drawn from a stream that is saved.

    Attributes:
        log: what a session has called, in order.
        on_step, on_evaluate: called in the middle of each.
    """

    command = "fake"
    unit = "steps"
    budget_flag = "--budget"
    fixed = ("seed", "size")
    score = "evaluate/score"
    device = torch.device("cpu")

    def __init__(self, config: FakeConfig, console: Console | None = None) -> None:
        self.config: FakeConfig = config
        self.console = console or Console(quiet=True)
        self.schedule = Schedule(
            config.log_every, config.evaluate_every, config.checkpoint_every
        )
        self.step_size = config.step_size
        self.health = HealthMonitor()
        self.log: list[str] = []
        self.on_step: Callable[[int], None] = lambda steps: None
        self.on_evaluate: Callable[[], None] = lambda: None

    @property
    def name(self) -> str:
        return "Fake"

    @property
    def budget(self) -> int:
        return self.config.budget

    def make(self) -> None:
        self.log.append("make")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.config.seed)
            self.modules = nn.Linear(self.config.size, self.config.size)
        self.optimizer = torch.optim.Adam(
            self.modules.parameters(), self.config.learning_rate
        )
        self.generator = torch.Generator().manual_seed(self.config.seed)
        self._steps = 0

    def begin(self) -> Mapping[str, float]:
        self.log.append("begin")
        return {"evaluate/score": 0.0} if self.config.evaluate_every else {}

    @property
    def steps(self) -> int:
        return self._steps

    def step(self, log: bool) -> Mapping[str, float]:
        rows = torch.randn(5, self.config.size, generator=self.generator)
        loss = (self.modules(rows) - rows).square().mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self._steps += self.step_size
        self.on_step(self._steps)
        if self._steps == self.config.weight_breaks_at:
            with torch.no_grad():
                next(self.modules.parameters())[0, 0] = float("nan")
        broken = self._steps == self.config.metric_breaks_at
        return (
            {"fake/loss": float("nan") if broken else float(loss.detach())}
            if log
            else {}
        )

    def shown(self) -> list[str]:
        return [f"shown {self._steps}"]

    def evaluate(
        self, say: Callable[[str], None], stop: Callable[[], bool]
    ) -> Mapping[str, float]:
        say(f"evaluating at {self._steps}")
        self.on_evaluate()
        return {} if stop() else {"evaluate/score": float(-((self._steps - 6) ** 2))}

    @property
    def remedy(self) -> str:
        return "--learning-rate 0.02"

    def state_dict(self) -> dict[str, Any]:
        return {
            "modules": dict(self.modules.state_dict()),
            "optimizer": self.optimizer.state_dict(),
            "generator": self.generator.get_state(),
            "steps": self._steps,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.log.append("load")
        self.modules.load_state_dict(state["modules"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.generator.set_state(state["generator"])
        self._steps = state["steps"]

    def reopen(self, run: RunFolder) -> None:
        self.log.append("reopen")

    def finish(self, run: RunFolder, finished: bool, stop: Callable[[], bool]) -> None:
        self.log.append("finished" if finished else "stopped")

    def close(self) -> None:
        self.log.append("close")


def go(config: FakeConfig, resume: Path | None = None, **hooks: Any) -> list[RunResult]:
    """Run sessions of fake tasks, with what happens in their middle."""

    def make(one: FakeConfig) -> FakeTask:
        task = FakeTask(one)
        for name, hook in hooks.items():
            setattr(task, name, hook)
        return task

    return run_sessions(make, config, resume, Console(quiet=True))


def killed_at(steps: int) -> Callable[[int], None]:
    """Ends the process as `kill -9` does, in the middle of a step."""

    def kill(now: int) -> None:
        if now == steps:
            os._exit(9)

    return kill
