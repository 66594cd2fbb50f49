"""`curious train`: the loop around the agent, and everything it leaves behind."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from rich.console import Console

from agents.curious_agent import CuriousAgent, Report
from envs.vector_env import DiscreteActions
from experiments.checkpoint_folder import CheckpointFolder
from experiments.evaluate import evaluate_actor, record_video
from experiments.health import HealthMonitor, check_finite
from experiments.logger import MetricLogger
from experiments.memory import check_fits
from experiments.memory_plan import plan_training
from experiments.parts import ConfigError
from experiments.plots import plot_training
from experiments.progress import Progress
from experiments.run_folder import RunFolder
from experiments.summary import print_summary
from experiments.train_config import TrainConfig, resolve_device


@dataclass(frozen=True)
class TrainResult:
    """What a run left: its folder, and whether it reached its budget."""

    run: RunFolder
    env_steps: int
    finished: bool


def train(
    config: TrainConfig, resume: Path | None = None, console: Console | None = None
) -> list[TrainResult]:
    """Train `config.seeds` runs, one after another; stops early when interrupted.

    Args:
        config: the whole run; `experiments.presets.train_config` makes good ones.
        resume: a run folder, or a checkpoint in one, to continue instead.

    Raises:
        ConfigError: parts that do not exist or do not fit together.
        DoesNotFit: the memory would not suffice; nothing was started.
        CheckpointError: a checkpoint cannot be read or written.
        TrainingDiverged: a metric is not finite; the last good checkpoint is safe.
    """
    console = console or Console()
    if resume is not None:
        return [_train_one(replace(config, seeds=1), resume, console)]
    results = []
    for seed in range(config.seed, config.seed + config.seeds):
        one = replace(config, seed=seed, seeds=1)
        results.append(_train_one(one, None, console))
        if not results[-1].finished:
            break
    return results


def build_agent(config: TrainConfig) -> CuriousAgent:
    """The agent of a config in its worlds, not yet begun.

    Raises:
        ConfigError: parts that do not exist or do not fit together.
        DoesNotFit: the memory would not suffice.
    """
    device = resolve_device(config.device)
    try:
        env = config.world.build(config.num_envs, device)
        plan = plan_training(config, env.spec)
        check_fits(plan, device)
        return config.agent.build(env, config.model, config.curiosity, config.seed)
    except (ValueError, TypeError) as error:
        raise ConfigError(str(error)) from error


def _train_one(
    config: TrainConfig, resume: Path | None, console: Console
) -> TrainResult:
    """One run from its first or a resumed step to the end of its budget."""
    agent = build_agent(config)
    try:
        if resume is None:
            run = RunFolder.create(config.runs, _name(config), config.seed, config)
            agent.begin()
        else:
            run = RunFolder.open(resume)
        checkpoints = CheckpointFolder(run.checkpoints, config.keep_checkpoints)
        if resume is not None:
            path = resume if resume.is_file() else None
            agent.load_state_dict(checkpoints.load(path).state)
        checkpoints.start(agent.env_steps)
        begun = None if resume is None else agent.env_steps
        logger = MetricLogger(run, begun)
        progress = Progress(
            config.env_steps,
            agent.env_steps,
            agent.env.spec.frames_per_step,
            console,
        )
        console.print(f"Run folder: {run.path}", highlight=False)
        try:
            with progress, _interruptible() as interrupted:
                _Loop(config, agent, run, checkpoints, logger, progress).run(
                    interrupted
                )
        finally:
            logger.close()
        _leave_pictures(config, agent, run, console)
        finished = not interrupted.is_set()
        print_summary(config, agent, run, finished, console)
        return TrainResult(run, agent.env_steps, finished)
    finally:
        agent.env.close()


@dataclass
class _Loop:
    """Train steps with everything that happens between them."""

    config: TrainConfig
    agent: CuriousAgent
    run_folder: RunFolder
    checkpoints: CheckpointFolder
    logger: MetricLogger
    progress: Progress
    score: float | None = None

    def run(self, interrupted: threading.Event) -> None:
        """Step until the budget is spent or somebody interrupts; then save."""
        agent, config = self.agent, self.config
        spec = agent.env.spec
        health = HealthMonitor(
            spec.actions.n if isinstance(spec.actions, DiscreteActions) else None,
            agent.belief.encoder.size if agent.world_model is not None else None,
        )
        saved = agent.env_steps
        while agent.env_steps < config.env_steps and not interrupted.is_set():
            before = agent.env_steps
            report = agent.train_step()
            metrics, returns = _read(report)
            self.progress.update(agent.env_steps, metrics, returns)
            metrics["time/env_steps_per_second"] = self.progress.env_steps_per_second
            check_finite(metrics)
            for warning in health.observe(metrics):
                self.progress.warn(warning)
            if _passed(before, agent.env_steps, config.evaluate_every):
                metrics |= self._evaluate()
            self.logger.log(agent.env_steps, metrics)
            if _passed(before, agent.env_steps, config.checkpoint_every):
                self._save()
                saved = agent.env_steps
        if saved < agent.env_steps:
            self._save()
        if interrupted.is_set():
            self.progress.say(
                f"Stopped at {agent.env_steps:,} env steps, checkpoint saved. Continue "
                f"with: curious train --resume {self.run_folder.path}"
            )

    def _evaluate(self) -> dict[str, float]:
        self.progress.say(f"evaluating at {self.agent.env_steps:,} env steps …")
        metrics = evaluate_actor(
            self.config, self.agent.actor, self.config.evaluate_episodes
        )
        self.score = metrics["evaluate/return_mean"]
        return metrics

    def _save(self) -> None:
        self.checkpoints.save(self.agent.state_dict(), self.agent.env_steps, self.score)
        self.score = None  # belongs to the checkpoint right after its evaluation


def _read(report: Report) -> tuple[dict[str, float], list[float]]:
    """Everything a step reports, in two transfers from the device."""
    names = list(report.metrics)
    values = torch.stack([report.metrics[name].float() for name in names]).tolist()
    metrics = dict(zip(names, values, strict=True))
    ends = report.ends
    returns = ends.episode_return[ends.ended].tolist()
    if returns:
        metrics["episode/return"] = sum(returns) / len(returns)
        metrics["episode/length"] = float(ends.episode_length[ends.ended].mean())
    return metrics, returns


def _passed(before: int, now: int, every: int) -> bool:
    """Whether a multiple of `every` lies in (before, now]; 0 means never."""
    return every > 0 and now // every > before // every


def _name(config: TrainConfig) -> str:
    """What the run is called: its world (and game or id), and its curiosity."""
    world = config.world
    label = getattr(world, "game", None) or getattr(world, "id", None)
    parts: list[Any] = [label or type(world).__name__.removesuffix("Config")]
    if config.curiosity is not None:
        parts.append(type(config.curiosity).__name__.removesuffix("Config"))
    else:
        parts.append("Ppo")
    return "-".join(parts)


def _leave_pictures(
    config: TrainConfig, agent: CuriousAgent, run: RunFolder, console: Console
) -> None:
    plot_training(run)
    if config.video_steps:
        console.print("recording a video …")
        name = f"step-{agent.env_steps:012d}.mp4"
        record_video(config, agent.actor, run.videos / name, config.video_steps)


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Ctrl-C (or SIGTERM) asks to stop after the current step; a second one insists."""
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked  # signals reach the main thread only
        return

    def ask(number: int, frame: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    kept = {s: signal.signal(s, ask) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
