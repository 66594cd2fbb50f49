"""`curious train`: the loop around the agent, and everything it leaves behind."""

import threading
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from agents.curious_agent import CuriousAgent
from experiments.config.device import resolve_device
from experiments.runs.checkpoints.folder import CheckpointFolder, env_steps_of
from experiments.runs.folder import RunFolder
from experiments.runs.interrupt import interruptible
from experiments.runs.logger import MetricLogger
from experiments.runs.memory import available_memory, check_fits, readable
from experiments.runs.playing import record_video
from experiments.runs.plots import plot_training
from experiments.runs.progress import Progress
from experiments.runs.resume import check_same_run, keep_config, restore
from experiments.train.config import TrainConfig
from experiments.train.loop import TrainLoop
from experiments.train.memory import plan_training
from experiments.train.summary import print_summary
from ssl_objectives.refusal import ConfigError


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
        config: the whole run; `experiments.train.presets.train_config` makes good ones.
        resume: a run folder, or a checkpoint in one, to continue instead.
        console: where to print; default: standard output.

    Raises:
        ConfigError: parts that do not exist or do not fit together.
        DoesNotFit: the memory would not suffice; nothing was started.
        CheckpointError: a checkpoint cannot be read or written.
        TrainingDiverged: a metric is not finite; the last good checkpoint is safe.
    """
    console = console or Console()
    results: list[TrainResult] = []
    with interruptible() as interrupted:
        if resume is not None:
            one = replace(config, seeds=1)
            return [_Session(one, console, interrupted).resume(resume)]
        for seed in range(config.seed, config.seed + config.seeds):
            one = replace(config, seed=seed, seeds=1)
            results.append(_Session(one, console, interrupted).begin())
            if interrupted.is_set():
                break
    left = config.seeds - len(results)
    if left:
        console.print(
            f"Not begun: {left} more. Train them with: curious train --config "
            f"{results[-1].run.path} --seed {config.seed + len(results)} "
            f"--seeds {left}",
            highlight=False,
            soft_wrap=True,
        )
    return results


def build_agent(config: TrainConfig, console: Console | None = None) -> CuriousAgent:
    """The agent of a config in its worlds, not yet begun.

    Args:
        config: the whole run.
        console: told how much memory the run will take.

    Raises:
        ConfigError: parts that do not exist or do not fit together.
        DoesNotFit: the memory would not suffice; nothing large was allocated.
    """
    device = resolve_device(config.device)
    try:
        plan = plan_training(config, device)
        check_fits(plan, device)
        if console is not None:
            console.print(
                f"Memory: about {readable(plan.total)} of the "
                f"{readable(available_memory(device))} free on {device}",
                highlight=False,
                soft_wrap=True,
            )
        env = config.world.build(config.num_envs, device)
        return config.agent.build(env, config.model, config.curiosity, config.seed)
    except ValueError as error:  # the parts' way of saying what does not fit
        raise ConfigError(str(error)) from error


@dataclass(frozen=True)
class _Session:
    """One run, from its first or a resumed step on."""

    config: TrainConfig
    console: Console
    interrupted: threading.Event

    def begin(self) -> TrainResult:
        """A new run."""
        agent = build_agent(self.config, self.console)
        try:
            agent.begin()  # before there is a folder: some worlds only fail here
            name, seed = run_name(self.config), self.config.seed
            run = RunFolder.create(self.config.runs, name, seed, self.config)
            self._say(f"Run folder: {run.path}")
            return self._train(agent, run, None)
        finally:
            agent.env.close()

    def resume(self, path: Path) -> TrainResult:
        """Continue a run from its latest checkpoint, or from the one at `path`."""
        run = RunFolder.open(path)
        check_same_run(run, self.config)
        checkpoints = CheckpointFolder(run.checkpoints)
        chosen = path if path.is_file() else checkpoints.latest()
        at = env_steps_of(chosen)
        if at >= self.config.env_steps:
            self._say(
                f"{run.path} has had its budget of {self.config.env_steps:,} env steps "
                f"({chosen.name}). For more: curious train --resume {run.path} "
                f"--env-steps {2 * at}"
            )
            return TrainResult(run, at, True)
        later = [x for x in checkpoints.paths() if env_steps_of(x) > at]
        agent = build_agent(self.config, self.console)
        try:
            restore(agent, checkpoints.load(chosen).state, chosen)
            if later:
                self._say(
                    f"Going back from {env_steps_of(later[-1]):,} to {at:,} env steps: "
                    "checkpoints and metrics beyond are dropped."
                )
            keep_config(run, self.config)
            self._say(f"Run folder: {run.path}, going on at {agent.env_steps:,}")
            return self._train(agent, run, agent.env_steps)
        finally:
            agent.env.close()

    def _train(
        self, agent: CuriousAgent, run: RunFolder, resumed_at: int | None
    ) -> TrainResult:
        config, spec = self.config, agent.env.spec
        checkpoints = CheckpointFolder(run.checkpoints, config.keep_checkpoints)
        checkpoints.start(agent.env_steps)
        logger = MetricLogger(run, resumed_at)
        # The last rollout is a whole one.
        rollout = config.num_envs * config.agent.ppo.num_steps
        rollouts = -(-(config.env_steps - agent.env_steps) // rollout)
        end = agent.env_steps + rollout * rollouts
        progress = Progress(end, agent.env_steps, spec.frames_per_step, self.console)
        loop = TrainLoop(
            config,
            agent,
            run,
            checkpoints,
            logger,
            progress,
            self.interrupted,
            saved=resumed_at,
        )
        try:
            with progress:
                loop.run()
        finally:
            logger.close()
        finished = agent.env_steps >= config.env_steps
        self._leave_pictures(agent, run)
        print_summary(agent, run, finished, self.console)
        if not finished:
            self._say(
                f"Stopped at {agent.env_steps:,} env steps; all of it is saved. Go on "
                f"with: curious train --resume {run.path}"
            )
        return TrainResult(run, agent.env_steps, finished)

    def _leave_pictures(self, agent: CuriousAgent, run: RunFolder) -> None:
        """A plot and a video; training is done, so that no failure here ends it."""
        try:
            plot_training(run)
            if self.config.video_steps and not self.interrupted.is_set():
                self._say("recording a video …")
                path = run.videos / f"step-{agent.env_steps:012d}.mp4"
                steps = self.config.video_steps
                record_video(
                    self.config.world,
                    agent.actor,
                    path,
                    steps,
                    stop=self.interrupted.is_set,
                )
        except OSError as error:
            self._say(f"warning: {error}")

    def _say(self, message: str) -> None:
        """One line, whatever the width: paths in it are there to be copied."""
        self.console.print(message, highlight=False, markup=False, soft_wrap=True)


def run_name(config: TrainConfig) -> str:
    """What a run is called: its world (game or id), and what moves it."""
    world = config.world
    label = getattr(world, "game", None) or getattr(world, "id", None)
    parts = [str(label or _plain(world))]
    if config.model is not None:
        parts.append(_plain(config.model))
    if config.curiosity is None:
        parts.append("Ppo")
    elif config.model is None or _plain(config.curiosity) != "PredictionError":
        parts.append(_plain(config.curiosity))
    return "-".join(parts)


def _plain(config: object) -> str:
    return type(config).__name__.removesuffix("Config")
