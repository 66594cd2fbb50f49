"""Training step after training step, with everything that happens between them."""

import threading
from dataclasses import dataclass

import torch

from agents.curious_agent import CuriousAgent, TrainStepResult
from envs.vector_env import DiscreteActions
from experiments.runs.checkpoints.folder import CheckpointFolder
from experiments.runs.folder import RunFolder
from experiments.runs.health import HealthMonitor, check_finite
from experiments.runs.logger import MetricLogger
from experiments.runs.memory import peak_bytes
from experiments.runs.playing import evaluate_actor
from experiments.runs.progress import Progress
from experiments.train.config import TrainConfig
from ssl_objectives.refusal import TrainingDiverged


class _Interrupted(Exception):
    """Leaves an evaluation."""


@dataclass
class TrainLoop:
    """Train steps, and between them metrics, health, evaluations and checkpoints.

    Attributes:
        saved: env steps of the latest checkpoint of this session.
    """

    config: TrainConfig
    agent: CuriousAgent
    run_folder: RunFolder
    checkpoints: CheckpointFolder
    logger: MetricLogger
    progress: Progress
    interrupted: threading.Event
    saved: int | None = None

    def run(self) -> None:
        """Step until the budget is spent or somebody interrupts; then save."""
        agent, config = self.agent, self.config
        spec = agent.env.spec
        health = HealthMonitor(
            spec.actions.n if isinstance(spec.actions, DiscreteActions) else None,
            agent.belief.encoder.size if agent.world_model is not None else None,
        )
        while agent.env_steps < config.env_steps and not self.interrupted.is_set():
            before = agent.env_steps
            metrics, returns = _read(agent.train_step())
            self.progress.update(agent.env_steps, metrics, returns)
            metrics["time/env_steps_per_second"] = self.progress.env_steps_per_second
            metrics["time/frames"] = float(agent.env_steps * spec.frames_per_step)
            peak = peak_bytes(spec.device)
            if peak is not None:
                metrics["memory/peak_gib"] = peak / 2**30
            self._check(metrics)
            for warning in health.observe(metrics):
                self.progress.warn(warning)
            due = _passed(before, agent.env_steps, config.evaluate_every)
            evaluated = self._evaluate() if due else {}
            self.logger.log(agent.env_steps, metrics | evaluated)
            # An evaluation's score belongs to these very weights, so they are kept.
            if evaluated or _passed(before, agent.env_steps, config.checkpoint_every):
                self._save(evaluated.get("evaluate/return_mean"))
        if self.saved != agent.env_steps:
            self._save(None)

    def _evaluate(self) -> dict[str, float]:
        """Metrics `evaluate/…`; none when interrupted."""

        def watch(finished: int, env_steps: int) -> None:
            if self.interrupted.is_set():
                raise _Interrupted

        self.progress.say(f"evaluating at {self.agent.env_steps:,} env steps …")
        episodes = self.config.evaluate_episodes
        try:
            return evaluate_actor(self.config.world, self.agent.actor, episodes, watch)
        except _Interrupted:
            return {}

    def _save(self, score: float | None) -> None:
        """Write a checkpoint, but never of weights that are not finite."""
        state = self.agent.modules.state_dict()
        whole = {
            k: x
            for k, x in state.items()
            if isinstance(x, torch.Tensor) and x.is_floating_point()
        }
        sound = torch.stack([x.isfinite().all() for x in whole.values()]).tolist()
        for name, fine in zip(whole, sound, strict=True):
            if not fine:
                self._check({f"weights/{name}": float("nan")})
        self.checkpoints.save(self.agent.state_dict(), self.agent.env_steps, score)
        self.saved = self.agent.env_steps

    def _check(self, metrics: dict[str, float]) -> None:
        """Stop on numbers that are not finite, and say what to go back to."""
        try:
            check_finite(metrics)
        except TrainingDiverged as error:
            self.logger.log(self.agent.env_steps, metrics)
            run, paths = self.run_folder.path, self.checkpoints.paths()
            rate = self.config.agent.ppo.learning_rate / 5
            known, again = (
                (f"The last good checkpoint is {paths[-1].name}.", f"--resume {run}")
                if paths
                else ("No checkpoint had been saved yet.", f"--config {run}")
            )
            raise TrainingDiverged(
                f"{error}\n\n{known} For example: curious train {again} "
                f"--agent.ppo.learning-rate {rate:g}"
            ) from error


def _read(report: TrainStepResult) -> tuple[dict[str, float], list[float]]:
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
