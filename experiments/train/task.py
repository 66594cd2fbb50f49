"""`curious train`: an agent in its worlds, as a task of a session."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch import Tensor

from agents.agent import Agent
from agents.collect import Happened
from agents.ppo.build import PpoAgentConfig
from envs.vector_env import DiscreteActions, WatchedWorld
from experiments.config.device import resolve_device
from experiments.config.paths import quoted
from experiments.parts.seen import seen
from experiments.runs.distributed import check_shared, joined, local_device
from experiments.runs.folder import RunFolder
from experiments.runs.health import HealthMonitor
from experiments.runs.playing import evaluate_player, evaluate_random
from experiments.runs.plots import plot_training
from experiments.runs.session import RunResult, run_sessions, say
from experiments.runs.summary import print_summary, surviving
from experiments.runs.task import Schedule, Task, read_metrics_from
from experiments.runs.video import record_video
from experiments.runs.watching import loss_of_parts
from experiments.train.config import TrainConfig
from experiments.train.footprint import plan_training
from experiments.train.goal import Goal
from experiments.train.imitation import imitate
from ssl_objectives.distributed import num_processes, own_of, rank
from ssl_objectives.footprint.available import available_memory
from ssl_objectives.footprint.plan import check_fits, readable
from ssl_objectives.refusal import ConfigError

EPISODES = 20  # finished episodes whose mean return is shown

_SUMMARY = {
    "return, last episodes": "episode/return",
    "policy entropy": "policy/entropy",
    "world-model loss": "loss/world_model",
    "world-model updates": "world_model/updates",
    "latents' effective rank": "world_model/effective_rank",
    "codes of chance tell, nats": "world_model/fresh_invariance",
    "return, last evaluation": "evaluate/return_mean",
    "episodes cut off, last evaluation": "evaluate/cut_off",
    "rooms per episode": "evaluate/rooms_per_episode",
    "rooms per episode, random play": "random/rooms_per_episode",
    "cells per episode": "evaluate/cells_per_episode",
    "cells per episode, random play": "random/cells_per_episode",
}


def train(
    config: TrainConfig, resume: Path | None = None, console: Console | None = None
) -> list[RunResult]:
    """Train `config.seeds` runs, one after another; stops early when interrupted.

    Started by torchrun, each process has its share of the worlds, and all are one
    agent; the first one evaluates, writes and prints.

    Args:
        config: the whole run; `train_config` makes good ones.
        resume: a run folder, or a checkpoint in one, to continue instead.
        console: where to print; default: standard output.

    Raises:
        ConfigError: parts that do not exist or do not fit together.
        DoesNotFit: the memory would not suffice; nothing was started.
        CheckpointError: a checkpoint cannot be read or written.
        TrainingDiverged: a metric is not finite; the last good checkpoint is safe.
    """
    device = resolve_device(config.device)
    with joined(device.type == "cuda"):
        talks = (console or Console()) if rank() == 0 else Console(quiet=True)
        device = local_device(device)
        return run_sessions(
            lambda one: TrainTask(one, device, talks), config, resume, talks
        )


class TrainTask(Task):
    """An agent in its worlds; a step of the session is a rollout."""

    command = "train"
    unit = "env steps"
    budget_flag = "--env-steps"
    score = "evaluate/return_mean"

    def __init__(
        self, config: TrainConfig, device: torch.device, console: Console
    ) -> None:
        self.config: TrainConfig = config
        self.device, self.console = device, console
        self.schedule = Schedule(1, config.evaluate_every, config.checkpoint_every)
        self.step_size = config.num_envs * config.agent.num_steps
        # What networks, worlds, draws and the shape of what is saved depend on.
        own = (f"agent.{x}" for x in config.agent.fixed)
        parts = ("world", "noise", "model", "curiosity", "also", "num_envs", "seed")
        self.fixed = (*parts, *own)
        self._returns: deque[float] = deque(maxlen=EPISODES)
        self.goal = Goal(config.stop_at, config.stop_episodes)
        self._happened: Happened | None = None  # in the latest rollout
        self._vectors_fine: Tensor | None = None  # all so far: a replay keeps old ones
        self._bonus: dict[str, float] = {}  # by signal
        self._random: dict[str, float] = {}  # random play's metrics, once it has played

    @property
    def name(self) -> str:
        """The world, and what moves the agent."""
        return run_name(self.config)

    @property
    def budget(self) -> int:
        """In env steps."""
        return self.config.env_steps

    @property
    def reached(self) -> bool:
        """Whether the last episodes were as good as `--stop-at` asks."""
        return self.goal.reached

    def make(self) -> None:
        """Build the agent in its worlds, and say how much memory it will take."""
        check_shared("--num-envs", self.config.num_envs)
        self.agent = agent = build_agent(self.config, self.console, self.device)
        spec, model = agent.env.spec, agent.world_model
        say(self.console, seen(spec))
        self.modules = agent.modules
        self.frames_per_step = spec.frames_per_step
        self.health = HealthMonitor(
            spec.actions.n if isinstance(spec.actions, DiscreteActions) else None,
            None if model is None else model.belief.encoder.size,
        )

    def begin(self) -> Mapping[str, float]:
        """Imitate demonstrations, if any, and reset the worlds.

        After whatever random play the curiosity asks for.

        Raises:
            ConfigError: that play alone would spend the budget; or demonstrations are
                of another world.
            DatasetError: they cannot be read, or are too few.
        """
        signals = [x.curiosity for x in self.agent.signals.values()]
        played = max((x.warm_up_steps for x in signals), default=0)
        played *= self.config.num_envs
        if played >= self.budget:
            raise ConfigError(
                f"curiosity first watches {played:,} env steps of random play, which "
                f"is all of --env-steps {self.budget}. Raise --env-steps, or lower "
                "--curiosity.warm-up-steps."
            )
        say_settled(self.agent, self.console)
        config = self.config
        found = imitate(
            self.agent, config.imitation, config.world, config.seed, self.console
        )
        told = dict(found)
        self.agent.begin()
        if told and config.evaluate_every and config.evaluate_episodes:
            told["imitation/return"] = self._return_of_imitation()
        return told

    def _return_of_imitation(self) -> float:
        """What an episode returns before anything is reinforced."""
        say(self.console, "evaluating what imitation came to …")
        world, episodes = self.config.place, self.config.evaluate_episodes
        most = self.config.evaluate_max_steps
        found = evaluate_player(world, self.agent.player, episodes, max_steps=most)
        returned = found[self.score]
        say(self.console, f"Imitation alone returns {returned:.4g} an episode")
        return returned

    @property
    def steps(self) -> int:
        """Env steps, of all envs together."""
        return self.agent.env_steps

    def step(self, log: bool) -> Mapping[str, float]:
        """One rollout, and what is learned from it."""
        report = self.agent.train_step(describe=log)
        metrics = read_metrics_from(report.metrics)
        self._happened = ends = report.happened
        before, fine = self._vectors_fine, ends.finite_vectors
        self._vectors_fine = fine if before is None else before & fine
        metrics |= self._shares(ends.kinds)
        returns = ends.episode_return[ends.ended].tolist()
        if returns:
            metrics["episode/return"] = sum(returns) / len(returns)
            metrics["episode/length"] = float(ends.episode_length[ends.ended].mean())
            for fact, values in ends.tallies.items():
                metrics[f"tally/{fact}"] = float(values[ends.ended].float().mean())
        metrics["time/frames"] = float(self.steps * self.frames_per_step)
        self._returns.extend(returns)
        self.goal.follow(returns)
        metrics |= self.goal.metrics
        for name in self.agent.signals:
            bonus = metrics.get(f"intrinsic/{name}/reward_mean")
            self._bonus |= {} if bonus is None else {name: bonus}
        return metrics

    def _shares(self, kinds: Mapping[str, Tensor]) -> dict[str, float]:
        """What share of the steps each kind of a fact had: who was looked at, say."""
        shares: dict[str, float] = {}
        for fact, values in kinds.items():
            names = self.agent.env.spec.facts[fact].names
            counts = torch.bincount(values.flatten(), minlength=len(names))
            each = (counts / values.numel()).tolist()
            shares |= {f"share/{fact}/{x}": y for x, y in zip(names, each, strict=True)}
        return shares

    def counted(self) -> tuple[int, str]:
        """Emulated frames."""
        return self.frames_per_step, "frames"

    def shown(self) -> Sequence[str]:
        """The mean return of the last episodes, and the intrinsic rewards."""
        shown = []
        if self._returns:
            shown.append(f"return {sum(self._returns) / len(self._returns):.4g}")
        for name, bonus in self._bonus.items():
            which = f"{name} " if len(self._bonus) > 1 else ""
            shown.append(f"{which}bonus {bonus:.3g}")
        return shown

    def evaluate(
        self, say: Callable[[str], None], stop: Callable[[], bool]
    ) -> Mapping[str, float]:
        """Whole episodes in fresh worlds, and as many of random play; loss by part.

        Random play never changes, so it is played once; its draws are the run's own.
        """

        def watch(finished: int, env_steps: int) -> None:
            if stop():
                raise _Interrupted

        say(f"evaluating at {self.steps:,} env steps …")
        world, episodes = self.config.place, self.config.evaluate_episodes
        watched = self._watch()
        if not episodes:
            return watched
        try:
            most = self.config.evaluate_max_steps
            found = evaluate_player(world, self.agent.player, episodes, watch, most)
            self._random = self._random or evaluate_random(
                world, episodes, self.config.seed, str(self.device), watch, most
            )
            return watched | found | self._random
        except _Interrupted:
            return {}

    def _watch(self) -> dict[str, float]:
        """The model's loss on each part of a world that can be watched by parts."""
        world, model = self.config.place, self.agent.world_model
        if not isinstance(world, WatchedWorld) or model is None:
            return {}
        steps, seed = self.config.watch_steps, self.config.seed
        found = loss_of_parts(world, self.agent.env, model, steps, seed)
        return {f"watched/{part}": loss for part, loss in found.items()}

    def blame(self) -> str | None:
        """The world, where its rewards or vectors are not finite."""
        happened = self._happened
        if happened is None:
            return None
        found = {
            "rewards": happened.episode_return.isfinite().all(),
            "vectors": self._vectors_fine is None or bool(self._vectors_fine),
        }
        bad = [k for k, fine in found.items() if not fine]
        if not bad:
            return None
        return f"The world gives {' and '.join(bad)} that are not finite."

    @property
    def remedy(self) -> str:
        """A smaller learning rate."""
        return self.config.agent.slower

    def state_dict(self) -> dict[str, Any]:
        """All that the agent holds, and the returns that `--stop-at` looks at."""
        return {**self.agent.state_dict(), "goal": self.goal.state_dict()}

    def check_state(self, state: Mapping[str, Any]) -> None:
        """Worlds of other numbers of processes are other worlds."""
        own_of(state.get("own", [None] * num_processes()))

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on, with the learning rate of this config."""
        self.agent.load_state_dict(dict(state))
        self.goal.load_state_dict(state["goal"])
        say_settled(self.agent, self.console)

    def finish(self, run: RunFolder, finished: bool, stop: Callable[[], bool]) -> None:
        """A plot, a video and a table; training is done: no failure here ends it."""
        with surviving("The plot", self._warn):
            plot_training(run)
        if self.config.video_steps and not stop():
            say(self.console, "recording a video …")
            with surviving("The video", self._warn):
                path = run.videos / f"step-{self.steps:012d}.mp4"
                steps, player = self.config.video_steps, self.agent.player
                record_video(self.config.place, player, path, steps, stop=stop)
        amounts = {"env steps": self.steps}
        if self.frames_per_step > 1:
            frames = self.steps * self.frames_per_step
            amounts = {"frames": frames, **amounts}
        places = [("curves", f"tensorboard --logdir {quoted(run.path)}")]
        if (run.plots / "training.png").exists():
            places.append(("plot", str(run.plots / "training.png")))
        places += [("video", str(x)) for x in sorted(run.videos.glob("*.mp4"))[-1:]]
        if finished:
            places.append(("next", f"curious evaluate {quoted(run.path)}"))
        paid = {
            f"intrinsic reward, {x}": f"intrinsic/{x}/reward_mean"
            for x in self.agent.signals
        }
        stopped = {}
        if self.reached:
            episodes = f"{self.goal.episodes:,} episodes"
            stopped["stopped at"] = f"{self.goal.mean:.4g} in the last {episodes}"
        print_summary(run, amounts, paid | _SUMMARY, stopped, places, self.console)

    def _warn(self, message: str) -> None:
        say(self.console, f"warning: {message}")

    def close(self) -> None:
        """Close the worlds."""
        self.agent.env.close()


class _Interrupted(Exception):
    """Leaves an evaluation."""


def build_agent(
    config: TrainConfig,
    console: Console | None = None,
    device: torch.device | None = None,
) -> Agent:
    """The agent of a config in its worlds, not yet begun.

    Args:
        config: the whole run, of which this process has its share of the worlds.
        console: told how much memory the run will take.
        device: where it is trained; None: as the config says.

    Raises:
        ConfigError: parts that do not exist or do not fit together.
        DoesNotFit: the memory would not suffice; nothing large was allocated.
    """
    device = resolve_device(config.device) if device is None else device
    num_envs = config.num_envs // num_processes()
    try:
        plan = plan_training(config, device)
        check_fits(plan, device)
        if console is not None:
            say(
                console,
                f"Memory: about {readable(plan.total)} of the "
                f"{readable(available_memory(device))} free on {device}",
            )
        env = config.place.build(num_envs, device)
        return config.agent.build(
            env,
            config.model,
            config.curiosity,
            config.seed,
            config.also,
            config.env_steps,
        )
    except ValueError as error:  # the parts' way of saying what does not fit
        raise ConfigError(str(error)) from error


def say_settled(agent: Agent, console: Console) -> None:
    """A line for each signal that settled something for this run."""
    for name, signal in agent.signals.items():
        settled = signal.curiosity.settled().items()
        if settled:
            words = ", ".join(f"{what} = {x:,.6g}" for what, x in settled)
            say(console, f"{name}: {words}")
        caution = signal.curiosity.caution()
        if caution is not None:
            say(console, f"warning: {caution}")


def run_name(config: TrainConfig) -> str:
    """What a run is called: its world (game or id), noise, and what moves it."""
    world = config.world
    label = getattr(world, "game", None) or getattr(world, "id", None)
    parts = [str(label or _plain(world))]
    if config.noise is not None:
        parts.append(_plain(config.noise))
    if config.model is not None:
        parts.append(_plain(config.model))
    own = _plain(config.curiosity) if config.curiosity is not None else ""
    if own and (config.model is None or own != "PredictionError"):
        parts.append(own)
    if not own or not isinstance(config.agent, PpoAgentConfig):
        parts.append(config.agent.name)
    return "-".join(parts)


def _plain(config: object) -> str:
    """Its own name where it has one (`jepa-vicreg`: JepaVicreg), or its class's."""
    name = getattr(config, "name", None)
    if isinstance(name, str):
        return "".join(x.capitalize() for x in name.split("-"))
    return type(config).__name__.removesuffix("Config")
